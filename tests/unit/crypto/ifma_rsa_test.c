// SPDX-License-Identifier: Apache-2.0
// RSA in lanes, against OpenSSL: of keys and digests as they come, and of what attackers and faults
// make. tests/soak/rsa.c does it many times.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/ifma/rsa_internal.h"
#include "tests/unit/crypto/ifma_support.h"

#define SIZES 3
#define KEYS 2

typedef struct {
    EVP_PKEY *pkey[KEYS];
    col_rsa_key *key[KEYS];
} size_keys;

static size_keys keys_of[SIZES];
static col_rsa_context *context;

static uint32_t bytes_of(int size) {
    return (uint32_t)(2048 + 1024 * size) / 8;
}

static int set_up(void **state) {
    (void)state;
    context = col_rsa_context_create();
    uint64_t serial = 1;
    for (int size = 0; size < SIZES; size++) {
        for (int i = 0; i < KEYS; i++) {
            keys_of[size].pkey[i] = EVP_RSA_gen(8 * bytes_of(size));
            assert_non_null(keys_of[size].pkey[i]);
            keys_of[size].key[i] = col_rsa_key_create(keys_of[size].pkey[i], true, serial++);
            assert_non_null(keys_of[size].key[i]);
        }
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int size = 0; size < SIZES; size++) {
        for (int i = 0; i < KEYS; i++) {
            EVP_PKEY_free(keys_of[size].pkey[i]);
            col_rsa_key_destroy(keys_of[size].key[i]);
        }
    }
    col_rsa_context_destroy(context);
    return 0;
}

/// x^d of OpenSSL, without padding: also of what is no correct encoding.
static void raw_private(EVP_PKEY *pkey, const uint8_t *in, uint8_t *out, size_t length) {
    EVP_PKEY_CTX *raw = EVP_PKEY_CTX_new(pkey, NULL);
    assert_int_equal(EVP_PKEY_sign_init(raw), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(raw, RSA_NO_PADDING), 1);
    size_t used = length;
    assert_int_equal(EVP_PKEY_sign(raw, out, &used, in, length), 1);
    assert_int_equal(used, length);
    EVP_PKEY_CTX_free(raw);
}

static const uint8_t sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

/// EMSA-PKCS1-v1_5, written anew.
static void encode(const col_digest *digest, uint8_t *encoded, size_t length) {
    memset(encoded, 0xff, length);
    encoded[0] = 0;
    encoded[1] = 1;
    encoded[length - 52] = 0;
    memcpy(encoded + length - 51, sha256_info, 19);
    memcpy(encoded + length - 32, digest->byte, 32);
}

static bool is_valid(const col_rsa_key *key, const col_digest *digest, const uint8_t *signature) {
    return col_rsa_verify_variable_time(context, &key, digest, &signature, 1) == 1;
}

static void any_number_of_signatures_is_what_openssl_makes(void **state) {
    (void)state;
    uint8_t encoded[512], expected[512], made[8][512];
    uint8_t *signature[8];
    col_digest digest[8];
    for (int i = 0; i < 8; i++) signature[i] = made[i];
    for (int size = 0; size < SIZES; size++) {
        const uint32_t length = bytes_of(size);
        for (uint32_t count = 1; count <= 8; count++) {
            const int which = count % KEYS;
            random_fill(digest, sizeof digest);
            assert_int_equal(
                col_rsa_sign(context, keys_of[size].key[which], digest, count, signature),
                (1 << count) - 1);
            for (uint32_t i = 0; i < count; i++) {
                encode(&digest[i], encoded, length);
                raw_private(keys_of[size].pkey[which], encoded, expected, length);
                assert_memory_equal(made[i], expected, length);
            }
        }
    }
}

static void blinding_is_renewed_and_stays_right(void **state) {
    (void)state;
    uint8_t made[512];
    uint8_t *signature[] = {made};
    col_digest digest;
    for (int i = 0; i < 200; i++) {
        random_fill(&digest, sizeof digest);
        assert_int_equal(col_rsa_sign(context, keys_of[0].key[0], &digest, 1, signature), 1);
        assert_true(is_valid(keys_of[0].key[0], &digest, made));
    }
}

