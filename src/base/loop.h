// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>

#include "src/base/limits.h"
#include "src/base/stage.h"
#include "src/base/waker.h"

/// What a loop does when a turn found no work.
typedef enum {
    COL_IDLE_BLOCK,  ///< yield, then sleep until a descriptor, the waker or a deadline
    COL_IDLE_BUSY,   ///< pause and look again: for a loop with a core of its own
} col_idle;

/// Where a loop's time went, written by the loop, readable by any thread.
typedef struct {
    atomic_uint_fast64_t turns;
    atomic_uint_fast64_t sleeps;
    atomic_uint_fast64_t busy_ns[COL_LOOP_STAGES_MAX];  ///< in `poll` of each stage, when it worked
} col_loop_counters;

/// One thread's life: poll the stages in order, for ever.
typedef struct {
    const char *name;
    col_idle idle;
    col_stage *stages[COL_LOOP_STAGES_MAX];
    uint32_t stage_count;
    col_waker waker;
    col_loop_counters *counters;
    /// Called once per turn and around sleep: the RCU quiescent point. NULL for none.
    /// `online` tells whether the thread is about to read shared configuration again.
    void (*quiescent)(void *context, bool online);
    void *context;
} col_loop;

/// @param name,counters borrowed for the loop's life; counters zeroed
COL_MUST_USE col_result col_loop_open(col_loop *loop, const char *name, col_idle idle,
                                      col_loop_counters *counters);

/// Add a stage before the loop runs. Asserts that there is room.
void col_loop_add(col_loop *loop, col_stage *stage);

/// Run turns until `*stop` is true. A sleeping loop notices `stop` when its waker is signalled.
void col_loop_run(col_loop *loop, const atomic_bool *stop);

/// One turn without idling: @return work done. For tests.
uint32_t col_loop_turn(col_loop *loop);

void col_loop_close(col_loop *loop);
