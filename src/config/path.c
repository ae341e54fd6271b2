// SPDX-License-Identifier: Apache-2.0
#include "src/config/path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

const char *col_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/// What stands before the name, as something that can be opened.
static bool parent_of(const char *file, char parent[COL_PATH_MAX]) {
    const size_t length = (size_t)(col_path_name(file) - file);
    if (length >= COL_PATH_MAX) return false;
    if (length == 0) {
        memcpy(parent, ".", sizeof ".");
    } else {
        memcpy(parent, file, length);
        parent[length] = 0;
    }
    return true;
}

col_result col_path_directory(const char *file, char directory[COL_PATH_MAX]) {
    char parent[COL_PATH_MAX];
    if (!parent_of(file, parent)) {
        return col_error("%.200s...: a path may have %d characters: use a shorter one", file,
                         COL_PATH_MAX - 1);
    }
    char *real = realpath(parent, NULL);
    if (!real) {
        const int reason = errno;
        return col_error("%s: %s: make that directory, or name another", parent, strerror(reason));
    }
    const bool fits = strlen(real) < COL_PATH_MAX;
    if (fits) memcpy(directory, real, strlen(real) + 1);
    free(real);
    if (fits) return col_ok();
    return col_error("%.200s: its absolute path has more than %d characters: use a shorter one",
                     parent, COL_PATH_MAX - 1);
}

bool col_path_join(const char *directory, const char *path, char joined[COL_PATH_MAX]) {
    const int length = path[0] == '/' ? snprintf(joined, COL_PATH_MAX, "%s", path)
                                      : snprintf(joined, COL_PATH_MAX, "%s/%s", directory, path);
    return length < COL_PATH_MAX;
}
