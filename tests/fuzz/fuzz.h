// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the fuzz targets share. A target is one file that defines LLVMFuzzerTestOneInput; its
// oracles are COL_ASSERTs. Inputs are decoded with col_reader: beyond the end everything is zero,
// so that every input is a valid sequence of events and small changes of it are small changes of
// the run.

#include <stdlib.h>

#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/base/hasher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// The input as events.
static inline col_reader fuzz_input(const uint8_t *data, size_t size) {
    return col_reader_of((col_bytes){data, size});
}

static inline bool fuzz_more(const col_reader *input) {
    return col_reader_left(input) > 0;
}

/// 0 .. bound-1, bound <= 256.
static inline uint32_t fuzz_below(col_reader *input, uint32_t bound) {
    return col_read_u8(input) % bound;
}

/// A number: nearly always small, sometimes any.
static inline uint64_t fuzz_number(col_reader *input) {
    const uint8_t first = col_read_u8(input);
    return first == 0xff ? col_read_u64(input) : first;
}

/// Bytes of the input behind their u16 length, as many as there are, `length_max` at most.
static inline col_bytes fuzz_bytes(col_reader *input, size_t length_max) {
    size_t length = col_read_u16(input);
    if (length > length_max) length = length_max;
    if (length > col_reader_left(input)) length = col_reader_left(input);
    return col_read_bytes(input, length);
}

/// A quick hash instead of SHA-256: fuzzers cannot find collisions of it by chance.
static inline void fuzz_digest(const col_hasher *self, const col_bytes *message, uint32_t count,
                               col_digest *digest) {
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325) + message[i].length;
        for (size_t j = 0; j < message[i].length; j++) {
            hash = (hash ^ message[i].at[j]) * UINT64_C(0x100000001b3);
            hash ^= hash >> 29;
        }
        for (uint32_t j = 0; j < 4; j++) {
            memcpy(digest[i].byte + (size_t)8 * j, &hash, sizeof hash);
            hash = (hash ^ (j + 1)) * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
}

static const col_hasher fuzz_hasher = {.digest = fuzz_digest};

static inline bool fuzz_equal(col_bytes a, col_bytes b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}
