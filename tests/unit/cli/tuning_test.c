// SPDX-License-Identifier: Apache-2.0
#include "src/cli/tuning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool contains(col_bytes text, const char *word) {
    return memmem(text.at, text.length, word, strlen(word)) != NULL;
}

static void both_profiles_are_embedded_whole(void **state) {
    (void)state;
    assert_string_equal(col_tuning_name(0), "small");
    assert_string_equal(col_tuning_name(1), "threads");
    for (uint32_t i = 0; i < COL_TUNINGS; i++) {
        const col_bytes text = col_tuning_text(i);
        assert_true(contains(text, "description:") && contains(text, "threads:"));
        assert_int_equal(text.at[text.length - 1], '\n');
        assert_null(memchr(text.at, 0, text.length));
    }
    assert_ptr_not_equal(col_tuning_text(0).at, col_tuning_text(1).at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_profiles_are_embedded_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
