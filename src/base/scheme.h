// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Signature schemes. The numbers are the wire's; 4 is kept for hmac.
typedef enum {
    COL_SCHEME_NONE = 0,        ///< the simulator's; never accepted by an opener
    COL_SCHEME_RSA = 1,         ///< RSA-2048/3072/4096, PKCS#1 v1.5, SHA-256
    COL_SCHEME_ED25519 = 2,     ///< RFC 8032, not prehashed
    COL_SCHEME_ECDSA_P256 = 3,  ///< FIPS 186-5, SHA-256: r, then s, 32 bytes each, big-endian
} col_scheme;

/// What users call the schemes, from COL_SCHEME_RSA on, NULL at the end.
extern const char *const col_scheme_names[];

/// "rsa", "ed25519" or "ecdsa-p256". `scheme` is not COL_SCHEME_NONE.
const char *col_scheme_name(col_scheme scheme);

/// @return COL_SCHEME_NONE when no scheme has this name
col_scheme col_scheme_find(const char *name);
