// SPDX-License-Identifier: Apache-2.0
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <stdalign.h>
#include <stdlib.h>

#include "crypto/ifma/rsa_internal.h"
#include "src/base/assert.h"

bool col_rsa_available(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512ifma");
}

static BIGNUM *parameter(const EVP_PKEY *pkey, const char *name) {
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) return NULL;
    BN_set_flags(number, BN_FLG_CONSTTIME);
    return number;
}

/// Cut a number below 2^(52 limbs) into limbs.
static void cut(uint64_t *limb, uint32_t limbs, const BIGNUM *number) {
    uint8_t bytes[COL_LIMBS_MAX * COL_LIMB_BITS / 8 + sizeof(uint64_t)] = {0};
    COL_ASSERT(BN_bn2lebinpad(number, bytes, sizeof bytes - sizeof(uint64_t)) > 0);
    for (uint32_t i = 0; i < limbs; i++) {
        uint64_t word;
        memcpy(&word, bytes + (size_t)i * COL_LIMB_BITS / 8, sizeof word);
        limb[i] = word >> (i % 2 * 4) & COL_LIMB_MASK;
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
}

/// -1/m modulo 2^52 of an odd m, by Newton's iteration: each step doubles the bits.
static uint64_t negative_inverse(uint64_t m) {
    uint64_t inverse = m;  // right in 3 bits
    for (int bits = 3; bits < COL_LIMB_BITS; bits *= 2) inverse *= 2 - m * inverse;
    return -inverse & COL_LIMB_MASK;
}

/// limb = R^power modulo m
static void cut_power(uint64_t *limb, uint32_t limbs, int power, const BIGNUM *m, BN_CTX *scratch) {
    BIGNUM *number = BN_secure_new();
    COL_ASSERT(number && BN_one(number) == 1);
    COL_ASSERT(BN_lshift(number, number, (int)limbs * COL_LIMB_BITS * power) == 1);
    COL_ASSERT(BN_mod(number, number, m, scratch) == 1);
    cut(limb, limbs, number);
    BN_clear_free(number);
}

static void fill_modulus(col_wide_modulus *modulus, uint32_t limbs, const BIGNUM *m) {
    modulus->limbs = limbs;
    cut(modulus->m.limb, limbs, m);
    modulus->k0 = negative_inverse(modulus->m.limb[0]);
}

/// @return false when prime or exponent are not there, or the prime has not half of the modulus'
/// bits
static bool fill_prime(col_rsa_key *key, int which, const EVP_PKEY *pkey, const char *prime_name,
                       const char *exponent_name, BN_CTX *scratch) {
    const uint32_t limbs = key->n.limbs / 2;
    BIGNUM *prime = parameter(pkey, prime_name);
    BIGNUM *exponent = parameter(pkey, exponent_name);
    const bool fits = prime && exponent && (uint32_t)BN_num_bits(prime) == key->bits / 2 &&
                      (uint32_t)BN_num_bits(exponent) <= key->bits / 2;
    if (fits) {
        fill_modulus(&key->prime[which], limbs, prime);
        cut_power(key->prime_one[which].limb, limbs, 1, prime, scratch);
        cut_power(key->prime_square[which].limb, limbs, 2, prime, scratch);
        cut_power(key->prime_cube[which].limb, limbs, 3, prime, scratch);
        COL_ASSERT(BN_bn2lebinpad(exponent, (uint8_t *)key->exponent[which],
                                  sizeof key->exponent[which]) > 0);
    }
    BN_clear_free(prime);
    BN_clear_free(exponent);
    return fits;
}

/// form = number R modulo m, where R = 2^(52 limbs). Takes `number`. @return whether it was there
static bool cut_form(uint64_t *form, uint32_t limbs, BIGNUM *number, BIGNUM *m, BN_CTX *scratch) {
    const bool is_there = number && m;
    if (is_there) {
        COL_ASSERT(BN_lshift(number, number, (int)limbs * COL_LIMB_BITS) == 1);
        COL_ASSERT(BN_mod(number, number, m, scratch) == 1);
        cut(form, limbs, number);
    }
    BN_clear_free(number);
    BN_clear_free(m);
    return is_there;
}

static bool fill(col_rsa_key *key, const EVP_PKEY *pkey, BN_CTX *scratch) {
    const uint32_t limbs = col_limbs_of(key->bits);
    BIGNUM *n = parameter(pkey, OSSL_PKEY_PARAM_RSA_N);
    COL_ASSERT(n);
    fill_modulus(&key->n, limbs, n);
    cut_power(key->square.limb, limbs, 2, n, scratch);
    BN_free(n);
    return !key->has_private ||
           (fill_prime(key, 0, pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                       scratch) &&
            fill_prime(key, 1, pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT2,
                       scratch) &&
            cut_form(key->inverse.limb, limbs / 2,
                     parameter(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1),
                     parameter(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1), scratch) &&
            cut_form(key->q_form.limb, limbs, parameter(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2),
                     parameter(pkey, OSSL_PKEY_PARAM_RSA_N), scratch));
}

col_rsa_key *col_rsa_key_create(const EVP_PKEY *pkey, bool has_private, uint64_t serial) {
    col_rsa_key *key = aligned_alloc(alignof(col_rsa_key), sizeof *key);
    BN_CTX *scratch = BN_CTX_secure_new();
    COL_ASSERT(key && scratch);
    memset(key, 0, sizeof *key);
    key->serial = serial;
    key->bits = (uint32_t)EVP_PKEY_get_bits(pkey);
    key->has_private = has_private;
    if (!fill(key, pkey, scratch)) {
        col_rsa_key_destroy(key);
        key = NULL;
    }
    BN_CTX_free(scratch);
    return key;
}

void col_rsa_key_destroy(col_rsa_key *key) {
    if (!key) return;
    OPENSSL_cleanse(key, sizeof *key);
    free(key);
}
