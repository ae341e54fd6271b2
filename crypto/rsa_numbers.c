// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_numbers.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "crypto/openssl_key.h"

/// @return false when the key has no such number, or a longer one
static bool copy(const EVP_PKEY *pkey, const char *name, uint8_t *bytes, uint32_t length) {
    BIGNUM *number = NULL;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) return false;
    BN_set_flags(number, BN_FLG_CONSTTIME);
    const bool fits = BN_bn2binpad(number, bytes, (int)length) > 0;
    BN_clear_free(number);
    return fits;
}

/// A third prime would be missing in what these five say.
static bool has_two_primes(const EVP_PKEY *pkey) {
    BIGNUM *third = NULL;
    const bool has_third = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1;
    BN_clear_free(third);
    return !has_third;
}

bool col_rsa_numbers_read(const col_key *key, col_rsa_numbers *numbers) {
    if (key->scheme != COL_SCHEME_RSA || !key->has_private) return false;
    const EVP_PKEY *pkey = key->pkey;
    const uint32_t length = key->signature_bytes;
    numbers->modulus_bytes = length;
    const bool is_read =
        has_two_primes(pkey) && copy(pkey, OSSL_PKEY_PARAM_RSA_N, numbers->modulus, length) &&
        copy(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, numbers->prime[0], length / 2) &&
        copy(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, numbers->prime[1], length / 2) &&
        copy(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers->exponent[0], length / 2) &&
        copy(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers->exponent[1], length / 2) &&
        copy(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers->inverse, length / 2);
    if (!is_read) col_rsa_numbers_wipe(numbers);
    return is_read;
}

void col_rsa_numbers_wipe(col_rsa_numbers *numbers) {
    OPENSSL_cleanse(numbers, sizeof *numbers);
}
