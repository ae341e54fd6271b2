// SPDX-License-Identifier: Apache-2.0
#include "src/base/map.h"

#include "src/base/assert.h"

struct col_map_place {
    uint64_t key;
    uint32_t value;
    bool used;
};

static uint32_t places_for(uint32_t capacity) {
    uint32_t places = 2;
    while (places < 2 * capacity) places *= 2;
    return places;
}

/// The finalizer of splitmix64: clients choose neighbouring numbers, the map must not care.
static uint32_t home_of(const col_map *map, uint64_t key) {
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(key ^ (key >> 31)) & map->mask;
}

/// The key's place, or the free place where it would go.
static uint32_t place_of(const col_map *map, uint64_t key) {
    uint32_t at = home_of(map, key);
    while (map->place[at].used && map->place[at].key != key) at = (at + 1) & map->mask;
    return at;
}

uint64_t col_map_footprint(uint32_t capacity) {
    return (uint64_t)places_for(capacity) * sizeof(struct col_map_place) + 64;
}

void col_map_init(col_map *map, col_arena *arena, uint32_t capacity) {
    COL_ASSERT(capacity >= 1 && capacity <= 1u << 30);
    const uint32_t places = places_for(capacity);
    map->place = col_arena_take(arena, places, sizeof(struct col_map_place));
    map->mask = places - 1;
    map->capacity = capacity;
    map->count = 0;
}

uint32_t col_map_find(const col_map *map, uint64_t key) {
    const struct col_map_place *place = &map->place[place_of(map, key)];
    return place->used ? place->value : COL_MAP_NONE;
}

void col_map_add(col_map *map, uint64_t key, uint32_t value) {
    COL_ASSERT(map->count < map->capacity);
    struct col_map_place *place = &map->place[place_of(map, key)];
    COL_ASSERT(!place->used);
    *place = (struct col_map_place){.key = key, .value = value, .used = true};
    map->count++;
}

void col_map_remove(col_map *map, uint64_t key) {
    uint32_t hole = place_of(map, key);
    COL_ASSERT(map->place[hole].used);
    // Close the hole by moving later entries of the cluster whose home lies at or before it.
    for (uint32_t at = (hole + 1) & map->mask; map->place[at].used; at = (at + 1) & map->mask) {
        const uint32_t home = home_of(map, map->place[at].key);
        if (((at - home) & map->mask) < ((at - hole) & map->mask)) continue;
        map->place[hole] = map->place[at];
        hole = at;
    }
    map->place[hole].used = false;
    map->count--;
}
