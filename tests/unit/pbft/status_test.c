// SPDX-License-Identifier: Apache-2.0
#include "src/base/recent_least.h"
#include "tests/unit/pbft/harness.h"

static col_status parse(const sent_message *sent) {
    col_status status;
    assert_true(col_status_read((col_bytes){sent->bytes, sent->length}, &status));
    return status;
}

/// Run timers until the instance is silent. @return STATUS messages that it sent to all
static uint32_t until_silent(subject *s) {
    const uint32_t before = count_sent(s, COL_STATUS);
    for (uint32_t i = 0; i < 100 && col_pbft_deadline(s->pbft) != COL_NEVER; i++) {
        pass(s, col_pbft_deadline(s->pbft) - s->now_ns);
    }
    assert_int_equal(col_pbft_deadline(s->pbft), COL_NEVER);
    return count_sent(s, COL_STATUS) - before;
}

static void everyone_is_even(subject *s, uint64_t round, uint64_t checkpoint) {
    const col_status even = {.executed = round, .stable = checkpoint};
    for (uint32_t r = 0; r < 4; r++) {
        if (r != s->options.self) (void)status_from(s, r, &even, NULL);
    }
}

static void a_new_replica_greets_and_falls_silent_when_all_are_even(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    everyone_is_even(s, 0, 0);
    assert_int_equal(until_silent(s), 0);
    subject_close(s);
}

static void without_answers_status_ends_after_eight_doubling_intervals(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const uint64_t begin = s->now_ns;
    assert_int_equal(until_silent(s), 7);  // the greeting was the first
    assert_true(s->now_ns - begin >= 255 * s->options.status_interval_ns);
    subject_close(s);
}

static void a_status_tells_of_every_slot_above_the_executed_one(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    commit_batch(s, 1, &a);
    (void)propose_to(s, 2, &a);
    (void)commit_from(s, 0, 2, &a.value);
    (void)pre_prepare(s, 4, &a.value);
    pass(s, 10 * s->options.status_interval_ns);
    const col_status status = parse(last_sent(s, COL_STATUS));
    assert_true(status.asks && status.pending);
    assert_int_equal(status.executed, 0);
    assert_int_equal(status.count, 4);
    const col_status_slot first = col_status_slot_read(&status, 0);
    assert_int_equal(first.flags, COL_SLOT_PROPOSAL | COL_SLOT_BODY | COL_SLOT_COMMITTED);
    const col_status_slot second = col_status_slot_read(&status, 1);
    assert_int_equal(second.flags, COL_SLOT_PROPOSAL | COL_SLOT_BODY);
    assert_int_equal(second.prepares, 1 << 2);
    assert_int_equal(second.commits, 1 << 0);
    assert_int_equal(col_status_slot_read(&status, 2).flags, 0);
    assert_int_equal(col_status_slot_read(&status, 3).flags, COL_SLOT_PROPOSAL);
    subject_close(s);
}

static void who_has_enough_votes_says_that_it_has_all(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)pre_prepare(s, 1, &a.value);
    (void)pre_prepare(s, 2, &a.value);
    // Two PREPAREs and, without the batch, three COMMITs; of the second slot one less each.
    for (uint32_t round = 1; round <= 2; round++) {
        (void)prepare_from(s, 1, round, &a.value);
        (void)commit_from(s, 0, round, &a.value);
        (void)commit_from(s, 1, round, &a.value);
    }
    (void)prepare_from(s, 3, 1, &a.value);
    (void)commit_from(s, 3, 1, &a.value);
    pass(s, 10 * s->options.status_interval_ns);
    const col_status status = parse(last_sent(s, COL_STATUS));
    assert_int_equal(col_status_slot_read(&status, 0).prepares, UINT32_MAX);
    assert_int_equal(col_status_slot_read(&status, 0).commits, UINT32_MAX);
    assert_int_equal(col_status_slot_read(&status, 1).prepares, 1 << 1);
    assert_int_equal(col_status_slot_read(&status, 1).commits, 1 << 0 | 1 << 1);
    subject_close(s);
}

