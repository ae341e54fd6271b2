// SPDX-License-Identifier: Apache-2.0
#include "src/cli/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static col_result too_long(const char *path) {
    return col_error("%.200s...: a path may have %d characters: use a directory closer to the root",
                     path, COL_PATH_MAX - 1);
}

col_result col_cli_path(char *path, const char *directory, const char *name) {
    const int length = snprintf(path, COL_PATH_MAX, "%s/%s", directory, name);
    if (length < COL_PATH_MAX) return col_ok();
    return too_long(directory);
}

col_result col_path_of_replica(char *path, const char *directory, uint32_t id, const char *suffix) {
    char name[64];
    snprintf(name, sizeof name, "run/replica-%u.%s", id, suffix);
    return col_cli_path(path, directory, name);
}

col_result col_path_of_telemetry(char *path, const char *directory, uint32_t id) {
    char name[64];
    snprintf(name, sizeof name, "run/dpdk/replica-%u/dpdk_telemetry.v2", id);
    return col_cli_path(path, directory, name);
}

col_result col_path_absolute(char *path, const char *given) {
    char resolved[PATH_MAX];
    if (!realpath(given, resolved)) {
        return col_error("%s: %s: `colonnade init %s` makes a cluster directory", given,
                         strerror(errno), given);
    }
    if (strlen(resolved) >= COL_PATH_MAX) return too_long(resolved);
    memcpy(path, resolved, strlen(resolved) + 1);
    return col_ok();
}

void col_file_last_line(const char *path, char *line, uint32_t size) {
    *line = 0;
    FILE *file = fopen(path, "re");
    if (!file) return;
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&text, &room, file)) > 0) {
        if (text[length - 1] == '\n') text[--length] = 0;
        if (length) snprintf(line, size, "%s", text);
    }
    free(text);
    fclose(file);
}
