// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "crypto/backend.h"
#include "tests/unit/crypto/support.h"

static test_cluster cluster;
static void *context;

static int set_up(void **state) {
    (void)state;
    test_cluster_open(&cluster);
    context = col_backend_openssl.context_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_backend_openssl.context_destroy(context);
    test_cluster_close(&cluster);
    return 0;
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

static void a_signature_is_pkcs1_v15_with_sha256_as_others_make_it(void **state) {
    (void)state;
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    sign(cluster.private_key[0], signature);

    char path[96];
    test_key_path(&cluster, 0, ".pub", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    EVP_PKEY *pkey = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    EVP_MD_CTX *oracle = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(oracle, NULL, EVP_sha256(), NULL, pkey), 1);
    assert_int_equal(EVP_DigestVerify(oracle, signature, 256, TEXT.at, TEXT.length), 1);
    EVP_MD_CTX_free(oracle);
    EVP_PKEY_free(pkey);
}

static void only_the_key_the_text_and_the_signature_together_verify(void **state) {
    (void)state;
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    sign(cluster.private_key[0], signature);
    const col_key *key = cluster.public_key[0];
    for (int round = 0; round < 3; round++) {  // a failure spoils nothing that follows
        assert_true(verify(key, TEXT, (col_bytes){signature, 256}));
        assert_false(verify(cluster.public_key[1], TEXT, (col_bytes){signature, 256}));
        assert_false(verify(key, (col_bytes){text, 5}, (col_bytes){signature, 256}));
        assert_false(verify(key, TEXT, (col_bytes){signature, 255}));
        assert_false(verify(key, TEXT, (col_bytes){signature, 257}));
        assert_false(verify(key, TEXT, (col_bytes){NULL, 0}));
    }
    for (uint32_t i = 0; i < 256; i++) {
        signature[i] ^= 0x10;
        assert_false(verify(key, TEXT, (col_bytes){signature, 256}));
        signature[i] ^= 0x10;
    }
    uint8_t all_ones[256];
    memset(all_ones, 0xff, sizeof all_ones);  // not below the modulus
    assert_false(verify(key, TEXT, (col_bytes){all_ones, 256}));
}

static void larger_keys_make_longer_signatures(void **state) {
    (void)state;
    char private_path[96];
    char public_path[96];
    test_key_path(&cluster, 99, ".pem", private_path);
    test_key_path(&cluster, 99, ".pub", public_path);
    assert_ok(col_key_generate(3072, private_path, public_path));
    col_key *private_key;
    col_key *public_key;
    assert_ok(col_key_read_private(private_path, &private_key));
    assert_ok(col_key_read_public(public_path, &public_key));
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    sign(private_key, signature);
    assert_true(verify(public_key, TEXT, (col_bytes){signature, 384}));
    assert_false(verify(public_key, TEXT, (col_bytes){signature, 256}));
    col_key_destroy(private_key);
    col_key_destroy(public_key);
    unlink(private_path);
    unlink(public_path);
}

static void more_keys_than_prepared_places_all_verify(void **state) {
    (void)state;
    enum { KEYS = 1100 };
    static col_key *key[KEYS];
    uint8_t signature[2][COL_SIGNATURE_BYTES_MAX];
    char path[2][96];
    for (uint32_t i = 0; i < 2; i++) {
        sign(cluster.private_key[i], signature[i]);
        test_key_path(&cluster, i, ".pub", path[i]);
    }
    for (uint32_t i = 0; i < KEYS; i++) assert_ok(col_key_read_public(path[i % 2], &key[i]));
    for (uint32_t i = 0; i < 2 * KEYS; i++) {
        const uint32_t which = i % KEYS;
        assert_true(verify(key[which], TEXT, (col_bytes){signature[which % 2], 256}));
        assert_false(verify(key[which], TEXT, (col_bytes){signature[1 - which % 2], 256}));
    }
    for (uint32_t i = 0; i < KEYS; i++) col_key_destroy(key[i]);
}

static void a_key_at_the_address_of_a_destroyed_one_is_not_taken_for_it(void **state) {
    (void)state;
    uint8_t signature[COL_SIGNATURE_BYTES_MAX];
    sign(cluster.private_key[0], signature);
    char path[2][96];
    for (uint32_t i = 0; i < 2; i++) test_key_path(&cluster, i, ".pub", path[i]);
    enum { KEYS = 30 };  // enough to get past the allocator's caches
    col_key *key[KEYS];
    uintptr_t address[KEYS];
    for (int i = 0; i < KEYS; i++) {
        assert_ok(col_key_read_public(path[0], &key[i]));
        assert_true(verify(key[i], TEXT, (col_bytes){signature, 256}));
        address[i] = (uintptr_t)key[i];
    }
    for (int i = 0; i < KEYS; i++) col_key_destroy(key[i]);
    int reused = 0;
    for (int i = 0; i < KEYS; i++) {
        assert_ok(col_key_read_public(path[1], &key[i]));
        for (int k = 0; k < KEYS; k++) reused += (uintptr_t)key[i] == address[k];
        assert_false(verify(key[i], TEXT, (col_bytes){signature, 256}));
    }
    for (int i = 0; i < KEYS; i++) col_key_destroy(key[i]);
    if (reused == 0) skip();  // the allocator kept freed memory apart: nothing was shown
}

static void *sign_and_verify(void *failures) {
    void *own = col_backend_openssl.context_create();
    for (int i = 0; i < 50; i++) {
        uint8_t signature[COL_SIGNATURE_BYTES_MAX];
        col_sign_job made = {cluster.private_key[0], TEXT, signature};
        col_backend_openssl.sign(own, &made, 1);
        col_verify_job checked = {
            .key = cluster.public_key[0], .message = TEXT, .signature = {signature, 256}};
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
        cmocka_unit_test(a_signature_is_pkcs1_v15_with_sha256_as_others_make_it),
        cmocka_unit_test(only_the_key_the_text_and_the_signature_together_verify),
        cmocka_unit_test(larger_keys_make_longer_signatures),
        cmocka_unit_test(more_keys_than_prepared_places_all_verify),
        cmocka_unit_test(a_key_at_the_address_of_a_destroyed_one_is_not_taken_for_it),
        cmocka_unit_test(threads_share_keys_with_a_context_each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
