// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "src/cli/reading.h"
#include "src/cli/supervisor.h"

/// All that can be seen of a running cluster from this machine.

typedef struct {
    const char *directory;  ///< absolute
    col_supervisor_state state;
    const col_page *page[COL_REPLICAS_MAX];  ///< NULL: none, or of another process
} col_watch;

/// Open the pages of a cluster's replicas; those that do not run have none.
void col_watch_open(col_watch *watch, const char *directory, const col_supervisor_state *state);
void col_watch_close(col_watch *watch);

/// Print state, progress and costs of each replica.
/// @param details also drops by reason, and which thread and core runs what
void col_status_print(const col_watch *watch, bool details);

/// The same as JSON.
void col_status_print_json(const col_watch *watch);
