// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/limits.h"

/// Replicas that vouch for one answer.
///
/// A question has a table of as many rows as there are replicas, zeroed before the first vote. Each
/// replica stands in at most one row, the one of its newest answer, so that no replica adds up
/// answers or counts twice, and there is always a row for one more answer.
typedef struct {
    col_digest digest;
    uint32_t senders;  ///< bit i: replica i; 0 = the row is free
} col_client_vote;

static_assert(COL_REPLICAS_MAX <= 32, "`senders` is a 32-bit set");

/// Count one verified answer.
///
/// @param table [replicas]
/// @param sender the replica that sealed the answer, 0 .. replicas-1
/// @param digest of the answer's body, borrowed for the call
/// @return replicas that vouch for this answer now, the sender included
uint32_t col_client_vote_add(col_client_vote *table, uint32_t replicas, uint32_t sender,
                             const col_digest *digest);
