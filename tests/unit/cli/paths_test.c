// SPDX-License-Identifier: Apache-2.0
#include "src/cli/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_name_goes_behind_the_directory_if_there_is_room(void **state) {
    (void)state;
    char path[COL_PATH_MAX], directory[COL_PATH_MAX], expected[2 * COL_PATH_MAX];
    assert_true(col_path_of_replica(path, "/etc/colonnade", 3, "log").ok);
    assert_string_equal(path, "/etc/colonnade/run/replica-3.log");
    memset(directory, 'd', sizeof directory);
    directory[COL_PATH_MAX - 5] = 0;
    assert_true(col_cli_path(path, directory, "run").ok);
    assert_int_equal(strlen(path), COL_PATH_MAX - 1);
    const col_result result = col_cli_path(path, directory, "keys");
    snprintf(expected, sizeof expected,
             "%.200s...: a path may have 511 characters: use a directory closer to the root",
             directory);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
}

static void a_directory_must_exist_and_be_short_enough(void **state) {
    (void)state;
    char path[COL_PATH_MAX];
    col_result result = col_path_absolute(path, "/nowhere");
    assert_string_equal(result.text,
                        "/nowhere: No such file or directory: `colonnade init /nowhere` makes a "
                        "cluster directory");
    assert_true(col_path_absolute(path, "/usr/../etc").ok);
    assert_string_equal(path, "/etc");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_goes_behind_the_directory_if_there_is_room),
        cmocka_unit_test(a_directory_must_exist_and_be_short_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
