// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pillars/counters.h"
#include "pillars/sessions.h"
#include "src/app/app.h"
#include "src/pbft/pbft.h"

/// The execution merge: runs the committed slots of all pillars strictly in sequence order, each
/// request exactly once, whatever the order in which pillars commit. Pure: it knows no ring and no
/// thread.
///
/// Source: PROTOCOL, sections 4 to 6.
typedef struct col_merge col_merge;

/// What comes out of execution. Everything is borrowed for the call.
typedef struct {
    void *context;
    /// Seal a message and send it to a client.
    /// @param session whose result it is: a MAC will do. NULL: sign it
    void (*reply)(void *context, const col_header *header, col_bytes body,
                  const col_session *session, col_endpoint to);
    /// Tell the pillar of a session what happened to it. Never dropped.
    void (*outcome)(void *context, uint32_t pillar, const col_outcome *outcome);
    /// Checkpoint c is reached with this digest: its pillar votes for it.
    void (*checkpoint)(void *context, uint64_t checkpoint, const col_digest *digest);
} col_merge_sink;

typedef struct {
    uint32_t pillars;
    uint32_t checkpoint_interval;  ///< C, rounds
    uint32_t operation_bytes_max;
    col_sessions_options sessions;
    const col_app *app;
    void *app_state;  ///< from app->create
    const col_hasher *hasher;
    col_merge_sink sink;
    col_merge_counters *counters;
} col_merge_options;

size_t col_merge_footprint(const col_merge_options *options);
col_merge *col_merge_create(col_arena *arena, const col_merge_options *options);

/// The pillar whose committed slot comes next.
uint32_t col_merge_next_pillar(const col_merge *merge);

/// Execute the next slot, which is the first of `committed`: the next of that pillar. Null slots
/// that earlier runs cover are passed along with it.
void col_merge_execute(col_merge *merge, const col_committed *committed);

/// Everything up to this sequence number is executed.
uint64_t col_merge_sequence(const col_merge *merge);

/// A request came again: send its stored result, or that its session is gone. Nothing changes.
void col_merge_answer(col_merge *merge, const col_request *request);
void col_merge_answer_open(col_merge *merge, const col_session_open *open);
