// SPDX-License-Identifier: Apache-2.0
#include "pillars/sessions.h"

#include "tests/unit/pbft/harness.h"

#define NOW UINT64_C(1000000)
#define OUTSTANDING 4

typedef struct {
    col_arena arena;
    col_sessions *sessions;
    uint64_t evicted;
    col_session_opened answer;
} table;

static table *table_open(void) {
    table *t = calloc(1, sizeof *t);
    const col_sessions_options options = {.pillars = 4,
                                          .clients = 3,
                                          .sessions_max = 4,
                                          .client_sessions_max = 3,
                                          .outstanding = OUTSTANDING,
                                          .result_bytes_max = 64,
                                          .time_ahead_max_ns = 1000};
    const col_result opened = col_arena_open(&t->arena, col_sessions_footprint(&options));
    assert_true(opened.ok);
    t->sessions = col_sessions_create(&t->arena, &options);
    return t;
}

static void table_close(table *t) {
    col_arena_close(&t->arena);
    free(t);
}

static int setup(void **state) {
    *state = table_open();
    return 0;
}

static int teardown(void **state) {
    table_close(*state);
    return 0;
}

static bool open_at(table *t, uint32_t client, uint8_t pillar, uint64_t nonce) {
    const col_session_open open = {.client = client,
                                   .pillar = pillar,
                                   .nonce = nonce,
                                   .reply_to = {0x0a000001, (uint16_t)(5000 + client)}};
    return col_sessions_open(t->sessions, &open, NOW, &t->answer, &t->evicted);
}

/// Execute the session's next number with this result.
static void execute(table *t, uint64_t id, const char *result) {
    col_session *session = col_sessions_find(t->sessions, id);
    assert_non_null(session);
    memcpy(col_session_result_room(t->sessions, session), result, strlen(result));
    col_session_executed(t->sessions, session, COL_REPLY_RESULT, (uint32_t)strlen(result));
}

/// Digest over all of the table's digests.
static col_digest state_of(table *t) {
    col_digest chunk[8], digest;
    const uint32_t count = col_sessions_digests(t->sessions, &harness_hasher, chunk);
    assert_int_equal(count, 1 + col_sessions_count(t->sessions));
    col_hash(&harness_hasher, (col_bytes){chunk[0].byte, count * sizeof *chunk}, &digest);
    return digest;
}

static void ids_belong_to_their_pillar_and_are_never_given_again(void **state) {
    table *t = *state;
    uint64_t last = 0;
    for (uint64_t nonce = 1; nonce <= 20; nonce++) {
        assert_true(open_at(t, 0, 1, nonce));
        assert_int_equal(t->answer.session % 4, 1);
        assert_true(t->answer.session > last);
        last = t->answer.session;
    }
    assert_true(open_at(t, 0, 0, 1));
    assert_int_equal(t->answer.session % 4, 0);
    assert_int_not_equal(t->answer.session, 0);
}

static void a_nonce_opens_once_and_is_answered_the_same_again(void **state) {
    table *t = *state;
    assert_true(open_at(t, 0, 1, 10));
    const uint64_t id = t->answer.session;
    assert_false(open_at(t, 0, 1, 10));
    assert_int_equal(t->answer.status, COL_OPENED);
    assert_int_equal(t->answer.session, id);
    assert_false(open_at(t, 0, 1, 9));
    assert_int_equal(t->answer.status, COL_OPEN_BELOW);
    assert_int_equal(t->answer.floor, 10);
    assert_int_equal(col_sessions_count(t->sessions), 1);
}

static void nonces_of_pillars_and_clients_do_not_touch(void **state) {
    table *t = *state;
    assert_true(open_at(t, 0, 1, 10));
    assert_true(open_at(t, 0, 2, 5));
    assert_true(open_at(t, 1, 1, 10));
    assert_int_equal(col_sessions_count(t->sessions), 3);
}

