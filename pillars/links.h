// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/signing_pool.h"
#include "src/base/datagram.h"
#include "src/pbft/pbft.h"

/// Records of the rings between the stages of one replica.

/// Merge to pillar.
typedef struct {
    enum { COL_NOTE_OUTCOME, COL_NOTE_CHECKPOINT } kind;
    col_outcome outcome;
    bool has_key;             ///< an opened session has MACs
    col_mac_key request_key;  ///< of the requests to this replica
    uint64_t checkpoint;
    col_digest digest;
} col_merge_note;

/// Pillar to merge, beside the committed slots: a request to answer from the session table.
typedef struct {
    enum { COL_ASK_REQUEST, COL_ASK_OPEN } kind;
    col_request request;  ///< without its operation
    col_session_open open;
} col_pillar_question;

/// Signer to pillar: an own vote came back with its seal.
typedef struct {
    col_header header;
    uint32_t seal_length;
    uint8_t seal[];
} col_sealed_vote;

/// The signing rings of one producer, one per signer; bursts take turns.
typedef struct {
    col_ring *ring[COL_PILLARS_MAX];
    uint32_t rings;
    uint32_t turn;
} col_signing_rings;

static inline col_ring *col_signing_ring_of_burst(const col_signing_rings *rings) {
    return rings->ring[rings->turn % rings->rings];
}

/// Put a message into this burst's ring. @return false when it is full
static inline bool col_signing_rings_put(col_signing_rings *rings, const col_header *header,
                                         col_bytes body, col_destination to) {
    return col_seal_job_put(col_signing_ring_of_burst(rings), header, body, to);
}
