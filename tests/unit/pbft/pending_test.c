// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/pending.h"

#include "tests/unit/pbft/harness.h"

typedef struct {
    col_arena arena;
    col_pbft_options options;
    col_pendings pendings;
} table;

static int setup(void **state) {
    static table made;
    made = (table){.options = backup_options()};
    const col_result opened = col_arena_open(&made.arena, col_pendings_footprint(&made.options));
    assert_true(opened.ok);
    col_pendings_init(&made.pendings, &made.arena, &made.options);
    *state = &made;
    return 0;
}

static int teardown(void **state) {
    col_arena_close(&((table *)*state)->arena);
    return 0;
}

static uint32_t keep(table *t, uint64_t number) {
    client_message message;
    make_request(&message, 0, 1, 1, number, text("op"));
    return col_pendings_keep(&t->pendings, &message.verified, 1, number);
}

/// Put request `number` of session `id` in its place.
static void wait_for(table *t, uint64_t id, uint64_t number) {
    col_session_view *session = col_pendings_session(&t->pendings, id);
    uint32_t *place = &session->waiting[number % t->pendings.ahead];
    assert_int_equal(*place, COL_PENDING_NONE);
    *place = keep(t, number);
    col_pendings_queue_session(&t->pendings, session);
}

static void tell(table *t, col_outcome_kind kind, uint64_t session, uint64_t number) {
    const col_outcome what = {.kind = kind, .client = 1, .session = session, .number = number};
    col_pendings_outcome(&t->pendings, &what);
}

/// Take the oldest ready request; 0 for none.
static uint64_t take(table *t) {
    const uint32_t index = col_pendings_peek(&t->pendings);
    if (index == COL_PENDING_NONE) return 0;
    col_pendings_pop(&t->pendings);
    return t->pendings.pending[index].number;
}

static void a_request_is_kept_with_its_bytes_and_seal(void **state) {
    table *t = *state;
    client_message message;
    make_request(&message, 0, 1, 1, 7, text("operation"));
    const uint32_t index = col_pendings_keep(&t->pendings, &message.verified, 1, 7);
    const col_pending *pending = &t->pendings.pending[index];
    assert_int_equal(pending->length, message.verified.message.bytes.length);
    assert_memory_equal(pending->bytes, message.bytes, pending->length);
    assert_int_equal(pending->seal_length, message.verified.seal.length);
    assert_memory_equal(pending->seal, message.seal, pending->seal_length);
    assert_true(col_digest_equal(&pending->header.digest, &message.verified.message.header.digest));
}

static void room_ends_and_comes_back(void **state) {
    table *t = *state;
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    wait_for(t, 1, 1);
    for (uint32_t i = 1; i < t->options.pending_max / 2; i++) {
        assert_int_not_equal(keep(t, 50), COL_PENDING_NONE);
    }
    assert_int_equal(keep(t, 50), COL_PENDING_NONE);  // this client has as many as are free
    tell(t, COL_OUTCOME_EXECUTED, 1, 1);
    assert_int_not_equal(keep(t, 50), COL_PENDING_NONE);
    assert_int_equal(keep(t, 50), COL_PENDING_NONE);
}

static void requests_become_ready_in_order_without_gaps(void **state) {
    table *t = *state;
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    wait_for(t, 1, 3);
    wait_for(t, 1, 2);
    assert_int_equal(take(t), 0);
    wait_for(t, 1, 1);
    assert_int_equal(t->pendings.ready, 3);
    for (uint64_t number = 1; number <= 3; number++) assert_int_equal(take(t), number);
    assert_int_equal(take(t), 0);
    assert_int_equal(t->pendings.count, 3);
}

