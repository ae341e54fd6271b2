// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "src/base/recent_least.h"

#define PERIOD COL_RECENT_PERIOD_NS

static void the_least_sample_counts(void **state) {
    (void)state;
    col_recent_least least = {0};
    assert_int_equal(col_recent_least_of(&least), 0);
    col_recent_least_add(&least, 5 * PERIOD, 30);
    col_recent_least_add(&least, 5 * PERIOD + 1, 20);
    col_recent_least_add(&least, 5 * PERIOD + 2, 5000);
    assert_int_equal(col_recent_least_of(&least), 20);
}

static void a_sample_is_remembered_for_one_period_and_forgotten_after_two(void **state) {
    (void)state;
    col_recent_least least = {0};
    col_recent_least_add(&least, 5 * PERIOD, 20);
    col_recent_least_add(&least, 6 * PERIOD, 50);
    assert_int_equal(col_recent_least_of(&least), 20);
    col_recent_least_add(&least, 7 * PERIOD, 60);
    assert_int_equal(col_recent_least_of(&least), 50);
}

static void after_a_long_pause_nothing_old_counts(void **state) {
    (void)state;
    col_recent_least least = {0};
    col_recent_least_add(&least, 5 * PERIOD, 20);
    col_recent_least_add(&least, 7 * PERIOD, 50);
    assert_int_equal(col_recent_least_of(&least), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_sample_counts),
        cmocka_unit_test(a_sample_is_remembered_for_one_period_and_forgotten_after_two),
        cmocka_unit_test(after_a_long_pause_nothing_old_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
