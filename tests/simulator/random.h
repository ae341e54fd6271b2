// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// splitmix64: every draw of a run comes from streams of this generator, each with its own seed.
typedef struct {
    uint64_t state;
} sim_random;

static inline uint64_t sim_mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/// A stream of its own, so that draws in one place do not shift those of another.
static inline sim_random sim_random_of(uint64_t seed, uint64_t stream) {
    return (sim_random){sim_mix(seed) ^ sim_mix(stream * UINT64_C(0x9e3779b97f4a7c15) + 1)};
}

static inline uint64_t sim_next(sim_random *random) {
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return sim_mix(random->state);
}

/// 0 .. bound-1, bound >= 1.
static inline uint64_t sim_below(sim_random *random, uint64_t bound) {
    return sim_next(random) % bound;
}

/// low .. high, both included.
static inline uint64_t sim_between(sim_random *random, uint64_t low, uint64_t high) {
    return low + sim_below(random, high - low + 1);
}

static inline bool sim_percent(sim_random *random, uint32_t percent) {
    return sim_below(random, 100) < percent;
}