static void an_executed_request_leaves_the_ready_list_wherever_it_stands(void **state) {
    table *t = *state;
    for (uint64_t id = 1; id <= 3; id++) {
        tell(t, COL_OUTCOME_OPENED, id, 100 + id);
        wait_for(t, id, 1);
    }
    tell(t, COL_OUTCOME_EXECUTED, 2, 1);  // from the middle
    assert_int_equal(t->pendings.count, 2);
    assert_int_equal(t->pendings.ready, 2);
    tell(t, COL_OUTCOME_EXECUTED, 3, 1);  // the last
    wait_for(t, 2, 2);
    tell(t, COL_OUTCOME_EXECUTED, 1, 1);  // the first
    assert_int_equal(t->pendings.ready, 1);
    assert_int_equal(take(t), 2);
    assert_int_equal(take(t), 0);
    tell(t, COL_OUTCOME_EXECUTED, 2, 2);
    assert_int_equal(t->pendings.count, 0);
}

static void a_request_that_waits_for_ever_does_not_hold_the_room_of_executed_ones(void **state) {
    table *t = *state;
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    tell(t, COL_OUTCOME_OPENED, 2, 101);
    wait_for(t, 1, 1);
    for (uint64_t number = 1; number <= 3 * t->options.pending_max; number++) {
        wait_for(t, 2, number);
        tell(t, COL_OUTCOME_EXECUTED, 2, number);
    }
    assert_int_equal(t->pendings.count, 1);
}

static void execution_elsewhere_advances_the_session(void **state) {
    table *t = *state;
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    wait_for(t, 1, 3);
    tell(t, COL_OUTCOME_EXECUTED, 1, 1);
    assert_int_equal(take(t), 0);
    tell(t, COL_OUTCOME_EXECUTED, 1, 2);
    assert_int_equal(take(t), 3);
}

static void an_evicted_session_takes_its_requests_along(void **state) {
    table *t = *state;
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    wait_for(t, 1, 1);
    wait_for(t, 1, 2);
    wait_for(t, 1, 4);
    assert_int_equal(take(t), 1);
    tell(t, COL_OUTCOME_EVICTED, 1, 0);
    assert_null(col_pendings_session(&t->pendings, 1));
    assert_int_equal(t->pendings.count, 0);
    assert_int_equal(take(t), 0);
    tell(t, COL_OUTCOME_EVICTED, 1, 0);
}

static void as_many_sessions_as_the_cluster_has_come_and_go_for_ever(void **state) {
    table *t = *state;
    for (uint64_t id = 1; id <= 100; id++) {
        if (id > t->options.sessions_max)
            tell(t, COL_OUTCOME_EVICTED, id - t->options.sessions_max, 0);
        tell(t, COL_OUTCOME_OPENED, id, 100 + id);
        wait_for(t, id, 1);
    }
    assert_int_equal(t->pendings.count, t->options.sessions_max);
    assert_int_equal(t->pendings.sessions_end, 101);
}

static void an_opening_of_any_higher_nonce_clears_the_waiting_one(void **state) {
    table *t = *state;
    client_message message;
    make_open(&message, 0, 1, 7);
    t->pendings.client[1].waiting = col_pendings_keep(&t->pendings, &message.verified, 1, 7);
    col_pendings_queue(&t->pendings, t->pendings.client[1].waiting);
    tell(t, COL_OUTCOME_REFUSED, 0, 6);
    assert_int_not_equal(t->pendings.client[1].waiting, COL_PENDING_NONE);
    tell(t, COL_OUTCOME_OPENED, 1, 8);
    assert_int_equal(t->pendings.client[1].waiting, COL_PENDING_NONE);
    assert_int_equal(t->pendings.client[1].nonce, 8);
    assert_int_equal(t->pendings.count, 0);
}

static col_drop keep_early(col_pendings *pendings, uint32_t client, uint64_t session,
                           uint64_t number) {
    client_message message;
    make_request(&message, 0, client, session, number, text("early"));
    return col_pendings_keep_early(pendings, &message.verified, session, number);
}