/// Those of an exponentiation that four signatures did not need are left for single ones.
static void every_blinding_serves_once(void **state) {
    (void)state;
    static const struct {
        uint32_t count, left;
    } step[] = {{8, 0}, {1, 7}, {3, 4}, {1, 3}, {5, 3}, {1, 2}, {6, 0}, {4, 4}};
    uint8_t made[8][512];
    uint8_t *signature[8];
    for (int i = 0; i < 8; i++) signature[i] = made[i];
    col_digest digest[8];
    random_fill(digest, sizeof digest);
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        const uint8_t all = (uint8_t)((1U << step[i].count) - 1);
        assert_int_equal(col_rsa_sign(context, keys_of[0].key[0], digest, step[i].count, signature),
                         all);
        assert_int_equal(context->blinding.left, step[i].left);
    }
}

static void lanes_verify_with_different_keys(void **state) {
    (void)state;
    for (int size = 0; size < SIZES; size++) {
        const uint32_t length = bytes_of(size);
        for (uint32_t wrong = 0; wrong <= 8; wrong++) {
            const col_rsa_key *key[8];
            uint8_t made[8][512];
            const uint8_t *signature[8];
            col_digest digest[8];
            random_fill(digest, sizeof digest);
            for (uint32_t i = 0; i < 8; i++) {
                const uint32_t which = (i + wrong) % KEYS;
                key[i] = keys_of[size].key[which];
                signature[i] = made[i];
                uint8_t encoded[512];
                encode(&digest[i], encoded, length);
                raw_private(keys_of[size].pkey[which], encoded, made[i], length);
                if (i == wrong) made[i][random_below(length)] ^= (uint8_t)(1 << random_below(8));
            }
            const uint8_t valid = col_rsa_verify_variable_time(context, key, digest, signature, 8);
            assert_int_equal(valid, wrong < 8 ? 0xff & ~(1 << wrong) : 0xff);
        }
    }
}

/// Every signature of a wrong encoding, made with the private key, is refused: padding that is
/// short, long, not 0xff, of another type; digests of other lengths and algorithms; and what is
/// left free for forgeries with small exponents (Bleichenbacher 2006).
static void only_the_one_encoding_is_valid(void **state) {
    (void)state;
    for (int size = 0; size < SIZES; size++) {
        const uint32_t length = bytes_of(size);
        col_digest digest;
        random_fill(&digest, sizeof digest);
        uint8_t encoded[512], made[512];
        encode(&digest, encoded, length);
        raw_private(keys_of[size].pkey[0], encoded, made, length);
        assert_true(is_valid(keys_of[size].key[0], &digest, made));
        for (uint32_t at = 0; at < length; at++) {
            if (size > 0 && at > 8 && at < length - 60) continue;
            encode(&digest, encoded, length);
            encoded[at] ^= at == 0 ? 1 : (uint8_t)(1 << random_below(8));
            if (encoded[0] > 0) encoded[1] = 0;  // stays below the modulus
            raw_private(keys_of[size].pkey[0], encoded, made, length);
            assert_false(is_valid(keys_of[size].key[0], &digest, made));
        }
        // The digest right behind a short padding, rubbish after it.
        random_fill(encoded, length);
        encoded[0] = 0;
        encoded[1] = 1;
        memset(encoded + 2, 0xff, 8);
        encoded[10] = 0;
        memcpy(encoded + 11, sha256_info, 19);
        memcpy(encoded + 30, digest.byte, 32);
        raw_private(keys_of[size].pkey[0], encoded, made, length);
        assert_false(is_valid(keys_of[size].key[0], &digest, made));
    }
}

