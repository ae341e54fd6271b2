// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/result.h"

/// Command lines: one table per command gives the parser, the help text and the error messages.

typedef enum {
    COL_OPTION_FLAG,    ///< bool
    COL_OPTION_NUMBER,  ///< uint64_t, minimum .. maximum
    COL_OPTION_TEXT,    ///< const char *, borrowed from argv
    COL_OPTION_CHOICE,  ///< const char *, one of `choices`
} col_option_kind;

typedef struct {
    const char *name;   ///< "--replicas"
    const char *value;  ///< what the help calls the value: "N"; NULL for a flag
    const char *help;   ///< one line; the default is part of it
    col_option_kind kind;
    bool required;
    uint64_t minimum;
    uint64_t maximum;
    const char *choices;  ///< "rotating|single"
    void *target;         ///< holds the default before parsing
} col_option;

#define COL_POSITIONALS_MAX 2

typedef struct {
    const char *name;         ///< "cluster up"
    const char *purpose;      ///< one line
    const char *positionals;  ///< "DIR ID"; NULL for none. All are required.
    const char *rest;         ///< what follows `--`: "COMMAND..."; NULL when nothing may
    const char *example;      ///< one or more whole command lines
    const col_option *options;
    uint32_t option_count;
} col_command;

typedef struct {
    bool help;  ///< asked for, and printed to stdout: the caller ends with status 0
    const char *positional[COL_POSITIONALS_MAX];
    char **rest;  ///< NULL-terminated, never empty when the command has one
} col_arguments;

/// Parse what follows the command's name and set the options' targets.
/// @param argv NULL-terminated, borrowed as long as the arguments are used
/// @return error: unknown option, missing or bad value, missing or surplus argument
COL_MUST_USE col_result col_arguments_parse(const col_command *command, char **argv,
                                            col_arguments *arguments);

/// Print the help of a command: usage, purpose, options, example.
void col_arguments_help(const col_command *command, FILE *stream);

/// Read a whole decimal number. @return false when `text` is not one, or not within the bounds.
bool col_number_parse(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number);
