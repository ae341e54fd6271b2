// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include "crypto/keys.h"

/// Bytes of a signature with Ed25519 (R, S) or with ECDSA on P-256 (r, s).
#define COL_ELLIPTIC_BYTES 64

/// What a col_key is inside this folder: keys.c makes it, the back ends use it.
struct col_key {
    EVP_PKEY *pkey;
    struct col_rsa_key *lanes;  ///< for crypto/ifma; NULL for other schemes and on other CPUs
    uint64_t serial;  ///< unique in the process, so that a table of contexts never meets a reused
                      ///< address
    col_scheme scheme;
    uint32_t signature_bytes;
    bool has_private;
    col_digest fingerprint;
};

/// Check a key that was read or made, and wrap it. Owns `pkey`, in any case.
/// @param where what errors name
COL_MUST_USE col_result col_key_adopt(EVP_PKEY *pkey, const char *where, bool has_private,
                                      col_scheme scheme, col_key **key);
