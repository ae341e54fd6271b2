// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a correct replica may say about the slots of one pillar, whatever it hears: for one slot of
// one view each of PRE-PREPARE, PREPARE and COMMIT at most once, and never at or below stable.

#include "src/pbft/pbft.h"
#include "src/pbft/votes.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_SAID_SLOTS 512
static_assert(FUZZ_SAID_SLOTS >= COL_WINDOW_ROUNDS_MAX,
              "a window's rounds have places of their own");

enum { FUZZ_PRE_PREPARE, FUZZ_PREPARE, FUZZ_COMMIT, FUZZ_VOTES };

typedef struct {
    uint64_t sequence;
    bool said[FUZZ_VOTES];
    col_value value[FUZZ_VOTES];
} fuzz_said;

typedef struct {
    fuzz_said slot[FUZZ_SAID_SLOTS];  ///< by round
} fuzz_voter;

static inline int fuzz_vote_of(uint8_t type) {
    return type == COL_PRE_PREPARE ? FUZZ_PRE_PREPARE
           : type == COL_PREPARE   ? FUZZ_PREPARE
           : type == COL_COMMIT    ? FUZZ_COMMIT
                                   : -1;
}

/// Note what a replica sends, and check it against all that it sent before.
/// @param options of its instance
/// @param stable_before,stable_now checkpoints that it knew to be stable around the sending
static inline void fuzz_voter_sends(fuzz_voter *voter, const col_header *header,
                                    const col_pbft_options *options, uint64_t stable_before,
                                    uint64_t stable_now) {
    const int vote = fuzz_vote_of(header->type);
    if (vote < 0) return;
    COL_ASSERT(header->pillar == options->pillar && header->view == 0);
    COL_ASSERT(header->sequence % options->pillars == options->pillar);
    const uint64_t round = col_round_of(header->sequence, options->pillars);
    COL_ASSERT(round > stable_before * options->checkpoint_interval);
    COL_ASSERT(round <= stable_now * options->checkpoint_interval + options->window);

    fuzz_said *slot = &voter->slot[round % FUZZ_SAID_SLOTS];
    if (slot->sequence != header->sequence) *slot = (fuzz_said){.sequence = header->sequence};
    const col_value value = {header->digest, header->run};
    COL_ASSERT(!slot->said[vote] || col_value_equal(&slot->value[vote], &value));
    slot->said[vote] = true;
    slot->value[vote] = value;
}
