// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void a_body_that_comes_after_its_proposal_lets_it_be_prepared(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(pre_prepare(s, 1, &a.value), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void a_body_of_another_digest_than_proposed_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    (void)pre_prepare(s, 1, &a.value);
    assert_int_equal(batch_from(s, 0, 1, &b), COL_DROP_BAD_DIGEST);
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    subject_close(s);
}

static void a_body_ahead_of_another_proposal_makes_room_for_the_right_one(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    assert_int_equal(batch_from(s, 0, 1, &b), COL_DROP_NONE);
    (void)pre_prepare(s, 1, &a.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void a_body_with_a_request_that_no_client_sealed_is_not_prepared(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch forged;
    batch_start(&forged, 0, WALL);
    forged.seal = SEAL_FORGED;
    batch_add_request(&forged, 1, 1, 1, "steal");
    batch_finish(&forged);
    (void)pre_prepare(s, 1, &forged.value);
    assert_int_equal(batch_from(s, 0, 1, &forged), COL_DROP_BAD_BATCH);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void a_commit_certificate_backs_a_body_whose_seals_do_not_verify_here(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch odd;
    batch_start(&odd, 0, WALL);
    odd.seal = SEAL_FORGED;
    batch_add_request(&odd, 1, 1, 1, "odd");
    batch_finish(&odd);
    (void)pre_prepare(s, 1, &odd.value);
    (void)batch_from(s, 0, 1, &odd);
    agree(s, 1, &odd.value);
    col_committed committed;
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.length, odd.length);
    subject_close(s);
}

static void bodies_are_taken_from_the_primary_in_this_view_and_window_only(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(batch_from(s, 1, 1, &a), COL_DROP_NOT_PRIMARY);
    assert_int_equal(batch_from(s, 0, 17, &a), COL_DROP_OUTSIDE_WINDOW);
    col_header header = vote_header(s, COL_BATCH, 0, 1, &a.value);
    header.view = 1;
    assert_int_equal(deliver(s, &header, batch_body(&a)), COL_DROP_OTHER_VIEW);
    header.view = 0;
    header.run = 1;
    assert_int_equal(deliver(s, &header, batch_body(&a)), COL_DROP_BAD_RUN);
    subject_close(s);
}

static void a_repeated_body_is_not_checked_again(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(s->batch_checks, 1);
    assert_int_equal(batch_from(s, 0, 1, &a), COL_DROP_REPEATED);
    assert_int_equal(s->batch_checks, 1);
    subject_close(s);
}

static void a_committed_body_is_never_replaced(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    commit_batch(s, 1, &a);
    col_committed committed;
    assert_true(next_committed(s, &committed));
    assert_int_equal(batch_from(s, 0, 1, &b), COL_DROP_REPEATED);
    assert_memory_equal(committed.body, a.bytes, a.length);
    subject_close(s);
}

static void garbage_and_oversized_bodies_are_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    static const uint8_t zeros[5000];
    const col_value none = {0};
    const col_header header = vote_header(s, COL_BATCH, 0, 1, &none);
    assert_int_equal(deliver(s, &header, text("not a batch")), COL_DROP_BAD_BATCH);
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_BAD_BATCH);
    assert_int_equal(deliver(s, &header, (col_bytes){zeros, sizeof zeros}), COL_DROP_OVERSIZED);
    subject_close(s);
}

static void a_body_with_a_mac_that_fails_here_is_kept_and_said_to_be_so(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch bad = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "bad");
    const test_batch forged = batch_sealed(&s->options, 1, SEAL_FORGED, "forged");
    assert_int_equal(batch_from(s, 0, 1, &bad), COL_DROP_BAD_MAC);
    assert_int_equal(batch_from(s, 0, 2, &forged), COL_DROP_BAD_BATCH);
    (void)pre_prepare(s, 1, &bad.value);
    (void)pre_prepare(s, 2, &forged.value);
    agree(s, 1, &bad.value);
    agree(s, 2, &forged.value);
    col_committed committed;
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.length, bad.length);
    subject_close(s);
}

