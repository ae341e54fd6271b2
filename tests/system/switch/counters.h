// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdio.h>

#include "tests/system/switch/script.h"

/// What became of a link's frames. `overflowed` and `unsent` are the switch's own shortcomings.
typedef struct {
    uint64_t frames;     ///< that came for this link; their numbers
    uint64_t forwarded;  ///< copies that left
    uint64_t cut, lost, duplicated, corrupted, delayed, reordered;
    uint64_t overflowed;  ///< the queue was full
    uint64_t unsent;      ///< the kernel had no room
} switch_counters;

typedef struct {
    switch_counters link[SWITCH_NODES][SWITCH_NODES];  ///< [from][to]
    uint64_t missed;                                   ///< found a leg's ring full
    uint64_t truncated;                                ///< were larger than a ring's place
} switch_count;

/// Write seed and counters, of links that carried frames, as JSON.
void switch_count_print(const switch_count *count, uint64_t seed, FILE *stream);
