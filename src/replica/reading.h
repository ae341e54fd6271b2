// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "src/replica/page.h"

/// The figures of a replica's status page and process, added up over its threads.

typedef enum {
    COL_STAGE_RECEIVER,
    COL_STAGE_PILLAR,
    COL_STAGE_SIGNER,
    COL_STAGE_MERGE,
    COL_STAGE_TRANSMIT,
    COL_STAGE_OTHER,
    COL_STAGE_KINDS
} col_stage_kind;

/// "receiver", "pillars", ...
const char *col_stage_kind_name(col_stage_kind kind);

/// The kind of a stage by its name on the page: "pillar 2" is a COL_STAGE_PILLAR.
col_stage_kind col_stage_kind_of(const char *name);

/// Totals since the replica's start. Every member is a uint64_t: readings subtract as arrays.
typedef struct {
    uint64_t received, sent, received_bytes, sent_bytes;  // datagrams
    uint64_t messages_sealed, signatures, sign_calls;     // signing pool
    uint64_t macs_made, macs_checked;
    uint64_t device_signatures, device_refused;  // signing device
    uint64_t bundles, messages_opened, cached;   // verification
    uint64_t verifies, verify_calls;
    uint64_t requests, batches, duplicates, replies;  // execution
    uint64_t null_runs, resent, fetches, diverged;    // ordering
    uint64_t sleeps;
    uint64_t requests_of[COL_PILLARS_MAX];
    uint64_t drops[COL_DROP_COUNT];
    uint64_t busy_ns[COL_STAGE_KINDS];
} col_reading;

void col_reading_take(const col_page *page, col_reading *reading);

/// into += from.
void col_reading_add(col_reading *into, const col_reading *from);

/// from -= before.
void col_reading_subtract(col_reading *from, const col_reading *before);

/// Drops for all reasons but COL_DROP_LATE, with which nothing is lost.
uint64_t col_drops_sum(const uint64_t drops[COL_DROP_COUNT]);
uint64_t col_drops_read(const col_counter drops[COL_DROP_COUNT]);

/// Drops by reason as one line: "repeated 12, stale 3", "none". @param text room for `size` bytes
void col_drops_format(const uint64_t drops[COL_DROP_COUNT], char *text, size_t size);

/// What the kernel says of a process.
typedef struct {
    uint64_t user_ns;    ///< CPU time of all its threads
    uint64_t system_ns;  ///< the kernel's on their behalf
    uint64_t rss_bytes;  ///< now
    bool paused;         ///< stopped by a signal or a debugger
} col_process_reading;

/// @return false when there is no such process
bool col_process_read(pid_t pid, col_process_reading *reading);
