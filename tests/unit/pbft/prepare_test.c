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
    col_pbft_settle(s->pbft);
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

/// PROTOCOL section 3: f+1 others, the primary among them.
static void a_batch_whose_mac_fails_here_is_prepared_after_f_plus_1_others(void **state) {
    (void)state;
    static const seal_kind kinds[] = {SEAL_BAD_MAC, SEAL_NO_KEY};
    for (int i = 0; i < 2; i++) {
        subject *s = subject_open(backup_options());
        const test_batch a = batch_sealed(&s->options, 1, kinds[i], "a");
        assert_int_equal(propose_to(s, 1, &a), COL_DROP_NONE);
        assert_int_equal(count_sent(s, COL_PREPARE), 0);
        assert_int_equal(prepare_from(s, 1, 1, &a.value), COL_DROP_NONE);
        assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
        assert_true(was_sent(s, COL_COMMIT, 1, &a.value));  // two of backups, one of them its own
        assert_int_equal(prepare_from(s, 3, 1, &a.value), COL_DROP_LATE);
        assert_int_equal(count_sent(s, COL_PREPARE), 1);
        subject_close(s);
    }
}

static void others_may_stand_for_a_doubtful_batch_before_it_comes(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    (void)prepare_from(s, 3, 1, &a.value);
    (void)pre_prepare(s, 1, &a.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)batch_from(s, 0, 1, &a);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void backups_alone_do_not_vouch_for_a_doubtful_batch(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    (void)batch_from(s, 0, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    (void)prepare_from(s, 3, 1, &a.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)pre_prepare(s, 1, &a.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void only_prepares_for_a_doubtful_batch_itself_vouch_for_it(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    const test_batch b = batch_of(&s->options, "b");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &b.value);
    (void)prepare_from(s, 0, 1, &a.value);  // the primary's, which sends none
    (void)prepare_from(s, 2, 1, &a.value);  // an own one that comes back
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)prepare_from(s, 3, 1, &a.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void with_two_faults_two_backups_must_vouch(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.replicas = 7;
    options.faults = 2;
    subject *s = subject_open(options);
    const test_batch a = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)prepare_from(s, 3, 1, &a.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void nobody_vouches_for_a_bad_signature(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch both;
    batch_start(&both, 0, WALL);
    both.seal = SEAL_BAD_MAC;
    batch_add_request(&both, 1, 1, 1, "a");
    both.seal = SEAL_FORGED;
    batch_add_request(&both, 2, 2, 1, "b");
    batch_finish(&both);
    (void)prepare_from(s, 1, 1, &both.value);
    (void)propose_to(s, 1, &both);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)prepare_from(s, 3, 1, &both.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void a_doubtful_batch_from_the_future_waits_for_others_and_for_the_clock(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch late;
    batch_start(&late, 0, WALL + s->options.time_ahead_max_ns + 50 * MS);
    late.seal = SEAL_BAD_MAC;
    batch_add_request(&late, 1, 1, 1, "timed");
    batch_finish(&late);
    (void)propose_to(s, 1, &late);
    (void)prepare_from(s, 1, 1, &late.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    pass(s, 40 * MS);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    pass(s, 20 * MS);
    assert_true(was_sent(s, COL_PREPARE, 1, &late.value));
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
        cmocka_unit_test(a_batch_whose_mac_fails_here_is_prepared_after_f_plus_1_others),
        cmocka_unit_test(others_may_stand_for_a_doubtful_batch_before_it_comes),
        cmocka_unit_test(backups_alone_do_not_vouch_for_a_doubtful_batch),
        cmocka_unit_test(only_prepares_for_a_doubtful_batch_itself_vouch_for_it),
        cmocka_unit_test(with_two_faults_two_backups_must_vouch),
        cmocka_unit_test(nobody_vouches_for_a_bad_signature),
        cmocka_unit_test(a_doubtful_batch_from_the_future_waits_for_others_and_for_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
