// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// The time stamp counter: reference cycles, whatever the core's clock does. 0 where there is none.
inline uint64_t cycles_now() {
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

/// Nanoseconds of a clock: CLOCK_MONOTONIC, or CLOCK_THREAD_CPUTIME_ID.
inline double clock_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Run a benchmark's loop and report what one unit costs this thread: CPU time, and the reference
/// cycles that passed in it. What others did on the core meanwhile is not counted.
///
/// @param unit    what a user counts: "message", "slot"
/// @param units   of them in one iteration
/// @param body    one iteration
template <typename Body>
void measure(benchmark::State &state, const char *unit, double units, Body body) {
    const double cpu_start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const double wall_start = clock_ns(CLOCK_MONOTONIC);
    const uint64_t cycles_start = cycles_now();
    for (auto _ : state) body();
    const double cycles = static_cast<double>(cycles_now() - cycles_start);
    const double wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_start;
    const double cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
    const double done = static_cast<double>(state.iterations()) * units;
    state.counters["cpu_ns"] = cpu_ns / done;
    state.counters["cycles"] = cycles / wall_ns * cpu_ns / done;
    state.SetLabel(unit);
}

/// A benchmark whose work did not happen fails.
inline void require(benchmark::State &state, bool happened, const char *what) {
    if (!happened) state.SkipWithError(what);
}
