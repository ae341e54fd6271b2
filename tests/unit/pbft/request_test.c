// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/internal.h"
#include "tests/unit/pbft/harness.h"

static subject *with_session(col_pbft_options options) {
    subject *s = subject_open(options);
    open_session(s, 1, options.pillars + options.pillar, 100);
    return s;
}

static void execute(subject *s, uint64_t session, uint64_t number) {
    outcome(s,
            (col_outcome){
                .kind = COL_OUTCOME_EXECUTED, .client = 1, .session = session, .number = number});
}

static void a_request_that_was_executed_is_answered_from_the_table(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    execute(s, 1, 1);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_EXECUTED);
    assert_int_equal(s->answered, 1);
    assert_int_equal(figures_of(s).pending, 0);
    subject_close(s);
}

static void a_session_that_is_gone_is_answered_and_one_to_come_is_not(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    outcome(s, (col_outcome){.kind = COL_OUTCOME_EVICTED, .session = 1});
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NO_SESSION);
    assert_int_equal(s->answered, 1);
    (void)request_from(s, 1, 2, 1, "a");
    assert_int_equal(s->answered, 1);
    subject_close(s);
}

static void a_request_ahead_of_its_session_waits_for_it(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 0);
    open_session(s, 1, 1, 100);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    subject_close(s);
}

static void another_clients_session_is_not_usable(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    assert_int_equal(request_from(s, 2, 1, 1, "a"), COL_DROP_NO_SESSION);
    assert_int_equal(s->answered, 0);
    assert_int_equal(figures_of(s).pending, 0);
    subject_close(s);
}

static void numbers_beyond_four_times_the_outstanding_bound_are_refused(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    assert_int_equal(request_from(s, 1, 1, 16, "a"), COL_DROP_NONE);
    assert_int_equal(request_from(s, 1, 1, 17, "a"), COL_DROP_TOO_FAR);
    assert_int_equal(request_from(s, 1, 1, UINT64_MAX, "a"), COL_DROP_TOO_FAR);
    execute(s, 1, 1);
    assert_int_equal(request_from(s, 1, 1, 9, "a"), COL_DROP_NONE);
    subject_close(s);
}

static void the_primary_asks_once_for_a_missing_number(void **state) {
    (void)state;
    subject *s = with_session(primary_options());
    (void)request_from(s, 1, 1, 2, "b");
    (void)request_from(s, 1, 1, 3, "c");
    assert_int_equal(count_sent(s, COL_BUSY), 1);
    const sent_message *sent = last_sent(s, COL_BUSY);
    col_busy busy;
    assert_true(col_busy_read((col_bytes){sent->bytes, sent->length}, &busy));
    assert_int_equal(busy.reason, COL_BUSY_MISSING);
    assert_int_equal(busy.value, 1);
    assert_int_equal(sent->client.port, 5000);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 0);
    (void)request_from(s, 1, 1, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    subject_close(s);
}

static void a_backup_asks_for_nothing(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    (void)request_from(s, 1, 1, 2, "b");
    assert_int_equal(count_sent(s, COL_BUSY), 0);
    subject_close(s);
}

static void a_request_must_say_what_its_header_says(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    client_message message;
    make_request(&message, 0, 1, 1, 1, text("a"));
    const col_pbft_event event = {.kind = COL_PBFT_MESSAGE, .verified = &message.verified};
    message.verified.message.header.sender = 2;
    assert_int_equal(step(s, event), COL_DROP_MALFORMED);
    message.verified.message.header.sender = 1;
    message.verified.message.header.sequence = 2;
    assert_int_equal(step(s, event), COL_DROP_MALFORMED);
    message.verified.message.header.sequence = 1;
    assert_int_equal(step(s, event), COL_DROP_NONE);
    subject_close(s);
}

static void a_session_of_another_pillar_is_refused(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.pillars = 4;
    options.pillar = 1;
    subject *s = with_session(options);
    assert_int_equal(request_from(s, 1, 6, 1, "a"), COL_DROP_WRONG_PILLAR);
    assert_int_equal(request_from(s, 1, 5, 1, "a"), COL_DROP_NONE);
    subject_close(s);
}

static void an_operation_above_the_bound_is_refused(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    char operation[514];
    memset(operation, 'x', 513);
    operation[513] = 0;
    assert_int_equal(request_from(s, 1, 1, 1, operation), COL_DROP_OVERSIZED);
    operation[512] = 0;
    assert_int_equal(request_from(s, 1, 1, 1, operation), COL_DROP_NONE);
    subject_close(s);
}

