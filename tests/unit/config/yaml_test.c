// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml.h"

#include "tests/unit/config/files.h"

/// One member of each kind and size.
typedef struct {
    uint32_t four;
    uint64_t eight;
    bool flag;
    char text[8];
} example;

enum { FOUR, EIGHT, FLAG, TEXT, NODE, KEYS };

static const col_yaml_key keys[KEYS] = {
    [FOUR] = {.key = "four",
              .kind = COL_YAML_NUMBER,
              COL_YAML_MEMBER(example, four),
              .minimum = 2,
              .maximum = 4294967295,
              .example = "7"},
    [EIGHT] = {.key = "eight",
               .kind = COL_YAML_NUMBER,
               COL_YAML_MEMBER(example, eight),
               .maximum = 1000000,
               .unit = 1000000000000},
    [FLAG] = {.key = "flag",
              .kind = COL_YAML_CHOICE,
              COL_YAML_MEMBER(example, flag),
              .choices = col_yaml_flag},
    [TEXT] = {.key = "text", .kind = COL_YAML_TEXT, COL_YAML_MEMBER(example, text), .minimum = 1},
    [NODE] = {.key = "node", .kind = COL_YAML_NODE},
};

static col_yaml *open_text(const char *text) {
    write_file("file.yaml", text);
    col_yaml *yaml = NULL;
    const col_result result = col_yaml_open("file.yaml", "make it", &yaml);
    if (!result.ok) fail_msg("%s", result.text);
    return yaml;
}

static col_result read_text(const char *text, example *out) {
    col_yaml *yaml = open_text(text);
    col_yaml_found found[KEYS];
    const col_result result =
        col_yaml_mapping(yaml, col_yaml_root(yaml), "the example", keys, KEYS, out, found);
    col_yaml_close(yaml);
    return result;
}

static void expect_error(const char *text, const char *expected) {
    example out = {0};
    const col_result result = read_text(text, &out);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
}

static void members_of_every_size_are_stored(void **state) {
    (void)state;
    example out;
    memset(&out, 0xee, sizeof out);
    assert_true(read_text("{four: 4294967295, eight: 3, flag: true, text: seven77}", &out).ok);
    assert_int_equal(out.four, UINT32_MAX);
    assert_int_equal(out.eight, UINT64_C(3000000000000));
    assert_true(out.flag);
    assert_string_equal(out.text, "seven77");
}

static void members_of_absent_keys_keep_their_values(void **state) {
    (void)state;
    example out = {.eight = 5, .flag = true, .text = "kept"};
    assert_true(read_text("four: 2\n", &out).ok);
    assert_int_equal(out.four, 2);
    assert_int_equal(out.eight, 5);
    assert_true(out.flag);
    assert_string_equal(out.text, "kept");
}

static void every_found_key_has_its_line(void **state) {
    (void)state;
    col_yaml *yaml = open_text("# first line\n\nfour: 2\nnode:\n\n  - a\n  -\n    b: 1\n");
    example out;
    col_yaml_found found[KEYS];
    assert_true(
        col_yaml_mapping(yaml, col_yaml_root(yaml), "the example", keys, KEYS, &out, found).ok);
    assert_int_equal(found[FOUR].line, 3);
    assert_int_equal(found[NODE].line, 4);
    assert_null(found[EIGHT].value);
    assert_int_equal(found[EIGHT].line, 0);

    uint32_t count;
    assert_true(col_yaml_list(yaml, found[NODE].value, "node", &count).ok);
    assert_int_equal(count, 2);
    const col_yaml_node *first = col_yaml_item(yaml, found[NODE].value, 0);
    assert_int_equal(col_yaml_line(first), 6);
    assert_int_equal(col_yaml_line(col_yaml_item(yaml, found[NODE].value, 1)), 8);
    assert_true(col_yaml_is(first, "a"));
    assert_false(col_yaml_is(first, "ab"));
    assert_false(col_yaml_is(first, ""));
    assert_false(col_yaml_is(found[NODE].value, "a"));
    col_yaml_close(yaml);
}

static void wrong_values_are_errors(void **state) {
    (void)state;
    expect_error("four: 1", "file.yaml:1: four is 1: it must be 2 .. 4294967295; try four: 2");
    expect_error(
        "four: 4294967296",
        "file.yaml:1: four is 4294967296: it must be 2 .. 4294967295; try four: 4294967295");
    expect_error("four: 0x10",
                 "file.yaml:1: four is '0x10': it must be a whole number, 2 .. 4294967295");
    expect_error("four: 1_0",
                 "file.yaml:1: four is '1_0': it must be a whole number, 2 .. 4294967295");
    expect_error("four: 18446744073709551618",
                 "file.yaml:1: four is '18446744073709551618': it must be a whole number, 2 .. "
                 "4294967295");
    expect_error("\nfour: 2\nflag: yes", "file.yaml:3: flag is 'yes': it must be false or true");
    expect_error("\nfour: 2\nflag: TRUE", "file.yaml:3: flag is 'TRUE': it must be false or true");
    expect_error("four: 2\ntext: eight888",
                 "file.yaml:2: text has 8 characters: it may have 7; shorten it");
    expect_error("four: 2\ntext: |\n  a\n  b\n",
                 "file.yaml:2: text contains a line break or control character: write it on one "
                 "line");
}

