// SPDX-License-Identifier: Apache-2.0
#include "src/cli/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/assert.h"

bool col_number_parse(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number) {
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || value < minimum || value > maximum) return false;
    *number = value;
    return true;
}

static uint32_t words(const char *list) {
    uint32_t count = 0;
    for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) count++;
    return count;
}

static bool is_choice(const char *choices, const char *text) {
    const size_t length = strlen(text);
    for (const char *at = choices;; at++) {
        const size_t choice = strcspn(at, "|");
        if (choice == length && strncmp(at, text, length) == 0) return true;
        at += choice;
        if (!*at) return false;
    }
}

void col_arguments_help(const col_command *command, FILE *stream) {
    fprintf(stream, "usage: colonnade %s", command->name);
    if (command->positionals) fprintf(stream, " %s", command->positionals);
    for (uint32_t i = 0; i < command->option_count; i++) {
        const col_option *option = &command->options[i];
        if (option->required) fprintf(stream, " %s %s", option->name, option->value);
    }
    fprintf(stream, " [options]");
    if (command->rest) fprintf(stream, " -- %s", command->rest);
    fprintf(stream, "\n\n%s\n\noptions:\n", command->purpose);
    for (uint32_t i = 0; i < command->option_count; i++) {
        const col_option *option = &command->options[i];
        char name[64];
        const char *value = option->kind == COL_OPTION_CHOICE ? option->choices : option->value;
        snprintf(name, sizeof name, "%s %s", option->name, value ? value : "");
        const bool fits = strlen(name) <= 28;  // else its text begins on the next line
        fprintf(stream, "  %-28s%s%*s %s\n", name, fits ? "" : "\n", fits ? 0 : 30, "",
                option->help);
    }
    fprintf(stream, "  %-28s %s\n", "--help", "this text");
    fprintf(stream, "\nexample:\n");
    for (const char *line = command->example; *line;) {
        const int length = (int)strcspn(line, "\n");
        fprintf(stream, "  %.*s\n", length, line);
        line += length;
        line += *line == '\n';
    }
}

static const col_option *find(const col_command *command, const char *name, size_t length) {
    for (uint32_t i = 0; i < command->option_count; i++) {
        const col_option *option = &command->options[i];
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return option;
    }
    return NULL;
}

static col_result set(const col_command *command, const col_option *option, const char *value) {
    switch (option->kind) {
        case COL_OPTION_FLAG:
            *(bool *)option->target = true;
            return col_ok();
        case COL_OPTION_TEXT:
            *(const char **)option->target = value;
            return col_ok();
        case COL_OPTION_CHOICE:
            if (!is_choice(option->choices, value)) {
                return col_error("%s: %s is '%.60s': use one of %s", command->name, option->name,
                                 value, option->choices);
            }
            *(const char **)option->target = value;
            return col_ok();
        case COL_OPTION_NUMBER:
            if (!col_number_parse(value, option->minimum, option->maximum, option->target)) {
                return col_error("%s: %s is '%.60s': use a number from %" PRIu64 " to %" PRIu64,
                                 command->name, option->name, value, option->minimum,
                                 option->maximum);
            }
            return col_ok();
    }
    COL_ASSERT(false);
}

/// Handle the option at *argv, as `--name value` or `--name=value`, and move to its last word.
static col_result take_option(const col_command *command, char ***argv, uint64_t *seen) {
    const char *word = **argv;
    const size_t length = strcspn(word, "=");
    const col_option *option = find(command, word, length);
    if (!option) {
        return col_error("%s: unknown option %.60s: `colonnade %s --help` lists the options",
                         command->name, word, command->name);
    }
    const uint64_t bit = UINT64_C(1) << (option - command->options);
    if (*seen & bit) {
        return col_error("%s: %s stands twice: leave out one", command->name, option->name);
    }
    *seen |= bit;
    if (option->kind == COL_OPTION_FLAG) {
        if (word[length]) {
            return col_error("%s: %s takes no value: leave out '%.60s'", command->name,
                             option->name, word + length);
        }
        return set(command, option, NULL);
    }
    if (word[length]) return set(command, option, word + length + 1);
    if (!(*argv)[1]) {
        return col_error("%s: %s needs a value: %s %s", command->name, option->name, option->name,
                         option->choices ? option->choices : option->value);
    }
    (*argv)++;
    return set(command, option, **argv);
}

static col_result check_complete(const col_command *command, const col_arguments *arguments,
                                 uint32_t positionals, uint64_t seen) {
    if (positionals < words(command->positionals)) {
        return col_error("%s: an argument is missing: usage is `colonnade %s %s`", command->name,
                         command->name, command->positionals);
    }
    for (uint32_t i = 0; i < command->option_count; i++) {
        if (command->options[i].required && !(seen >> i & 1)) {
            return col_error("%s: %s is missing: add %s %s", command->name,
                             command->options[i].name, command->options[i].name,
                             command->options[i].value);
        }
    }
    if (command->rest && (!arguments->rest || !arguments->rest[0])) {
        return col_error("%s: nothing to run: put `-- %s` at the end", command->name,
                         command->rest);
    }
    return col_ok();
}

col_result col_arguments_parse(const col_command *command, char **argv, col_arguments *arguments) {
    COL_ASSERT(words(command->positionals) <= COL_POSITIONALS_MAX && command->option_count <= 64);

    *arguments = (col_arguments){0};
    const uint32_t wanted = words(command->positionals);
    uint32_t positionals = 0;
    uint64_t seen = 0;
    for (; *argv; argv++) {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            col_arguments_help(command, stdout);
            arguments->help = true;
            return col_ok();
        }
        if (strcmp(*argv, "--") == 0 && command->rest) {
            arguments->rest = argv + 1;
            break;
        }
        if (**argv == '-') {
            COL_TRY(take_option(command, &argv, &seen));
        } else if (positionals < wanted) {
            arguments->positional[positionals++] = *argv;
        } else {
            return col_error("%s: unexpected argument '%.60s': usage is `colonnade %s%s%s`",
                             command->name, *argv, command->name, wanted ? " " : "",
                             wanted ? command->positionals : "");
        }
    }
    return check_complete(command, arguments, positionals, seen);
}
