// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/base/arena.h"

/// A hash map from 64-bit keys to 32-bit indices, of fixed capacity: open addressing at half load.
typedef struct {
    struct col_map_place *place;
    uint32_t mask;
    uint32_t count;
    uint32_t capacity;
} col_map;

#define COL_MAP_NONE UINT32_MAX

/// @param capacity entries at most, 1 .. 2^30
void col_map_init(col_map *map, col_arena *arena, uint32_t capacity);
uint64_t col_map_footprint(uint32_t capacity);

/// @return the value, or COL_MAP_NONE.
uint32_t col_map_find(const col_map *map, uint64_t key);

/// Add a key that is not there. Asserts that there is room.
void col_map_add(col_map *map, uint64_t key, uint32_t value);

/// Remove a key that is there.
void col_map_remove(col_map *map, uint64_t key);
