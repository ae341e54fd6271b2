// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/exchange.h"
#include "crypto/session_keys.h"
#include "pillars/links.h"
#include "pillars/merge.h"
#include "pillars/words.h"
#include "src/base/stage.h"

/// The execution merge as a stage: takes committed slots from the pillars' rings in sequence order,
/// hands replies to the signing pool and outcomes back to the pillars.
typedef struct col_merge_stage col_merge_stage;

typedef struct {
    col_merge_options merge;  ///< `sink` and `hasher` are filled by the stage
    uint32_t batch_requests_max;
    const col_key *exchange;  ///< this replica's, of COL_SCHEME_HMAC; NULL: replies are signed
    col_digest cluster;
    uint32_t self;
    col_words *words;
    col_ring *committed[COL_PILLARS_MAX];  ///< from each pillar: col_committed
    col_ring *questions[COL_PILLARS_MAX];  ///< from each pillar: col_pillar_question
    col_ring *notes[COL_PILLARS_MAX];      ///< to each pillar: col_merge_note
    col_signing_rings signing;
} col_merge_stage_options;

/// Bytes of a notes ring in which the outcomes of two of the largest batches fit.
uint64_t col_merge_notes_bytes(uint32_t batch_requests_max);

/// Bytes of the merge's signing rings in which the replies of two of the largest batches fit.
uint64_t col_merge_signing_bytes(uint32_t batch_requests_max, uint32_t result_bytes_max);

size_t col_merge_stage_footprint(const col_merge_stage_options *options);
col_merge_stage *col_merge_stage_create(col_arena *arena, const col_merge_stage_options *options);
void col_merge_stage_destroy(col_merge_stage *stage);
col_stage *col_merge_stage_of(col_merge_stage *stage);
