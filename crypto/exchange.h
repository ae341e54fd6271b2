// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "crypto/mac.h"

/// Keys that a session and a replica agree on without a message: X25519 (RFC 7748) between the
/// replica's key of the cluster file and the one that the session's SESSION-OPEN names, then HKDF
/// (RFC 5869).
///
/// Source: PROTOCOL, section 3 (HMAC clients).

/// What the keys of one session and one replica are bound to.
typedef struct {
    const col_digest *cluster;
    uint32_t client;
    uint8_t pillar;
    uint64_t nonce;                 ///< of its SESSION-OPEN
    const col_exchange_key *share;  ///< the session's public key
    uint32_t replica;
} col_link;

/// One key per direction.
typedef struct {
    col_mac_key request;  ///< client to replica
    col_mac_key reply;    ///< replica to client
} col_link_keys;

/// @param own private key of COL_SCHEME_HMAC: the replica's, or the session's
/// @param peer public key of the other side
/// @return false when `peer` is one of X25519's few keys that give every secret alike
/// Cost: one X25519 operation, some 30 to 50 us.
bool col_link_keys_derive(const col_key *own, const col_exchange_key *peer, const col_link *link,
                          col_link_keys *keys);

/// A new pair for one session. @param share out: its public key
col_key *col_exchange_generate(col_exchange_key *share);

/// The public key of a COL_SCHEME_HMAC key.
void col_exchange_share(const col_key *key, col_exchange_key *share);
