// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include "crypto/hashing.h"
#include "dpdk/cryptodev.h"
#include "dpdk/network.h"
#include "pillars/merge_stage.h"
#include "pillars/pillar_stage.h"
#include "src/base/loop.h"
#include "src/replica/keyring.h"
#include "src/replica/page.h"
#include "src/replica/placement.h"
#include "src/replica/tuner.h"

/// Everything of one running replica, with its owner: this struct.
typedef struct {
    const col_cluster *cluster;  ///< of the published configuration
    const col_profile *profile;
    uint32_t id;
    uint64_t incarnation;
    const col_app *app;
    void *app_state;
    const col_key *key;       ///< private
    const col_key *exchange;  ///< for MACs; NULL: sessions are signed
    const col_keyring *keyring;
    const col_backend *backend;  ///< verifies
    const col_backend *signing;
    col_net *net;
    col_page *page;
    col_placement placement;
    col_arena arena;
    col_words *words;
    col_root_cache *roots;
    col_loop loop[COL_LOOPS_MAX];
    col_ring *ingress[COL_PILLARS_MAX];
    col_pillar_stage *pillar[COL_PILLARS_MAX];
    char pillar_name[COL_PILLARS_MAX][24];
    col_merge_stage *merge;
    col_hasher *signer_hasher[COL_PILLARS_MAX];
    col_macs *signer_macs[COL_PILLARS_MAX];
    col_sealer *sealer[COL_PILLARS_MAX];
    col_signer signer[COL_PILLARS_MAX];
    char signer_name[COL_PILLARS_MAX][24];
    struct col_vote_return {
        uint32_t pillars;
        col_ring *ring[COL_PILLARS_MAX];
    } vote_return[COL_PILLARS_MAX];  ///< of each signer: own sealed votes to their pillars
    col_tuner tuner[COL_LOOPS_MAX];
    char loop_name[COL_LOOPS_MAX][32];
} col_replica;

/// Build the stages and rings and put them on loops. The fields down to `placement` are set by the
/// caller.
COL_MUST_USE col_result col_replica_build(col_replica *replica);

/// Undo col_replica_build, after its loops have ended.
void col_replica_unbuild(col_replica *replica);
