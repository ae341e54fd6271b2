// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static col_fetched parse_fetched(const sent_message *sent) {
    col_fetched fetched;
    assert_true(col_fetched_read((col_bytes){sent->bytes, sent->length}, &fetched));
    return fetched;
}

static col_fetch parse_fetch(const sent_message *sent) {
    col_fetch fetch;
    assert_true(col_fetch_read((col_bytes){sent->bytes, sent->length}, &fetch));
    return fetch;
}

static void a_committed_batch_is_served_with_a_certificate(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    commit_batch(s, 1, &a);
    assert_int_equal(fetch_from(s, 3, 1, 1), COL_DROP_NONE);
    const sent_message *sent = last_sent(s, COL_FETCHED);
    assert_int_equal(sent->replicas, 1 << 3);
    const col_fetched fetched = parse_fetched(sent);
    assert_int_equal(fetched.seals, 3);
    assert_int_equal(fetched.batch.length, a.length);
    for (uint32_t i = 0; i < 3; i++) {
        const col_header header = vote_header(s, COL_COMMIT, fetched.seal[i].sender, 1, &a.value);
        assert_true(seal_is_of(&header, fetched.seal[i].seal));
    }
    subject_close(s);
}

static void the_own_commit_counts_for_the_certificate_once_its_seal_is_back(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    (void)commit_from(s, 0, 1, &a.value);
    (void)commit_from(s, 1, 1, &a.value);
    (void)fetch_from(s, 3, 1, 1);
    assert_int_equal(parse_fetched(last_sent(s, COL_FETCHED)).seals, 0);
    own_commit_sealed(s, 1, &a.value);
    (void)fetch_from(s, 3, 1, 1);
    assert_int_equal(parse_fetched(last_sent(s, COL_FETCHED)).seals, 3);
    subject_close(s);
}

static void a_proposal_without_commits_is_served_as_a_body_only(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(fetch_from(s, 3, 1, 1), COL_DROP_NONE);
    const col_fetched fetched = parse_fetched(last_sent(s, COL_FETCHED));
    assert_int_equal(fetched.seals, 0);
    assert_int_equal(fetched.batch.length, a.length);
    subject_close(s);
}

static void a_covered_slot_is_answered_by_its_run_and_each_run_once(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    commit_run(s, 1, 8);
    assert_int_equal(fetch_from(s, 3, 5, 1), COL_DROP_NONE);
    const col_fetched fetched = parse_fetched(last_sent(s, COL_FETCHED));
    assert_int_equal(fetched.sequence, 1);
    assert_int_equal(fetched.run, 8);
    assert_int_equal(fetched.seals, 3);
    assert_int_equal(fetch_from(s, 3, 1, 8), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_FETCHED), 2);
    subject_close(s);
}

static void what_is_not_here_is_not_served(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    assert_int_equal(fetch_from(s, 3, 1, 32), COL_DROP_NOT_COLLECTED);
    assert_int_equal(fetch_from(s, 3, UINT64_MAX - 40, 32), COL_DROP_NOT_COLLECTED);
    assert_int_equal(numbered_from(s, COL_FETCH, 3, text("x")), COL_DROP_MALFORMED);
    assert_int_equal(count_sent(s, COL_FETCHED), 0);
    subject_close(s);
}

static void batches_of_the_last_2w_rounds_below_stable_are_still_served(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint64_t round = 1; round <= 49; round++) {
        commit_batch(s, round, &a);
        executed(s, round);
        if (round % 8 == 0) stable(s, round / 8);
    }
    assert_int_equal(figures_of(s).stable, 6);
    assert_int_equal(fetch_from(s, 3, 48 - 31, 1), COL_DROP_NONE);
    assert_int_equal(fetch_from(s, 3, 1, 1), COL_DROP_NOT_COLLECTED);
    subject_close(s);
}

static void one_peer_is_served_a_bounded_number_of_bytes_per_interval(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch large;
    char operation[500];
    memset(operation, 'x', sizeof operation);
    operation[499] = 0;
    batch_start(&large, 0, WALL);
    for (uint64_t number = 1; number <= 6; number++) {
        batch_add_request(&large, 1, 1, number, operation);
    }
    batch_finish(&large);
    commit_batch(s, 1, &large);
    for (uint32_t i = 0; i < SUBJECT_SENT_MAX; i++) {
        const col_drop drop = fetch_from(s, 3, 1, 1);
        if (i < 1000) assert_int_equal(drop, COL_DROP_NONE);
        forget_sent(s);
        if (drop == COL_DROP_RATE_LIMITED) break;
        assert_int_not_equal(i, SUBJECT_SENT_MAX - 1);
    }
    assert_int_equal(fetch_from(s, 1, 1, 1), COL_DROP_NONE);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(fetch_from(s, 3, 1, 1), COL_DROP_NONE);
    subject_close(s);
}

static void a_missing_body_is_asked_for_at_the_next_status(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    (void)pre_prepare(s, 2, &a.value);
    pass(s, s->options.status_interval_ns);
    const col_fetch fetch = parse_fetch(last_sent(s, COL_FETCH));
    assert_int_equal(fetch.count, 1);
    assert_int_equal(fetch.round[0], 2);
    subject_close(s);
}

static void peers_that_executed_more_are_asked_in_turn(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_status ahead = {.executed = 4};
    (void)status_from(s, 1, &ahead, NULL);
    (void)status_from(s, 3, &ahead, NULL);
    uint32_t asked[2];
    for (uint32_t i = 0; i < 2; i++) {
        pass(s, 4 * s->options.status_interval_ns);
        const sent_message *sent = last_sent(s, COL_FETCH);
        assert_int_equal(parse_fetch(sent).count, 4);
        asked[i] = sent->replicas;
    }
    assert_int_equal(asked[0] | asked[1], 1 << 1 | 1 << 3);
    subject_close(s);
}

static void a_replica_that_is_behind_asks_on_as_soon_as_it_has_executed_what_it_got(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.checkpoint_interval = 64;
    options.window = 128;
    subject *s = subject_open(options);
    const col_status ahead = {.executed = 64};
    const test_batch a = batch_of(&s->options, "a");
    (void)status_from(s, 1, &ahead, NULL);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(parse_fetch(last_sent(s, COL_FETCH)).count, 32);
    forget_sent(s);
    for (uint64_t round = 1; round <= 32; round++) commit_batch(s, round, &a);
    executed(s, 31);
    assert_int_equal(count_sent(s, COL_FETCH), 0);
    executed(s, 32);
    const col_fetch fetch = parse_fetch(last_sent(s, COL_FETCH));
    assert_int_equal(fetch.round[0], 33);
    assert_int_equal(fetch.count, 32);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_committed_batch_is_served_with_a_certificate),
        cmocka_unit_test(the_own_commit_counts_for_the_certificate_once_its_seal_is_back),
        cmocka_unit_test(a_proposal_without_commits_is_served_as_a_body_only),
        cmocka_unit_test(a_covered_slot_is_answered_by_its_run_and_each_run_once),
        cmocka_unit_test(what_is_not_here_is_not_served),
        cmocka_unit_test(batches_of_the_last_2w_rounds_below_stable_are_still_served),
        cmocka_unit_test(one_peer_is_served_a_bounded_number_of_bytes_per_interval),
        cmocka_unit_test(a_missing_body_is_asked_for_at_the_next_status),
        cmocka_unit_test(peers_that_executed_more_are_asked_in_turn),
        cmocka_unit_test(a_replica_that_is_behind_asks_on_as_soon_as_it_has_executed_what_it_got),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
