// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/app/app.h"

static void built_in_applications_are_found_by_their_names(void **state) {
    (void)state;
    assert_ptr_equal(col_app_find("counter"), &col_app_counter);
    assert_ptr_equal(col_app_find("log"), &col_app_log);
}

static void other_names_find_nothing(void **state) {
    (void)state;
    assert_null(col_app_find(""));
    assert_null(col_app_find("count"));
    assert_null(col_app_find("counters"));
    assert_null(col_app_find("Log"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_applications_are_found_by_their_names),
        cmocka_unit_test(other_names_find_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
