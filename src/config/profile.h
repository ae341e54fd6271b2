// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/limits.h"
#include "src/base/loop.h"
#include "src/base/result.h"
#include "src/config/cluster.h"

/// Stages as a profile names them.
typedef enum {
    COL_PLACE_RECEIVER = 1 << 0,
    COL_PLACE_PILLARS = 1 << 1,
    COL_PLACE_SIGNER = 1 << 2,
    COL_PLACE_MERGE = 1 << 3,
    COL_PLACE_TRANSMIT = 1 << 4,
} col_place;

#define COL_COUNT_PER_PILLAR UINT32_MAX

/// One entry of `threads`: `count` loops that each run these stages. The pillars are spread over
/// the loops of the entry that names `pillars`; each loop of the entry that names `signer` has a
/// signer of its own.
typedef struct {
    uint32_t stages;  ///< set of col_place
    uint32_t count;   ///< 1 .. COL_PILLARS_MAX, or COL_COUNT_PER_PILLAR
    uint32_t cores;   ///< entries of `core`; 0 = any core
    uint32_t core[COL_PILLARS_MAX];
} col_profile_thread;

/// A tuning profile (YAML, per machine): what runs where.
///
///     description: one line
///     idle: block | busy
///     port: {mtu: 9000, buffers: 512, hugepages: false, memory_mb: 32, check_udp_checksum: false}
///     signing_device: PCI address, or virtual device of DPDK
///     threads:
///       - {stages: [receiver]}
///       - {stages: [pillars], count: per-pillar, cores: [1, 2, 3, 4]}
typedef struct {
    char path[COL_PATH_MAX];
    char description[256];
    col_idle idle;
    uint32_t mtu;
    uint32_t buffers;
    bool hugepages;
    uint32_t memory_mb;
    bool check_udp_checksum;
    char signing_device[64];  ///< "" for none
    uint32_t threads;
    col_profile_thread thread[COL_LOOPS_MAX];
} col_profile;

/// Read and check a profile. Receiver, merge and transmit stand exactly once, in threads of count
/// 1; pillars exactly once; signer at least once.
/// @param cores of this machine; a core number at or above it is an error
COL_MUST_USE col_result col_profile_read(const char *path, uint32_t cores, col_profile **profile);
void col_profile_destroy(col_profile *profile);
