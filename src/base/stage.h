// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// No deadline.
#define COL_NEVER UINT64_MAX

/// A piece of the replica that a loop polls: receiver, pillar, signer, merge, transmit.
///
/// Stages embed this as their first member. No stage waits: it does what it finds and returns.
typedef struct col_stage {
    const char *name;  ///< for humans: "pillar 2"
    /// Do up to `budget` items of work. @param now_ns monotonic. @return items done, 0 when idle.
    uint32_t (*poll)(struct col_stage *self, uint64_t now_ns, uint32_t budget);
    /// When `poll` must run next although nothing arrives, monotonic ns; COL_NEVER for not at all.
    /// NULL when there is never a deadline.
    uint64_t (*deadline_ns)(const struct col_stage *self);
    /// Descriptor that becomes readable when `poll` has work, -1 when rings alone feed it.
    int wait_descriptor;
} col_stage;
