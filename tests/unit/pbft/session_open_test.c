// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void a_session_open_is_proposed_once_and_answered_after(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    assert_int_equal(open_from(s, 1, 100), COL_DROP_NONE);
    assert_int_equal(open_from(s, 1, 100), COL_DROP_REPEATED);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    open_session(s, 1, 1, 100);
    assert_int_equal(open_from(s, 1, 100), COL_DROP_EXECUTED);
    assert_int_equal(open_from(s, 1, 99), COL_DROP_EXECUTED);
    assert_int_equal(s->answered_opens, 2);
    assert_int_equal(open_from(s, 1, 101), COL_DROP_NONE);
    subject_close(s);
}

static void a_refused_session_open_makes_way_for_the_next(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    assert_int_equal(open_from(s, 1, 100), COL_DROP_NONE);
    outcome(s, (col_outcome){.kind = COL_OUTCOME_REFUSED, .client = 1, .number = 100});
    assert_int_equal(figures_of(s).pending, 0);
    assert_int_equal(open_from(s, 1, 50), COL_DROP_NONE);
    subject_close(s);
}

/// A client's clock was wrong once; what it sealed then can be repeated by anybody.
static void a_nonce_that_execution_would_refuse_does_not_take_the_clients_place(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    const uint64_t latest = s->wall_ns + s->options.time_ahead_max_ns;
    assert_int_equal(open_from(s, 1, latest + 1), COL_DROP_TIME_AHEAD);
    assert_int_equal(open_from(s, 1, UINT64_MAX), COL_DROP_TIME_AHEAD);
    assert_int_equal(s->answered_opens, 2);
    assert_int_equal(figures_of(s).pending, 0);
    assert_int_equal(open_from(s, 1, latest), COL_DROP_NONE);
    subject_close(s);
}

static void a_session_open_must_say_what_its_header_says(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    client_message message;
    make_open(&message, 0, 1, 100);
    const col_pbft_event event = {.kind = COL_PBFT_MESSAGE, .verified = &message.verified};
    message.verified.message.header.sequence = 101;
    assert_int_equal(step(s, event), COL_DROP_MALFORMED);
    make_open(&message, 0, 4, 100);  // the registry has clients 0 .. 3
    assert_int_equal(step(s, event), COL_DROP_UNKNOWN_SENDER);
    subject_close(s);
}

static void a_client_that_asks_again_stirs(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    (void)open_from(s, 2, 100);
    assert_int_equal(col_pbft_stirs(s->pbft), 0);
    (void)open_from(s, 2, 100);
    assert_int_equal(col_pbft_stirs(s->pbft), 1);
    subject_close(s);
}

static void open_and_be_refused(subject *s, uint64_t nonce) {
    assert_int_equal(open_from(s, 1, nonce), COL_DROP_NONE);
    outcome(s, (col_outcome){.kind = COL_OUTCOME_REFUSED, .client = 1, .number = nonce});
}

static void a_client_opens_some_sessions_in_a_row_and_then_one_in_a_while(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    uint64_t nonce = 100;
    for (uint32_t i = 0; i < COL_OPEN_BURST; i++) open_and_be_refused(s, ++nonce);
    assert_int_equal(open_from(s, 1, ++nonce), COL_DROP_RATE_LIMITED);
    assert_int_equal(open_from(s, 2, nonce), COL_DROP_NONE);  // another client
    pass(s, COL_OPEN_NS - 1);
    assert_int_equal(open_from(s, 1, nonce), COL_DROP_RATE_LIMITED);
    pass(s, 1);
    open_and_be_refused(s, nonce);
    assert_int_equal(open_from(s, 1, ++nonce), COL_DROP_RATE_LIMITED);
    pass(s, 2 * COL_OPEN_BURST * COL_OPEN_NS);  // more than a burst is not saved up
    for (uint32_t i = 0; i < COL_OPEN_BURST; i++) open_and_be_refused(s, ++nonce);
    assert_int_equal(open_from(s, 1, ++nonce), COL_DROP_RATE_LIMITED);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_open_is_proposed_once_and_answered_after),
        cmocka_unit_test(a_refused_session_open_makes_way_for_the_next),
        cmocka_unit_test(a_nonce_that_execution_would_refuse_does_not_take_the_clients_place),
        cmocka_unit_test(a_session_open_must_say_what_its_header_says),
        cmocka_unit_test(a_client_that_asks_again_stirs),
        cmocka_unit_test(a_client_opens_some_sessions_in_a_row_and_then_one_in_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
