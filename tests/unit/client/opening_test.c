// SPDX-License-Identifier: Apache-2.0
#include "src/client/opening.h"

#include "tests/unit/client/fixture.h"

static col_client_vote votes[4];

static col_client_opening started(void) {
    col_client_opening opening;
    col_client_opening_init(&opening, votes, 4, 1, RETRANSMIT);
    col_client_opening_start(&opening, 0, WALL);
    return opening;
}

/// Replicas 0 and 1 answer the same. @return what the second answer led to
static col_client_opening_state answer(col_client_opening *opening, uint8_t status, uint64_t nonce,
                                       uint64_t floor, uint64_t now) {
    const col_session_opened body = {.status = status, .nonce = nonce, .floor = floor};
    const col_digest digest = {{status, (uint8_t)nonce, (uint8_t)floor}};
    assert_int_equal(col_client_opening_check(opening, &body), COL_DROP_NONE);
    assert_int_equal(col_client_opening_answer(opening, 0, &digest, &body, now),
                     COL_CLIENT_OPENING_WAITS);
    return col_client_opening_answer(opening, 1, &digest, &body, now);
}

static void the_nonce_is_the_wall_clock(void **state) {
    (void)state;
    const col_client_opening opening = started();
    assert_int_equal(opening.nonce, WALL);
}

static void nonces_increase_although_the_wall_clock_stands_still(void **state) {
    (void)state;
    col_client_opening opening = started();
    assert_int_equal(answer(&opening, COL_OPENED, WALL, 0, 0), COL_CLIENT_OPENING_DONE);
    assert_false(opening.active);
    col_client_opening_start(&opening, 0, WALL);
    assert_int_equal(opening.nonce, WALL + 1);
}

static void the_same_nonce_is_sent_again_at_doubling_intervals_up_to_a_bound(void **state) {
    (void)state;
    col_client_opening opening = started();
    uint64_t at = 0;
    const uint64_t pauses[] = {100, 200, 400, 800, 1600, 2000, 2000};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        at += pauses[i] * MS;
        assert_int_equal(opening.resend_ns, at);
        col_client_opening_due(&opening, at, WALL + at);
        assert_int_equal(opening.nonce, WALL);
    }
}

static void below_is_retried_at_once_above_the_floor(void **state) {
    (void)state;
    col_client_opening opening = started();
    assert_int_equal(answer(&opening, COL_OPEN_BELOW, WALL, WALL + 70, 5),
                     COL_CLIENT_OPENING_WAITS);
    assert_int_equal(opening.resend_ns, 5);
    col_client_opening_due(&opening, 5, WALL + 5);
    assert_int_equal(opening.nonce, WALL + 71);
}

static void below_with_a_low_floor_is_retried_above_the_own_nonce(void **state) {
    (void)state;
    col_client_opening opening = started();
    answer(&opening, COL_OPEN_BELOW, WALL, 3, 5);
    col_client_opening_due(&opening, 5, WALL - 1000);
    assert_int_equal(opening.nonce, WALL + 1);
}

static void an_answer_to_a_higher_nonce_is_retried_above_it(void **state) {
    (void)state;
    col_client_opening opening = started();
    assert_int_equal(answer(&opening, COL_OPENED, WALL + 40, 0, 5), COL_CLIENT_OPENING_WAITS);
    assert_true(opening.active);
    col_client_opening_due(&opening, 5, WALL + 5);
    assert_int_equal(opening.nonce, WALL + 41);
}

static void later_is_retried_after_a_pause_with_the_time_of_then(void **state) {
    (void)state;
    col_client_opening opening = started();
    answer(&opening, COL_OPEN_LATER, WALL, 3, 5);
    assert_int_equal(opening.resend_ns, 5 + RETRANSMIT);
    col_client_opening_due(&opening, 5 + RETRANSMIT, WALL - 500);
    assert_int_equal(opening.nonce, WALL - 500);
}

static void a_clock_that_stays_ahead_is_replaced_by_the_lowest_nonce_permitted(void **state) {
    (void)state;
    col_client_opening opening = started();
    answer(&opening, COL_OPEN_LATER, WALL, 300, 0);
    col_client_opening_due(&opening, RETRANSMIT, WALL + 1);
    answer(&opening, COL_OPEN_LATER, WALL + 1, 300, RETRANSMIT);
    col_client_opening_due(&opening, 2 * RETRANSMIT, WALL + 2);
    assert_int_equal(opening.nonce, 301);
    answer(&opening, COL_OPENED, 301, 300, 2 * RETRANSMIT);
    col_client_opening_start(&opening, 0, WALL + 3);
    assert_int_equal(opening.nonce, 302);
}

