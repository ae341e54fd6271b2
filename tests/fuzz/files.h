// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files that readers of files are fuzzed with, and what every error must be.

#include <ctype.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/base/result.h"
#include "tests/fuzz/fuzz.h"

/// A directory in memory, removed at exit.
static char fuzz_directory[64];

static void fuzz_remove_directory(void) {
    char path[96];
    snprintf(path, sizeof path, "%s/input.yaml", fuzz_directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/again.yaml", fuzz_directory);
    unlink(path);
    rmdir(fuzz_directory);
}

/// @return the path of a file in it
static inline const char *fuzz_path(const char *name) {
    static char path[2][96];
    static unsigned turn;
    if (fuzz_directory[0] == '\0') {
        snprintf(fuzz_directory, sizeof fuzz_directory, "/dev/shm/colonnade-fuzz-XXXXXX");
        COL_ASSERT(mkdtemp(fuzz_directory) != NULL);
        atexit(fuzz_remove_directory);
    }
    char *at = path[turn++ % 2];
    snprintf(at, sizeof path[0], "%s/%s", fuzz_directory, name);
    return at;
}

static inline void fuzz_write_file(const char *path, const uint8_t *data, size_t size) {
    FILE *file = fopen(path, "wb");
    COL_ASSERT(file != NULL);
    if (size > 0) COL_ASSERT(fwrite(data, 1, size, file) == size);
    fclose(file);
}

/// One line "<path>:<line>: <what>: <remedy>", of which nothing was cut off.
static inline void fuzz_check_error(const col_result *result, const char *path) {
    const char *text = result->text;
    const size_t length = strlen(text);
    COL_ASSERT(length > 0 && length < sizeof result->text - 1);
    for (size_t i = 0; i < length; i++) COL_ASSERT((unsigned char)text[i] >= ' ');
    COL_ASSERT(strncmp(text, path, strlen(path)) == 0);
    text += strlen(path);
    COL_ASSERT(*text == ':' && isdigit((unsigned char)text[1]));
    text += 1 + strspn(text + 1, "0123456789");
    COL_ASSERT(strncmp(text, ": ", 2) == 0);
    const char *remedy = strstr(text + 2, ": ");
    COL_ASSERT(remedy != NULL && strlen(remedy) > 4);
}
