// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/drop.h"
#include "src/base/limits.h"

/// Every message of the protocol. The numbers are the wire's. Bodies: src/wire/bodies.h.
typedef enum {
    COL_SESSION_OPEN = 1,
    COL_SESSION_OPENED,
    COL_REQUEST,
    COL_REPLY,
    COL_BUSY,
    COL_FORWARD,
    COL_BATCH,
    COL_PRE_PREPARE,
    COL_PREPARE,
    COL_COMMIT,
    COL_CHECKPOINT,
    COL_VIEW_CHANGE,
    COL_NEW_VIEW,
    COL_STATUS,
    COL_FETCH,
    COL_FETCHED,
    COL_STATE_FETCH,
    COL_STATE_CHUNK,
    COL_RECOVER,
    COL_RECOVERED,
    COL_TYPE_COUNT
} col_type;

typedef enum { COL_ROLE_REPLICA = 0, COL_ROLE_CLIENT = 1 } col_role;

/// What a seal covers besides the bytes: nothing signed for one slot, type, view, pillar or cluster
/// can be used in another. Fields a type does not use are 0 (PROTOCOL, section 2).
typedef struct {
    uint8_t role;        ///< col_role of the sender
    uint8_t type;        ///< col_type
    uint8_t pillar;      ///< 0 .. P-1
    uint8_t run;         ///< r: slots of a null run, 0 for a batch
    uint32_t sender;     ///< replica or client id; the signer
    uint64_t view;       ///< view; incarnation for types outside ordering
    uint64_t sequence;   ///< s of the slot, checkpoint number, request number, nonce or counter
    uint16_t fragment;   ///< 0 .. fragments-1
    uint16_t fragments;  ///< 1 .. COL_FRAGMENTS_MAX
    col_digest digest;   ///< of the whole message's body, see col_type_digest_is_given
} col_header;

/// A message, or one fragment of it: borrowed, not verified.
typedef struct {
    col_header header;
    col_bytes bytes;
} col_message;

/// Bytes of an encoded col_seal at most: five fields, signature, path.
#define COL_SEAL_BYTES(signature_bytes) (12 + (signature_bytes) + 32 * COL_TREE_DEPTH_MAX)
#define COL_SEAL_BYTES_MAX COL_SEAL_BYTES(COL_SIGNATURE_BYTES_MAX)

/// Proof that a header and its bytes were sealed by its sender, checkable by third parties alone:
/// u32 key version, u16 leaves of the tree, u16 index, u16 signature bytes, u8 scheme, u8 depth,
/// signature, then one sibling per level that has one, leaf upwards. Borrowed, encoded.
typedef col_bytes col_seal;

/// A message whose seal was verified. Only crypto/opener.c, src/wire/reassembly.c (from verified
/// fragments) and tests construct it.
typedef struct {
    col_message message;
    col_digest fragment_digest;  ///< of fragment 0's bytes, where header.fragments > 1
    col_seal seal;
} col_verified;

/// The body digest travels in the entry because it is not the hash of the bytes beside it: votes
/// and checkpoints name a digest and have no bytes.
static inline bool col_type_digest_is_given(uint8_t type) {
    return type == COL_PRE_PREPARE || type == COL_PREPARE || type == COL_COMMIT ||
           type == COL_CHECKPOINT;
}

/// Which role may send a type.
static inline uint8_t col_type_role(uint8_t type) {
    return type == COL_SESSION_OPEN || type == COL_REQUEST ? COL_ROLE_CLIENT : COL_ROLE_REPLICA;
}

/// The type as users see it, for example "PRE-PREPARE"; "?" for a number without a type.
const char *col_type_name(uint8_t type);

/// Bytes of an encoded leaf, the input of its hash, without and with the fragment's digest.
#define COL_LEAF_BYTES 93
#define COL_LEAF_BYTES_FRAGMENT (COL_LEAF_BYTES + 32)

/// Encode what a leaf's hash covers: 0x00, cluster id, the header's fields and, for one fragment of
/// several, the digest of the fragment's bytes. A whole message's bytes are covered by its body
/// digest.
///
/// @param fragment_digest NULL exactly when header->fragments is 1
/// @param leaf out, COL_LEAF_BYTES_FRAGMENT bytes of room
/// @return the bytes used
size_t col_leaf_encode(const col_digest *cluster, const col_header *header,
                       const col_digest *fragment_digest, uint8_t *leaf);
