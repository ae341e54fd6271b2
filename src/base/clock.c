// SPDX-License-Identifier: Apache-2.0
#include "src/base/clock.h"

#include <time.h>

#include "src/base/assert.h"

static uint64_t read_ns(clockid_t clock) {
    struct timespec now;
    const int outcome = clock_gettime(clock, &now);
    COL_ASSERT(outcome == 0);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t col_clock_monotonic_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t col_clock_wall_ns(void) {
    return read_ns(CLOCK_REALTIME);
}
