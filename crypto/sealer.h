// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "crypto/mac.h"
#include "src/base/arena.h"
#include "src/base/counter.h"
#include "src/base/egress.h"
#include "src/base/hasher.h"
#include "src/wire/bundle.h"

/// Seals messages: gathers what waits, builds a Merkle tree over the leaves (each message, or each
/// fragment of a large one, is a leaf), signs the root once and packs the datagrams. What does not
/// fit one tree goes to further ones, as many as the back end signs together: one signature costs
/// the same for any number of leaves, so a tree is filled before the next one is begun.
///
/// Messages of sessions that share keys with their receivers get MACs instead of a signature: one
/// tree for each datagram, and no siblings.
///
/// Pure of threads: crypto/signing_pool.h drives it as a stage, the client library by hand.
typedef struct col_sealer col_sealer;

/// How to seal a message for those who share keys with its session.
typedef struct {
    uint32_t key_version;    ///< low half of the session's id
    uint32_t count;          ///< of the MACs: one for each replica, or the client's alone
    const col_mac_key *key;  ///< [count], copied
} col_link_seal;

/// Receivers of a message.
typedef struct {
    uint32_t replicas;          ///< bit i: to replica i, at its base port + the message's pillar
    col_endpoint client;        ///< when `replicas` is 0
    const col_link_seal *link;  ///< NULL: sign it. Borrowed for the call
} col_destination;

typedef struct {
    col_counter messages;    ///< signed
    col_counter signatures;  ///< trees
    col_counter sign_calls;  ///< calls of the back end
    col_counter macs;
    col_counter datagrams;
    col_counter bytes;
} col_sealer_counters;

/// A message of ours was sealed: its seal, for certificates that contain our own votes. Called
/// from col_sealer_flush for types PREPARE, COMMIT and CHECKPOINT. Borrowed for the call.
typedef void col_sealed_fn(void *context, const col_header *header, col_seal seal);

typedef struct {
    const col_backend *backend;
    const col_hasher *hasher;
    const col_key *key;  ///< private
    col_macs *macs;      ///< or NULL: no message has a `link`
    col_digest cluster;
    uint8_t role;
    uint32_t signer;
    uint32_t tree_leaves;  ///< begin the next tree after so many; 0: COL_TREE_LEAVES_MAX
    uint32_t replicas;
    col_endpoint replica[COL_REPLICAS_MAX];  ///< base endpoints; a message goes to port + pillar
    col_egress *egress;
    col_sealed_fn *sealed;  ///< or NULL
    void *sealed_context;
    col_sealer_counters *counters;
} col_sealer_options;

/// @param options copied; what it points to is borrowed for the sealer's life
col_sealer *col_sealer_create(col_arena *arena, const col_sealer_options *options);
void col_sealer_destroy(col_sealer *sealer);
size_t col_sealer_footprint(const col_backend *backend);

/// Add a message to the tree that is open.
///
/// @param header sender, role, fragment and fragments are set by the sealer; digest is taken as
///               given for types that carry it and computed from `body` otherwise
/// @param body copied; COL_MESSAGE_BYTES_MAX at most, empty for types that carry their digest
/// @param to a replica's sealer skips its own bit; with nobody left, or a client's port 0, the
///           message is sealed and not sent
/// @return false when the last tree, or what waits for MACs, has no room for all its fragments or
///         for the body: flush first, then it fits
bool col_sealer_add(col_sealer *sealer, const col_header *header, col_bytes body,
                    col_destination to);

/// Seal what waits and send it, what needs no signature first: messages to the same receiver and
/// port share datagrams as far as they fit. No-op when nothing waits.
///
/// Leaves are ordered by receiver, then as they were added, so that a receiver's leaves are
/// neighbours and need few siblings.
void col_sealer_flush(col_sealer *sealer);
