// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/base/result.h"

/// Commands of DPDK's telemetry socket, which `dpdk-telemetry.py` and its like ask. The socket
/// stands where col_net_options says; asking costs the packet path nothing.

#define COL_TELEMETRY_COMMANDS_MAX 8

/// Answer one command.
/// @param index  what follows the comma ("/colonnade/pillar,1"), 0 when nothing does
/// @param answer for col_telemetry_number and col_telemetry_text
/// @return false when there is nothing of that index
/// Thread: one of DPDK's, one per connection: it may only read what anyone may.
typedef bool col_telemetry_fn(void *context, uint32_t index, void *answer);

/// Offer a command for the rest of the process. Asserts that there is room.
/// @param command "/colonnade/status" @param help one line. All are borrowed.
/// @return error: DPDK refuses it
COL_MUST_USE col_result col_telemetry_add(const char *command, const char *help,
                                          col_telemetry_fn *answer, void *context);

/// Add to an answer. Characters that telemetry allows in no name become '_'; a text is cut at its
/// limit of 127.
void col_telemetry_number(void *answer, const char *name, uint64_t value);
void col_telemetry_text(void *answer, const char *name, const char *value);