static void another_body_is_not_taken_for_doubtful(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch bad = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "bad");
    const test_batch forged = batch_sealed(&s->options, 1, SEAL_FORGED, "forged");
    (void)batch_from(s, 0, 1, &bad);
    (void)pre_prepare(s, 1, &forged.value);
    (void)batch_from(s, 0, 1, &forged);
    (void)prepare_from(s, 1, 1, &forged.value);
    (void)prepare_from(s, 3, 1, &forged.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

/// Client 1 has session 1, client 3 session 2.
static subject *with_sessions(void) {
    subject *s = subject_open(backup_options());
    open_session(s, 1, 1, 100);
    open_session(s, 3, 2, 100);
    col_pbft_settle(s->pbft);
    return s;
}

static void clients_whose_macs_fail_are_flagged_and_no_others(void **state) {
    (void)state;
    subject *s = with_sessions();
    test_batch mixed;
    batch_start(&mixed, 0, WALL);
    batch_add_request(&mixed, 1, 1, 1, "good");
    mixed.seal = SEAL_BAD_MAC;
    batch_add_request(&mixed, 3, 2, 1, "bad");
    batch_add_request(&mixed, 9, 2, 1, "of nobody in the registry");
    batch_finish(&mixed);
    assert_int_equal(mac_request_from(s, 3, 2, 1, "before"), COL_DROP_NONE);
    assert_int_equal(batch_from(s, 0, 1, &mixed), COL_DROP_BAD_MAC);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    assert_int_equal(mac_request_from(s, 3, 2, 2, "a"), COL_DROP_BAD_MAC);
    subject_close(s);
}

static void a_session_that_is_not_open_here_flags_nobody(void **state) {
    (void)state;
    subject *s = with_sessions();
    const test_batch early = batch_sealed(&s->options, 1, SEAL_NO_KEY, "early");
    assert_int_equal(batch_from(s, 0, 1, &early), COL_DROP_BAD_MAC);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    subject_close(s);
}

static void a_doubtful_body_is_checked_again_when_a_session_is_opened(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch early = batch_sealed(&s->options, 1, SEAL_NO_KEY, "early");
    const test_batch good = batch_of(&s->options, "good");
    (void)propose_to(s, 1, &early);
    (void)propose_to(s, 2, &good);
    assert_int_equal(s->batch_checks, 2);
    open_session(s, 3, 7, 100);  // another client's
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 2);
    s->keys = true;
    open_session(s, 1, 8, 100);
    open_session(s, 1, 9, 101);
    col_pbft_settle(s->pbft);
    assert_true(was_sent(s, COL_PREPARE, 1, &early.value));
    assert_int_equal(s->batch_checks, 3);  // once for both
    open_session(s, 1, 10, 102);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 3);  // it is authentic now
    assert_int_equal(count_sent(s, COL_PREPARE), 2);
    subject_close(s);
}

static void a_mac_that_fails_once_its_session_is_open_flags_its_client(void **state) {
    (void)state;
    subject *s = with_sessions();
    const test_batch late = batch_sealed(&s->options, 1, SEAL_LATE_BAD, "late");
    (void)propose_to(s, 1, &late);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    s->keys = true;
    open_session(s, 1, 3, 101);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(mac_request_from(s, 1, 1, 2, "b"), COL_DROP_BAD_MAC);
    (void)prepare_from(s, 1, 1, &late.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &late.value));  // it is doubtful still
    subject_close(s);
}

static void a_doubtful_body_ahead_of_its_proposal_is_checked_again_too(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch early = batch_sealed(&s->options, 1, SEAL_NO_KEY, "early");
    (void)batch_from(s, 0, 1, &early);
    s->keys = true;
    open_session(s, 1, 1, 100);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)pre_prepare(s, 1, &early.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &early.value));
    subject_close(s);
}

static void a_committed_body_is_not_checked_again(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch early = batch_sealed(&s->options, 1, SEAL_NO_KEY, "early");
    (void)propose_to(s, 1, &early);
    agree(s, 1, &early.value);
    open_session(s, 1, 1, 100);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 1);
    subject_close(s);
}

/// Client 3 has session 2, whose MAC for this replica was spoilt on its way to the primary.
static test_batch spoilt_on_its_way(const subject *s) {
    test_batch batch;
    batch_start(&batch, s->options.pillar, WALL);
    batch.seal = SEAL_BAD_MAC;
    batch_add_request(&batch, 3, 2, 1, "a");
    batch_finish(&batch);
    return batch;
}

static subject *with_doubtful_proposal(test_batch *spoilt) {
    subject *s = with_sessions();
    *spoilt = spoilt_on_its_way(s);
    (void)propose_to(s, 1, spoilt);
    return s;
}

