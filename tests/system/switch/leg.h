// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/base/bytes.h"
#include "src/base/result.h"

/// One of the switch's network devices: a packet socket whose frames arrive in a mapped ring.
///
/// Frames of the kernel's own sockets arrive with their UDP checksum unfinished and go out so, as
/// they would through a bridge: replicas on virtual devices do not look at it.
typedef struct {
    int descriptor;
    uint8_t *ring;
    uint32_t next;       ///< place of the ring that is looked at next
    uint64_t truncated;  ///< larger than a place of the ring
} switch_leg;

/// @param device a device of this network namespace that belongs to no bridge
COL_MUST_USE col_result switch_leg_open(switch_leg *leg, const char *device);
void switch_leg_close(switch_leg *leg);

/// Look at the next frame.
/// @param frame out: borrowed until switch_leg_release, which must follow
/// @return false when none has arrived
bool switch_leg_receive(switch_leg *leg, col_bytes *frame);
void switch_leg_release(switch_leg *leg);

/// @return false when the kernel had no room for it
bool switch_leg_send(const switch_leg *leg, col_bytes frame);

/// Frames that found the ring full since this was asked last.
uint64_t switch_leg_missed(const switch_leg *leg);
