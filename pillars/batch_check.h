// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/opener.h"
#include "src/pbft/pbft.h"

/// Verifies batch bodies: every request with its client's seal, bundles in bursts, and the batch
/// digest over the request digests.
typedef struct {
    col_opener *opener;    ///< not the one that opens datagrams: batches arrive inside those
    const col_pbft *pbft;  ///< whose batches they are; it knows which sessions are gone
    const col_hasher *hasher;
    uint32_t pillar;
    uint32_t pillars;
    uint32_t requests_max;
    uint32_t operation_bytes_max;
} col_batch_checker;

/// @param check out
/// Cost: hashes of all requests; one public operation per tree that no other request showed before.
void col_batch_check_body(const col_batch_checker *checker, col_bytes body, col_batch_check *check);