static void a_peer_gets_exactly_the_votes_that_it_lacks(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    forget_sent(s);
    const col_status asks = {.asks = true, .pending = true, .count = 1};
    const col_status_slot lacks_commit = {COL_SLOT_PROPOSAL, 1 << 2, 0};
    assert_int_equal(status_from(s, 3, &asks, &lacks_commit), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    assert_int_equal(last_sent(s, COL_COMMIT)->replicas, 1 << 3);
    forget_sent(s);
    pass(s, s->options.status_interval_ns);
    const col_status_slot lacks_all = {0};
    (void)status_from(s, 3, &asks, &lacks_all);
    assert_int_equal(count_sent(s, COL_PREPARE), 1);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    forget_sent(s);
    pass(s, s->options.status_interval_ns);
    const col_status_slot has_it = {COL_SLOT_COMMITTED, 0, 0};
    (void)status_from(s, 3, &asks, &has_it);
    assert_int_equal(count_sent(s, COL_PREPARE) + count_sent(s, COL_COMMIT), 0);
    subject_close(s);
}

static void the_primary_sends_a_lost_proposal_again_with_its_body(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 100);
    (void)request_from(s, 1, 1, 1, "a");
    col_pbft_settle(s->pbft);
    const col_digest digest = last_sent(s, COL_PRE_PREPARE)->header.digest;
    forget_sent(s);
    const col_status asks = {.asks = true};
    (void)status_from(s, 3, &asks, NULL);
    assert_int_equal(count_sent(s, COL_BATCH), 1);
    assert_true(col_digest_equal(&last_sent(s, COL_PRE_PREPARE)->header.digest, &digest));
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->replicas, 1 << 3);
    subject_close(s);
}

static void nothing_at_or_below_the_stable_checkpoint_is_voted_again(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint64_t round = 1; round <= 9; round++) commit_batch(s, round, &a);
    stable(s, 1);
    forget_sent(s);
    const col_status asks = {.asks = true};
    (void)status_from(s, 3, &asks, NULL);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    assert_int_equal(last_sent(s, COL_COMMIT)->header.sequence, 9);
    subject_close(s);
}

static void a_peer_that_claims_the_largest_number_gets_nothing_and_costs_nothing(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint64_t round = 1; round <= 9; round++) commit_batch(s, round, &a);
    stable(s, 1);
    forget_sent(s);
    const col_status absurd = {.executed = UINT64_MAX, .stable = UINT64_MAX, .asks = true};
    (void)status_from(s, 3, &absurd, NULL);
    assert_int_equal(count_sent(s, COL_COMMIT) + count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void a_peer_that_asks_too_often_is_not_answered(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_status asks = {.asks = true};
    assert_int_equal(status_from(s, 3, &asks, NULL), COL_DROP_NONE);
    assert_int_equal(status_from(s, 3, &asks, NULL), COL_DROP_RATE_LIMITED);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(status_from(s, 3, &asks, NULL), COL_DROP_NONE);
    subject_close(s);
}

static void a_silent_replica_answers_who_asks_and_stays_silent_when_even(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    everyone_is_even(s, 0, 0);
    (void)until_silent(s);
    const uint32_t before = count_sent(s, COL_STATUS);
    const col_status asks = {.asks = true};
    (void)status_from(s, 3, &asks, NULL);
    assert_int_equal(count_sent(s, COL_STATUS), before + 1);
    assert_false(parse(last_sent(s, COL_STATUS)).asks);
    assert_int_equal(col_pbft_deadline(s->pbft), COL_NEVER);
    subject_close(s);
}

static void a_peer_that_got_ahead_wakes_a_silent_replica(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    everyone_is_even(s, 0, 0);
    (void)until_silent(s);
    const col_status ahead = {.executed = 1};
    (void)status_from(s, 3, &ahead, NULL);
    assert_int_not_equal(col_pbft_deadline(s->pbft), COL_NEVER);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(count_sent(s, COL_FETCH), 1);
    subject_close(s);
}

static void a_peer_that_repeats_an_uneven_state_does_not_wake_it_for_ever(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    everyone_is_even(s, 0, 0);
    const col_status waits = {.pending = true, .asks = true};
    (void)status_from(s, 3, &waits, NULL);
    (void)until_silent(s);
    uint32_t woken = 0;
    for (uint32_t i = 0; i < 20; i++) {
        pass(s, s->options.status_interval_ns);
        (void)status_from(s, 3, &waits, NULL);
        woken += col_pbft_deadline(s->pbft) != COL_NEVER;
        (void)until_silent(s);
    }
    assert_int_equal(woken, 0);
    subject_close(s);
}

/// Commit and execute a batch that takes so long from its proposal to its execution.
static void execute_slowly(subject *s, uint64_t round, uint64_t ns) {
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, round, &a);
    s->now_ns += ns;
    agree(s, round, &a.value);
    executed(s, round);
}

