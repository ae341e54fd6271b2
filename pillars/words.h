// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/base/limits.h"

/// What the pillars and the merge of one replica tell each other as latest values: nobody needs the
/// values in between, so no queue is needed. Each word is written with release and read with
/// acquire.
typedef struct {
    /// Highest sequence number with a batch that a pillar accepted. Writer: the pillar.
    struct {
        _Alignas(64) atomic_uint_fast64_t sequence;
    } passing[COL_PILLARS_MAX];
    /// The first sequence number of a pillar whose slot the merge has not got. Writer: the pillar.
    struct {
        _Alignas(64) atomic_uint_fast64_t sequence;
    } missing[COL_PILLARS_MAX];
    _Alignas(64) atomic_uint_fast64_t executed;  ///< sequence number. Writer: the merge
    _Alignas(64) atomic_uint_fast64_t stable;    ///< checkpoint. Writers: any pillar, only upwards
    atomic_uint_fast64_t stirs;  ///< of col_pbft_stirs. Writers: any pillar, only upwards
} col_words;

/// Raise `word` to `value`. @return it was lower
static inline bool col_word_raise(atomic_uint_fast64_t *word, uint64_t value) {
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    while (seen < value) {
        if (atomic_compare_exchange_weak_explicit(word, &seen, value, memory_order_release,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static inline uint64_t col_word_read(const atomic_uint_fast64_t *word) {
    return atomic_load_explicit(word, memory_order_acquire);
}
