// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/config/cluster.h"

/// Canonical form of a genesis part: every value in the order of col_genesis, integers
/// little-endian with fixed widths, texts and lists after their length, keys by fingerprint. Paths
/// and tunables are not in it.

/// Bytes of the canonical form.
size_t col_genesis_bytes(const col_genesis *genesis);

/// Write the canonical form. @param bytes out, room for col_genesis_bytes
void col_genesis_encode(const col_genesis *genesis, uint8_t *bytes);

/// The cluster id: SHA-256 of the canonical form.
void col_genesis_id(const col_genesis *genesis, const col_hasher *hasher, col_digest *id);
