// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "src/config/cluster.h"

/// Read every public key that the cluster file names.
/// @param keyring out; freed by col_keyring_unload
COL_MUST_USE col_result col_keyring_load(const col_cluster *cluster, col_keyring *keyring);
void col_keyring_unload(col_keyring *keyring);

/// Largest signature of the keyring's replicas, bytes.
uint32_t col_keyring_signature_bytes_max(const col_keyring *keyring);
