// SPDX-License-Identifier: Apache-2.0
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "crypto/backend.h"
#include "tests/unit/crypto/support.h"

// Two pairs of each kind of key.
enum { RSA_2048, ED25519, ECDSA, RSA_3072, KINDS };
static const struct {
    col_scheme scheme;
    uint32_t bits, signature_bytes;
} kind[KINDS] = {[RSA_2048] = {COL_SCHEME_RSA, 2048, 256},
                 [ED25519] = {COL_SCHEME_ED25519, 0, 64},
                 [ECDSA] = {COL_SCHEME_ECDSA_P256, 0, 64},
                 [RSA_3072] = {COL_SCHEME_RSA, 3072, 384}};

static char directory[64];
static struct {
    char public_path[96];
    col_key *private_key, *public_key;
} pair[KINDS][2];
static void *context;

static int set_up(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/colonnade-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < 2; i++) {
            char path[96];
            snprintf(path, sizeof path, "%s/%d-%d.pem", directory, k, i);
            snprintf(pair[k][i].public_path, sizeof path, "%s/%d-%d.pub", directory, k, i);
            const char *public_path = pair[k][i].public_path;
            assert_ok(col_key_generate(kind[k].scheme, kind[k].bits, path, public_path));
            assert_ok(col_key_read_private(path, kind[k].scheme, &pair[k][i].private_key));
            assert_ok(col_key_read_public(public_path, kind[k].scheme, &pair[k][i].public_key));
            unlink(path);
        }
    }
    context = col_backend_openssl.context_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_backend_openssl.context_destroy(context);
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < 2; i++) {
            unlink(pair[k][i].public_path);
            col_key_destroy(pair[k][i].private_key);
            col_key_destroy(pair[k][i].public_key);
        }
    }
    return rmdir(directory);
}

static const uint8_t text[] = "a root text";
#define TEXT ((col_bytes){text, sizeof text - 1})

static void sign(const col_key *key, uint8_t *signature) {
    col_sign_job job = {key, TEXT, signature};
    col_backend_openssl.sign(context, &job, 1);
}

static bool verify(const col_key *key, col_bytes message, col_bytes signature) {
    col_verify_job job = {.key = key, .message = message, .signature = signature};
    col_backend_openssl.verify_variable_time(context, &job, 1);
    return job.valid;
}

static bool verify_text(const col_key *key, const uint8_t *signature) {
    return verify(key, TEXT, (col_bytes){signature, col_key_signature_bytes(key)});
}

// How others use OpenSSL: the message in one call, ECDSA through its own structure.

static EVP_PKEY *read_public(int k) {
    FILE *file = fopen(pair[k][0].public_path, "r");
    assert_non_null(file);
    EVP_PKEY *pkey = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    assert_non_null(pkey);
    fclose(file);
    return pkey;
}

static size_t as_others_write_it(int k, const uint8_t *signature, uint8_t *out) {
    if (k != ECDSA) {
        memcpy(out, signature, kind[k].signature_bytes);
        return kind[k].signature_bytes;
    }
    ECDSA_SIG *halves = ECDSA_SIG_new();
    ECDSA_SIG_set0(halves, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
    const int length = i2d_ECDSA_SIG(halves, &out);
    ECDSA_SIG_free(halves);
    return (size_t)length;
}

static void a_signature_is_what_others_take_of_that_scheme(void **state) {
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        EVP_PKEY *pkey = read_public(k);
        EVP_MD_CTX *oracle = EVP_MD_CTX_new();
        // ECDSA's halves have leading zeros, and leading ones, in some of these.
        for (int i = 0; i < (k == ECDSA ? 600 : 2); i++) {
            uint8_t signature[COL_SIGNATURE_BYTES_MAX], theirs[COL_SIGNATURE_BYTES_MAX];
            sign(pair[k][0].private_key, signature);
            const size_t length = as_others_write_it(k, signature, theirs);
            const EVP_MD *hash = k == ED25519 ? NULL : EVP_sha256();
            assert_int_equal(EVP_DigestVerifyInit(oracle, NULL, hash, NULL, pkey), 1);
            assert_int_equal(EVP_DigestVerify(oracle, theirs, length, TEXT.at, TEXT.length), 1);
            EVP_MD_CTX_reset(oracle);
            assert_true(verify_text(pair[k][0].public_key, signature));
        }
        EVP_MD_CTX_free(oracle);
        EVP_PKEY_free(pkey);
    }
}

