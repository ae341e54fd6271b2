// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/config/cluster.h"

/// The process behind `colonnade cluster up`: it holds the private network, starts the replicas,
/// notices when one ends, and stops them. It alone signals replicas, so no stale process id is ever
/// used.
///
/// Files in DIR/run: `lock` (held by the supervisor as long as it lives: who holds it is the
/// supervisor), `state` (what it knows of its replicas), replica-<id>.log, replica-<id>.page.

typedef struct {
    const char *directory;  ///< absolute
    const col_cluster *cluster;
    const char *profile;  ///< path, absolute
    uint32_t mtu;
} col_supervisor_options;

/// Start the supervisor in the background and wait until all replicas are ready.
/// @param status out: exit status of the command, 0 when all are ready, 2 for bad input, else 1
/// @return error: already up, no namespaces, a replica that did not get ready (with its last line)
COL_MUST_USE col_result col_supervisor_start(const col_supervisor_options *options, int *status);

/// What the supervisor knows of one replica.
typedef struct {
    pid_t pid;       ///< 0 when it does not run
    char state[64];  ///< "running", "down: killed by signal 9", "stopped"
} col_supervised;

typedef struct {
    pid_t supervisor;
    char profile[COL_PATH_MAX];
    uint32_t replicas;
    col_supervised replica[COL_REPLICAS_MAX];
} col_supervisor_state;

/// The supervisor of a cluster directory. @return its pid, 0 when none runs
pid_t col_supervisor_find(const char *directory);

/// Read what the running supervisor published. @return false when none runs
bool col_supervisor_read(const char *directory, col_supervisor_state *state);

/// Stop replicas and supervisor; waits until they are gone. @return error: another user's, does not
/// end
COL_MUST_USE col_result col_supervisor_stop(const char *directory);

/// Kill one replica (SIGKILL) and wait until the supervisor has noticed.
/// @return error: not running
COL_MUST_USE col_result col_supervisor_kill(const char *directory, uint32_t id);
