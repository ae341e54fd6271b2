// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

/// Primary of pillar 1 of 4, whose slots are 1, 5, 9, ...
static col_pbft_options idle_options(void) {
    col_pbft_options options = backup_options();
    options.pillars = 4;
    options.pillar = 1;
    options.self = 1;
    options.checkpoint_interval = 64;
    options.window = 128;
    return options;
}

/// The other pillar's batch stands in `round`, in pillar 3, behind this pillar's slot of that
/// round.
static void batch_elsewhere(subject *s, uint64_t round) {
    target(s, col_sequence_of(round, 3, 4));
    col_pbft_settle(s->pbft);
}

static uint64_t last_nulled(const subject *s) {
    const col_header *header = &last_sent(s, COL_PRE_PREPARE)->header;
    assert_true(header->run > 0);
    assert_true(col_digest_equal(&header->digest, &col_null_digest));
    return col_round_of(header->sequence, 4) + header->run - 1;
}

static void without_a_target_an_idle_primary_is_silent(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    col_pbft_settle(s->pbft);
    assert_int_equal(s->sent_count, 0);
    subject_close(s);
}

static void a_batch_elsewhere_is_passed_by_one_null_slot(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    batch_elsewhere(s, 1);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    assert_int_equal(last_nulled(s), 1);
    assert_int_equal(count_sent(s, COL_BATCH), 0);
    subject_close(s);
}

static void an_own_slot_behind_the_batch_elsewhere_is_not_needed(void **state) {
    (void)state;
    col_pbft_options options = idle_options();
    options.pillar = options.self = 3;
    subject *s = subject_open(options);
    target(s, col_sequence_of(1, 1, 4));  // stands before this pillar's first slot
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 0);
    target(s, col_sequence_of(2, 1, 4));
    col_pbft_settle(s->pbft);
    assert_int_equal(last_nulled(s), 1);
    subject_close(s);
}

static void pillar_0_stands_at_the_end_of_its_round(void **state) {
    (void)state;
    col_pbft_options options = idle_options();
    options.pillar = options.self = 0;
    subject *s = subject_open(options);
    target(s, col_sequence_of(1, 3, 4));
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 0);
    target(s, col_sequence_of(2, 1, 4));
    col_pbft_settle(s->pbft);
    assert_int_equal(last_nulled(s), 1);
    subject_close(s);
}

static void runs_double_while_the_pillar_stays_idle_up_to_the_bound(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    uint64_t round = 1, ahead = 0;
    for (uint32_t turn = 0; turn < 12 && round < 60; turn++) {
        batch_elsewhere(s, round);
        const uint64_t last = last_nulled(s);
        assert_true(last >= round && last - round < COL_RUN_MAX);
        assert_true(last - round >= ahead || last == 64);
        ahead = last - round;
        round = last + 1;
    }
    assert_true(ahead > 4);
    subject_close(s);
}

static void a_request_brings_the_run_length_back_to_one(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    batch_elsewhere(s, 1);
    batch_elsewhere(s, 2);
    batch_elsewhere(s, 4);
    assert_true(last_nulled(s) > 4);
    open_session(s, 1, 5, 100);
    (void)request_from(s, 1, 5, 1, "a");
    col_pbft_settle(s->pbft);
    const uint64_t at = col_round_of(last_sent(s, COL_PRE_PREPARE)->header.sequence, 4);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->header.run, 0);
    batch_elsewhere(s, at + 1);
    assert_int_equal(last_nulled(s), at + 1);
    subject_close(s);
}

static void a_request_takes_the_first_slot_behind_the_run_and_changes_no_run(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    batch_elsewhere(s, 5);
    const uint64_t last = last_nulled(s);
    open_session(s, 1, 5, 100);
    (void)request_from(s, 1, 5, 1, "a");
    col_pbft_settle(s->pbft);
    const col_header *header = &last_sent(s, COL_PRE_PREPARE)->header;
    assert_int_equal(header->run, 0);
    assert_int_equal(col_round_of(header->sequence, 4), last + 1);
    subject_close(s);
}

static void runs_are_cut_at_checkpoints_and_end_an_interval_below_the_window(void **state) {
    (void)state;
    col_pbft_options options = idle_options();
    options.checkpoint_interval = 8;
    options.window = 32;
    subject *s = subject_open(options);
    batch_elsewhere(s, 100);
    uint64_t next = 1;
    for (uint32_t i = 0; i < s->sent_count; i++) {
        const col_header *header = &s->sent[i].header;
        if (header->type != COL_PRE_PREPARE) continue;
        const uint64_t start = col_round_of(header->sequence, 4), last = start + header->run - 1;
        assert_int_equal(start, next);
        assert_int_equal((start - 1) / 8, (last - 1) / 8);
        next = last + 1;
    }
    assert_int_equal(next, 25);
    subject_close(s);
}

static void a_lagging_primary_catches_up_before_it_proposes(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    open_session(s, 1, 5, 100);
    (void)request_from(s, 1, 5, 1, "a");
    batch_elsewhere(s, 60);  // more than W/4 = 32 rounds ahead
    assert_int_equal(s->sent[0].header.run > 0, true);
    const col_header *header = &last_sent(s, COL_BATCH)->header;
    assert_true(col_round_of(header->sequence, 4) >= 60 - 32);
    assert_true(col_round_of(header->sequence, 4) <= 60);
    subject_close(s);
}

static void null_slots_of_this_pillar_are_no_target_for_others(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    batch_elsewhere(s, 9);
    assert_int_equal(col_pbft_passing(s->pbft), 0);
    subject_close(s);
}

static void a_target_already_passed_changes_nothing(void **state) {
    (void)state;
    subject *s = subject_open(idle_options());
    batch_elsewhere(s, 3);
    const uint32_t sent = s->sent_count;
    batch_elsewhere(s, 3);
    batch_elsewhere(s, 2);
    assert_int_equal(s->sent_count, sent);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_target_an_idle_primary_is_silent),
        cmocka_unit_test(a_batch_elsewhere_is_passed_by_one_null_slot),
        cmocka_unit_test(an_own_slot_behind_the_batch_elsewhere_is_not_needed),
        cmocka_unit_test(pillar_0_stands_at_the_end_of_its_round),
        cmocka_unit_test(runs_double_while_the_pillar_stays_idle_up_to_the_bound),
        cmocka_unit_test(a_request_brings_the_run_length_back_to_one),
        cmocka_unit_test(a_request_takes_the_first_slot_behind_the_run_and_changes_no_run),
        cmocka_unit_test(runs_are_cut_at_checkpoints_and_end_an_interval_below_the_window),
        cmocka_unit_test(a_lagging_primary_catches_up_before_it_proposes),
        cmocka_unit_test(null_slots_of_this_pillar_are_no_target_for_others),
        cmocka_unit_test(a_target_already_passed_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
