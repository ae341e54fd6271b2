// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/result.h"
#include "src/config/cluster.h"

/// Paths as src/config keeps them: absolute, shorter than COL_PATH_MAX.

/// The directory that a file lies in, or will lie in, as an absolute path without links.
/// @return error: the directory does not exist, or its path is too long
COL_MUST_USE col_result col_path_directory(const char *file, char directory[COL_PATH_MAX]);

/// `path` itself when it is absolute, else `directory`/`path`.
/// @return false when the result is too long
COL_MUST_USE bool col_path_join(const char *directory, const char *path, char joined[COL_PATH_MAX]);

/// The last part of a path.
const char *col_path_name(const char *path);
