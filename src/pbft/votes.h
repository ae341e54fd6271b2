// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/drop.h"

/// What a vote is for: `run` null slots, or the batch with `digest` when 0.
typedef struct {
    col_digest digest;
    uint8_t run;
} col_value;

/// The digest of every null run.
extern const col_digest col_null_digest;

static inline bool col_value_equal(const col_value *a, const col_value *b) {
    return a->run == b->run && col_digest_equal(&a->digest, &b->digest);
}

/// Votes of distinct replicas for the values proposed at one slot of one view.
///
/// Holds at most one vote per replica: the first one counts, so that no replica can add up votes
/// for several values, or several times for one.
typedef struct {
    uint32_t voted;     ///< bit i: replica i has voted
    uint32_t replicas;  ///< n
    col_value *value;   ///< [n], meaningful where `voted` is set
} col_votes;

/// Count one verified vote.
///
/// @param sender the replica that sealed the vote, 0 .. n-1
/// @param matching out: votes for the same value, this one included
/// @return COL_DROP_NONE;
///         COL_DROP_REPEATED    the same replica voted for the same value before;
///         COL_DROP_CONFLICTING the same replica voted for another value: it is faulty
/// Source: Castro and Liskov, OSDI'99, section 4.2 ("2f prepares from different backups").
col_drop col_votes_add(col_votes *votes, uint32_t sender, const col_value *value,
                       uint32_t *matching);

/// Put one vote of a verified certificate in place of whatever its sender voted before: a replica
/// that votes twice must not keep others from showing the certificate that it is part of.
void col_votes_put(col_votes *votes, uint32_t sender, const col_value *value);

/// The set of replicas that voted for `value`.
uint32_t col_votes_for(const col_votes *votes, const col_value *value);

/// Forget all votes.
void col_votes_clear(col_votes *votes);
