// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

#include "src/base/result.h"

/// Memory for the life of its owner, taken at start.
///
/// One anonymous mapping; what is never touched costs address space only, so callers size for the
/// worst case and pay for the actual one. Allocation cannot fail after `col_arena_open`.
typedef struct {
    unsigned char *base;
    size_t used;   ///< bytes
    size_t size;   ///< bytes
    size_t taken;  ///< places
} col_arena;

/// Reserve `size` bytes of address space, zeroed.
/// @return error when the kernel refuses the mapping.
COL_MUST_USE col_result col_arena_open(col_arena *arena, size_t size);

/// Take `count` zeroed objects of `size` bytes, aligned to 64. Asserts that they fit.
void *col_arena_take(col_arena *arena, size_t count, size_t size);

/// Return the mapping. Every pointer taken from the arena becomes invalid.
void col_arena_close(col_arena *arena);