static void a_nonce_far_ahead_of_the_agreed_time_changes_nothing(void **state) {
    table *t = *state;
    assert_false(open_at(t, 0, 1, NOW + 1001));
    assert_int_equal(t->answer.status, COL_OPEN_LATER);
    assert_int_equal(col_sessions_count(t->sessions), 0);
    col_session_opened answer;  // of a replica that does not even let it be ordered
    const col_session_open open = {.client = 0, .pillar = 1, .nonce = NOW + 1001};
    col_sessions_answer(t->sessions, &open, &answer);
    assert_int_equal(answer.status, COL_OPEN_LATER);
    assert_true(open_at(t, 0, 1, NOW + 1000));
}

static void a_client_outside_the_registry_opens_nothing(void **state) {
    table *t = *state;
    col_endpoint endpoint;
    assert_false(open_at(t, 3, 1, 10));
    assert_int_equal(t->answer.status, COL_OPEN_UNKNOWN_CLIENT);
    assert_false(open_at(t, UINT32_MAX, 1, 10));
    assert_false(col_sessions_client_endpoint(t->sessions, 3, &endpoint));
}

static void the_last_m_results_are_kept(void **state) {
    table *t = *state;
    (void)open_at(t, 0, 1, 10);
    const uint64_t id = t->answer.session;
    char result[8];
    for (uint32_t number = 1; number <= 6; number++) {
        snprintf(result, sizeof result, "r%u", number);
        execute(t, id, result);
    }
    const col_session *session = col_sessions_find(t->sessions, id);
    col_reply_status status;
    col_bytes kept;
    assert_false(col_session_result(t->sessions, session, 0, &status, &kept));
    assert_false(col_session_result(t->sessions, session, 2, &status, &kept));
    assert_true(col_session_result(t->sessions, session, 3, &status, &kept));
    assert_memory_equal(kept.at, "r3", 2);
    assert_true(col_session_result(t->sessions, session, 6, &status, &kept));
    assert_memory_equal(kept.at, "r6", 2);
    assert_false(col_session_result(t->sessions, session, 7, &status, &kept));
}

static void a_clients_quota_evicts_its_own_least_recent_session(void **state) {
    table *t = *state;
    uint64_t id[4];
    (void)open_at(t, 1, 0, 1);
    const uint64_t other = t->answer.session;
    for (uint32_t i = 0; i < 3; i++) {
        (void)open_at(t, 0, 1, 10 + i);
        id[i] = t->answer.session;
        assert_int_equal(t->evicted, 0);
    }
    execute(t, id[0], "recent");
    assert_true(open_at(t, 0, 1, 20));
    assert_int_equal(t->evicted, id[1]);
    assert_null(col_sessions_find(t->sessions, id[1]));
    assert_non_null(col_sessions_find(t->sessions, id[0]));
    assert_non_null(col_sessions_find(t->sessions, other));
}

static void a_full_table_evicts_the_least_recent_of_the_client_with_most(void **state) {
    table *t = *state;
    uint64_t id[4];
    for (uint32_t i = 0; i < 4; i++) {
        (void)open_at(t, i % 2, (uint8_t)i, 10);
        id[i] = t->answer.session;
    }
    execute(t, id[0], "x");
    execute(t, id[1], "x");
    assert_true(open_at(t, 2, 1, 10));
    assert_int_equal(t->evicted, id[2]);
    assert_true(open_at(t, 2, 1, 11));
    assert_int_equal(t->evicted, id[3]);
    assert_int_equal(col_sessions_count(t->sessions), 4);
}

/// Between two requests of one client others execute as many of theirs as they like.
static void clients_that_fill_the_table_do_not_evict_anothers_only_session(void **state) {
    table *t = *state;
    assert_true(open_at(t, 0, 1, 10));
    const uint64_t only = t->answer.session;
    for (uint64_t nonce = 10; nonce < 30; nonce++) {
        for (uint32_t client = 1; client <= 2; client++) {
            assert_true(open_at(t, client, 2, nonce));
            execute(t, t->answer.session, "x");
        }
    }
    assert_int_equal(col_sessions_count(t->sessions), 4);
    assert_non_null(col_sessions_find(t->sessions, only));
}

