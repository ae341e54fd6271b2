// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// The least of recent samples of a duration: what something takes when nothing goes wrong.
///
/// A mean would not do where it decides how long to wait before repairing a loss: repaired samples
/// contain that wait, so that losses would make waits longer, and longer waits losses dearer.
/// Zero-initialised before the first sample.
typedef struct {
    uint64_t since_ns;  ///< begin of the present period
    uint64_t least[2];  ///< of the present period and the one before, 0 for none
} col_recent_least;

#define COL_RECENT_PERIOD_NS UINT64_C(1000000000)  ///< forgotten after one to two of these

/// Add a sample taken at `now_ns`, monotonic.
void col_recent_least_add(col_recent_least *of, uint64_t now_ns, uint64_t sample_ns);

/// The least of the present period and the one before it, 0 before the first sample.
uint64_t col_recent_least_of(const col_recent_least *of);