static void a_request_ahead_of_its_session_is_adopted_when_that_opens(void **state) {
    table *t = *state;
    assert_int_equal(keep_early(&t->pendings, 1, 1, 1), COL_DROP_NONE);
    assert_int_equal(keep_early(&t->pendings, 1, 1, 1), COL_DROP_REPEATED);
    assert_int_equal(keep_early(&t->pendings, 1, 2, 1), COL_DROP_NONE);
    assert_int_equal(keep_early(&t->pendings, 3, 1, 2), COL_DROP_NONE);  // of another client
    tell(t, COL_OUTCOME_OPENED, 1, 100);
    assert_int_equal(t->pendings.early_held, 1);
    assert_int_equal(take(t), 1);
    assert_int_equal(take(t), 0);
    assert_int_equal(t->pendings.count, 2);
    tell(t, COL_OUTCOME_OPENED, 2, 101);
    assert_int_equal(t->pendings.early_held, 0);
    assert_int_equal(take(t), 1);
}

/// Room for more than COL_EARLY_MAX requests.
static col_pendings *open_large(col_arena *arena) {
    static col_pendings pendings;
    col_pbft_options options = primary_options();
    options.pending_max = 4 * COL_EARLY_MAX;
    assert_true(col_arena_open(arena, col_pendings_footprint(&options) + 4096).ok);
    col_pendings_init(&pendings, arena, &options);
    return &pendings;
}

static void a_client_that_holds_no_more_than_others_pushes_out_its_own_early_request(void **state) {
    (void)state;
    col_arena arena;
    col_pendings *pendings = open_large(&arena);
    for (uint64_t i = 1; i <= COL_EARLY_MAX; i++) {
        assert_int_equal(keep_early(pendings, 2, 9, i), COL_DROP_NONE);
    }
    assert_int_equal(keep_early(pendings, 2, 9, 1000), COL_DROP_QUEUE_FULL);
    assert_int_equal(keep_early(pendings, 2, 9, 1000), COL_DROP_REPEATED);
    assert_int_equal(keep_early(pendings, 2, 9, 2), COL_DROP_REPEATED);
    assert_int_equal(keep_early(pendings, 2, 9, 1), COL_DROP_QUEUE_FULL);  // it was the oldest
    assert_int_equal(pendings->early_held, COL_EARLY_MAX);
    assert_int_equal(pendings->count, COL_EARLY_MAX);

    assert_int_equal(keep_early(pendings, 1, 5, 1), COL_DROP_NONE);
    assert_int_equal(pendings->client[1].held, 1);
    assert_int_equal(pendings->client[2].held, COL_EARLY_MAX - 1);
    for (uint64_t i = 2000; i < 3000; i++) (void)keep_early(pendings, 2, 9, i);
    assert_int_equal(keep_early(pendings, 1, 5, 1), COL_DROP_REPEATED);
    col_arena_close(&arena);
}

static void clients_that_push_out_each_others_early_requests_do_it_in_vain(void **state) {
    (void)state;
    col_arena arena;
    col_pendings *pendings = open_large(&arena);
    uint32_t free_of_charge = 0;
    for (uint64_t i = 1; i <= 10 * COL_EARLY_MAX; i++) {
        free_of_charge += keep_early(pendings, i % 3, 9 + i % 3, i) == COL_DROP_NONE;
    }
    assert_int_equal(free_of_charge, COL_EARLY_MAX);
    assert_int_equal(pendings->early_held, COL_EARLY_MAX);
    col_arena_close(&arena);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_kept_with_its_bytes_and_seal),
        TEST(room_ends_and_comes_back),
        TEST(requests_become_ready_in_order_without_gaps),
        TEST(an_executed_request_leaves_the_ready_list_wherever_it_stands),
        TEST(a_request_that_waits_for_ever_does_not_hold_the_room_of_executed_ones),
        TEST(execution_elsewhere_advances_the_session),
        TEST(an_evicted_session_takes_its_requests_along),
        TEST(as_many_sessions_as_the_cluster_has_come_and_go_for_ever),
        TEST(an_opening_of_any_higher_nonce_clears_the_waiting_one),
        TEST(a_request_ahead_of_its_session_is_adopted_when_that_opens),
        TEST(a_client_that_holds_no_more_than_others_pushes_out_its_own_early_request),
        TEST(clients_that_push_out_each_others_early_requests_do_it_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
