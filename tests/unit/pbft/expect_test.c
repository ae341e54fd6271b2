// SPDX-License-Identifier: Apache-2.0
// That nothing is refused which an instance would use is checked in passing by every test that
// steps one (harness.h).
#include "tests/unit/pbft/harness.h"

static col_drop expect_vote(subject *s, uint8_t type, uint32_t sender, uint64_t round,
                            bool *expected) {
    const col_value value = {.digest = {{1}}};
    const col_message message = {.header = vote_header(s, type, sender, round, &value)};
    return col_pbft_expect(s->pbft, &message, expected);
}

static void a_vote_of_the_window_is_expected_once(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    bool expected;
    assert_int_equal(expect_vote(s, COL_COMMIT, 1, 1, &expected), COL_DROP_NONE);
    assert_true(expected);
    (void)commit_from(s, 1, 1, &a.value);
    assert_int_equal(expect_vote(s, COL_COMMIT, 1, 1, &expected), COL_DROP_REPEATED);
    assert_false(expected);
    assert_int_equal(expect_vote(s, COL_COMMIT, 3, 1, &expected), COL_DROP_NONE);
    assert_true(expected);
    subject_close(s);
}

static void a_vote_that_the_slot_does_not_need_is_late(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const uint32_t primary = primary_of(s), self = s->options.self;
    uint32_t backup[2], backups = 0;
    for (uint32_t r = 0; r < 4; r++) {
        if (r != primary && r != self) backup[backups++] = r;
    }
    bool expected;
    (void)propose_to(s, 1, &a);
    assert_int_equal(prepare_from(s, backup[0], 1, &a.value), COL_DROP_NONE);  // with the own one
    assert_int_equal(expect_vote(s, COL_PREPARE, backup[0], 1, &expected), COL_DROP_REPEATED);
    assert_int_equal(expect_vote(s, COL_PREPARE, backup[1], 1, &expected), COL_DROP_LATE);
    assert_false(expected);
    assert_int_equal(prepare_from(s, backup[1], 1, &a.value), COL_DROP_LATE);

    (void)commit_from(s, primary, 1, &a.value);
    (void)commit_from(s, backup[0], 1, &a.value);
    // Decided with the own vote, whose seal is still with the signer.
    assert_int_equal(figures_of(s).committed, 1);
    assert_int_equal(expect_vote(s, COL_COMMIT, backup[1], 1, &expected), COL_DROP_LATE);
    subject_close(s);
}

static void a_vote_above_the_window_is_useful_and_not_expected(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    bool expected;
    const uint64_t above = s->options.window + 1;
    assert_int_equal(expect_vote(s, COL_COMMIT, 1, above, &expected), COL_DROP_NONE);
    assert_false(expected);
    assert_int_equal(expect_vote(s, COL_COMMIT, 1, above - 1, &expected), COL_DROP_NONE);
    assert_true(expected);
    subject_close(s);
}

static void proposals_are_expected_of_the_primary_only(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const uint32_t primary = figures_of(s).primary;
    const uint32_t backup =
        (primary + 1) % 4 == s->options.self ? (primary + 2) % 4 : (primary + 1) % 4;
    bool expected;
    assert_int_equal(expect_vote(s, COL_PRE_PREPARE, primary, 1, &expected), COL_DROP_NONE);
    assert_true(expected);
    assert_int_equal(expect_vote(s, COL_PRE_PREPARE, backup, 1, &expected), COL_DROP_NOT_PRIMARY);
    assert_int_equal(expect_vote(s, COL_BATCH, backup, 1, &expected), COL_DROP_NOT_PRIMARY);
    assert_int_equal(expect_vote(s, COL_PREPARE, primary, 1, &expected), COL_DROP_FROM_PRIMARY);
    subject_close(s);
}

static col_message numbered(const subject *s, uint8_t type, uint64_t incarnation,
                            uint64_t counter) {
    return (col_message){.header = {.role = COL_ROLE_REPLICA,
                                    .type = type,
                                    .pillar = (uint8_t)s->options.pillar,
                                    .sender = 1,
                                    .view = incarnation,
                                    .sequence = counter,
                                    .fragments = 1}};
}

