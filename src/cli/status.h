// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "src/cli/supervisor.h"
#include "src/replica/reading.h"

/// All that can be seen from this machine of the replicas that were started from one directory, by
/// `cluster up` or by hand.

typedef struct {
    const char *directory;       ///< absolute
    col_supervisor_state state;  ///< supervisor 0: started by hand; replicas without a state are
                                 ///< not on this machine
    const col_page *page[COL_REPLICAS_MAX];  ///< NULL: does not run, or is not on this machine
} col_watch;

/// Open the pages of a cluster's replicas; those that do not run have none.
void col_watch_open(col_watch *watch, const char *directory, const col_supervisor_state *state);
void col_watch_close(col_watch *watch);

/// Find out which replicas run from a directory, whoever started them.
/// @return false when none does
bool col_watch_find(const char *directory, col_supervisor_state *state);

/// What the pages and the kernel say at one moment.
typedef struct {
    uint64_t now_ns;
    bool seen[COL_REPLICAS_MAX];  ///< it ran, and the rest is valid
    col_reading reading[COL_REPLICAS_MAX];
    col_process_reading process[COL_REPLICAS_MAX];
} col_moment;

void col_watch_read(const col_watch *watch, col_moment *moment);

typedef struct {
    bool pillars;  ///< a row per replica and pillar
    bool details;  ///< drops by reason, telemetry sockets, which thread and core runs what
    bool colour;   ///< red: what a healthy cluster does not show
} col_status_options;

/// Print a table of the replicas, and what `options` ask for.
/// @param before an earlier moment: rates, CPU load and rising drops are counted since then
void col_status_print(const col_watch *watch, const col_moment *before, const col_moment *now,
                      const col_status_options *options, FILE *stream);

/// Print all figures as JSON: names and units as in src/replica/figures.h, for each replica beside
/// `id`, `process` (0: does not run), `state`, `cpu_user_ns`, `cpu_system_ns`, `rss_bytes` and
/// `telemetry` (the socket that answers the same to programs). `drops`, `pillars` and `loops` stand
/// inside.
void col_status_print_json(const col_watch *watch, FILE *stream);
