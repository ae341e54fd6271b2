// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// SHA-256 as pure code sees it: a table passed at creation.
///
/// Thread: a hasher belongs to one thread (its implementation may hold that thread's state).
typedef struct col_hasher {
    /// digest[i] = SHA-256(message[i]) for 0 <= i < count. Ranges are borrowed for the call and do
    /// not overlap the digests. Cheapest per message when `count` is large.
    void (*digest)(const struct col_hasher *self, const col_bytes *message, uint32_t count,
                   col_digest *digest);
} col_hasher;

/// One digest.
static inline void col_hash(const col_hasher *hasher, col_bytes message, col_digest *digest) {
    hasher->digest(hasher, &message, 1, digest);
}
