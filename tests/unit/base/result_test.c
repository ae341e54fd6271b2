// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "src/base/result.h"

static void success_has_no_text(void **state) {
    (void)state;
    const col_result result = col_ok();
    assert_true(result.ok);
    assert_string_equal(result.text, "");
}

static void a_failure_says_its_formatted_line(void **state) {
    (void)state;
    const col_result result = col_error("%s:%d: window is %u", "cluster.yaml", 14, 150u);
    assert_false(result.ok);
    assert_string_equal(result.text, "cluster.yaml:14: window is 150");
}

static void a_long_failure_is_cut_at_510_characters(void **state) {
    (void)state;
    char longer[700];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const col_result result = col_error("%s", longer);
    assert_false(result.ok);
    assert_int_equal(strlen(result.text), 510);
}

static int steps;

static col_result step(bool good) {
    steps++;
    return good ? col_ok() : col_error("step %d failed", steps);
}

static col_result three_steps(bool second_good) {
    COL_TRY(step(true));
    COL_TRY(step(second_good));
    COL_TRY(step(true));
    return col_ok();
}

static void try_leaves_at_the_first_failure_and_hands_it_on(void **state) {
    (void)state;
    steps = 0;
    assert_true(three_steps(true).ok);
    assert_int_equal(steps, 3);
    steps = 0;
    const col_result result = three_steps(false);
    assert_false(result.ok);
    assert_string_equal(result.text, "step 2 failed");
    assert_int_equal(steps, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_has_no_text),
        cmocka_unit_test(a_failure_says_its_formatted_line),
        cmocka_unit_test(a_long_failure_is_cut_at_510_characters),
        cmocka_unit_test(try_leaves_at_the_first_failure_and_hands_it_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