/// s + n is congruent to s and no signature, nor are 0, 1, n - 1, n and all ones.
static void only_numbers_below_the_modulus_are_signatures(void **state) {
    (void)state;
    for (int size = 0; size < SIZES; size++) {
        const uint32_t length = bytes_of(size);
        col_digest digest;
        random_fill(&digest, sizeof digest);
        BIGNUM *n = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(keys_of[size].pkey[0], "n", &n), 1);
        BIGNUM *s = BN_new();
        uint8_t made[512];
        for (int kind = 0; kind < 5; kind++) {
            BN_zero(s);
            if (kind == 1) BN_one(s);
            if (kind == 2) BN_sub(s, n, BN_value_one());
            if (kind == 3) BN_copy(s, n);
            assert_true(BN_bn2binpad(s, made, (int)length) > 0);
            if (kind == 4) memset(made, 0xff, length);
            assert_false(is_valid(keys_of[size].key[0], &digest, made));
        }
        bool found = false;
        for (int tries = 0; tries < 400 && !found; tries++) {  // until s + n fits the bytes
            uint8_t encoded[512];
            random_fill(&digest, sizeof digest);
            encode(&digest, encoded, length);
            raw_private(keys_of[size].pkey[0], encoded, made, length);
            BN_bin2bn(made, (int)length, s);
            BN_add(s, s, n);
            found = BN_num_bytes(s) <= (int)length;
        }
        if (found) {
            assert_true(BN_bn2binpad(s, made, (int)length) > 0);
            assert_false(is_valid(keys_of[size].key[0], &digest, made));
        }
        BN_free(s);
        BN_free(n);
    }
}

/// One wrong bit anywhere in the private numbers: the signature is not released, for it would give
/// away a prime (Boneh, DeMillo, Lipton).
static void a_faulty_signature_is_not_released(void **state) {
    (void)state;
    col_rsa_key *key = keys_of[0].key[0];
    uint64_t *spoiled[] = {&key->exponent[0][3],         &key->exponent[1][9],
                           &key->prime_cube[0].limb[2],  &key->prime[1].m.limb[7],
                           &key->prime_one[0].limb[5],   &key->inverse.limb[11],
                           &key->prime_square[1].limb[0]};
    col_digest digest[8];
    uint8_t made[8][512];
    uint8_t *signature[8];
    for (int i = 0; i < 8; i++) signature[i] = made[i];
    random_fill(digest, sizeof digest);
    const uint64_t serial = key->serial;
    for (size_t i = 0; i < sizeof spoiled / sizeof spoiled[0]; i++) {
        *spoiled[i] ^= 1 << 20;
        key->serial = 1000 + i;  // has the lanes filled anew
        memset(made, 0x77, sizeof made);
        assert_int_equal(col_rsa_sign(context, key, digest, 8, signature), 0);
        assert_int_equal(col_rsa_sign(context, key, digest, 5, signature), 0);
        assert_int_equal(col_rsa_sign(context, key, digest, 1, signature), 0);
        for (size_t at = 0; at < sizeof made; at++) assert_int_equal(((uint8_t *)made)[at], 0x77);
        *spoiled[i] ^= 1 << 20;
    }
    key->serial = serial;
    assert_int_equal(col_rsa_sign(context, key, digest, 8, signature), 0xff);
}

/// @param top of its bits @return a prime p of 1024 bits with p - 1 prime to 65537
static BIGNUM *prime_with(uint32_t top) {
    BIGNUM *prime = BN_new();
    do {
        assert_int_equal(BN_rand(prime, 1024 - 32, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ODD), 1);
        for (int i = 0; i < 32; i++) {
            if (top >> i & 1) BN_set_bit(prime, 1024 - 32 + i);
        }
    } while (BN_check_prime(prime, NULL, NULL) != 1 || BN_mod_word(prime, 65537) == 1);
    return prime;
}

