// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/ifma/montgomery.h"
#include "crypto/ifma/rsa.h"

/// A modulus and what Montgomery multiplication needs of it; R = 2^(52 limbs).
typedef struct {
    uint64_t m[COL_LIMBS_MAX];
    uint64_t square[COL_LIMBS_MAX];  ///< R^2 modulo m
    uint64_t k0;                     ///< -1/m modulo 2^52
} col_rsa_modulus;

/// One of the two primes.
typedef struct {
    col_rsa_modulus modulus;
    uint64_t one[COL_PRIME_LIMBS_MAX];   ///< R modulo the prime
    uint64_t cube[COL_PRIME_LIMBS_MAX];  ///< R^3 modulo the prime
    uint64_t exponent[2048 / 64];        ///< d modulo the prime - 1
} col_rsa_prime;

struct col_rsa_key {
    uint64_t serial;
    uint32_t bits;
    uint32_t limbs;  ///< of the modulus; a prime has half
    bool has_private;
    col_rsa_modulus modulus;
    col_rsa_prime prime[2];                 ///< p, q
    uint64_t inverse[COL_PRIME_LIMBS_MAX];  ///< R/q modulo p
};

/// Lanes of eight keys of one size, kept while the same keys come again.
typedef struct {
    uint64_t serial[COL_LANES];
    uint32_t bits;
    col_lanes m[COL_LIMBS_MAX];
    col_lanes square[COL_LIMBS_MAX];
    col_lanes padding[COL_LIMBS_MAX];  ///< EMSA-PKCS1-v1_5 of a digest of zeros
    col_modulus modulus;
} col_rsa_public_lanes;

/// One key's private numbers: lanes 0 .. 3 compute modulo p, lanes 4 .. 7 modulo q.
typedef struct {
    col_lanes m[COL_PRIME_LIMBS_MAX];
    col_lanes square[COL_PRIME_LIMBS_MAX];
    col_lanes cube[COL_PRIME_LIMBS_MAX];
    col_lanes one[COL_PRIME_LIMBS_MAX];
    col_lanes exponent[2048 / 64];
    col_modulus modulus;
    col_lanes p[COL_PRIME_LIMBS_MAX];  ///< in all lanes, as all below
    col_lanes q[COL_PRIME_LIMBS_MAX];
    col_lanes inverse[COL_PRIME_LIMBS_MAX];  ///< R/q modulo p
    col_modulus modulus_p;
    col_rsa_public_lanes open;
    col_lanes raise[COL_LIMBS_MAX];  ///< r^65537 R modulo n, a secret r per lane
    col_lanes lower[COL_LIMBS_MAX];  ///< R/r modulo n
    uint32_t uses;                   ///< of r and its squares
    uint64_t serial;                 ///< of the key, 0: none
} col_rsa_private_lanes;

struct col_rsa_context {
    col_rsa_public_lanes open;
    col_rsa_private_lanes secret;
};

/// Have `lanes` hold these keys. @param key [COL_LANES]
void col_rsa_public_lanes_set(col_rsa_public_lanes *lanes, const col_rsa_key *const *key);

/// r = s^65537 modulo n, tight and below n.
void col_rsa_public_operation(col_lanes *r, const col_lanes *s, const col_rsa_public_lanes *lanes);

/// EMSA-PKCS1-v1_5 of eight SHA-256 digests, as numbers. @param m out, tight
void col_rsa_encode(col_lanes *m, const uint8_t *const *digest, const col_rsa_public_lanes *lanes);

/// New blinding: a random r per lane, from the operating system through OpenSSL.
void col_rsa_blinding_renew(col_rsa_private_lanes *lanes, const col_rsa_key *key);