static void a_new_session_in_an_evicted_ones_place_starts_empty(void **state) {
    table *t = *state;
    (void)open_at(t, 0, 1, 1);
    execute(t, t->answer.session, "old");
    for (uint64_t nonce = 2; nonce <= 4; nonce++) (void)open_at(t, 0, 1, nonce);
    const col_session *session = col_sessions_find(t->sessions, t->answer.session);
    col_reply_status status;
    col_bytes kept;
    assert_int_equal(session->last, 0);
    assert_false(col_session_result(t->sessions, session, 1, &status, &kept));
}

static void replies_go_where_the_newest_opening_said(void **state) {
    table *t = *state;
    col_endpoint endpoint;
    assert_false(col_sessions_client_endpoint(t->sessions, 0, &endpoint));
    (void)open_at(t, 0, 1, 10);
    assert_true(col_sessions_client_endpoint(t->sessions, 0, &endpoint));
    assert_int_equal(endpoint.port, 5000);
}

static void equal_histories_give_equal_digests_whatever_was_digested_between(void **state) {
    (void)state;
    table *a = table_open(), *b = table_open();
    table *both[2] = {a, b};
    for (uint32_t i = 0; i < 2; i++) {
        table *t = both[i];
        for (uint32_t step_number = 0; step_number < 12; step_number++) {
            (void)open_at(t, step_number % 3, (uint8_t)(step_number % 4), 10 + step_number);
            execute(t, t->answer.session, "result");
            if (i == 1) (void)state_of(t);
        }
    }
    const col_digest of_a = state_of(a), of_b = state_of(b);
    assert_true(col_digest_equal(&of_a, &of_b));
    table_close(a);
    table_close(b);
}

static void every_part_of_the_state_shows_in_the_digest(void **state) {
    table *t = *state;
    col_digest before = state_of(t);
    for (uint32_t i = 0; i < 6; i++) {
        if (i == 0) (void)open_at(t, 0, 1, 10);
        if (i == 1) (void)open_at(t, 1, 1, 10);
        if (i == 2) execute(t, 5, "one");
        if (i == 3) execute(t, 5, "two");
        if (i == 4) execute(t, 9, "one");  // moves to the end of the order
        if (i == 5) (void)open_at(t, 0, 2, 4);
        const col_digest after = state_of(t);
        assert_false(col_digest_equal(&before, &after));
        before = after;
    }
}

static void the_order_of_execution_shows_in_the_digest(void **state) {
    (void)state;
    table *t[2] = {table_open(), table_open()};
    col_digest digest[2];
    for (uint32_t i = 0; i < 2; i++) {
        (void)open_at(t[i], 0, 1, 10);
        (void)open_at(t[i], 1, 1, 10);
        execute(t[i], i == 0 ? 5 : 9, "x");
        execute(t[i], i == 0 ? 9 : 5, "x");
        digest[i] = state_of(t[i]);
        table_close(t[i]);
    }
    assert_false(col_digest_equal(&digest[0], &digest[1]));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(ids_belong_to_their_pillar_and_are_never_given_again),
        TEST(a_nonce_opens_once_and_is_answered_the_same_again),
        TEST(nonces_of_pillars_and_clients_do_not_touch),
        TEST(a_nonce_far_ahead_of_the_agreed_time_changes_nothing),
        TEST(a_client_outside_the_registry_opens_nothing),
        TEST(the_last_m_results_are_kept),
        TEST(a_clients_quota_evicts_its_own_least_recent_session),
        TEST(a_full_table_evicts_the_least_recent_of_the_client_with_most),
        TEST(clients_that_fill_the_table_do_not_evict_anothers_only_session),
        TEST(a_new_session_in_an_evicted_ones_place_starts_empty),
        TEST(replies_go_where_the_newest_opening_said),
        cmocka_unit_test(equal_histories_give_equal_digests_whatever_was_digested_between),
        TEST(every_part_of_the_state_shows_in_the_digest),
        cmocka_unit_test(the_order_of_execution_shows_in_the_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
