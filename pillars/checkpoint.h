// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "src/base/arena.h"
#include "src/base/drop.h"
#include "src/wire/bodies.h"

/// Votes for the checkpoints that one pillar handles: c with c mod P = pillar.
///
/// Keeps the newest few votes of each replica, whatever their numbers, so that a replica that
/// missed any number of checkpoints learns the newest stable one. Source: Castro and Liskov,
/// OSDI'99, section 4.3.
typedef struct col_checkpoints col_checkpoints;

/// Votes kept of one replica. W >= 2C lets correct replicas be two checkpoints apart, plus one
/// below.
#define COL_CHECKPOINT_VOTES 4

typedef struct {
    uint32_t replicas;
    uint32_t quorum;
    uint32_t self;
    uint32_t pillar;
    uint32_t pillars;
    uint32_t signature_bytes_max;
} col_checkpoints_options;

size_t col_checkpoints_footprint(const col_checkpoints_options *options);
col_checkpoints *col_checkpoints_create(col_arena *arena, const col_checkpoints_options *options);

/// Count one verified CHECKPOINT; an own one when the merge reaches it (`seal` empty), and again
/// when its seal comes back.
/// @return COL_DROP_NONE, _WRONG_PILLAR, _STALE (at or below stable), _REPEATED, _CONFLICTING
col_drop col_checkpoints_add(col_checkpoints *checkpoints, uint32_t sender, uint64_t checkpoint,
                             const col_digest *digest, col_seal seal);

/// Newest checkpoint here that q distinct replicas vouch for with equal digests, 0 for none.
uint64_t col_checkpoints_stable(const col_checkpoints *checkpoints);

/// Checkpoints that became stable with another digest than this replica's own: it has diverged.
uint64_t col_checkpoints_diverged(const col_checkpoints *checkpoints);

/// The own lowest vote above `above` that is still kept. @return false when there is none
bool col_checkpoints_own(const col_checkpoints *checkpoints, uint64_t above, uint64_t *checkpoint,
                         col_digest *digest);

/// A peer proved a checkpoint: q distinct replicas' seals for `digest`, each verified by the
/// caller.
/// @param seal [count]
/// @return COL_DROP_NONE; _WRONG_PILLAR; _STALE (at or below stable); _BAD_PROOF (fewer than q
/// distinct)
col_drop col_checkpoints_prove(col_checkpoints *checkpoints, uint64_t checkpoint,
                               const col_digest *digest, const col_sealed_by *seal, uint32_t count);

/// The proof of the newest stable checkpoint: seals of q (or, while the own seal is not back, q-1)
/// distinct replicas for equal digests.
/// @param seal out, [n] @return how many
uint32_t col_checkpoints_proof(const col_checkpoints *checkpoints, col_digest *digest,
                               col_sealed_by *seal);
