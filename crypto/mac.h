// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// Message authentication codes: HMAC-SHA-256 cut to 128 bits (RFC 2104, RFC 4868).
#define COL_MAC_BYTES 16

/// Bytes of the shared secret that a key is made of.
#define COL_MAC_SECRET_BYTES 32

/// A key as this file uses it: the secret, and SHA-256's state after the key's block, inside and
/// outside. Tables wipe what they forget; copies on the way to a sealer are overwritten by what
/// comes next.
typedef struct {
    uint8_t secret[COL_MAC_SECRET_BYTES];
    uint8_t inner[32];
    uint8_t outer[32];
} col_mac_key;

void col_mac_key_init(col_mac_key *key, const uint8_t secret[COL_MAC_SECRET_BYTES]);
void col_mac_key_wipe(col_mac_key *key);

/// One MAC to compute. Borrowed for the call.
typedef struct {
    const col_mac_key *key;
    col_bytes message;  ///< not empty: ipsec-mb makes no MAC of nothing
    uint8_t *mac;       ///< out, COL_MAC_BYTES
} col_mac_job;

/// Computes MACs in bulk: intel-ipsec-mb in as many lanes as the CPU has, OpenSSL where ipsec-mb
/// does not run.
///
/// Thread: belongs to one.
typedef struct col_macs col_macs;

col_macs *col_macs_create(void);
void col_macs_destroy(col_macs *macs);

/// Cost: with ipsec-mb no allocation, and about as much for sixteen messages as for one.
void col_macs_compute(col_macs *macs, const col_mac_job *job, uint32_t count);

/// The same with OpenSSL alone: the oracle of tests.
void col_macs_compute_portable(const col_mac_job *job, uint32_t count);

/// Compare in constant time.
bool col_mac_equal(const uint8_t a[COL_MAC_BYTES], const uint8_t b[COL_MAC_BYTES]);
