// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/bn.h>

#include "crypto/ifma/montgomery.h"
#include "crypto/ifma/rsa.h"
#include "crypto/ifma/wide.h"

#define COL_RSA_SIZES 3  // 2048, 3072, 4096 bits
#define COL_RSA_EXPONENT_WORDS (2048 / 64)

/// R = 2^(52 limbs), of the modulus n or of the primes, whichever the number belongs to.
struct col_rsa_key {
    uint64_t serial;
    uint32_t bits;
    bool has_private;
    col_wide_modulus n;
    col_wide square;  ///< R^2 modulo n

    // Of p and q. All below is there if has_private.
    col_wide_modulus prime[2];
    col_wide prime_one[2];                         ///< R
    col_wide prime_square[2];                      ///< R^2
    col_wide prime_cube[2];                        ///< R^3
    uint64_t exponent[2][COL_RSA_EXPONENT_WORDS];  ///< d modulo the prime - 1
    col_wide inverse;                              ///< R/q modulo p
    col_wide q_form;                               ///< q R modulo n
};

/// Lanes of eight keys of one size, kept while the same keys come again.
typedef struct {
    uint64_t serial[COL_LANES];
    uint32_t bits;
    col_lanes m[COL_LIMBS_MAX];
    col_lanes square[COL_LIMBS_MAX];
    col_modulus modulus;
} col_rsa_public_lanes;

/// One key's private numbers: lanes 0 .. 3 compute modulo p, lanes 4 .. 7 modulo q.
typedef struct {
    uint64_t serial;  ///< of the key, 0: none
    col_lanes m[COL_PRIME_LIMBS_MAX];
    col_lanes square[COL_PRIME_LIMBS_MAX];
    col_lanes cube[COL_PRIME_LIMBS_MAX];
    col_lanes one[COL_PRIME_LIMBS_MAX];
    col_lanes exponent[COL_RSA_EXPONENT_WORDS];
    col_modulus modulus;
    col_lanes p[COL_PRIME_LIMBS_MAX];  ///< in all lanes, as all below
    col_lanes q[COL_PRIME_LIMBS_MAX];
    col_lanes inverse[COL_PRIME_LIMBS_MAX];  ///< R/q modulo p
    col_modulus modulus_p;
    col_rsa_public_lanes open;
} col_rsa_private_lanes;

/// Factors that hide what is raised to the private exponent: eight pairs, for eight signatures.
typedef struct {
    col_lanes raise[COL_LIMBS_MAX];  ///< r^65537 R modulo n, a secret r per lane
    col_lanes lower[COL_LIMBS_MAX];  ///< R/r modulo n
    uint32_t uses;                   ///< of r and its squares
    uint32_t left;                   ///< lanes not used yet, the highest
} col_rsa_blinding;

struct col_rsa_context {
    BN_CTX *scratch;  ///< these three are what inverses are computed with
    BIGNUM *number;
    BIGNUM *inverted_modulo;
    col_lanes padding[COL_RSA_SIZES][COL_LIMBS_MAX];  ///< EMSA-PKCS1-v1_5 of a digest of zeros
    col_rsa_public_lanes open;
    col_rsa_private_lanes secret;
    col_rsa_blinding blinding;
};

/// Have `lanes` hold these keys. @param key [COL_LANES]
void col_rsa_public_lanes_set(col_rsa_public_lanes *lanes, const col_rsa_key *const *key);

/// Have the context hold this key's private lanes, and blinding for it.
void col_rsa_private_lanes_set(col_rsa_context *context, const col_rsa_key *key);

/// r = s^65537 modulo n, tight and below n.
void col_rsa_public_operation(col_lanes *r, const col_lanes *s, const col_rsa_public_lanes *lanes);

/// EMSA-PKCS1-v1_5 of eight SHA-256 digests, as numbers. @param m out, tight
void col_rsa_encode(col_lanes *m, const uint8_t *const *digest, const col_rsa_context *context,
                    uint32_t bits);

/// Eight pairs that were not used before, of the key whose private lanes are set.
void col_rsa_blinding_advance(col_rsa_context *context);

/// Sign one digest, or verify one signature, with the whole vector unit for one number.
/// @return as col_rsa_sign and col_rsa_verify_variable_time
uint8_t col_rsa_sign_one(col_rsa_context *context, const col_rsa_key *key, const col_digest *digest,
                         uint8_t *signature);
uint8_t col_rsa_verify_one_variable_time(const col_rsa_context *context, const col_rsa_key *key,
                                         const col_digest *digest, const uint8_t *signature);
