// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What seals are made with. The numbers are the wire's.
typedef enum {
    COL_SCHEME_NONE = 0,        ///< the simulator's; never accepted by an opener
    COL_SCHEME_RSA = 1,         ///< RSA-2048/3072/4096, PKCS#1 v1.5, SHA-256
    COL_SCHEME_ED25519 = 2,     ///< RFC 8032, not prehashed
    COL_SCHEME_ECDSA_P256 = 3,  ///< FIPS 186-5, SHA-256: r, then s, 32 bytes each, big-endian
    COL_SCHEME_HMAC = 4,  ///< HMAC-SHA-256 of links between sessions and replicas, one MAC for each
                          ///< receiver; its keys are X25519 keys
} col_scheme;

/// What users call the schemes that sign, from COL_SCHEME_RSA on, NULL at the end.
extern const char *const col_scheme_names[];

/// "rsa", "ed25519", "ecdsa-p256" or "hmac". `scheme` is not COL_SCHEME_NONE.
const char *col_scheme_name(col_scheme scheme);

/// @return COL_SCHEME_NONE when no scheme has this name
col_scheme col_scheme_find(const char *name);
