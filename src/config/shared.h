// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/config/cluster.h"
#include "src/config/profile.h"

/// The configuration that all threads share: one immutable snapshot, published by RCU (liburcu,
/// QSBR). The only place that knows liburcu.

typedef struct {
    const col_cluster *cluster;
    const col_profile *profile;
    uint64_t version;  ///< 1, 2, ... counts publications
} col_config;

/// Replace the snapshot; the old one, with its cluster and profile, is freed after every reader's
/// next quiescent point. `cluster` and `profile` become owned. Blocks for a grace period: never
/// call it from a loop. Pass NULLs to withdraw and free at the end.
void col_config_publish(col_cluster *cluster, col_profile *profile);

/// The present snapshot. Valid until the calling thread's next quiescent point.
/// Thread: registered readers. Cost: one load-acquire.
const col_config *col_config_read(void);

/// A reader's life: register, then announce once per turn; go offline around sleep.
void col_config_register_reader(void);
void col_config_unregister_reader(void);
/// For col_loop.quiescent: `online` false before sleep, true after it and once per turn.
void col_config_quiescent(void *unused, bool online);
