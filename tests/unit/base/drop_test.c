// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "src/base/drop.h"

static void every_reason_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < COL_DROP_COUNT; i++) {
        const char *name = col_drop_name((col_drop)i);
        assert_non_null(name);
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (int j = 0; j < i; j++) assert_string_not_equal(name, col_drop_name((col_drop)j));
    }
}

static void names_belong_to_their_reasons(void **state) {
    (void)state;
    assert_int_equal(COL_DROP_NONE, 0);
    assert_string_equal(col_drop_name(COL_DROP_BAD_SIGNATURE), "bad-signature");
    assert_string_equal(col_drop_name(COL_DROP_NOT_COLLECTED), "not-collected");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
        cmocka_unit_test(names_belong_to_their_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
