// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_numbers.h"

#include <openssl/bn.h>
#include <openssl/rsa.h>

#include "crypto/openssl_key.h"
#include "crypto/rsa_message.h"
#include "tests/unit/crypto/support.h"

static col_key *make_key(col_scheme scheme, uint32_t bits) {
    col_key *key = NULL;
    assert_ok(col_key_generate(scheme, bits, "numbers.pem", "numbers.pub"));
    assert_ok(col_key_read_private("numbers.pem", scheme, &key));
    unlink("numbers.pem");
    return key;
}

static BIGNUM *number(const uint8_t *bytes, uint32_t length) {
    BIGNUM *made = BN_bin2bn(bytes, (int)length, NULL);
    assert_non_null(made);
    return made;
}

/// By Garner: m^d from its halves.
static void sign_with(const col_rsa_numbers *numbers, const uint8_t *encoded, uint8_t *signature) {
    const uint32_t half = numbers->modulus_bytes / 2;
    BN_CTX *scratch = BN_CTX_new();
    BIGNUM *m = number(encoded, numbers->modulus_bytes), *power[2], *prime[2];
    for (int i = 0; i < 2; i++) {
        BIGNUM *exponent = number(numbers->exponent[i], half);
        prime[i] = number(numbers->prime[i], half);
        power[i] = BN_new();
        assert_int_equal(BN_mod_exp(power[i], m, exponent, prime[i], scratch), 1);
        BN_free(exponent);
    }
    BIGNUM *inverse = number(numbers->inverse, half);
    BIGNUM *h = BN_new();
    assert_int_equal(BN_mod_sub(h, power[0], power[1], prime[0], scratch), 1);
    assert_int_equal(BN_mod_mul(h, h, inverse, prime[0], scratch), 1);
    assert_int_equal(BN_mul(h, h, prime[1], scratch), 1);
    assert_int_equal(BN_add(h, h, power[1]), 1);
    assert_true(BN_bn2binpad(h, signature, (int)numbers->modulus_bytes) > 0);
    for (int i = 0; i < 2; i++) BN_free(power[i]), BN_free(prime[i]);
    BN_free(m), BN_free(inverse), BN_free(h);
    BN_CTX_free(scratch);
}

static void the_numbers_and_the_message_make_the_signature(void **state) {
    (void)state;
    col_hasher *hasher = col_hasher_create();
    void *oracle = col_backend_openssl.context_create();
    for (uint32_t bits = 2048; bits <= 4096; bits += 1024) {
        col_key *key = make_key(COL_SCHEME_RSA, bits);
        col_rsa_numbers numbers;
        assert_true(col_rsa_numbers_read(key, &numbers));
        assert_int_equal(numbers.modulus_bytes, bits / 8);
        const col_bytes message = {(const uint8_t *)"a root text", 11};
        col_digest digest;
        hasher->digest(hasher, &message, 1, &digest);
        uint8_t encoded[COL_SIGNATURE_BYTES_MAX], made[COL_SIGNATURE_BYTES_MAX];
        uint8_t expected[COL_SIGNATURE_BYTES_MAX];
        col_rsa_message_encode(&digest, encoded, bits / 8);
        sign_with(&numbers, encoded, made);
        col_sign_job job = {.key = key, .message = message, .signature = expected};
        col_backend_openssl.sign(oracle, &job, 1);
        assert_memory_equal(made, expected, bits / 8);
        col_key_destroy(key);
        unlink("numbers.pub");
    }
    col_backend_openssl.context_destroy(oracle);
    col_hasher_destroy(hasher);
}

/// Three primes are allowed by RFC 8017, and more than devices are told.
static void other_keys_have_no_such_numbers(void **state) {
    (void)state;
    col_rsa_numbers numbers;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    col_key key = {
        .scheme = COL_SCHEME_RSA, .signature_bytes = 256, .has_private = true, .pkey = NULL};
    assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(maker, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_primes(maker, 3), 1);
    assert_int_equal(EVP_PKEY_generate(maker, &key.pkey), 1);
    assert_false(col_rsa_numbers_read(&key, &numbers));
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_CTX_free(maker);

    col_key *other = make_key(COL_SCHEME_ED25519, 0);
    assert_false(col_rsa_numbers_read(other, &numbers));
    unlink("numbers.pub");
    col_key *private_key = make_key(COL_SCHEME_RSA, 2048);
    col_key *public_key = NULL;
    assert_ok(col_key_read_public("numbers.pub", COL_SCHEME_RSA, &public_key));
    assert_false(col_rsa_numbers_read(public_key, &numbers));
    col_key_destroy(other);
    col_key_destroy(private_key);
    col_key_destroy(public_key);
    unlink("numbers.pub");
}

static bool is_wiped(const col_rsa_numbers *numbers) {
    static const col_rsa_numbers zero;
    return memcmp(numbers, &zero, sizeof zero) == 0;
}

static void numbers_are_wiped(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    static col_rsa_numbers numbers;
    assert_true(col_rsa_numbers_read(key, &numbers));
    assert_false(is_wiped(&numbers));
    col_rsa_numbers_wipe(&numbers);
    assert_true(is_wiped(&numbers));
    col_key_destroy(key);
    unlink("numbers.pub");
}

int main(void) {
    char directory[] = "/tmp/colonnade-XXXXXX";
    if (!mkdtemp(directory) || chdir(directory) != 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_and_the_message_make_the_signature),
        cmocka_unit_test(other_keys_have_no_such_numbers),
        cmocka_unit_test(numbers_are_wiped),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(directory) == 0 ? failed : 1;
}
