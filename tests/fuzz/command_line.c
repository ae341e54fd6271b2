// SPDX-License-Identifier: Apache-2.0
// Command lines and JSON texts: every word is parsed within its option's bounds or refused with a
// remedy; whatever text is written to JSON, it is one JSON string that means the same.
#include <ctype.h>
#include <stdio.h>

#include "src/cli/arguments.h"
#include "src/cli/json.h"
#include "tests/fuzz/fuzz.h"

#define WORDS 16

static bool flag;
static uint64_t number;
static const char *text, *choice;

static const col_option options[] = {
    {"--flag", NULL, "a flag", COL_OPTION_FLAG, .target = &flag},
    {"--number", "N", "a number", COL_OPTION_NUMBER, .minimum = 3, .maximum = 1000,
     .target = &number},
    {"--text", "TEXT", "a text", COL_OPTION_TEXT, .required = true, .target = &text},
    {"--choice", NULL, "a choice", COL_OPTION_CHOICE, .choices = "one|two", .target = &choice},
};

static const col_command commands[] = {
    {"plain", "does something", NULL, NULL, "colonnade plain --text x", options, 4},
    {"run", "runs something", "DIR ID", "COMMAND...", "colonnade run d 1 --text x -- y", options,
     4},
};

static void check_parsed(const col_command *command, const col_arguments *arguments) {
    COL_ASSERT(text != NULL);
    COL_ASSERT(number == 3 || (number >= 3 && number <= 1000));
    COL_ASSERT(strcmp(choice, "one") == 0 || strcmp(choice, "two") == 0);
    if (command->positionals == NULL) return;
    COL_ASSERT(arguments->positional[0] != NULL && arguments->positional[1] != NULL);
    COL_ASSERT(arguments->rest != NULL && arguments->rest[0] != NULL);
}

/// @param line words, each ended by a zero
static void parse(const col_command *command, char *line, size_t size) {
    char *words[WORDS + 1] = {0};
    size_t count = 0;
    for (size_t at = 0; at < size && count < WORDS; at += strlen(line + at) + 1) {
        words[count++] = line + at;
    }
    flag = false;
    number = 3;
    text = NULL;
    choice = "one";
    col_arguments arguments = {0};
    const col_result result = col_arguments_parse(command, words, &arguments);
    if (!result.ok) {
        COL_ASSERT(strlen(result.text) < sizeof result.text - 1);  // the remedy was not cut off
    } else if (!arguments.help) {
        check_parsed(command, &arguments);
    }
}

/// The character behind a backslash. Short forms other than these two are not written.
static char unescape(const char **written) {
    const char kind = *(*written)++;
    if (kind == '"' || kind == '\\') return kind;
    COL_ASSERT(kind == 'u');
    char digits[5] = {0};
    for (int i = 0; i < 4; i++) {
        COL_ASSERT(isxdigit((unsigned char)**written));
        digits[i] = *(*written)++;
    }
    return (char)strtol(digits, NULL, 16);
}

/// The value as a JSON string in quotes, and nothing after it but the end of the line.
static void check_json(const char *written, const char *value) {
    COL_ASSERT(*written++ == '"');
    for (; *value != '\0'; value++) {
        COL_ASSERT((unsigned char)*written >= ' ' && *written != '"');
        const char next = *written++;
        COL_ASSERT((next == '\\' ? unescape(&written) : next) == *value);
    }
    COL_ASSERT(*written++ == '"');
    COL_ASSERT(strspn(written, "\n") == strlen(written));
}

static void write_json(const char *value) {
    char *written = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&written, &length);
    col_json json = {.stream = stream};
    col_json_text(&json, NULL, value);
    fclose(stream);
    check_json(written, value);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    char *line = malloc(size);
    memcpy(line, data + 1, size - 1);
    line[size - 1] = '\0';
    if (data[0] % 3 == 2) {
        write_json(line);
    } else {
        parse(&commands[data[0] % 3], line, size);
    }
    free(line);
    return 0;
}
