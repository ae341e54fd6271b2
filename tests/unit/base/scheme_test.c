// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/base/scheme.h"

static void every_scheme_is_found_by_its_name(void **state) {
    (void)state;
    for (int i = COL_SCHEME_RSA; i <= COL_SCHEME_ECDSA_P256; i++) {
        const char *name = col_scheme_name((col_scheme)i);
        assert_string_equal(name, col_scheme_names[i - COL_SCHEME_RSA]);
        assert_int_equal(col_scheme_find(name), i);
    }
    assert_null(col_scheme_names[COL_SCHEME_ECDSA_P256]);
    assert_string_equal(col_scheme_name(COL_SCHEME_HMAC), "hmac");
    assert_int_equal(col_scheme_find("hmac"), COL_SCHEME_HMAC);
}

static void what_is_no_scheme_is_not_found(void **state) {
    (void)state;
    static const char *const other[] = {"", "none", "HMAC", "RSA", "rsa ", "ecdsa", "ed25519ph"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_int_equal(col_scheme_find(other[i]), COL_SCHEME_NONE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_is_found_by_its_name),
        cmocka_unit_test(what_is_no_scheme_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