static void after_later_the_nonce_stays_above_those_that_opened_sessions(void **state) {
    (void)state;
    col_client_opening opening = started();
    answer(&opening, COL_OPENED, WALL, 0, 0);
    col_client_opening_start(&opening, 0, WALL + 50);
    answer(&opening, COL_OPEN_LATER, WALL + 50, 0, 5);
    col_client_opening_due(&opening, 5 + RETRANSMIT, WALL - 500);
    assert_int_equal(opening.nonce, WALL + 1);
}

static void late_answers_ahead_for_an_abandoned_higher_nonce_change_nothing(void **state) {
    (void)state;
    col_client_opening opening = started();
    answer(&opening, COL_OPEN_LATER, WALL, 300, 0);
    col_client_opening_due(&opening, RETRANSMIT, WALL - 500);
    const col_session_opened late = {.status = COL_OPEN_LATER, .nonce = WALL, .floor = 300};
    assert_int_equal(col_client_opening_check(&opening, &late), COL_DROP_STALE);
}

static void answers_to_an_older_nonce_or_to_nothing_are_stale(void **state) {
    (void)state;
    col_client_opening opening = started();
    const col_session_opened old = {.status = COL_OPENED, .nonce = WALL - 1};
    assert_int_equal(col_client_opening_check(&opening, &old), COL_DROP_STALE);
    answer(&opening, COL_OPENED, WALL, 0, 0);
    const col_session_opened again = {.status = COL_OPENED, .nonce = WALL};
    assert_int_equal(col_client_opening_check(&opening, &again), COL_DROP_STALE);
}

static void votes_for_one_nonce_do_not_count_for_the_next(void **state) {
    (void)state;
    col_client_opening opening = started();
    const col_session_opened lone = {.status = COL_OPENED, .nonce = WALL + 9, .session = 8};
    const col_digest digest = {{77}};
    col_client_opening_answer(&opening, 3, &digest, &lone, 0);
    answer(&opening, COL_OPEN_BELOW, WALL, WALL + 8, 5);
    col_client_opening_due(&opening, 5, WALL);
    assert_int_equal(opening.nonce, WALL + 9);
    assert_int_equal(col_client_opening_answer(&opening, 2, &digest, &lone, 6),
                     COL_CLIENT_OPENING_WAITS);
}

static void an_unknown_client_is_told_and_goes_on_trying(void **state) {
    (void)state;
    col_client_opening opening = started();
    assert_int_equal(answer(&opening, COL_OPEN_UNKNOWN_CLIENT, WALL, 0, 5),
                     COL_CLIENT_OPENING_UNKNOWN);
    assert_true(opening.active);
    assert_int_equal(opening.resend_ns, 5 + COL_CLIENT_RESEND_NS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nonce_is_the_wall_clock),
        cmocka_unit_test(nonces_increase_although_the_wall_clock_stands_still),
        cmocka_unit_test(the_same_nonce_is_sent_again_at_doubling_intervals_up_to_a_bound),
        cmocka_unit_test(below_is_retried_at_once_above_the_floor),
        cmocka_unit_test(below_with_a_low_floor_is_retried_above_the_own_nonce),
        cmocka_unit_test(an_answer_to_a_higher_nonce_is_retried_above_it),
        cmocka_unit_test(later_is_retried_after_a_pause_with_the_time_of_then),
        cmocka_unit_test(a_clock_that_stays_ahead_is_replaced_by_the_lowest_nonce_permitted),
        cmocka_unit_test(after_later_the_nonce_stays_above_those_that_opened_sessions),
        cmocka_unit_test(late_answers_ahead_for_an_abandoned_higher_nonce_change_nothing),
        cmocka_unit_test(answers_to_an_older_nonce_or_to_nothing_are_stale),
        cmocka_unit_test(votes_for_one_nonce_do_not_count_for_the_next),
        cmocka_unit_test(an_unknown_client_is_told_and_goes_on_trying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
