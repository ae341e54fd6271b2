// SPDX-License-Identifier: Apache-2.0
#include "pillars/checkpoint.h"

#include "src/base/assert.h"

typedef struct {
    uint64_t checkpoint;  ///< 0: none
    col_digest digest;
    uint16_t seal_length;
    uint8_t *seal;
} checkpoint_vote;

struct col_checkpoints {
    col_checkpoints_options options;
    uint32_t seal_bytes;
    uint64_t stable;
    col_digest stable_digest;
    uint64_t diverged;
    checkpoint_vote *votes;  // [n][COL_CHECKPOINT_VOTES], by c / P
    checkpoint_vote
        *proof;  // [n] votes for the stable one: senders may replace theirs by later ones
};

static uint32_t seal_bytes(const col_checkpoints_options *options) {
    return COL_SEAL_BYTES(options->signature_bytes_max);
}

static size_t votes_of(const col_checkpoints_options *options) {
    return (size_t)options->replicas * COL_CHECKPOINT_VOTES;
}

size_t col_checkpoints_footprint(const col_checkpoints_options *options) {
    const size_t votes = votes_of(options) + options->replicas;
    return sizeof(col_checkpoints) + votes * (sizeof(checkpoint_vote) + seal_bytes(options)) +
           3 * 64;
}

col_checkpoints *col_checkpoints_create(col_arena *arena, const col_checkpoints_options *options) {
    col_checkpoints *checkpoints = col_arena_take(arena, 1, sizeof *checkpoints);
    checkpoints->options = *options;
    checkpoints->seal_bytes = seal_bytes(options);
    const size_t votes = votes_of(options) + options->replicas;
    checkpoints->votes = col_arena_take(arena, votes, sizeof(checkpoint_vote));
    checkpoints->proof = checkpoints->votes + votes_of(options);
    uint8_t *seals = col_arena_take(arena, votes, checkpoints->seal_bytes);
    for (size_t i = 0; i < votes; i++) {
        checkpoints->votes[i].seal = seals + i * checkpoints->seal_bytes;
    }
    return checkpoints;
}

static checkpoint_vote *vote_of(const col_checkpoints *checkpoints, uint32_t sender,
                                uint64_t checkpoint) {
    const uint64_t place = checkpoint / checkpoints->options.pillars % COL_CHECKPOINT_VOTES;
    return &checkpoints->votes[sender * COL_CHECKPOINT_VOTES + place];
}

static void keep_seal(const col_checkpoints *checkpoints, checkpoint_vote *vote, col_seal seal) {
    if (seal.length == 0 || seal.length > checkpoints->seal_bytes) return;
    memcpy(vote->seal, seal.at, seal.length);
    vote->seal_length = (uint16_t)seal.length;
}

static void put_vote(const col_checkpoints *checkpoints, checkpoint_vote *vote, uint64_t checkpoint,
                     const col_digest *digest, col_seal seal) {
    vote->checkpoint = checkpoint;
    vote->digest = *digest;
    vote->seal_length = 0;
    keep_seal(checkpoints, vote, seal);
}

static bool is_for(const checkpoint_vote *vote, uint64_t checkpoint, const col_digest *digest) {
    return vote->checkpoint == checkpoint && col_digest_equal(&vote->digest, digest);
}

static uint32_t count_for(const col_checkpoints *checkpoints, uint64_t checkpoint,
                          const col_digest *digest) {
    uint32_t count = 0;
    for (uint32_t r = 0; r < checkpoints->options.replicas; r++) {
        count += is_for(vote_of(checkpoints, r, checkpoint), checkpoint, digest);
    }
    return count;
}

static void compare_own(col_checkpoints *checkpoints, uint64_t checkpoint,
                        const col_digest *digest) {
    const checkpoint_vote *own = vote_of(checkpoints, checkpoints->options.self, checkpoint);
    if (own->checkpoint == checkpoint && !col_digest_equal(&own->digest, digest)) {
        checkpoints->diverged++;
    }
}

/// Keep a vote for the stable checkpoint as part of its proof.
static void keep_proof(col_checkpoints *checkpoints, uint32_t sender, const checkpoint_vote *vote) {
    if (!is_for(vote, checkpoints->stable, &checkpoints->stable_digest)) return;
    put_vote(checkpoints, &checkpoints->proof[sender], vote->checkpoint, &vote->digest,
             (col_seal){vote->seal, vote->seal_length});
}