static size_t from_hexadecimal(const char *digits, uint8_t *bytes) {
    size_t length = 0;
    for (; *digits; digits += 2) {
        unsigned byte;
        assert_int_equal(sscanf(digits, "%2x", &byte), 1);
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static void published_signatures_verify(void **state) {
    (void)state;
    static const struct {
        col_scheme scheme;
        const char *key;  ///< SubjectPublicKeyInfo
        const char *message, *signature;
    } published[] = {
        // RFC 8032, section 7.1, TEST 2
        {COL_SCHEME_ED25519,
         "302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
         "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        // RFC 6979, section A.2.5, SHA-256, "sample"
        {COL_SCHEME_ECDSA_P256,
         "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
         "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
         "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
         "73616d706c65",
         "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
         "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    };
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        uint8_t der[128], message[16], signature[64];
        const uint8_t *at = der;
        EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)from_hexadecimal(published[i].key, der));
        char path[96];
        snprintf(path, sizeof path, "%s/published.pub", directory);
        FILE *file = fopen(path, "w");
        assert_int_equal(PEM_write_PUBKEY(file, pkey), 1);
        fclose(file);
        EVP_PKEY_free(pkey);
        col_key *key;
        assert_ok(col_key_read_public(path, published[i].scheme, &key));
        const size_t length = from_hexadecimal(published[i].message, message);
        assert_int_equal(from_hexadecimal(published[i].signature, signature), 64);
        assert_true(verify(key, (col_bytes){message, length}, (col_bytes){signature, 64}));
        message[0] ^= 1;
        assert_false(verify(key, (col_bytes){message, length}, (col_bytes){signature, 64}));
        col_key_destroy(key);
        unlink(path);
    }
}

static void only_the_key_the_text_and_the_signature_together_verify(void **state) {
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        const size_t length = kind[k].signature_bytes;
        uint8_t signature[COL_SIGNATURE_BYTES_MAX + 1] = {0};
        sign(pair[k][0].private_key, signature);
        const col_key *key = pair[k][0].public_key;
        for (int round = 0; round < 3; round++) {  // a failure spoils nothing that follows
            assert_true(verify(key, TEXT, (col_bytes){signature, length}));
            assert_false(verify(pair[k][1].public_key, TEXT, (col_bytes){signature, length}));
            assert_false(verify(key, (col_bytes){text, 5}, (col_bytes){signature, length}));
            assert_false(verify(key, TEXT, (col_bytes){signature, length - 1}));
            assert_false(verify(key, TEXT, (col_bytes){signature, length + 1}));
            assert_false(verify(key, TEXT, (col_bytes){signature, length / 2}));
            assert_false(verify(key, TEXT, (col_bytes){NULL, 0}));
        }
        for (uint32_t i = 0; i < length; i++) {
            signature[i] ^= 0x10;
            assert_false(verify(key, TEXT, (col_bytes){signature, length}));
            signature[i] ^= 0x10;
        }
        uint8_t same[COL_SIGNATURE_BYTES_MAX];
        memset(same, 0xff, sizeof same);  // not below any modulus or order
        assert_false(verify(key, TEXT, (col_bytes){same, length}));
        memset(same, 0, sizeof same);
        assert_false(verify(key, TEXT, (col_bytes){same, length}));
        assert_true(verify(key, TEXT, (col_bytes){signature, length}));
    }
}

static void a_signature_of_one_scheme_is_none_of_another(void **state) {
    (void)state;
    for (int made = 0; made < KINDS; made++) {
        uint8_t signature[COL_SIGNATURE_BYTES_MAX] = {0};
        sign(pair[made][0].private_key, signature);
        for (int k = 0; k < KINDS; k++) {
            const col_key *key = pair[k][0].public_key;
            assert_int_equal(verify_text(key, signature), k == made);
            const col_bytes its_length = {signature, kind[made].signature_bytes};
            assert_int_equal(verify(key, TEXT, its_length), k == made);
        }
    }
}

/// Order of P-256's group, big-endian.
static const uint8_t order_p256[32] = {
    0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void halves_of_ecdsa_lie_between_zero_and_the_order(void **state) {
    (void)state;
    static const uint8_t zero[32];
    uint8_t one_more[32];
    memcpy(one_more, order_p256, 32);
    one_more[31]++;
    const uint8_t *const bad[] = {zero, order_p256, one_more};
    const col_key *key = pair[ECDSA][0].public_key;
    uint8_t good[64];
    sign(pair[ECDSA][0].private_key, good);
    for (size_t i = 0; i < 3; i++) {
        uint8_t signature[64];
        memcpy(signature, good, 64);
        memcpy(signature, bad[i], 32);
        assert_false(verify_text(key, signature));
        memcpy(signature + 32, bad[i], 32);
        assert_false(verify_text(key, signature));
        memcpy(signature, good, 32);
        assert_false(verify_text(key, signature));
    }
    assert_true(verify_text(key, good));
}

/// S and S + L sign the same to whoever does not look: RFC 8032, section 5.1.7, refuses the second.
static void the_second_half_of_ed25519_is_below_the_order(void **state) {
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    const col_key *key = pair[ED25519][0].public_key;
    uint8_t signature[64];
    sign(pair[ED25519][0].private_key, signature);
    for (int times = 1; times <= 7; times++) {  // little-endian: more would not fit 32 bytes
        unsigned carry = 0;
        for (int i = 0; i < 32; i++) {
            carry += signature[32 + i] + order[i];
            signature[32 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(carry, 0);
        assert_false(verify_text(key, signature));
    }
}

static void more_keys_than_prepared_places_all_verify(void **state) {
    (void)state;
    enum { KEYS = 1101 };
    static col_key *key[KEYS];
    uint8_t signature[KINDS][COL_SIGNATURE_BYTES_MAX];
    for (int k = 0; k < KINDS; k++) sign(pair[k][0].private_key, signature[k]);
    for (int i = 0; i < KEYS; i++) {
        const int k = i % 3;  // places change from one scheme to another
        assert_ok(col_key_read_public(pair[k][0].public_path, kind[k].scheme, &key[i]));
    }
    for (int i = 0; i < 2 * KEYS; i++) {
        const int which = i % KEYS;
        assert_true(verify_text(key[which], signature[which % 3]));
        assert_false(verify_text(key[which], signature[(which + 1) % 3]));
    }
    for (int i = 0; i < KEYS; i++) col_key_destroy(key[i]);
}

static void more_signing_keys_than_prepared_places_all_sign(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < KINDS; k++) {
            for (int i = 0; i < 2; i++) {
                uint8_t signature[COL_SIGNATURE_BYTES_MAX];
                sign(pair[k][i].private_key, signature);
                assert_true(verify_text(pair[k][i].public_key, signature));
                assert_false(verify_text(pair[k][1 - i].public_key, signature));
            }
        }
    }
}

static void a_key_at_the_address_of_a_destroyed_one_is_not_taken_for_it(void **state) {
    (void)state;
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    sign(pair[RSA_2048][0].private_key, signature);
    enum { KEYS = 30 };  // enough to get past the allocator's caches
    col_key *key[KEYS];
    uintptr_t address[KEYS];
    for (int i = 0; i < KEYS; i++) {
        assert_ok(col_key_read_public(pair[RSA_2048][0].public_path, COL_SCHEME_RSA, &key[i]));
        assert_true(verify_text(key[i], signature));
        address[i] = (uintptr_t)key[i];
    }
    for (int i = 0; i < KEYS; i++) col_key_destroy(key[i]);
    int reused = 0;
    for (int i = 0; i < KEYS; i++) {
        assert_ok(col_key_read_public(pair[RSA_2048][1].public_path, COL_SCHEME_RSA, &key[i]));
        for (int k = 0; k < KEYS; k++) reused += (uintptr_t)key[i] == address[k];
        assert_false(verify_text(key[i], signature));
    }
    for (int i = 0; i < KEYS; i++) col_key_destroy(key[i]);
    if (reused == 0) skip();  // the allocator kept freed memory apart: nothing was shown
}

static void *sign_and_verify(void *failures) {
    void *own = col_backend_openssl.context_create();
    for (int i = 0; i < 60; i++) {
        const int k = i % 3;
        uint8_t signature[COL_SIGNATURE_BYTES_MAX];
        col_sign_job made = {pair[k][0].private_key, TEXT, signature};
        col_backend_openssl.sign(own, &made, 1);
        col_verify_job checked = {.key = pair[k][0].public_key,
                                  .message = TEXT,
                                  .signature = {signature, kind[k].signature_bytes}};
        col_backend_openssl.verify_variable_time(own, &checked, 1);
        *(int *)failures += !checked.valid;
    }
    col_backend_openssl.context_destroy(own);
    return NULL;
}

static void threads_share_keys_with_a_context_each(void **state) {
    (void)state;
    pthread_t thread[4];
    int failures[4] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, sign_and_verify, &failures[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_what_others_take_of_that_scheme),
        cmocka_unit_test(published_signatures_verify),
        cmocka_unit_test(only_the_key_the_text_and_the_signature_together_verify),
        cmocka_unit_test(a_signature_of_one_scheme_is_none_of_another),
        cmocka_unit_test(halves_of_ecdsa_lie_between_zero_and_the_order),
        cmocka_unit_test(the_second_half_of_ed25519_is_below_the_order),
        cmocka_unit_test(more_keys_than_prepared_places_all_verify),
        cmocka_unit_test(more_signing_keys_than_prepared_places_all_sign),
        cmocka_unit_test(a_key_at_the_address_of_a_destroyed_one_is_not_taken_for_it),
        cmocka_unit_test(threads_share_keys_with_a_context_each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