/// RFC 8017 leaves open which prime is the first. Where it is the smaller, s_q may be above s_p +
/// p.
static EVP_PKEY *key_with_small_prime_first(void) {
    BN_CTX *scratch = BN_CTX_new();
    BIGNUM *p = prime_with(0xb505ffff), *q = prime_with(0xffff0000), *e = BN_new();
    BIGNUM *n = BN_new(), *less = BN_new(), *d, *d_p = BN_new(), *d_q = BN_new(), *inverse;
    BN_set_word(e, 65537);
    BN_mul(n, p, q, scratch);
    BN_sub(less, n, p);
    BN_sub(less, less, q);
    BN_add_word(less, 1);  // (p - 1)(q - 1)
    d = BN_mod_inverse(NULL, e, less, scratch);
    inverse = BN_mod_inverse(NULL, q, p, scratch);
    BN_sub(less, p, BN_value_one());
    BN_mod(d_p, d, less, scratch);
    BN_sub(less, q, BN_value_one());
    BN_mod(d_q, d, less, scratch);
    const struct {
        const char *name;
        BIGNUM *value;
    } part[] = {{OSSL_PKEY_PARAM_RSA_N, n},           {OSSL_PKEY_PARAM_RSA_E, e},
                {OSSL_PKEY_PARAM_RSA_D, d},           {OSSL_PKEY_PARAM_RSA_FACTOR1, p},
                {OSSL_PKEY_PARAM_RSA_FACTOR2, q},     {OSSL_PKEY_PARAM_RSA_EXPONENT1, d_p},
                {OSSL_PKEY_PARAM_RSA_EXPONENT2, d_q}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, inverse}};
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, part[i].name, part[i].value), 1);
    }
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
    assert_int_equal(EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_KEYPAIR, parameters), 1);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) BN_free(part[i].value);
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(less);
    BN_CTX_free(scratch);
    return pkey;
}

static void the_larger_prime_may_be_the_second(void **state) {
    (void)state;
    EVP_PKEY *pkey = key_with_small_prime_first();
    col_rsa_key *key = col_rsa_key_create(pkey, true, 77);
    assert_non_null(key);
    col_digest digest[8];
    uint8_t made[8][512];
    uint8_t *signature[8];
    for (int i = 0; i < 8; i++) signature[i] = made[i];
    // One signature of 16 meets the case.
    for (int i = 0; i < 200; i++) {
        random_fill(digest, sizeof digest);
        assert_int_equal(col_rsa_sign(context, key, digest, 1, signature), 1);
        if (i % 8 == 0) assert_int_equal(col_rsa_sign(context, key, digest, 8, signature), 0xff);
    }
    uint8_t encoded[256], expected[256];
    encode(&digest[0], encoded, sizeof encoded);
    raw_private(pkey, encoded, expected, sizeof expected);
    assert_memory_equal(made[0], expected, sizeof expected);
    col_rsa_key_destroy(key);
    EVP_PKEY_free(pkey);
}

/// Three primes are allowed by RFC 8017, and not for these lanes.
static void keys_of_another_shape_are_left_to_openssl(void **state) {
    (void)state;
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(maker, 2048), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_primes(maker, 3), 1);
    assert_int_equal(EVP_PKEY_generate(maker, &pkey), 1);
    assert_null(col_rsa_key_create(pkey, true, 99));
    col_rsa_key *public_key = col_rsa_key_create(pkey, false, 100);
    assert_non_null(public_key);
    col_rsa_key_destroy(public_key);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(maker);
}

int main(void) {
    if (!col_rsa_available()) return SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_signatures_is_what_openssl_makes),
        cmocka_unit_test(blinding_is_renewed_and_stays_right),
        cmocka_unit_test(every_blinding_serves_once),
        cmocka_unit_test(lanes_verify_with_different_keys),
        cmocka_unit_test(only_the_one_encoding_is_valid),
        cmocka_unit_test(only_numbers_below_the_modulus_are_signatures),
        cmocka_unit_test(a_faulty_signature_is_not_released),
        cmocka_unit_test(the_larger_prime_may_be_the_second),
        cmocka_unit_test(keys_of_another_shape_are_left_to_openssl),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
