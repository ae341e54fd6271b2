// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void two_matching_prepares_and_the_body_make_a_commit(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    assert_int_equal(prepare_from(s, 1, 1, &a.value), COL_DROP_NONE);
    assert_true(was_sent(s, COL_COMMIT, 1, &a.value));
    assert_int_equal(prepare_from(s, 3, 1, &a.value), COL_DROP_LATE);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    subject_close(s);
}

static void the_primary_counts_prepares_of_backups_and_sends_none(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 5);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    col_pbft_propose(s->pbft);
    const sent_message *sent = last_sent(s, COL_PRE_PREPARE);
    const col_value value = {sent->header.digest, 0};
    assert_int_equal(prepare_from(s, 1, 1, &value), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    assert_int_equal(prepare_from(s, 3, 1, &value), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void a_prepare_of_the_primary_does_not_count(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(prepare_from(s, 0, 1, &a.value), COL_DROP_FROM_PRIMARY);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    subject_close(s);
}

static void an_own_prepare_that_comes_back_does_not_count_twice(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(prepare_from(s, 2, 1, &a.value), COL_DROP_REPEATED);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    subject_close(s);
}

static void prepares_may_come_before_the_proposal(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)prepare_from(s, 1, 1, &a.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    (void)propose_to(s, 1, &a);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    assert_true(was_sent(s, COL_COMMIT, 1, &a.value));
    subject_close(s);
}

static void a_prepared_value_is_not_committed_without_its_body(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)pre_prepare(s, 1, &a.value);
    (void)prepare_from(s, 1, 1, &a.value);
    (void)prepare_from(s, 3, 1, &a.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    assert_true(was_sent(s, COL_COMMIT, 1, &a.value));
    subject_close(s);
}

static test_batch batch_at(uint64_t time_ns) {
    test_batch batch;
    batch_start(&batch, 0, time_ns);
    batch_add_request(&batch, 1, 1, 1, "timed");
    batch_finish(&batch);
    return batch;
}

static void a_batch_from_the_future_waits_until_the_clock_allows_it(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch late = batch_at(WALL + s->options.time_ahead_max_ns + 50 * MS);
    (void)propose_to(s, 1, &late);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    pass(s, 40 * MS);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_true(col_pbft_deadline(s->pbft) <= s->now_ns + s->options.status_interval_ns);
    pass(s, 20 * MS);
    assert_true(was_sent(s, COL_PREPARE, 1, &late.value));
    subject_close(s);
}

static void a_batch_exactly_at_the_bound_is_prepared_now(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch edge = batch_at(WALL + s->options.time_ahead_max_ns);
    (void)propose_to(s, 1, &edge);
    assert_int_equal(count_sent(s, COL_PREPARE), 1);
    subject_close(s);
}

static void a_held_batch_does_not_hold_the_slots_after_it(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch late = batch_at(WALL + 3600 * 1000 * MS), now = batch_at(WALL);
    (void)propose_to(s, 1, &late);
    (void)propose_to(s, 2, &now);
    assert_int_equal(count_sent(s, COL_PREPARE), 1);
    assert_true(was_sent(s, COL_PREPARE, 2, &now.value));
    subject_close(s);
}

static void a_held_batch_that_others_commit_is_committed_here_too(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch late = batch_at(WALL + 3600 * 1000 * MS);
    (void)propose_to(s, 1, &late);
    agree(s, 1, &late.value);
    col_committed committed;
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void prepares_outside_the_window_or_of_crooked_runs_are_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const col_value crossing = null_run(2);
    assert_int_equal(prepare_from(s, 1, 17, &a.value), COL_DROP_OUTSIDE_WINDOW);
    assert_int_equal(prepare_from(s, 1, 8, &crossing), COL_DROP_BAD_RUN);
    assert_int_equal(prepare_from(s, 1, 16, &a.value), COL_DROP_NONE);
    subject_close(s);
}

static void no_prepare_is_signed_at_or_below_the_stable_checkpoint(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)pre_prepare(s, 8, &a.value);
    stable(s, 1);
    (void)batch_from(s, 0, 8, &a);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_matching_prepares_and_the_body_make_a_commit),
        cmocka_unit_test(the_primary_counts_prepares_of_backups_and_sends_none),
        cmocka_unit_test(a_prepare_of_the_primary_does_not_count),
        cmocka_unit_test(an_own_prepare_that_comes_back_does_not_count_twice),
        cmocka_unit_test(prepares_may_come_before_the_proposal),
        cmocka_unit_test(a_prepared_value_is_not_committed_without_its_body),
        cmocka_unit_test(a_batch_from_the_future_waits_until_the_clock_allows_it),
        cmocka_unit_test(a_batch_exactly_at_the_bound_is_prepared_now),
        cmocka_unit_test(a_held_batch_does_not_hold_the_slots_after_it),
        cmocka_unit_test(a_held_batch_that_others_commit_is_committed_here_too),
        cmocka_unit_test(prepares_outside_the_window_or_of_crooked_runs_are_refused),
        cmocka_unit_test(no_prepare_is_signed_at_or_below_the_stable_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
