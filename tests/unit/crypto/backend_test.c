// SPDX-License-Identifier: Apache-2.0
#include "crypto/backend.h"

#include "tests/unit/crypto/support.h"

static void the_best_back_end_is_available_and_complete(void **state) {
    (void)state;
    const col_backend *best = col_backend_best();
    assert_non_null(best);
    assert_true(best->available());
    assert_in_range(best->lanes, 1, 8);
    assert_non_null(best->name);
    assert_non_null(best->sign);
    assert_non_null(best->verify_variable_time);
}

/// Keys of all schemes, one after the other.
static test_cluster rsa, others;

static uint32_t key_of(uint32_t job, test_cluster **cluster) {
    *cluster = job % 3 == 0 ? &rsa : &others;
    return job % 3 == 2 ? REPLICAS + job % CLIENTS : job % REPLICAS;
}

static void what_the_best_back_end_signs_the_portable_one_verifies(void **state) {
    (void)state;
    test_cluster_open(&rsa);
    test_cluster_open_with(&others, COL_SCHEME_ED25519, COL_SCHEME_ECDSA_P256);
    const col_backend *best = col_backend_best();
    void *best_context = best->context_create();
    void *portable = col_backend_openssl.context_create();
    uint8_t text[COL_OPEN_BURST_MAX][91];
    uint8_t signature[COL_OPEN_BURST_MAX][COL_SIGNATURE_BYTES_MAX];
    random_fill(text, sizeof text);
    for (uint32_t count = 1; count <= COL_OPEN_BURST_MAX; count += 3) {
        col_sign_job sign[COL_OPEN_BURST_MAX];
        col_verify_job verify[COL_OPEN_BURST_MAX];
        for (uint32_t i = 0; i < count; i++) {
            test_cluster *cluster;
            const uint32_t key = key_of(i, &cluster);
            const col_key *public_key = cluster->public_key[key];
            sign[i] = (col_sign_job){cluster->private_key[key], {text[i], 91}, signature[i]};
            verify[i] =
                (col_verify_job){.key = public_key,
                                 .message = {text[i], 91},
                                 .signature = {signature[i], col_key_signature_bytes(public_key)}};
        }
        best->sign(best_context, sign, count);
        signature[count / 2][17] ^= 1;
        col_backend_openssl.verify_variable_time(portable, verify, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(verify[i].valid, i != count / 2);
            verify[i].valid = i == count / 2;
        }
        best->verify_variable_time(best_context, verify, count);
        for (uint32_t i = 0; i < count; i++) assert_int_equal(verify[i].valid, i != count / 2);
    }
    best->context_destroy(best_context);
    col_backend_openssl.context_destroy(portable);
    test_cluster_close(&rsa);
    test_cluster_close(&others);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_back_end_is_available_and_complete),
        cmocka_unit_test(what_the_best_back_end_signs_the_portable_one_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