static void a_batch_that_waits_for_macs_is_prepared_when_its_client_sends_the_request_signed(
    void **state) {
    (void)state;
    test_batch spoilt;
    subject *s = with_doubtful_proposal(&spoilt);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 1);

    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);  // another client's
    assert_int_equal(request_from(s, 3, 2, 2, "a"), COL_DROP_NONE);  // another number
    assert_int_equal(mac_request_from(s, 3, 2, 1, "a"), COL_DROP_BAD_MAC);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);

    assert_int_equal(request_from(s, 3, 2, 1, "a"), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);  // with the rest of the burst
    col_pbft_settle(s->pbft);
    assert_true(was_sent(s, COL_PREPARE, 1, &spoilt.value));
    const uint32_t checks = s->batch_checks;
    assert_int_equal(request_from(s, 3, 2, 3, "a"), COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, checks);
    subject_close(s);
}

static void another_request_of_the_same_number_says_nothing_of_a_doubtful_one(void **state) {
    (void)state;
    test_batch spoilt;
    subject *s = with_doubtful_proposal(&spoilt);
    assert_int_equal(request_from(s, 3, 2, 1, "b"), COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 2);
    col_pbft_settle(s->pbft);
    assert_int_equal(s->batch_checks, 2);  // nothing new
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void a_request_that_is_here_already_needs_no_mac_in_a_batch(void **state) {
    (void)state;
    subject *s = with_sessions();
    assert_int_equal(request_from(s, 3, 2, 1, "a"), COL_DROP_NONE);
    const test_batch spoilt = spoilt_on_its_way(s);
    assert_int_equal(batch_from(s, 0, 1, &spoilt), COL_DROP_NONE);
    (void)pre_prepare(s, 1, &spoilt.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &spoilt.value));
    assert_int_equal(mac_request_from(s, 3, 2, 2, "b"), COL_DROP_NONE);  // nor is it to blame
    subject_close(s);
}

static void a_request_that_was_executed_needs_no_mac_in_a_batch(void **state) {
    (void)state;
    test_batch spoilt;
    subject *s = with_doubtful_proposal(&spoilt);
    outcome(s, (col_outcome){.kind = COL_OUTCOME_EXECUTED, .client = 3, .session = 2, .number = 1});
    col_pbft_settle(s->pbft);
    assert_true(was_sent(s, COL_PREPARE, 1, &spoilt.value));
    assert_int_equal(batch_from(s, 0, 2, &spoilt), COL_DROP_NONE);
    subject_close(s);
}

static void a_batch_that_waits_for_macs_of_a_session_is_prepared_when_that_is_gone(void **state) {
    (void)state;
    test_batch spoilt;
    subject *s = with_doubtful_proposal(&spoilt);
    outcome(s, (col_outcome){.kind = COL_OUTCOME_EVICTED, .session = 2});
    col_pbft_settle(s->pbft);
    assert_true(was_sent(s, COL_PREPARE, 1, &spoilt.value));
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_comes_after_its_proposal_lets_it_be_prepared),
        cmocka_unit_test(a_body_of_another_digest_than_proposed_is_refused),
        cmocka_unit_test(a_body_ahead_of_another_proposal_makes_room_for_the_right_one),
        cmocka_unit_test(a_body_with_a_request_that_no_client_sealed_is_not_prepared),
        cmocka_unit_test(a_commit_certificate_backs_a_body_whose_seals_do_not_verify_here),
        cmocka_unit_test(bodies_are_taken_from_the_primary_in_this_view_and_window_only),
        cmocka_unit_test(a_repeated_body_is_not_checked_again),
        cmocka_unit_test(a_committed_body_is_never_replaced),
        cmocka_unit_test(garbage_and_oversized_bodies_are_refused),
        cmocka_unit_test(a_body_with_a_mac_that_fails_here_is_kept_and_said_to_be_so),
        cmocka_unit_test(another_body_is_not_taken_for_doubtful),
        cmocka_unit_test(clients_whose_macs_fail_are_flagged_and_no_others),
        cmocka_unit_test(a_session_that_is_not_open_here_flags_nobody),
        cmocka_unit_test(a_doubtful_body_is_checked_again_when_a_session_is_opened),
        cmocka_unit_test(a_mac_that_fails_once_its_session_is_open_flags_its_client),
        cmocka_unit_test(a_doubtful_body_ahead_of_its_proposal_is_checked_again_too),
        cmocka_unit_test(a_committed_body_is_not_checked_again),
        cmocka_unit_test(
            a_batch_that_waits_for_macs_is_prepared_when_its_client_sends_the_request_signed),
        cmocka_unit_test(another_request_of_the_same_number_says_nothing_of_a_doubtful_one),
        cmocka_unit_test(a_request_that_is_here_already_needs_no_mac_in_a_batch),
        cmocka_unit_test(a_request_that_was_executed_needs_no_mac_in_a_batch),
        cmocka_unit_test(a_batch_that_waits_for_macs_of_a_session_is_prepared_when_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
