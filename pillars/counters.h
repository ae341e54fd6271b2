// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/counter.h"
#include "src/base/drop.h"

/// What one pillar did. Written by its thread.
typedef struct {
    col_counter view;
    col_counter primary;    ///< replica id
    col_counter proposed;   ///< batches proposed here
    col_counter null_runs;  ///< null runs proposed here
    col_counter committed;  ///< slots committed, null slots included
    col_counter batches;    ///< of them, batches
    col_counter highest;    ///< highest round with an accepted proposal
    col_counter executed;   ///< round up to which the merge has executed
    col_counter stable;     ///< newest stable checkpoint known
    col_counter pending;    ///< requests that wait here
    col_counter status_sent;
    col_counter resent;  ///< messages sent again for a peer's STATUS
    col_counter fetch_sent;
    col_counter fetched_served;
    col_counter diverged;  ///< checkpoints whose stable digest differs from ours: must stay 0
    col_counter drops[COL_DROP_COUNT];
} col_pillar_counters;

/// What the execution merge did.
typedef struct {
    col_counter sequence;    ///< executed up to this global sequence number
    col_counter requests;    ///< executed
    col_counter duplicates;  ///< requests in batches that were executed before
    col_counter batches;
    col_counter replies;          ///< handed to the signing pool
    col_counter checkpoints;      ///< newest own checkpoint
    col_counter sessions;         ///< open now
    col_counter requests_of[16];  ///< executed, by pillar
    col_counter drops[COL_DROP_COUNT];
} col_merge_counters;
