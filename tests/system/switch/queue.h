// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/base/bytes.h"

/// Frames that wait for their moment, bounded.
typedef struct switch_queue switch_queue;

#define SWITCH_FRAME_BYTES_MAX 9216  ///< a frame of mtu 9000, with room for headers

/// One frame that waits.
typedef struct {
    uint64_t due_ns;
    uint64_t serial;  ///< equal moments: in order of arrival
    uint32_t link;    ///< the caller's name for where it goes
    uint32_t length;
    uint8_t bytes[SWITCH_FRAME_BYTES_MAX];
} switch_waiting;

/// @param frames how many may wait; ends the program when there is no memory
switch_queue *switch_queue_create(uint32_t frames);
void switch_queue_destroy(switch_queue *queue);

/// Copy a frame into the queue.
/// @return the copy, to be changed until the next call; NULL when the queue is full
switch_waiting *switch_queue_put(switch_queue *queue, uint64_t due_ns, uint32_t link,
                                 col_bytes frame);

/// When the next frame is due, UINT64_MAX for none.
uint64_t switch_queue_due(const switch_queue *queue);

/// Take the next frame that is due at `now_ns`.
/// @return borrowed until the next put; NULL for none
const switch_waiting *switch_queue_take(switch_queue *queue, uint64_t now_ns);
