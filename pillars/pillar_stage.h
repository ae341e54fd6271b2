// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/hashing.h"
#include "crypto/opener.h"
#include "pillars/counters.h"
#include "pillars/links.h"
#include "pillars/pillar.h"
#include "src/base/stage.h"
#include "src/wire/reassembly.h"

/// A pillar as a stage: takes datagrams, verifies them in bursts, steps the pure pillar and moves
/// its messages to the signing pool and its committed slots to the merge.
typedef struct col_pillar_stage col_pillar_stage;

/// An own CHECKPOINT vote came back with its seal, for whoever shows it.
typedef void col_checkpoint_sealed_fn(void *context, uint64_t checkpoint, const col_digest *digest,
                                      col_seal seal);

typedef struct {
    const char *name;       ///< borrowed
    col_pbft_options pbft;  ///< `sink` is filled by the stage
    const col_backend *backend;
    const col_keyring *keyring;
    col_root_cache *roots;
    col_words *words;
    const col_endpoint *replica;  ///< [n] base endpoints: where replicas send from; copied
    col_ring *ingress;            ///< records: col_datagram
    col_datagram_release_fn *release;
    col_ring *notes;                    ///< from the merge: col_merge_note
    col_ring *sealed[COL_PILLARS_MAX];  ///< from each signer: col_sealed_vote
    uint32_t sealers;
    col_ring *committed;  ///< to the merge: col_committed
    col_ring *questions;  ///< to the merge: col_pillar_question
    col_signing_rings signing;
    col_waker *loop[COL_PILLARS_MAX];  ///< each pillar's, to wake on news; NULL: the own one
    col_checkpoint_sealed_fn *checkpoint_sealed;
    void *checkpoint_context;
    col_pillar_counters *counters;
    col_opener_counters *opener_counters;
} col_pillar_stage_options;

size_t col_pillar_stage_footprint(const col_pillar_stage_options *options);
col_pillar_stage *col_pillar_stage_create(col_arena *arena,
                                          const col_pillar_stage_options *options);
void col_pillar_stage_destroy(col_pillar_stage *stage);
/// New proposing limits. Thread: the stage's loop.
void col_pillar_stage_tune(col_pillar_stage *stage, uint32_t batch_requests, uint32_t batch_bytes,
                           uint64_t status_interval_ns);

col_stage *col_pillar_stage_of(col_pillar_stage *stage);
