// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "crypto/session_keys.h"
#include "src/client/core.h"

/// A client's side of sessions with MACs: their key pairs, and the keys that each shares with every
/// replica.
typedef struct {
    uint32_t client;
    uint32_t replicas;
    col_digest cluster;
    col_exchange_key replica[COL_REPLICAS_MAX];  ///< of the cluster file
    col_macs *macs;                              ///< NULL: sessions are signed
    struct {
        col_key *pair;  ///< of the SESSION-OPEN that was sent last
        col_exchange_key share;
    } pillar[COL_PILLARS_MAX];
    col_session_keys keys;  ///< of each session: to replicas 0 .. n-1, then from them
} col_client_link_keys;

size_t col_client_links_footprint(uint32_t sessions, uint32_t replicas);

/// @param links `client`, `replicas`, `cluster` and `replica` are set
void col_client_links_open(col_client_link_keys *links, col_arena *arena, uint32_t sessions);
void col_client_links_close(col_client_link_keys *links);

/// What the core calls.
col_client_links col_client_links_of(col_client_link_keys *links);

/// What the opener calls.
col_opener_links col_client_links_to_open(col_client_link_keys *links);

/// How a message of this session is sealed. @return false when it has no keys: sign it
bool col_client_links_seal(const col_client_link_keys *links, uint64_t session,
                           col_link_seal *seal);