static void expect_numbered(subject *s, uint8_t type, uint64_t incarnation, uint64_t counter,
                            col_drop drop, bool expected) {
    const col_message message = numbered(s, type, incarnation, counter);
    bool is_expected = !expected;
    assert_int_equal(col_pbft_expect(s->pbft, &message, &is_expected), drop);
    assert_int_equal(is_expected, expected);
}

static void a_new_counter_is_expected_of_a_known_incarnation(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    expect_numbered(s, COL_STATUS, 0, 1, COL_DROP_STALE, false);
    expect_numbered(s, COL_STATUS, 1, 1, COL_DROP_NONE, false);
    expect_numbered(s, COL_FETCHED, 0, 1, COL_DROP_NONE, false);
    const col_status even = {0};
    (void)status_from(s, 1, &even, NULL);
    expect_numbered(s, COL_STATUS, 1, s->counter, COL_DROP_STALE, false);
    expect_numbered(s, COL_STATUS, 1, s->counter + 1, COL_DROP_NONE, true);
    expect_numbered(s, COL_FETCH, 1, s->counter + 1, COL_DROP_NONE, true);
    expect_numbered(s, COL_FETCHED, 1, s->counter + 1, COL_DROP_NONE, true);
    expect_numbered(s, COL_STATUS, 2, s->counter + 1, COL_DROP_NONE, false);
    expect_numbered(s, COL_FETCHED, 2, s->counter + 1, COL_DROP_NONE, false);
    subject_close(s);
}

static col_drop expect_request(subject *s, uint32_t client, uint64_t session, uint64_t number,
                               bool *expected) {
    client_message message;
    make_request(&message, s->options.pillar, client, session, number, text("x"));
    return col_pbft_expect(s->pbft, &message.verified.message, expected);
}

static void a_request_is_expected_within_its_sessions_numbers(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    const uint64_t session = s->options.pillars + s->options.pillar;
    const uint64_t ahead = UINT64_C(4) * s->options.session_outstanding;
    bool expected;
    assert_int_equal(expect_request(s, 1, session, 1, &expected), COL_DROP_NONE);
    assert_false(expected);  // the session is to be opened yet
    open_session(s, 1, session, 10);
    assert_int_equal(expect_request(s, 1, session, 1, &expected), COL_DROP_NONE);
    assert_true(expected);
    assert_int_equal(expect_request(s, 1, session, ahead, &expected), COL_DROP_NONE);
    assert_true(expected);
    assert_int_equal(expect_request(s, 1, session, ahead + 1, &expected), COL_DROP_TOO_FAR);
    assert_int_equal(expect_request(s, 2, session, 1, &expected), COL_DROP_NO_SESSION);
    assert_int_equal(expect_request(s, 1, session, 0, &expected), COL_DROP_MALFORMED);
    assert_int_equal(request_from(s, 1, session, 2, "x"), COL_DROP_NONE);
    assert_int_equal(expect_request(s, 1, session, 2, &expected), COL_DROP_NONE);
    assert_false(expected);  // a repetition: it stirs
    outcome(s, (col_outcome){
                   .kind = COL_OUTCOME_EXECUTED, .client = 1, .session = session, .number = 1});
    assert_int_equal(expect_request(s, 1, session, 1, &expected), COL_DROP_NONE);
    assert_false(expected);  // it is answered
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vote_of_the_window_is_expected_once),
        cmocka_unit_test(a_vote_that_the_slot_does_not_need_is_late),
        cmocka_unit_test(a_vote_above_the_window_is_useful_and_not_expected),
        cmocka_unit_test(proposals_are_expected_of_the_primary_only),
        cmocka_unit_test(a_new_counter_is_expected_of_a_known_incarnation),
        cmocka_unit_test(a_request_is_expected_within_its_sessions_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
