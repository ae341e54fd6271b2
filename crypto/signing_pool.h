// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/sealer.h"
#include "src/base/ring.h"
#include "src/base/stage.h"

/// One signer of the signing pool: a stage that seals whatever its rings hold in one tree per turn,
/// COL_TREE_LEAVES_MAX messages at most. No timer: one message waiting is signed now, many waiting
/// share a tree.

/// A record of a signing ring: this header, then `length` bytes of body, then `link.count` keys.
typedef struct {
    col_header header;
    col_destination to;  ///< without its `link`
    col_link_seal link;  ///< count 0: sign it
    uint32_t length;
    uint32_t reserved;
    uint8_t body[];
} col_seal_job;

/// Bytes of a record with `keys` keys.
#define COL_SEAL_JOB_BYTES(length, keys) \
    (sizeof(col_seal_job) + (length) + (keys) * sizeof(col_mac_key))

/// Put one message into a signing ring. @return false when it is full (the caller counts
/// COL_DROP_QUEUE_FULL; retransmission recovers). Thread: the ring's producer.
bool col_seal_job_put(col_ring *ring, const col_header *header, col_bytes body, col_destination to);

#define COL_SIGNER_RINGS_MAX 20

typedef struct {
    col_stage stage;
    col_sealer *sealer;
    col_ring *ring[COL_SIGNER_RINGS_MAX];
    uint32_t rings;
    uint32_t next;  ///< ring that the next turn starts with, so that none starves
} col_signer;

void col_signer_init(col_signer *signer, const char *name, col_sealer *sealer);
void col_signer_add(col_signer *signer, col_ring *ring);
