// SPDX-License-Identifier: Apache-2.0
#include "src/cli/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    uint64_t number;
    const char *text;
    const char *choice;
    const char *direction;
    bool flag;
} given;

static const col_option options[] = {
    {"--number", "N", "a number", COL_OPTION_NUMBER, .minimum = 2, .maximum = 9,
     .target = &given.number},
    {"--text", "TEXT", "a text", COL_OPTION_TEXT, .required = true, .target = &given.text},
    {"--choice", "WHICH", "a choice", COL_OPTION_CHOICE, .choices = "left|right",
     .target = &given.choice},
    {"--direction", "WHICH", "a long choice", COL_OPTION_CHOICE, .choices = "upwards|downwards",
     .target = &given.direction},
    {"--flag", NULL, "a flag", COL_OPTION_FLAG, .target = &given.flag},
};

static const col_command command = {
    .name = "try",
    .purpose = "Try things.",
    .positionals = "DIR",
    .example = "colonnade try here --text a",
    .options = options,
    .option_count = 5,
};

static const col_command with_rest = {
    .name = "run",
    .purpose = "Run things.",
    .positionals = "DIR",
    .rest = "COMMAND...",
    .example = "colonnade run here -- ls",
};

static col_result parse(const col_command *which, char **argv, col_arguments *arguments) {
    memset(&given, 0, sizeof given);
    return col_arguments_parse(which, argv, arguments);
}

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

static void assert_refused(char **argv, const char *text) {
    col_arguments arguments;
    const col_result result = parse(&command, argv, &arguments);
    assert_false(result.ok);
    assert_string_equal(result.text, text);
}

static void options_and_positionals_may_stand_in_any_order(void **state) {
    (void)state;
    col_arguments arguments;
    assert_true(
        parse(&command, ARGV("--number", "3", "here", "--text=a=b", "--flag"), &arguments).ok);
    assert_int_equal(given.number, 3);
    assert_string_equal(given.text, "a=b");
    assert_true(given.flag);
    assert_null(given.choice);
    assert_string_equal(arguments.positional[0], "here");
    assert_false(arguments.help);
}

static void a_number_outside_its_range_is_refused_with_the_range(void **state) {
    (void)state;
    const char *bad[] = {"1", "10", "x", "", "3x", "-3", "99999999999999999999"};
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "try: --number is '%s': use a number from 2 to 9",
                 bad[i]);
        assert_refused(ARGV("here", "--text", "a", "--number", (char *)bad[i]), expected);
    }
}

static void the_bounds_of_a_number_belong_to_its_range(void **state) {
    (void)state;
    col_arguments arguments;
    assert_true(parse(&command, ARGV("here", "--text", "a", "--number", "2"), &arguments).ok);
    assert_int_equal(given.number, 2);
    assert_true(parse(&command, ARGV("here", "--text", "a", "--number", "9"), &arguments).ok);
    assert_int_equal(given.number, 9);
}

static void a_choice_outside_the_list_is_refused_with_the_list(void **state) {
    (void)state;
    const char *bad[] = {"up", "lef", "leftright", "left|right", ""};
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "try: --choice is '%s': use one of left|right", bad[i]);
        assert_refused(ARGV("here", "--text", "a", "--choice", (char *)bad[i]), expected);
    }
    col_arguments arguments;
    assert_true(parse(&command, ARGV("here", "--text", "a", "--choice", "right"), &arguments).ok);
    assert_string_equal(given.choice, "right");
}

static void an_unknown_option_names_the_help(void **state) {
    (void)state;
    assert_refused(ARGV("here", "--textual", "a"),
                   "try: unknown option --textual: `colonnade try --help` lists the options");
    assert_refused(ARGV("here", "--", "a"),
                   "try: unknown option --: `colonnade try --help` lists the options");
}

static void what_is_missing_or_too_much_is_said(void **state) {
    (void)state;
    assert_refused(ARGV("--text", "a"),
                   "try: an argument is missing: usage is `colonnade try DIR`");
    assert_refused(ARGV("here"), "try: --text is missing: add --text TEXT");
    assert_refused(ARGV("here", "--text"), "try: --text needs a value: --text TEXT");
    assert_refused(ARGV("here", "there", "--text", "a"),
                   "try: unexpected argument 'there': usage is `colonnade try DIR`");
    assert_refused(ARGV("here", "--text", "a", "--text=b"),
                   "try: --text stands twice: leave out one");
    assert_refused(ARGV("here", "--flag=yes"), "try: --flag takes no value: leave out '=yes'");
}

static void a_long_word_does_not_push_the_remedy_out(void **state) {
    (void)state;
    char word[600], expected[200];
    memset(word, 'x', sizeof word);
    word[sizeof word - 1] = '\0';
    snprintf(expected, sizeof expected,
             "try: unexpected argument '%.60s': usage is `colonnade try DIR`", word);
    assert_refused(ARGV("here", word), expected);
    memcpy(word, "--", 2);
    snprintf(expected, sizeof expected,
             "try: unknown option %.60s: `colonnade try --help` lists the options", word);
    assert_refused(ARGV("here", word), expected);
}

static void what_follows_two_dashes_is_left_alone(void **state) {
    (void)state;
    col_arguments arguments;
    assert_true(parse(&with_rest, ARGV("here", "--", "ls", "--help"), &arguments).ok);
    assert_string_equal(arguments.rest[0], "ls");
    assert_string_equal(arguments.rest[1], "--help");
    assert_null(arguments.rest[2]);
    assert_false(arguments.help);
    assert_false(parse(&with_rest, ARGV("here", "--"), &arguments).ok);
    assert_false(parse(&with_rest, ARGV("here"), &arguments).ok);
}

static void help_shows_every_option_and_the_example(void **state) {
    (void)state;
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    col_arguments_help(&command, stream);
    fclose(stream);
    assert_non_null(strstr(text, "usage: colonnade try DIR --text TEXT [options]\n"));
    assert_non_null(strstr(text, "\n  --number N                   a number\n"));
    assert_non_null(strstr(text, "\n  --choice left|right          a choice\n"));
    assert_non_null(strstr(text,
                           "\n  --direction upwards|downwards\n"
                           "                               a long choice\n"));
    assert_non_null(strstr(text, "\nexample:\n  colonnade try here --text a\n"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_positionals_may_stand_in_any_order),
        cmocka_unit_test(a_number_outside_its_range_is_refused_with_the_range),
        cmocka_unit_test(the_bounds_of_a_number_belong_to_its_range),
        cmocka_unit_test(a_choice_outside_the_list_is_refused_with_the_list),
        cmocka_unit_test(an_unknown_option_names_the_help),
        cmocka_unit_test(what_is_missing_or_too_much_is_said),
        cmocka_unit_test(a_long_word_does_not_push_the_remedy_out),
        cmocka_unit_test(what_follows_two_dashes_is_left_alone),
        cmocka_unit_test(help_shows_every_option_and_the_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
