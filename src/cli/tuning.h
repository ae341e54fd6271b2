// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// The tuning profiles of the source tree's tuning/ folder, embedded, so that the installed program
/// needs no other file.

#define COL_TUNINGS 2

/// @param index 0 .. COL_TUNINGS-1 @return "small"
const char *col_tuning_name(uint32_t index);

/// The YAML text of a profile.
col_bytes col_tuning_text(uint32_t index);