static void wrong_keys_are_errors(void **state) {
    (void)state;
    expect_error("four: 2\nfuor: 2",
                 "file.yaml:2: the example has no key 'fuor': did you mean four?");
    expect_error(
        "four: 2\nFLAGS: true",
        "file.yaml:2: the example has no key 'FLAGS': its keys are four, eight, flag, text and "
        "node");
    expect_error("four: 2\neight: 1\nfour: 2\n",
                 "file.yaml:3: four stands in line 1 already: remove one of the two");
    expect_error("eight: 1\n", "file.yaml:1: the example lacks the key four: add four: 7");
    expect_error("? [a, b]\n: 1\n", "file.yaml:1: a key is a list: it must be a single value");
    expect_error("- four\n",
                 "file.yaml:1: the example must be a mapping: lines of 'key: value', or {key: "
                 "value, ...}");
}

/// Longer words than the comparison takes, and longer than an error shows.
static void a_very_long_key_is_an_error_of_one_short_line(void **state) {
    (void)state;
    char text[1024];
    memset(text, 'k', 1000);
    strcpy(text + 1000, ": 1");
    example out;
    const col_result result = read_text(text, &out);
    assert_false(result.ok);
    assert_true(strlen(result.text) < 200);
}

static void items_of_the_wrong_kind_are_errors(void **state) {
    (void)state;
    static const char *const words[] = {"a", "b", "c", NULL};
    col_yaml *yaml = open_text("- 5\n- d\n- [1]\n");
    const col_yaml_node *root = col_yaml_root(yaml);
    uint64_t number;
    uint32_t word, count;
    assert_true(col_yaml_number(yaml, col_yaml_item(yaml, root, 0), "core", 0, 7, &number).ok);
    assert_int_equal(number, 5);
    assert_string_equal(
        col_yaml_number(yaml, col_yaml_item(yaml, root, 0), "core", 0, 4, &number).text,
        "file.yaml:1: core is 5: it must be 0 .. 4; try core: 4");
    assert_string_equal(
        col_yaml_choice(yaml, col_yaml_item(yaml, root, 1), "a stage", words, &word).text,
        "file.yaml:2: a stage is 'd': it must be a, b or c");
    assert_string_equal(
        col_yaml_choice(yaml, col_yaml_item(yaml, root, 2), "a stage", words, &word).text,
        "file.yaml:3: a stage is a list: it must be a single value");
    assert_string_equal(col_yaml_list(yaml, col_yaml_item(yaml, root, 0), "cores", &count).text,
                        "file.yaml:1: cores must be a list: lines of '- item', or [item, ...]");
    col_yaml_close(yaml);
}

static void expect_no_file(const char *path, const char *expected) {
    col_yaml *yaml = NULL;
    const col_result result = col_yaml_open(path, "make it", &yaml);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
    assert_null(yaml);
}

static void what_is_not_one_document_is_an_error(void **state) {
    (void)state;
    expect_no_file("absent.yaml", "absent.yaml: No such file or directory: make it");
    write_file("file.yaml", "");
    expect_no_file("file.yaml", "file.yaml:1: the file is empty: restore it");
    write_file("file.yaml", "# only a comment\n");
    expect_no_file("file.yaml", "file.yaml:1: the file is empty: restore it");
    write_file("file.yaml", "a: 1\n---\nb: 2\n");
    expect_no_file("file.yaml", "file.yaml:2: a second document begins: keep one per file");
    write_file("file.yaml", "a: 1\n...\n");
    col_yaml *yaml = NULL;
    assert_true(col_yaml_open("file.yaml", "make it", &yaml).ok);
    col_yaml_close(yaml);
    write_file("file.yaml", "a: 1\n\xff\n");
    expect_no_file("file.yaml",
                   "file.yaml:1: this is not YAML (invalid leading UTF-8 octet): check "
                   "indentation, colons and quotes here and above");
    expect_no_file("keys",
                   "keys:1: this is not YAML (input error): check indentation, colons and quotes "
                   "here and above");
}

/// Nothing expands aliases: nine levels of nine would be 400 million nodes.
static void aliases_cost_nothing(void **state) {
    (void)state;
    char text[TEXT_MAX] = "four: 2\nnode:\n  - &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; i++) {
        char line[128];
        snprintf(line, sizeof line,
                 "  - &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    example out;
    assert_true(read_text(text, &out).ok);
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(members_of_every_size_are_stored),
        IN_DIRECTORY(members_of_absent_keys_keep_their_values),
        IN_DIRECTORY(every_found_key_has_its_line),
        IN_DIRECTORY(wrong_values_are_errors),
        IN_DIRECTORY(wrong_keys_are_errors),
        IN_DIRECTORY(a_very_long_key_is_an_error_of_one_short_line),
        IN_DIRECTORY(items_of_the_wrong_kind_are_errors),
        IN_DIRECTORY(what_is_not_one_document_is_an_error),
        IN_DIRECTORY(aliases_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
