// SPDX-License-Identifier: Apache-2.0
#include "src/base/ring.h"

#include <stddef.h>

#include "src/base/assert.h"

// A record is a header and its bytes, padded to 8. One that would cross the end of the buffer
// starts at the beginning instead, and a header with SKIP tells the consumer to go there. Both
// become visible with the same store of `tail`, so that behind a SKIP there is always a record.

typedef struct {
    uint32_t bytes;
    uint32_t unused;
} record_header;

#define SKIP UINT32_MAX
#define BYTES_MIN 256  // with it a quarter, its header and the skipped end fit together

static_assert(sizeof(record_header) == 8, "records stay 8-byte aligned");

static uint64_t capacity_of(uint64_t bytes) {
    COL_ASSERT(bytes <= UINT64_C(1) << 40);
    uint64_t size = BYTES_MIN;
    while (size < bytes) size *= 2;
    return size;
}

static record_header *header_at(const col_ring *ring, uint64_t position) {
    return (record_header *)(void *)(ring->buffer + (position & (ring->size - 1)));
}

uint64_t col_ring_space(uint64_t bytes) {
    return sizeof(record_header) + (bytes + 7) / 8 * 8;
}

void col_ring_init(col_ring *ring, col_arena *arena, uint64_t bytes, col_waker *waker) {
    const uint64_t size = capacity_of(bytes);
    *ring = (col_ring){.buffer = col_arena_take(arena, 1, size), .size = size, .waker = waker};
}

uint64_t col_ring_footprint(uint64_t bytes) {
    return capacity_of(bytes);
}

/// Whether `space` bytes from `tail` are free; looks at the consumer's position only when needed.
static bool has_room(col_ring *ring, uint64_t tail, uint64_t space) {
    if (tail + space - ring->cached_head <= ring->size) return true;
    // Pairs with the releases of `head` in col_ring_front and col_ring_release: the consumer's
    // reads of the space come before our writes.
    ring->cached_head = atomic_load_explicit(&ring->head, memory_order_acquire);
    return tail + space - ring->cached_head <= ring->size;
}

uint64_t col_ring_free(const col_ring *ring) {
    // Pairs with the releases of `head`, as in has_room.
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    return ring->size - (atomic_load_explicit(&ring->tail, memory_order_relaxed) - head);
}

void *col_ring_reserve(col_ring *ring, uint32_t bytes) {
    COL_ASSERT(bytes < SKIP);

    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const uint64_t to_end = ring->size - (tail & (ring->size - 1));
    const uint64_t space = col_ring_space(bytes);
    const uint64_t skipped = space <= to_end ? 0 : to_end;

    ring->reserved = tail;
    if (!has_room(ring, tail, skipped + space)) return NULL;
    if (skipped > 0) header_at(ring, tail)->bytes = SKIP;
    record_header *header = header_at(ring, tail + skipped);
    header->bytes = bytes;
    ring->reserved = tail + skipped + space;
    return header + 1;
}

void col_ring_publish(col_ring *ring) {
    COL_ASSERT(ring->reserved != atomic_load_explicit(&ring->tail, memory_order_relaxed));

    // Pairs with the acquire of `tail` in col_ring_front.
    atomic_store_explicit(&ring->tail, ring->reserved, memory_order_release);
    if (ring->waker != NULL) col_waker_signal(ring->waker);
}

const void *col_ring_front(col_ring *ring, uint32_t *bytes) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->cached_tail) {
        // Pairs with the release of `tail` in col_ring_publish: the record is complete.
        ring->cached_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->cached_tail) return NULL;
    }
    if (header_at(ring, head)->bytes == SKIP) {
        head += ring->size - (head & (ring->size - 1));
        // Pairs with the acquire of `head` in has_room.
        atomic_store_explicit(&ring->head, head, memory_order_release);
    }
    const record_header *header = header_at(ring, head);
    *bytes = header->bytes;
    return header + 1;
}

void col_ring_release(col_ring *ring) {
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    COL_ASSERT(head != ring->cached_tail);

    // Pairs with the acquire of `head` in has_room.
    atomic_store_explicit(&ring->head, head + col_ring_space(header_at(ring, head)->bytes),
                          memory_order_release);
}
