// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/base/map.h"

#define KEYS 1000

static void a_new_map_finds_nothing(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, col_map_footprint(1)).ok);
    col_map map;
    col_map_init(&map, &arena, 1);
    assert_int_equal(col_map_find(&map, 0), COL_MAP_NONE);
    col_map_add(&map, 0, 7);
    assert_int_equal(col_map_find(&map, 0), 7);
    assert_int_equal(col_map_find(&map, UINT64_MAX), COL_MAP_NONE);
    col_map_remove(&map, 0);
    assert_int_equal(col_map_find(&map, 0), COL_MAP_NONE);
    col_arena_close(&arena);
}

/// Keys are added and removed in an arithmetic shuffle and compared with a plain table.
static void a_full_map_agrees_with_a_plain_table_through_removals(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, col_map_footprint(KEYS)).ok);
    col_map map;
    col_map_init(&map, &arena, KEYS);
    uint32_t table[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) table[i] = COL_MAP_NONE;

    uint64_t random = 42;
    for (uint32_t step = 0; step < 100000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t i = (uint32_t)(random >> 33) % KEYS;
        const uint64_t key = UINT64_C(0x100000000) * (i % 7) + i;
        assert_int_equal(col_map_find(&map, key), table[i]);
        if (table[i] == COL_MAP_NONE) {
            table[i] = step;
            col_map_add(&map, key, step);
        } else if (step % 3 != 0) {
            table[i] = COL_MAP_NONE;
            col_map_remove(&map, key);
        }
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        const uint64_t key = UINT64_C(0x100000000) * (i % 7) + i;
        assert_int_equal(col_map_find(&map, key), table[i]);
        if (table[i] == COL_MAP_NONE) col_map_add(&map, key, i);
    }
    assert_int_equal(map.count, KEYS);
    col_arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_map_finds_nothing),
        cmocka_unit_test(a_full_map_agrees_with_a_plain_table_through_removals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
