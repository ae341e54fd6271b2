// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "src/base/result.h"

/// One replica process: builds the stages, places them on threads, runs until told to stop.

typedef struct {
    const char *cluster;  ///< cluster file, or its directory
    const char *profile;  ///< tuning profile
    const char *key;      ///< private key; NULL: keys/replica-<id>.pem beside the cluster file
    const char *device;   ///< PCI address or kernel interface
    uint32_t id;
} col_replica_options;

/// Run a replica in this process until SIGTERM or SIGINT, then stop cleanly.
/// Prints one line when it is ready ("replica 0 ready: ...") and one when it has stopped.
/// @return error: anything in the options or on the machine that prevents the start, with its
/// remedy.
COL_MUST_USE col_result col_replica_run(const col_replica_options *options);
