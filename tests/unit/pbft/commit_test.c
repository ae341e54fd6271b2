// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void a_quorum_of_commits_with_the_body_commits(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);  // with the own one prepared: the own COMMIT is sent
    assert_int_equal(commit_from(s, 1, 1, &a.value), COL_DROP_NONE);
    assert_false(next_committed(s, &committed));
    assert_int_equal(commit_from(s, 3, 1, &a.value), COL_DROP_NONE);
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.round, 1);
    assert_int_equal(committed.run, 0);
    assert_memory_equal(committed.body, a.bytes, a.length);
    assert_false(next_committed(s, &committed));
    subject_close(s);
}

static void commits_decide_without_any_prepare(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)commit_from(s, 0, 1, &a.value);
    (void)commit_from(s, 1, 1, &a.value);
    (void)commit_from(s, 3, 1, &a.value);
    assert_false(next_committed(s, &committed));
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void commits_of_different_values_do_not_add_up(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    col_committed committed;
    (void)propose_to(s, 1, &a);
    (void)commit_from(s, 0, 1, &a.value);
    (void)commit_from(s, 1, 1, &a.value);
    assert_int_equal(commit_from(s, 3, 1, &b.value), COL_DROP_NONE);
    assert_int_equal(commit_from(s, 1, 1, &b.value), COL_DROP_CONFLICTING);
    assert_false(next_committed(s, &committed));
    subject_close(s);
}

static void slots_are_handed_over_in_order_of_rounds(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    commit_batch(s, 3, &a);
    commit_batch(s, 2, &a);
    assert_false(next_committed(s, &committed));
    commit_batch(s, 1, &a);
    for (uint64_t round = 1; round <= 3; round++) {
        assert_true(next_committed(s, &committed));
        assert_int_equal(committed.round, round);
    }
    subject_close(s);
}

static void a_committed_run_is_handed_over_once(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    commit_batch(s, 5, &a);
    commit_run(s, 1, 4);
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.round, 1);
    assert_int_equal(committed.run, 4);
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.round, 5);
    assert_int_equal(figures_of(s).committed, 5);
    assert_int_equal(figures_of(s).batches, 1);
    subject_close(s);
}

static void f_plus_1_commits_for_a_batch_make_it_pass_for_other_pillars(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const col_value run = null_run(2);
    (void)commit_from(s, 0, 4, &a.value);
    assert_int_equal(col_pbft_passing(s->pbft), 0);
    (void)commit_from(s, 1, 4, &a.value);
    assert_int_equal(col_pbft_passing(s->pbft), 4);
    (void)commit_from(s, 0, 5, &run);
    (void)commit_from(s, 1, 5, &run);
    assert_int_equal(col_pbft_passing(s->pbft), 4);
    subject_close(s);
}

static void no_commit_is_signed_at_or_below_the_stable_checkpoint(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)pre_prepare(s, 8, &a.value);
    (void)prepare_from(s, 1, 8, &a.value);
    (void)prepare_from(s, 3, 8, &a.value);
    stable(s, 1);
    (void)fetched_from(s, 0, 8, &a.value, 0, false, batch_body(&a));
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    subject_close(s);
}

static void a_quorum_of_seven_is_five(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.replicas = 7;
    options.faults = 2;
    subject *s = subject_open(options);
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)batch_from(s, 0, 1, &a);
    const uint32_t voters[] = {0, 1, 3, 4};
    for (uint32_t i = 0; i < 4; i++) (void)commit_from(s, voters[i], 1, &a.value);
    assert_false(next_committed(s, &committed));
    (void)commit_from(s, 6, 1, &a.value);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void a_quorum_of_six_with_one_fault_is_four(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.replicas = 6;
    subject *s = subject_open(options);
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)batch_from(s, 0, 1, &a);
    for (uint32_t r = 3; r < 6; r++) (void)commit_from(s, r, 1, &a.value);
    assert_false(next_committed(s, &committed));
    (void)commit_from(s, 1, 1, &a.value);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quorum_of_commits_with_the_body_commits),
        cmocka_unit_test(commits_decide_without_any_prepare),
        cmocka_unit_test(commits_of_different_values_do_not_add_up),
        cmocka_unit_test(slots_are_handed_over_in_order_of_rounds),
        cmocka_unit_test(a_committed_run_is_handed_over_once),
        cmocka_unit_test(f_plus_1_commits_for_a_batch_make_it_pass_for_other_pillars),
        cmocka_unit_test(no_commit_is_signed_at_or_below_the_stable_checkpoint),
        cmocka_unit_test(a_quorum_of_seven_is_five),
        cmocka_unit_test(a_quorum_of_six_with_one_fault_is_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
