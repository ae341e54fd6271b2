// SPDX-License-Identifier: Apache-2.0
#include "crypto/session_keys.h"

#include "tests/unit/crypto/support.h"

#define SESSIONS 5
#define EACH 3
#define HIGH (UINT64_C(7) << 32)

static col_arena arena;
static col_session_keys keys;
static const col_mac_key nothing;

static int set_up(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, col_session_keys_footprint(SESSIONS, EACH)));
    col_session_keys_init(&keys, &arena, SESSIONS, EACH);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_arena_close(&arena);
    return 0;
}

/// @return the keys of a session, which `mark` makes its own
static col_mac_key *add(uint64_t session, uint32_t client, uint8_t mark) {
    col_mac_key *key = col_session_keys_add(&keys, session, client);
    for (uint8_t i = 0; i < EACH; i++) memset(&key[i], mark + i, sizeof *key);
    return key;
}

static void assert_keys(uint32_t key_version, uint32_t client, uint8_t mark) {
    const col_mac_key *key = col_session_keys_find(&keys, key_version, client);
    assert_non_null(key);
    for (uint8_t i = 0; i < EACH; i++) {
        col_mac_key expected;
        memset(&expected, mark + i, sizeof expected);
        assert_memory_equal(&key[i], &expected, sizeof expected);
    }
}

static void keys_are_found_by_the_low_half_of_their_sessions_id_and_its_client(void **state) {
    (void)state;
    add(HIGH + 5, 1, 10);
    add(HIGH + 9, 2, 20);
    assert_keys(5, 1, 10);
    assert_keys(9, 2, 20);
    assert_null(col_session_keys_find(&keys, 5, 2));
    assert_null(col_session_keys_find(&keys, 9, 1));
    assert_null(col_session_keys_find(&keys, 6, 1));
    assert_null(col_session_keys_find(&keys, 0, 0));
}

static void removed_keys_are_not_found_and_leave_nothing_behind(void **state) {
    (void)state;
    const col_mac_key *key = add(5, 1, 10);
    add(6, 1, 20);
    col_session_keys_remove(&keys, 5);
    assert_null(col_session_keys_find(&keys, 5, 1));
    for (uint32_t i = 0; i < EACH; i++) assert_memory_equal(&key[i], &nothing, sizeof nothing);
    assert_keys(6, 1, 20);
    col_session_keys_remove(&keys, 5);  // once more, and one that never was
    col_session_keys_remove(&keys, 77);
    assert_keys(6, 1, 20);
}

static void a_session_with_the_same_low_half_takes_the_place_of_the_last(void **state) {
    (void)state;
    add(5, 1, 10);
    add(HIGH + 5, 2, 20);
    assert_keys(5, 2, 20);
    assert_null(col_session_keys_find(&keys, 5, 1));
    col_session_keys_remove(&keys, 5);  // of the last, late
    assert_keys(5, 2, 20);
    col_session_keys_remove(&keys, HIGH + 5);
    assert_null(col_session_keys_find(&keys, 5, 2));
}

static void as_many_sessions_fit_as_were_asked_for_again_and_again(void **state) {
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < SESSIONS; i++) {
            add(SESSIONS * round + i, i, (uint8_t)(10 * i + round));
        }
        for (uint32_t i = 0; i < SESSIONS; i++) {
            assert_keys(SESSIONS * round + i, i, (uint8_t)(10 * i + round));
        }
        for (uint32_t i = 0; i < SESSIONS; i++) {  // out of order
            col_session_keys_remove(&keys, SESSIONS * round + (3 * i + round) % SESSIONS);
        }
    }
    for (uint32_t i = 0; i < SESSIONS; i++) add(i, i, 1);
    add(2, 2, 99);  // a full table replaces, too
    assert_keys(2, 2, 99);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keys_are_found_by_the_low_half_of_their_sessions_id_and_its_client),
        TEST(removed_keys_are_not_found_and_leave_nothing_behind),
        TEST(a_session_with_the_same_low_half_takes_the_place_of_the_last),
        TEST(as_many_sessions_fit_as_were_asked_for_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
