// SPDX-License-Identifier: Apache-2.0
#include "crypto/backend.h"

#include <pthread.h>

#include "crypto/ifma/rsa_internal.h"
#include "crypto/openssl_key.h"
#include "tests/unit/crypto/support.h"

static const struct {
    col_scheme scheme;
    uint32_t bits;
} kind[] = {{COL_SCHEME_RSA, 2048},
            {COL_SCHEME_RSA, 3072},
            {COL_SCHEME_RSA, 4096},
            {COL_SCHEME_ED25519, 0},
            {COL_SCHEME_ECDSA_P256, 0}};
#define KINDS (sizeof kind / sizeof kind[0])
#define BURST 32

static col_key *private_key[KINDS], *public_key[KINDS];

static int set_up(void **state) {
    (void)state;
    char directory[] = "/tmp/colonnade-ifma-XXXXXX";
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < KINDS; i++) {
        char secret[96], open[96];
        snprintf(secret, sizeof secret, "%s/%zu.pem", directory, i);
        snprintf(open, sizeof open, "%s/%zu.pub", directory, i);
        assert_ok(col_key_generate(kind[i].scheme, kind[i].bits, secret, open));
        assert_ok(col_key_read_private(secret, kind[i].scheme, &private_key[i]));
        assert_ok(col_key_read_public(open, kind[i].scheme, &public_key[i]));
        assert_int_equal(private_key[i]->lanes != NULL, kind[i].scheme == COL_SCHEME_RSA);
        unlink(secret);
        unlink(open);
    }
    rmdir(directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        col_key_destroy(private_key[i]);
        col_key_destroy(public_key[i]);
    }
    return 0;
}

typedef struct {
    uint8_t text[BURST][91];
    uint8_t signature[BURST][COL_SIGNATURE_BYTES_MAX];
    col_sign_job sign[BURST];
    col_verify_job verify[BURST], expected[BURST];
} burst;

/// `count` jobs, with runs of one key and changes between keys.
static void draw(burst *drawn, uint32_t count) {
    random_fill(drawn->text, sizeof drawn->text);
    size_t which = random_below(KINDS);
    for (uint32_t i = 0; i < count; i++) {
        if (random_below(4) == 0) which = random_below(KINDS);
        const col_bytes message = {drawn->text[i], sizeof drawn->text[i]};
        drawn->sign[i] = (col_sign_job){private_key[which], message, drawn->signature[i]};
        drawn->verify[i] = (col_verify_job){
            .key = public_key[which],
            .message = message,
            .signature = {drawn->signature[i], col_key_signature_bytes(public_key[which])}};
    }
}

static void spoil(burst *drawn, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        col_verify_job *job = &drawn->verify[i];
        const uint32_t length = (uint32_t)job->signature.length;
        switch (random_below(8)) {
            case 0:
                drawn->signature[i][random_below(length)] ^= 4;
                break;
            case 1:
                job->key = public_key[random_below(KINDS)];
                break;
            case 2:
                job->signature.length = 64 + 64 * random_below(8);
                break;
            case 3:
                job->message.length--;
                break;
            default:
                break;
        }
    }
}

static void bursts_of_all_kinds_are_judged_as_openssl_judges(void **state) {
    (void)state;
    static burst drawn;
    void *lanes = col_backend_ifma.context_create();
    void *oracle = col_backend_openssl.context_create();
    uint32_t valid = 0;
    for (uint32_t round = 0; round < BURST; round++) {
        const uint32_t count = 1 + round % BURST;
        draw(&drawn, count);
        col_backend_ifma.sign(lanes, drawn.sign, count);
        col_backend_openssl.verify_variable_time(oracle, drawn.verify, count);
        for (uint32_t i = 0; i < count; i++) assert_true(drawn.verify[i].valid);
        spoil(&drawn, count);
        memcpy(drawn.expected, drawn.verify, sizeof drawn.expected);
        col_backend_ifma.verify_variable_time(lanes, drawn.verify, count);
        col_backend_openssl.verify_variable_time(oracle, drawn.expected, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(drawn.verify[i].valid, drawn.expected[i].valid);
            valid += drawn.verify[i].valid;
        }
    }
    assert_in_range(valid, 100, 1000);  // some of both
    col_backend_ifma.context_destroy(lanes);
    col_backend_openssl.context_destroy(oracle);
}

static void a_fault_in_the_lanes_costs_time_and_no_signature(void **state) {
    (void)state;
    static burst drawn;
    void *lanes = col_backend_ifma.context_create();
    void *oracle = col_backend_openssl.context_create();
    private_key[0]->lanes->exponent[1][5] ^= 2;
    draw(&drawn, 8);
    for (int i = 0; i < 8; i++) {
        drawn.sign[i].key = private_key[0];
        drawn.verify[i].key = public_key[0];
        drawn.verify[i].signature.length = 256;
    }
    col_backend_ifma.sign(lanes, drawn.sign, 8);
    col_backend_openssl.verify_variable_time(oracle, drawn.verify, 8);
    for (int i = 0; i < 8; i++) assert_true(drawn.verify[i].valid);
    private_key[0]->lanes->exponent[1][5] ^= 2;
    col_backend_ifma.context_destroy(lanes);
    col_backend_openssl.context_destroy(oracle);
}

static void *sign_and_verify(void *failures) {
    void *own = col_backend_ifma.context_create();
    for (uint32_t round = 0; round < 20; round++) {
        uint8_t signature[3][COL_SIGNATURE_BYTES_MAX];
        col_sign_job sign[3];
        col_verify_job verify[3];
        for (size_t i = 0; i < 3; i++) {
            const col_bytes message = {(const uint8_t *)"a root text", 5 + i};
            sign[i] = (col_sign_job){private_key[0], message, signature[i]};
            verify[i] = (col_verify_job){
                .key = public_key[0], .message = message, .signature = {signature[i], 256}};
        }
        const uint32_t count = 1 + round % 3;
        col_backend_ifma.sign(own, sign, count);
        col_backend_ifma.verify_variable_time(own, verify, count);
        for (uint32_t i = 0; i < count; i++) *(int *)failures += !verify[i].valid;
    }
    col_backend_ifma.context_destroy(own);
    return NULL;
}

static void threads_share_keys(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    int failures[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, sign_and_verify, &failures[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

int main(void) {
    if (!col_backend_ifma.available()) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_of_all_kinds_are_judged_as_openssl_judges),
        cmocka_unit_test(a_fault_in_the_lanes_costs_time_and_no_signature),
        cmocka_unit_test(threads_share_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
