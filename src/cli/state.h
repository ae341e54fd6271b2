// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "src/cli/supervisor.h"

/// What a supervisor publishes in DIR/run for the other commands.

/// Become the one supervisor of `directory` until the calling process ends.
/// @return error: another process is, no permission
COL_MUST_USE col_result col_state_lock(const char *directory);

/// Replace DIR/run/state at once; `supervisor` is not written, the lock tells it.
COL_MUST_USE col_result col_state_write(const char *directory, const col_supervisor_state *state);