static void a_full_pool_refuses_and_recovers(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.pending_max = 4;  // half of it for one client
    subject *s = with_session(options);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    assert_int_equal(request_from(s, 1, 1, 2, "b"), COL_DROP_NONE);
    assert_int_equal(request_from(s, 1, 1, 3, "c"), COL_DROP_QUEUE_FULL);
    execute(s, 1, 1);
    assert_int_equal(request_from(s, 1, 1, 3, "c"), COL_DROP_NONE);
    subject_close(s);
}

/// Numbers above a gap wait for ever: nothing may be ordered to get rid of them.
static void clients_that_leave_gaps_leave_room_for_others(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    uint32_t kept = 0;
    for (uint64_t session = 1; session <= 6; session++) {
        open_session(s, session <= 3 ? 1 : 2, session, 100 + session);
    }
    open_session(s, 3, 7, 107);
    for (uint64_t number = 2; number <= 16; number++) {
        for (uint64_t session = 1; session <= 6; session++) {
            const uint32_t client = session <= 3 ? 1 : 2;
            kept += request_from(s, client, session, number, "a") == COL_DROP_NONE;
        }
    }
    assert_int_equal(kept, 22);  // a third of 32 is free
    assert_int_equal(request_from(s, 3, 7, 1, "b"), COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    subject_close(s);
}

static void a_backup_gives_back_the_room_of_requests_that_others_ordered(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    for (uint64_t number = 1; number <= 4 * s->options.pending_max; number++) {
        assert_int_equal(request_from(s, 1, 1, number, "a"), COL_DROP_NONE);
        col_pbft_settle(s->pbft);
        execute(s, 1, number);
    }
    assert_int_equal(figures_of(s).pending, 0);
    subject_close(s);
}

static void a_client_that_asks_again_stirs(void **state) {
    (void)state;
    subject *s = with_session(primary_options());
    (void)request_from(s, 1, 1, 1, "a");
    (void)request_from(s, 1, 1, 3, "c");
    assert_int_equal(col_pbft_stirs(s->pbft), 0);
    (void)request_from(s, 1, 1, 1, "a");
    assert_int_equal(col_pbft_stirs(s->pbft), 1);
    (void)request_from(s, 1, 1, 3, "c");  // number 2 may have been executed elsewhere
    assert_int_equal(col_pbft_stirs(s->pbft), 2);
    subject_close(s);
}

static void a_request_to_a_backup_stirs_unless_it_was_executed_here(void **state) {
    (void)state;
    subject *s = with_session(backup_options());
    (void)request_from(s, 1, 1, 2, "b");
    assert_int_equal(col_pbft_stirs(s->pbft), 1);
    (void)request_from(s, 1, 1, 1, "a");
    assert_int_equal(col_pbft_stirs(s->pbft), 2);
    execute(s, 1, 1);
    (void)request_from(s, 1, 1, 1, "a");
    assert_int_equal(col_pbft_stirs(s->pbft), 2);
    subject_close(s);
}

static void a_request_of_a_session_that_was_not_opened_here_stirs(void **state) {
    (void)state;
    subject *s = with_session(primary_options());
    (void)request_from(s, 1, 2, 1, "a");  // f+1 replicas told its client the number
    assert_int_equal(col_pbft_stirs(s->pbft), 1);
    subject_close(s);
}

/// Replica 2, for which a MAC of client 1 failed while it was a backup. @param view 2: it is the
/// primary now, as after a view change, which does not exist yet
static subject *with_flagged_client(uint64_t view) {
    subject *s = with_session(backup_options());
    open_session(s, 3, 2, 100);
    const test_batch bad = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "bad");
    assert_int_equal(batch_from(s, 0, 1, &bad), COL_DROP_BAD_MAC);
    s->pbft->view = view;
    return s;
}

static void the_primary_wants_a_flagged_clients_requests_signed(void **state) {
    (void)state;
    subject *s = with_flagged_client(2);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_BAD_MAC);
    assert_int_equal(count_sent(s, COL_BUSY), 1);
    const sent_message *sent = last_sent(s, COL_BUSY);
    col_busy busy;
    assert_true(col_busy_read((col_bytes){sent->bytes, sent->length}, &busy));
    assert_int_equal(busy.reason, COL_BUSY_SIGN);
    assert_int_equal(busy.client, 1);
    assert_int_equal(busy.session, 1);
    assert_int_equal(busy.value, 1);
    assert_int_equal(sent->client.port, 5000);
    assert_int_equal(figures_of(s).pending, 0);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);  // signed
    assert_int_equal(figures_of(s).pending, 1);
    assert_int_equal(count_sent(s, COL_BUSY), 1);
    subject_close(s);
}

static void a_backup_keeps_no_macs_of_a_flagged_client_and_says_nothing(void **state) {
    (void)state;
    subject *s = with_flagged_client(0);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_BAD_MAC);
    assert_int_equal(count_sent(s, COL_BUSY), 0);
    assert_int_equal(figures_of(s).pending, 0);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    subject_close(s);
}

