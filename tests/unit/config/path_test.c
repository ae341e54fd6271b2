// SPDX-License-Identifier: Apache-2.0
#include "src/config/path.h"

#include "tests/unit/config/files.h"

static void a_relative_path_starts_at_the_directory(void **state) {
    (void)state;
    char joined[COL_PATH_MAX];
    assert_true(col_path_join("/etc/demo", "keys/a.pub", joined));
    assert_string_equal(joined, "/etc/demo/keys/a.pub");
    assert_true(col_path_join("/etc/demo", "/keys/a.pub", joined));
    assert_string_equal(joined, "/keys/a.pub");
}

static void a_path_that_does_not_fit_is_refused(void **state) {
    (void)state;
    char path[COL_PATH_MAX], joined[COL_PATH_MAX];
    memset(path, 'a', sizeof path);
    path[COL_PATH_MAX - 3] = 0;
    assert_true(col_path_join("/", path + 1, joined));
    assert_int_equal(strlen(joined), COL_PATH_MAX - 2);
    assert_true(col_path_join("d", path, joined));
    assert_int_equal(strlen(joined), COL_PATH_MAX - 1);
    assert_false(col_path_join("dd", path, joined));
}

static void the_name_is_what_follows_the_last_slash(void **state) {
    (void)state;
    assert_string_equal(col_path_name("a/b/c.yaml"), "c.yaml");
    assert_string_equal(col_path_name("c.yaml"), "c.yaml");
    assert_string_equal(col_path_name("a/"), "");
}

static void the_directory_is_absolute_without_links(void **state) {
    (void)state;
    char found[COL_PATH_MAX], expected[COL_PATH_MAX];
    assert_true(col_path_directory("absent.yaml", found).ok);
    assert_string_equal(found, directory);
    snprintf(expected, sizeof expected, "%s/keys", directory);
    assert_int_equal(symlink("keys", "link"), 0);
    assert_true(col_path_directory("link/replica-0.pub", found).ok);
    assert_string_equal(found, expected);
    assert_true(col_path_directory("/file", found).ok);
    assert_string_equal(found, "/");
}

static void a_directory_that_is_absent_or_too_deep_is_an_error(void **state) {
    (void)state;
    char found[COL_PATH_MAX];
    const col_result absent = col_path_directory("absent/file", found);
    assert_false(absent.ok);
    assert_string_equal(absent.text,
                        "absent/: No such file or directory: make that directory, or name another");

    char name[201];
    memset(name, 'd', 200);
    name[200] = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mkdir(name, 0700), 0);
        assert_int_equal(chdir(name), 0);
    }
    const col_result deep = col_path_directory("file", found);
    assert_false(deep.ok);
    assert_string_equal(deep.text,
                        ".: its absolute path has more than 511 characters: use a shorter one");
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relative_path_starts_at_the_directory),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
        cmocka_unit_test(the_name_is_what_follows_the_last_slash),
        IN_DIRECTORY(the_directory_is_absolute_without_links),
        IN_DIRECTORY(a_directory_that_is_absent_or_too_deep_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