static uint64_t wait_ns(const subject *s) {
    return col_pbft_deadline(s->pbft) - s->now_ns;
}

static void the_first_wait_grows_with_load_and_not_with_losses(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const uint64_t interval_ns = s->options.status_interval_ns;
    execute_slowly(s, 1, interval_ns);
    assert_int_equal(wait_ns(s), 4 * interval_ns);
    execute_slowly(s, 2, interval_ns / 2);
    execute_slowly(s, 3, 10 * interval_ns);  // a loss was repaired meanwhile
    assert_int_equal(wait_ns(s), 2 * interval_ns);
    s->now_ns += 2 * COL_RECENT_PERIOD_NS;
    execute_slowly(s, 4, 10 * interval_ns);
    assert_int_equal(wait_ns(s), 8 * interval_ns);
    subject_close(s);
}

static void a_silent_replica_is_stirred_by_a_client_that_asks_again(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_in_range(until_silent(s), 7, 8);
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_STIRRED});
    assert_int_not_equal(col_pbft_deadline(s->pbft), COL_NEVER);
    assert_in_range(until_silent(s), 7, 8);
    subject_close(s);
}

static void an_answer_brings_a_peer_what_it_lacks_too(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 100);
    (void)request_from(s, 1, 1, 1, "a");
    col_pbft_settle(s->pbft);
    forget_sent(s);
    const col_status answer = {0};
    (void)status_from(s, 3, &answer, NULL);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    assert_int_equal(count_sent(s, COL_STATUS), 0);
    subject_close(s);
}

static void an_older_status_of_a_peer_is_not_taken(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_status now = {.executed = 1};
    s->counter = 10;
    assert_int_equal(status_from(s, 3, &now, NULL), COL_DROP_NONE);
    s->counter = 5;
    assert_int_equal(status_from(s, 3, &now, NULL), COL_DROP_STALE);
    s->counter = 5;
    assert_int_equal(status_from(s, 1, &now, NULL), COL_DROP_NONE);
    subject_close(s);
}

static void a_malformed_status_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    assert_int_equal(numbered_from(s, COL_STATUS, 3, text("nonsense")), COL_DROP_MALFORMED);
    assert_int_equal(numbered_from(s, COL_STATUS, 3, (col_bytes){0}), COL_DROP_MALFORMED);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_replica_greets_and_falls_silent_when_all_are_even),
        cmocka_unit_test(without_answers_status_ends_after_eight_doubling_intervals),
        cmocka_unit_test(a_status_tells_of_every_slot_above_the_executed_one),
        cmocka_unit_test(who_has_enough_votes_says_that_it_has_all),
        cmocka_unit_test(a_peer_gets_exactly_the_votes_that_it_lacks),
        cmocka_unit_test(the_primary_sends_a_lost_proposal_again_with_its_body),
        cmocka_unit_test(nothing_at_or_below_the_stable_checkpoint_is_voted_again),
        cmocka_unit_test(a_peer_that_claims_the_largest_number_gets_nothing_and_costs_nothing),
        cmocka_unit_test(a_peer_that_asks_too_often_is_not_answered),
        cmocka_unit_test(a_silent_replica_answers_who_asks_and_stays_silent_when_even),
        cmocka_unit_test(a_peer_that_got_ahead_wakes_a_silent_replica),
        cmocka_unit_test(a_peer_that_repeats_an_uneven_state_does_not_wake_it_for_ever),
        cmocka_unit_test(the_first_wait_grows_with_load_and_not_with_losses),
        cmocka_unit_test(a_silent_replica_is_stirred_by_a_client_that_asks_again),
        cmocka_unit_test(an_answer_brings_a_peer_what_it_lacks_too),
        cmocka_unit_test(an_older_status_of_a_peer_is_not_taken),
        cmocka_unit_test(a_malformed_status_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