static void other_clients_macs_are_kept_and_proposed(void **state) {
    (void)state;
    subject *s = with_session(primary_options());
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    assert_int_equal(count_sent(s, COL_BUSY), 0);
    subject_close(s);

    s = with_flagged_client(2);
    assert_int_equal(mac_request_from(s, 3, 2, 1, "a"), COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_BUSY), 0);
    subject_close(s);
}

static void executed_and_distant_numbers_of_a_flagged_client_are_treated_as_ever(void **state) {
    (void)state;
    subject *s = with_flagged_client(2);
    execute(s, 1, 1);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_EXECUTED);
    assert_int_equal(s->answered, 1);
    assert_int_equal(mac_request_from(s, 1, 1, 99, "a"), COL_DROP_TOO_FAR);
    assert_int_equal(mac_request_from(s, 1, 2, 1, "a"), COL_DROP_NO_SESSION);
    assert_int_equal(count_sent(s, COL_BUSY), 0);
    subject_close(s);
}

static void a_client_is_flagged_for_a_while(void **state) {
    (void)state;
    subject *s = with_flagged_client(0);
    pass(s, COL_FLAG_NS - 1);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_BAD_MAC);
    pass(s, 1);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    subject_close(s);
}

/// The scheme of the seal with which the primary proposed its only request.
static uint8_t proposed_scheme(subject *s) {
    const sent_message *sent = last_sent(s, COL_BATCH);
    col_batch batch;
    col_bundle bundle;
    assert_true(col_batch_read((col_bytes){sent->bytes, sent->length}, &batch));
    assert_int_equal(batch.requests, 1);
    col_reader reader = col_reader_of(batch.content);
    const uint32_t length = col_read_u32(&reader);
    assert_int_equal(col_bundle_parse(col_read_bytes(&reader, length), &bundle), COL_DROP_NONE);
    return bundle.scheme;
}

static void a_signed_copy_takes_the_place_of_one_with_macs_until_it_is_proposed(void **state) {
    (void)state;
    subject *s = with_session(primary_options());
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    assert_int_equal(mac_request_from(s, 1, 1, 1, "a"), COL_DROP_REPEATED);
    assert_int_equal(request_from(s, 1, 1, 1, "another"), COL_DROP_REPEATED);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_NONE);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_REPEATED);
    assert_int_equal(figures_of(s).pending, 1);
    col_pbft_settle(s->pbft);
    assert_int_not_equal(proposed_scheme(s), COL_SCHEME_HMAC);
    subject_close(s);

    s = with_session(primary_options());
    (void)mac_request_from(s, 1, 1, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(proposed_scheme(s), COL_SCHEME_HMAC);
    assert_int_equal(request_from(s, 1, 1, 1, "a"), COL_DROP_REPEATED);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_was_executed_is_answered_from_the_table),
        cmocka_unit_test(a_session_that_is_gone_is_answered_and_one_to_come_is_not),
        cmocka_unit_test(a_request_ahead_of_its_session_waits_for_it),
        cmocka_unit_test(another_clients_session_is_not_usable),
        cmocka_unit_test(numbers_beyond_four_times_the_outstanding_bound_are_refused),
        cmocka_unit_test(the_primary_asks_once_for_a_missing_number),
        cmocka_unit_test(a_backup_asks_for_nothing),
        cmocka_unit_test(a_request_must_say_what_its_header_says),
        cmocka_unit_test(a_session_of_another_pillar_is_refused),
        cmocka_unit_test(an_operation_above_the_bound_is_refused),
        cmocka_unit_test(a_full_pool_refuses_and_recovers),
        cmocka_unit_test(clients_that_leave_gaps_leave_room_for_others),
        cmocka_unit_test(a_backup_gives_back_the_room_of_requests_that_others_ordered),
        cmocka_unit_test(a_client_that_asks_again_stirs),
        cmocka_unit_test(a_request_to_a_backup_stirs_unless_it_was_executed_here),
        cmocka_unit_test(a_request_of_a_session_that_was_not_opened_here_stirs),
        cmocka_unit_test(the_primary_wants_a_flagged_clients_requests_signed),
        cmocka_unit_test(a_backup_keeps_no_macs_of_a_flagged_client_and_says_nothing),
        cmocka_unit_test(other_clients_macs_are_kept_and_proposed),
        cmocka_unit_test(executed_and_distant_numbers_of_a_flagged_client_are_treated_as_ever),
        cmocka_unit_test(a_client_is_flagged_for_a_while),
        cmocka_unit_test(a_signed_copy_takes_the_place_of_one_with_macs_until_it_is_proposed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
