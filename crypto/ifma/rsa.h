// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include "src/base/bytes.h"
#include "src/base/limits.h"

/// RSA, up to eight operations at once and single ones as fast as they can be, on CPUs with AVX-512
/// IFMA: PKCS#1 v1.5 with SHA-256, moduli of 2048, 3072 and 4096 bits, e = 65537. Public operations
/// may have a key each.
///
/// Signing is constant-time in the key, blinds the base, and checks each signature with the public
/// key before it is released.
/// Source: RFC 8017, sections 5.2 and 8.2; blinding: Kocher 1996; checking: Boneh, DeMillo, Lipton
/// 1997.

#define COL_RSA_LANES 8

/// A key's numbers as this code wants them. Immutable, shared by threads.
typedef struct col_rsa_key col_rsa_key;

/// Whether this CPU, and its operating system, have what the code needs.
bool col_rsa_available(void);

/// @param pkey an RSA key of a supported size with e = 65537
/// @param serial unique in the process and not 0, so that no context takes one key for another
/// @return NULL for a private key of another shape than two primes of half the modulus' bits
col_rsa_key *col_rsa_key_create(const EVP_PKEY *pkey, bool has_private, uint64_t serial);
void col_rsa_key_destroy(col_rsa_key *key);  ///< wipes it

/// What one thread keeps between calls: blinding, lanes of the last keys.
typedef struct col_rsa_context col_rsa_context;
col_rsa_context *col_rsa_context_create(void);
void col_rsa_context_destroy(col_rsa_context *context);  ///< wipes it

/// Sign up to eight digests with one key.
///
/// @param key private
/// @param signature [count], each written unless the check failed
/// @return bit i: signature i passed the check with the public key. A cleared bit is a fault of the
///         machine, and nothing of that signature was written.
uint8_t col_rsa_sign(col_rsa_context *context, const col_rsa_key *key, const col_digest *digest,
                     uint32_t count, uint8_t *const *signature);

/// Verify up to eight signatures, of keys with moduli of one size.
///
/// @param signature [count], each as long as the modulus
/// @return bit i: signature i is valid
uint8_t col_rsa_verify_variable_time(col_rsa_context *context, const col_rsa_key *const *key,
                                     const col_digest *digest, const uint8_t *const *signature,
                                     uint32_t count);
