// SPDX-License-Identifier: Apache-2.0
#include "crypto/hashing.h"

#include "tests/unit/crypto/support.h"

static void there_is_always_a_hasher_and_it_has_a_name(void **state) {
    (void)state;
    col_hasher *hasher = col_hasher_create();
    assert_non_null(hasher);
    assert_true(strlen(col_hasher_name(hasher)) > 0);
    const uint8_t abc_digest[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    col_digest digest;
    col_hash(hasher, (col_bytes){(const uint8_t *)"abc", 3}, &digest);
    assert_memory_equal(digest.byte, abc_digest, 32);
    col_hasher_destroy(hasher);
}

static void destroying_no_hasher_is_allowed(void **state) {
    (void)state;
    col_hasher_destroy(NULL);
    col_hasher *hasher = col_hasher_create();  // and leaves others alone
    assert_non_null(hasher);
    col_hasher_destroy(hasher);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_always_a_hasher_and_it_has_a_name),
        cmocka_unit_test(destroying_no_hasher_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
