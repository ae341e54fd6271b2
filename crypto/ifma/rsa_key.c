// SPDX-License-Identifier: Apache-2.0
#include <openssl/bn.h>
#include <openssl/core_names.h>
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

static void fill_modulus(col_rsa_modulus *modulus, uint32_t limbs, const BIGNUM *m,
                         BN_CTX *scratch) {
    cut(modulus->m, limbs, m);
    cut_power(modulus->square, limbs, 2, m, scratch);
    modulus->k0 = negative_inverse(modulus->m[0]);
}

/// Takes `prime` and `exponent`. @return false when they are not there, or the prime has not half
/// of the modulus' bits
static bool fill_prime(col_rsa_prime *filled, const col_rsa_key *key, const EVP_PKEY *pkey,
                       const char *prime_name, const char *exponent_name, BN_CTX *scratch) {
    const uint32_t limbs = key->limbs / 2;
    BIGNUM *prime = parameter(pkey, prime_name);
    BIGNUM *exponent = parameter(pkey, exponent_name);
    const bool fits = prime && exponent && (uint32_t)BN_num_bits(prime) == key->bits / 2 &&
                      (uint32_t)BN_num_bits(exponent) <= key->bits / 2;
    if (fits) {
        fill_modulus(&filled->modulus, limbs, prime, scratch);
        cut_power(filled->one, limbs, 1, prime, scratch);
        cut_power(filled->cube, limbs, 3, prime, scratch);
        COL_ASSERT(BN_bn2lebinpad(exponent, (uint8_t *)filled->exponent, sizeof filled->exponent) >
                   0);
    }
    BN_clear_free(prime);
    BN_clear_free(exponent);
    return fits;
}

/// key->inverse = R/q modulo p
static bool fill_inverse(col_rsa_key *key, const EVP_PKEY *pkey, BN_CTX *scratch) {
    BIGNUM *inverse = parameter(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
    BIGNUM *p = parameter(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1);
    const bool is_there = inverse && p;
    if (is_there) {
        const int shift = (int)key->limbs / 2 * COL_LIMB_BITS;
        COL_ASSERT(BN_lshift(inverse, inverse, shift) == 1);
        COL_ASSERT(BN_mod(inverse, inverse, p, scratch) == 1);
        cut(key->inverse, key->limbs / 2, inverse);
    }
    BN_clear_free(inverse);
    BN_clear_free(p);
    return is_there;
}

static bool fill(col_rsa_key *key, const EVP_PKEY *pkey, BN_CTX *scratch) {
    BIGNUM *n = parameter(pkey, OSSL_PKEY_PARAM_RSA_N);
    COL_ASSERT(n);
    fill_modulus(&key->modulus, key->limbs, n, scratch);
    BN_free(n);
    return !key->has_private || (fill_prime(&key->prime[0], key, pkey, OSSL_PKEY_PARAM_RSA_FACTOR1,
                                            OSSL_PKEY_PARAM_RSA_EXPONENT1, scratch) &&
                                 fill_prime(&key->prime[1], key, pkey, OSSL_PKEY_PARAM_RSA_FACTOR2,
                                            OSSL_PKEY_PARAM_RSA_EXPONENT2, scratch) &&
                                 fill_inverse(key, pkey, scratch));
}

col_rsa_key *col_rsa_key_create(const EVP_PKEY *pkey, bool has_private, uint64_t serial) {
    col_rsa_key *key = calloc(1, sizeof *key);
    BN_CTX *scratch = BN_CTX_secure_new();
    COL_ASSERT(key && scratch);
    key->serial = serial;
    key->bits = (uint32_t)EVP_PKEY_get_bits(pkey);
    key->limbs = col_limbs_of(key->bits);
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
