// SPDX-License-Identifier: Apache-2.0
#include "tests/system/switch/queue.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/assert.h"

/// A heap of pointers; those behind `count` are free.
struct switch_queue {
    uint32_t count, room;
    uint64_t serial;
    switch_waiting *frames;
    switch_waiting **heap;
};

switch_queue *switch_queue_create(uint32_t frames) {
    switch_queue *queue = calloc(1, sizeof *queue);
    COL_ASSERT(queue != NULL);
    queue->room = frames;
    queue->frames = calloc(frames, sizeof *queue->frames);
    queue->heap = calloc(frames, sizeof *queue->heap);
    COL_ASSERT(queue->frames != NULL && queue->heap != NULL);
    for (uint32_t i = 0; i < frames; i++) queue->heap[i] = &queue->frames[i];
    return queue;
}

void switch_queue_destroy(switch_queue *queue) {
    free(queue->frames);
    free(queue->heap);
    free(queue);
}

static bool before(const switch_waiting *a, const switch_waiting *b) {
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static void swap(switch_queue *queue, uint32_t a, uint32_t b) {
    switch_waiting *kept = queue->heap[a];
    queue->heap[a] = queue->heap[b];
    queue->heap[b] = kept;
}

static void sift_up(switch_queue *queue, uint32_t at) {
    while (at > 0 && before(queue->heap[at], queue->heap[(at - 1) / 2])) {
        swap(queue, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(switch_queue *queue, uint32_t at) {
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= queue->count) return;
        if (child + 1 < queue->count && before(queue->heap[child + 1], queue->heap[child])) child++;
        if (before(queue->heap[at], queue->heap[child])) return;
        swap(queue, at, child);
        at = child;
    }
}

switch_waiting *switch_queue_put(switch_queue *queue, uint64_t due_ns, uint32_t link,
                                 col_bytes frame) {
    if (queue->count == queue->room || frame.length > SWITCH_FRAME_BYTES_MAX) return NULL;
    switch_waiting *taken = queue->heap[queue->count];
    taken->due_ns = due_ns;
    taken->serial = queue->serial++;
    taken->link = link;
    taken->length = (uint32_t)frame.length;
    memcpy(taken->bytes, frame.at, frame.length);
    sift_up(queue, queue->count++);
    return taken;
}

uint64_t switch_queue_due(const switch_queue *queue) {
    return queue->count > 0 ? queue->heap[0]->due_ns : UINT64_MAX;
}

const switch_waiting *switch_queue_take(switch_queue *queue, uint64_t now_ns) {
    if (switch_queue_due(queue) > now_ns || queue->count == 0) return NULL;
    swap(queue, 0, --queue->count);
    sift_down(queue, 0);
    return queue->heap[queue->count];
}
