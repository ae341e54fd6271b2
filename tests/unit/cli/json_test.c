// SPDX-License-Identifier: Apache-2.0
#include "src/cli/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static char *text;
static size_t size;
static col_json json;

static int open_json(void **state) {
    (void)state;
    json = (col_json){.stream = open_memstream(&text, &size)};
    return json.stream ? 0 : -1;
}

static void assert_written(const char *expected) {
    fclose(json.stream);
    assert_string_equal(text, expected);
    free(text);
}

static void members_are_separated_and_indented(void **state) {
    (void)state;
    col_json_object(&json, NULL);
    col_json_number(&json, "a", UINT64_MAX);
    col_json_array(&json, "b");
    col_json_bool(&json, NULL, true);
    col_json_null(&json, NULL);
    col_json_array_end(&json);
    col_json_real(&json, "c", 0.25);
    col_json_object_end(&json);
    assert_written(
        "{\n"
        "  \"a\": 18446744073709551615,\n"
        "  \"b\": [\n"
        "    true,\n"
        "    null\n"
        "  ],\n"
        "  \"c\": 0.25\n"
        "}\n");
}

static void empty_containers_have_no_lines_inside(void **state) {
    (void)state;
    col_json_object(&json, NULL);
    col_json_array(&json, "a");
    col_json_array_end(&json);
    col_json_object(&json, "b");
    col_json_object_end(&json);
    col_json_object_end(&json);
    assert_written("{\n  \"a\": [],\n  \"b\": {}\n}\n");
}

static void texts_are_escaped(void **state) {
    (void)state;
    col_json_array(&json, NULL);
    col_json_text(&json, NULL, "a \"b\" \\ \n \x01 ü");
    col_json_array_end(&json);
    assert_written("[\n  \"a \\\"b\\\" \\\\ \\u000a \\u0001 ü\"\n]\n");
}

static void what_json_has_no_number_for_is_null(void **state) {
    (void)state;
    col_json_array(&json, NULL);
    col_json_real(&json, NULL, NAN);
    col_json_real(&json, NULL, INFINITY);
    col_json_array_end(&json);
    assert_written("[\n  null,\n  null\n]\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(members_are_separated_and_indented, open_json),
        cmocka_unit_test_setup(empty_containers_have_no_lines_inside, open_json),
        cmocka_unit_test_setup(texts_are_escaped, open_json),
        cmocka_unit_test_setup(what_json_has_no_number_for_is_null, open_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
