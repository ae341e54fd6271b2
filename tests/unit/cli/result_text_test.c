// SPDX-License-Identifier: Apache-2.0
#include "src/cli/result_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_printed(const char *application, const void *result, size_t length,
                           const char *expected) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    col_result_print(stream, application, result, length);
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
}

static void a_counters_result_is_its_count(void **state) {
    (void)state;
    const uint8_t result[100] = {0x39, 0x30, 0, 0, 0, 0, 0, 1};
    assert_printed("counter", result, 8, "72057594037940281");
    assert_printed("counter", result, 100, "72057594037940281");
}

static void a_logs_result_is_index_and_digest(void **state) {
    (void)state;
    uint8_t result[40] = {7};
    memset(result + 8, 0xab, 32);
    assert_printed("log", result, 40,
                   "7 abababababababababababababababababababababababababababababababab");
}

static void other_results_are_text_when_printable_and_hexadecimal_otherwise(void **state) {
    (void)state;
    assert_printed("other", "grün 1", 7, "grün 1");
    assert_printed("other", "a\nb", 3, "610a62");
    assert_printed("other", "", 0, "");
    assert_printed("counter", "\x01\x02", 2, "0102");
    assert_printed("log", "short", 5, "short");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counters_result_is_its_count),
        cmocka_unit_test(a_logs_result_is_index_and_digest),
        cmocka_unit_test(other_results_are_text_when_printable_and_hexadecimal_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
