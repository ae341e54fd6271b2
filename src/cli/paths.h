// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "src/base/result.h"
#include "src/config/cluster.h"

/// Where the files of a cluster directory are.

/// `directory`/`name` in `path`, COL_PATH_MAX bytes of room. @return error when it is too long
COL_MUST_USE col_result col_cli_path(char *path, const char *directory, const char *name);

/// The same for a file that each replica has: `directory`/run/replica-`id`.`suffix`.
COL_MUST_USE col_result col_path_of_replica(char *path, const char *directory, uint32_t id,
                                            const char *suffix);

/// A replica's telemetry socket.
COL_MUST_USE col_result col_path_of_telemetry(char *path, const char *directory, uint32_t id);

/// The absolute path of something that exists. @return error: missing, too long
COL_MUST_USE col_result col_path_absolute(char *path, const char *given);

/// The last non-empty line of a text file, for error messages; "" when there is none.
/// @param line room for `size` bytes
void col_file_last_line(const char *path, char *line, uint32_t size);