static void become_stable(col_checkpoints *checkpoints, uint64_t checkpoint,
                          const col_digest *digest) {
    checkpoints->stable = checkpoint;
    checkpoints->stable_digest = *digest;
    compare_own(checkpoints, checkpoint, digest);
    for (uint32_t r = 0; r < checkpoints->options.replicas; r++) {
        keep_proof(checkpoints, r, vote_of(checkpoints, r, checkpoint));
    }
}

col_drop col_checkpoints_add(col_checkpoints *checkpoints, uint32_t sender, uint64_t checkpoint,
                             const col_digest *digest, col_seal seal) {
    const col_checkpoints_options *options = &checkpoints->options;
    COL_ASSERT(sender < options->replicas);
    if (checkpoint == 0 || checkpoint % options->pillars != options->pillar) {
        return COL_DROP_WRONG_PILLAR;
    }
    checkpoint_vote *place = vote_of(checkpoints, sender, checkpoint);
    if (place->checkpoint == checkpoint) {
        if (!col_digest_equal(&place->digest, digest)) return COL_DROP_CONFLICTING;
        if (place->seal_length == 0) {
            keep_seal(checkpoints, place, seal);
            keep_proof(checkpoints, sender, place);
        }
        return COL_DROP_REPEATED;
    }
    if (place->checkpoint > checkpoint) return COL_DROP_STALE;
    const bool own = sender == options->self;
    if (checkpoint < checkpoints->stable && !own) return COL_DROP_STALE;

    put_vote(checkpoints, place, checkpoint, digest, seal);
    if (checkpoint == checkpoints->stable && own &&
        !col_digest_equal(digest, &checkpoints->stable_digest)) {
        checkpoints->diverged++;
    }
    if (checkpoint > checkpoints->stable &&
        count_for(checkpoints, checkpoint, digest) >= options->quorum) {
        become_stable(checkpoints, checkpoint, digest);
    } else {
        keep_proof(checkpoints, sender, place);
    }
    return COL_DROP_NONE;
}

col_drop col_checkpoints_prove(col_checkpoints *checkpoints, uint64_t checkpoint,
                               const col_digest *digest, const col_sealed_by *seal,
                               uint32_t count) {
    const col_checkpoints_options *options = &checkpoints->options;
    if (checkpoint == 0 || checkpoint % options->pillars != options->pillar) {
        return COL_DROP_WRONG_PILLAR;
    }
    if (checkpoint <= checkpoints->stable) return COL_DROP_STALE;
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (seal[i].sender >= options->replicas) return COL_DROP_BAD_PROOF;
        distinct |= 1u << seal[i].sender;
    }
    if ((uint32_t)__builtin_popcount(distinct) < options->quorum) return COL_DROP_BAD_PROOF;

    become_stable(checkpoints, checkpoint, digest);
    for (uint32_t i = 0; i < count; i++) {
        put_vote(checkpoints, &checkpoints->proof[seal[i].sender], checkpoint, digest,
                 seal[i].seal);
    }
    return COL_DROP_NONE;
}

uint64_t col_checkpoints_stable(const col_checkpoints *checkpoints) {
    return checkpoints->stable;
}

uint64_t col_checkpoints_diverged(const col_checkpoints *checkpoints) {
    return checkpoints->diverged;
}

bool col_checkpoints_own(const col_checkpoints *checkpoints, uint64_t above, uint64_t *checkpoint,
                         col_digest *digest) {
    const checkpoint_vote *own =
        &checkpoints->votes[checkpoints->options.self * COL_CHECKPOINT_VOTES];
    const checkpoint_vote *lowest = NULL;
    for (uint32_t i = 0; i < COL_CHECKPOINT_VOTES; i++) {
        if (own[i].checkpoint <= above) continue;
        if (lowest == NULL || own[i].checkpoint < lowest->checkpoint) lowest = &own[i];
    }
    if (lowest == NULL) return false;
    *checkpoint = lowest->checkpoint;
    *digest = lowest->digest;
    return true;
}

uint32_t col_checkpoints_proof(const col_checkpoints *checkpoints, col_digest *digest,
                               col_sealed_by *seal) {
    uint32_t count = 0;
    if (checkpoints->stable == 0) return 0;
    *digest = checkpoints->stable_digest;
    for (uint32_t r = 0; r < checkpoints->options.replicas; r++) {
        const checkpoint_vote *place = &checkpoints->proof[r];
        if (!is_for(place, checkpoints->stable, digest) || place->seal_length == 0) continue;
        if (count == checkpoints->options.quorum) break;
        seal[count++] = (col_sealed_by){r, {place->seal, place->seal_length}};
    }
    return count;
}
