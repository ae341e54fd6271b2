// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void a_backup_prepares_a_proposal_whose_body_it_holds(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(pre_prepare(s, 1, &a.value), COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    assert_int_equal(last_sent(s, COL_PREPARE)->replicas, 0xb);
    subject_close(s);
}

static void only_the_primary_may_propose(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint32_t r = 1; r < 4; r += 2) {
        assert_int_equal(vote_from(s, COL_PRE_PREPARE, r, 1, &a.value), COL_DROP_NOT_PRIMARY);
    }
    subject_close(s);
}

static void a_second_proposal_for_a_slot_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    const col_value run = null_run(1);
    assert_int_equal(pre_prepare(s, 1, &a.value), COL_DROP_NONE);
    assert_int_equal(pre_prepare(s, 1, &a.value), COL_DROP_REPEATED);
    assert_int_equal(pre_prepare(s, 1, &b.value), COL_DROP_CONFLICTING);
    assert_int_equal(pre_prepare(s, 1, &run), COL_DROP_CONFLICTING);
    subject_close(s);
}

static void another_view_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_header header = vote_header(s, COL_PRE_PREPARE, 0, 1, &a.value);
    header.view = 4;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_OTHER_VIEW);
    subject_close(s);
}

static void the_window_is_stable_exclusive_to_stable_plus_w_inclusive(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(pre_prepare(s, 17, &a.value), COL_DROP_OUTSIDE_WINDOW);
    assert_int_equal(pre_prepare(s, 16, &a.value), COL_DROP_NONE);
    executed(s, 8);
    stable(s, 1);
    assert_int_equal(pre_prepare(s, 8, &a.value), COL_DROP_OUTSIDE_WINDOW);
    assert_int_equal(pre_prepare(s, 9, &a.value), COL_DROP_NONE);
    assert_int_equal(pre_prepare(s, 24, &a.value), COL_DROP_NONE);
    assert_int_equal(pre_prepare(s, 25, &a.value), COL_DROP_OUTSIDE_WINDOW);
    subject_close(s);
}

static void a_null_run_is_prepared_at_once(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_value run = null_run(8);
    assert_int_equal(pre_prepare(s, 1, &run), COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &run));
    subject_close(s);
}

static void a_null_run_may_not_cross_a_checkpoint_or_leave_the_window(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_value two = null_run(2), nine = null_run(9), long_one = null_run(COL_RUN_MAX + 1);
    assert_int_equal(pre_prepare(s, 8, &two), COL_DROP_BAD_RUN);
    assert_int_equal(pre_prepare(s, 1, &nine), COL_DROP_BAD_RUN);
    assert_int_equal(pre_prepare(s, 16, &two), COL_DROP_BAD_RUN);
    assert_int_equal(pre_prepare(s, 1, &long_one), COL_DROP_BAD_RUN);
    assert_int_equal(pre_prepare(s, 7, &two), COL_DROP_NONE);
    subject_close(s);
}

static void a_null_run_with_another_digest_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_value run = {{{9}}, 2};
    assert_int_equal(pre_prepare(s, 1, &run), COL_DROP_BAD_RUN);
    subject_close(s);
}

static void a_run_and_a_batch_exclude_each_other_at_every_covered_slot(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const col_value three = null_run(3);
    assert_int_equal(pre_prepare(s, 3, &a.value), COL_DROP_NONE);
    assert_int_equal(pre_prepare(s, 1, &three), COL_DROP_CONFLICTING);
    assert_int_equal(pre_prepare(s, 2, &three), COL_DROP_CONFLICTING);
    assert_int_equal(pre_prepare(s, 4, &three), COL_DROP_NONE);
    assert_int_equal(pre_prepare(s, 6, &a.value), COL_DROP_CONFLICTING);
    assert_int_equal(pre_prepare(s, 7, &a.value), COL_DROP_NONE);
    subject_close(s);
}

static void a_sequence_number_of_another_pillar_is_refused(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.pillars = 4;
    options.pillar = 1;
    subject *s = subject_open(options);
    const test_batch a = batch_of(&s->options, "a");
    col_header header = vote_header(s, COL_PRE_PREPARE, primary_of(s), 1, &a.value);
    header.sequence++;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_WRONG_PILLAR);
    header.sequence--;
    header.pillar = 2;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_WRONG_PILLAR);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_prepares_a_proposal_whose_body_it_holds),
        cmocka_unit_test(only_the_primary_may_propose),
        cmocka_unit_test(a_second_proposal_for_a_slot_is_refused),
        cmocka_unit_test(another_view_is_refused),
        cmocka_unit_test(the_window_is_stable_exclusive_to_stable_plus_w_inclusive),
        cmocka_unit_test(a_null_run_is_prepared_at_once),
        cmocka_unit_test(a_null_run_may_not_cross_a_checkpoint_or_leave_the_window),
        cmocka_unit_test(a_null_run_with_another_digest_is_refused),
        cmocka_unit_test(a_run_and_a_batch_exclude_each_other_at_every_covered_slot),
        cmocka_unit_test(a_sequence_number_of_another_pillar_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
