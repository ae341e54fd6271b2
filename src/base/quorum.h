// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// q = ceil((n+f+1)/2): any two quorums share a correct replica.
static inline uint32_t col_quorum(uint32_t replicas, uint32_t faults) {
    return (replicas + faults + 2) / 2;
}
