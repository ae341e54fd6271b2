// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>

#include "src/base/result.h"

/// Lets a loop sleep without losing the work that arrives while it falls asleep.
///
/// The sleeper: col_waker_arm, then look once more for work, then wait on `descriptor`, then
/// col_waker_disarm. The producer: publish the work, then col_waker_signal. Both sides order their
/// store before their load with a sequentially consistent fence, so one of them sees the other.
typedef struct {
    _Alignas(64) atomic_bool sleeping;
    int descriptor;  ///< an eventfd, readable after a signal
} col_waker;

COL_MUST_USE col_result col_waker_open(col_waker *waker);
void col_waker_close(col_waker *waker);

/// Wake the loop if it sleeps. Any thread. Cost when awake: one fence and one load.
void col_waker_signal(col_waker *waker);

/// The owning loop only.
void col_waker_arm(col_waker *waker);
void col_waker_disarm(col_waker *waker);
