// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/// A count with one writer thread and any number of readers, in this process or another that maps
/// the same page.
typedef atomic_uint_fast64_t col_counter;

/// Add to the count. Thread: the writer.
static inline void col_count(col_counter *counter, uint64_t amount) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/// Replace the count (a gauge). Thread: the writer.
static inline void col_counter_set(col_counter *counter, uint64_t value) {
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline uint64_t col_counter_read(const col_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}
