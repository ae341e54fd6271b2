// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pillars/checkpoint.h"
#include "pillars/words.h"
#include "src/pbft/pbft.h"

/// One pillar: its PBFT instance, the checkpoints that fall to it, and what it shares with its
/// neighbours. Pure, like the instance: the simulator runs it as production does.
typedef struct {
    col_pbft *pbft;
    col_checkpoints *checkpoints;
    col_words *words;  ///< of the replica; borrowed
    col_pbft_options options;
    uint8_t *scratch;  ///< for the body of a proof
    uint32_t scratch_bytes;
    uint64_t seen_executed;  ///< of the words, so that each change is one event
    uint64_t seen_stable;
    uint64_t seen_target;
    uint64_t seen_stirs;
    uint64_t told_passing;
    uint64_t told_stirs;
} col_pillar;

size_t col_pillar_footprint(const col_pbft_options *options);
void col_pillar_init(col_pillar *pillar, col_arena *arena, const col_pbft_options *options,
                     col_words *words);

/// Can a message be of use, as far as can be said without verifying it? See col_pbft_expect.
col_drop col_pillar_expect(const col_pillar *pillar, const col_message *message, bool *expected);

/// A verified message for this pillar arrived, whole.
col_drop col_pillar_deliver(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                            const col_verified *verified);

/// An own PREPARE, COMMIT or CHECKPOINT came back from the signing pool with its seal.
void col_pillar_sealed(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                       const col_verified *verified);

/// The merge executed something of this pillar's sessions.
void col_pillar_outcome(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                        const col_outcome *outcome);

/// The merge reached checkpoint c (c mod P = this pillar) with this digest: vote for it.
void col_pillar_reached(col_pillar *pillar, uint64_t checkpoint, const col_digest *digest);

/// What changed in the words that other pillars wait for; a set.
#define COL_NEWS_PASSING 1u  ///< of use to pillars that hold the merge up
#define COL_NEWS_FOR_ALL 2u

/// Take what the words say, run due timers, propose, and publish own words.
/// Call once before and once after a burst of deliveries.
/// @return news
uint32_t col_pillar_settle(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns);

/// Has pillar `other` a use for the news now? Whoever need not act learns with its next turn.
bool col_pillar_is_news_for(const col_pillar *pillar, uint32_t news, uint32_t other);

/// As col_pbft_next_committed.
bool col_pillar_next_committed(col_pillar *pillar, col_committed *committed);

/// When col_pillar_settle must run next, monotonic ns.
uint64_t col_pillar_deadline(const col_pillar *pillar);
