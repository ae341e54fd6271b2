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

static void what_the_best_back_end_signs_the_portable_one_verifies(void **state) {
    (void)state;
    static test_cluster cluster;
    test_cluster_open(&cluster);
    const col_backend *best = col_backend_best();
    void *signing = best->context_create();
    void *verifying = col_backend_openssl.context_create();
    uint8_t text[COL_OPEN_BURST_MAX][91];
    uint8_t signature[COL_OPEN_BURST_MAX][COL_SIGNATURE_BYTES_MAX];
    random_fill(text, sizeof text);
    for (uint32_t count = 1; count <= 17; count += 4) {
        col_sign_job sign[COL_OPEN_BURST_MAX];
        col_verify_job verify[COL_OPEN_BURST_MAX];
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t key = i % REPLICAS;
            sign[i] = (col_sign_job){cluster.private_key[key], {text[i], 91}, signature[i]};
            verify[i] = (col_verify_job){.key = cluster.public_key[key],
                                         .message = {text[i], 91},
                                         .signature = {signature[i], 256}};
        }
        best->sign(signing, sign, count);
        signature[count / 2][17] ^= 1;
        col_backend_openssl.verify_variable_time(verifying, verify, count);
        for (uint32_t i = 0; i < count; i++) assert_int_equal(verify[i].valid, i != count / 2);
    }
    best->context_destroy(signing);
    col_backend_openssl.context_destroy(verifying);
    test_cluster_close(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_back_end_is_available_and_complete),
        cmocka_unit_test(what_the_best_back_end_signs_the_portable_one_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
