// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/fixture.h"

static void a_result_is_accepted_from_f_plus_1_replicas_and_not_before(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 7);
    assert_int_equal(reply_from(&f, 3, 9, 1, "yes"), COL_DROP_NONE);
    assert_int_equal(f.finished_count, 0);
    f.now += 3 * MS;
    assert_int_equal(reply_from(&f, 1, 9, 1, "yes"), COL_DROP_NONE);
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(f.finished[0].tag, 7);
    assert_int_equal(f.finished[0].status, COL_CLIENT_RESULT);
    assert_int_equal(f.finished[0].length, 3);
    assert_memory_equal(f.finished[0].result, "yes", 3);
    assert_int_equal(f.finished[0].latency_ns, 3 * MS);
    assert_int_equal(reply_from(&f, 0, 9, 1, "yes"), COL_DROP_EXECUTED);
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(col_client_core_outstanding(f.core), 0);
    fixture_close(&f);
}

static void one_replica_answering_twice_counts_once(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 7);
    assert_int_equal(reply_from(&f, 3, 9, 1, "yes"), COL_DROP_NONE);
    assert_int_equal(reply_from(&f, 3, 9, 1, "yes"), COL_DROP_REPEATED);
    assert_int_equal(reply_from(&f, 3, 9, 1, "no"), COL_DROP_REPEATED);
    assert_int_equal(f.finished_count, 0);
    fixture_close(&f);
}

static void different_results_do_not_add_up(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 7);
    reply_from(&f, 0, 9, 1, "forged");
    reply_from(&f, 1, 9, 1, "yes");
    assert_int_equal(f.finished_count, 0);
    reply_from(&f, 2, 9, 1, "yes");
    assert_int_equal(f.finished_count, 1);
    assert_memory_equal(f.finished[0].result, "yes", 3);
    fixture_close(&f);
}

static void results_of_different_numbers_do_not_add_up(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    reply_from(&f, 0, 9, 1, "yes");
    reply_from(&f, 1, 9, 2, "yes");
    assert_int_equal(f.finished_count, 0);
    fixture_close(&f);
}

static void a_number_of_the_header_that_is_not_the_body_s_is_malformed(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_reply body = {.client = CLIENT, .session = 9, .number = 1};
    col_reply_write(&writer, &body);
    const col_header header = {.type = COL_REPLY, .sequence = 2};
    assert_int_equal(receive(&f, header, &writer), COL_DROP_MALFORMED);
    fixture_close(&f);
}

static void strangers_are_dropped(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    assert_int_equal(reply_from(&f, 4, 9, 1, "yes"), COL_DROP_UNKNOWN_SENDER);
    assert_int_equal(reply_from(&f, 0, 10, 1, "yes"), COL_DROP_NO_SESSION);
    assert_int_equal(reply_from(&f, 0, 9, 0, "yes"), COL_DROP_EXECUTED);
    assert_int_equal(reply_from(&f, 0, 9, 2, "yes"), COL_DROP_EXECUTED);
    assert_int_equal(reply_from(&f, 0, 9, UINT64_MAX, "yes"), COL_DROP_EXECUTED);
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    assert_int_equal(receive(&f, (col_header){.type = COL_REPLY}, &writer), COL_DROP_MALFORMED);
    assert_int_equal(receive(&f, (col_header){.type = COL_STATUS}, &writer), COL_DROP_UNKNOWN_TYPE);
    assert_int_equal(receive(&f, (col_header){.type = COL_REPLY, .pillar = 1}, &writer),
                     COL_DROP_WRONG_PILLAR);
    assert_int_equal(receive(&f, (col_header){.type = COL_REPLY, .role = COL_ROLE_CLIENT}, &writer),
                     COL_DROP_UNKNOWN_SENDER);
    const col_reply other = {.client = CLIENT + 1, .session = 9, .number = 1};
    col_reply_write(&writer, &other);
    assert_int_equal(receive(&f, (col_header){.type = COL_REPLY, .sequence = 1}, &writer),
                     COL_DROP_NO_SESSION);
    fixture_close(&f);
}

static void later_fragments_are_wanted_while_their_sender_s_result_is(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    const uint8_t bytes[4] = {0};
    col_message message = {
        .header = {.type = COL_REPLY, .sender = 2, .sequence = 1, .fragment = 1, .fragments = 2},
        .bytes = {bytes, sizeof bytes}};
    assert_int_equal(col_client_core_check_unverified(f.core, &message, f.now), COL_DROP_NONE);
    message.header.sequence = 2;
    assert_int_equal(col_client_core_check_unverified(f.core, &message, f.now), COL_DROP_EXECUTED);
    message.header.sequence = 1;
    reply_from(&f, 2, 9, 1, "yes");
    assert_int_equal(col_client_core_check_unverified(f.core, &message, f.now), COL_DROP_EXECUTED);
    message.header.sender = 3;
    assert_int_equal(col_client_core_check_unverified(f.core, &message, f.now), COL_DROP_NONE);
    message.header.type = COL_BUSY;
    assert_int_equal(col_client_core_check_unverified(f.core, &message, f.now), COL_DROP_MALFORMED);
    fixture_close(&f);
}

static void a_view_is_believed_from_f_plus_1_replicas_and_not_before(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1 << 0);
    reply_full(&f, 3, 1000001, 9, 1, COL_REPLY_RESULT, "yes");
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 2, 1 << 0);
    assert_int_equal(col_client_core_count(f.core).primary_changes, 0);
    reply_full(&f, 1, 6, 9, 1, COL_REPLY_RESULT, "yes");
    assert_int_equal(f.finished_count, 1);  // the view is a hint and no part of the result
    submit(&f, 0, "c", 3);
    expect_request(&f, 9, 3, 1 << 2);
    assert_int_equal(col_client_core_count(f.core).primary_changes, 1);
    fixture_close(&f);
}

static void views_do_not_go_backwards(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1 << 0);
    reply_full(&f, 0, 2, 9, 1, COL_REPLY_RESULT, "yes");
    reply_full(&f, 1, 2, 9, 1, COL_REPLY_RESULT, "yes");
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 2, 1 << 2);
    reply_full(&f, 0, 1, 9, 2, COL_REPLY_RESULT, "yes");
    reply_full(&f, 1, 1, 9, 2, COL_REPLY_RESULT, "yes");
    submit(&f, 0, "c", 3);
    expect_request(&f, 9, 3, 1 << 2);
    fixture_close(&f);
}

static void busy_makes_the_number_travel_at_once_to_all(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 1, 1);
    expect_request(&f, 9, 2, 1);
    assert_int_equal(busy_from(&f, 0, 9, 1), COL_DROP_NONE);
    expect_request(&f, 9, 1, ALL);
    expect_silence(&f);
    fixture_close(&f);
}

static void busy_is_heeded_at_most_once_per_interval_and_request(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 1, 1);
    expect_request(&f, 9, 2, 1);
    assert_int_equal(busy_from(&f, 0, 9, 1), COL_DROP_NONE);
    expect_request(&f, 9, 1, ALL);
    f.now += 9 * MS;
    assert_int_equal(busy_from(&f, 0, 9, 1), COL_DROP_RATE_LIMITED);
    assert_int_equal(busy_from(&f, 0, 9, 2), COL_DROP_NONE);
    expect_request(&f, 9, 2, ALL);
    expect_silence(&f);
    f.now += MS;
    assert_int_equal(busy_from(&f, 0, 9, 1), COL_DROP_NONE);
    expect_request(&f, 9, 1, ALL);
    fixture_close(&f);
}

static void busy_for_a_number_that_is_finished_or_unknown_changes_nothing(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    reply_from(&f, 0, 9, 1, "yes");
    reply_from(&f, 1, 9, 1, "yes");
    assert_int_equal(busy_from(&f, 0, 9, 1), COL_DROP_EXECUTED);
    assert_int_equal(busy_from(&f, 0, 9, 2), COL_DROP_EXECUTED);
    assert_int_equal(busy_from(&f, 0, 8, 1), COL_DROP_NO_SESSION);
    expect_silence(&f);
    fixture_close(&f);
}

static void busy_is_heeded_from_the_primary_only(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    for (uint32_t r = 1; r <= 3; r++) {
        assert_int_equal(busy_from(&f, r, 9, 1), COL_DROP_NOT_PRIMARY);
    }
    expect_silence(&f);
    fixture_close(&f);
}

static void refused_is_reported_on_f_plus_1(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 7);
    reply_full(&f, 0, 0, 9, 1, COL_REPLY_REFUSED, "");
    assert_int_equal(f.finished_count, 0);
    reply_full(&f, 1, 0, 9, 1, COL_REPLY_REFUSED, "");
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(f.finished[0].status, COL_CLIENT_REFUSED);
    fixture_close(&f);
}

static void an_expired_session_is_reported_and_replaced(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    submit(&f, 0, "c", 3);
    for (uint64_t i = 1; i <= 3; i++) expect_request(&f, 9, i, 1);
    reply_from(&f, 0, 9, 1, "yes");
    reply_from(&f, 1, 9, 1, "yes");
    reply_full(&f, 0, 0, 9, 2, COL_REPLY_EXPIRED, "");
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(col_client_core_open_sessions(f.core), 1);
    reply_full(&f, 1, 0, 9, 2, COL_REPLY_EXPIRED, "");
    assert_int_equal(f.finished_count, 3);
    assert_int_equal(f.finished[1].tag, 2);
    assert_int_equal(f.finished[1].status, COL_CLIENT_EXPIRED);
    assert_int_equal(f.finished[2].tag, 3);
    assert_int_equal(f.finished[2].status, COL_CLIENT_EXPIRED);
    assert_int_equal(col_client_core_outstanding(f.core), 0);
    assert_int_equal(col_client_core_open_sessions(f.core), 0);

    submit(&f, 0, "d", 4);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    expect_silence(&f);
    assert_int_equal(reply_from(&f, 2, 9, 3, "yes"), COL_DROP_NO_SESSION);
    grant(&f, &open, 10);
    expect_request(&f, 10, 1, 1);
    reply_from(&f, 2, 10, 1, "new");
    reply_from(&f, 3, 10, 1, "new");
    assert_int_equal(f.finished_count, 4);
    assert_int_equal(f.finished[3].tag, 4);
    assert_int_equal(f.finished[3].status, COL_CLIENT_RESULT);
    fixture_close(&f);
}

static void done_may_submit_to_the_session_that_expires(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    for (uint64_t i = 1; i <= M; i++) submit(&f, 0, "x", i);
    for (uint64_t i = 1; i <= M; i++) expect_request(&f, 9, i, 1);
    f.resubmit_to = 0;
    reply_full(&f, 0, 0, 9, 3, COL_REPLY_EXPIRED, "");
    reply_full(&f, 1, 0, 9, 3, COL_REPLY_EXPIRED, "");
    assert_int_equal(f.finished_count, M);
    assert_int_equal(col_client_core_outstanding(f.core), M);
    f.resubmit_to = -1;
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    grant(&f, &open, 10);
    for (uint64_t i = 1; i <= M; i++) expect_request(&f, 10, i, 1);
    for (uint64_t i = 1; i <= M; i++) {
        reply_from(&f, 0, 10, i, "ok");
        reply_from(&f, 1, 10, i, "ok");
        assert_int_equal(f.finished[M + i - 1].tag, 1000 + i);
    }
    fixture_close(&f);
}

static void a_replica_that_was_behind_may_replace_expired_by_the_result(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    assert_int_equal(reply_full(&f, 0, 0, 9, 1, COL_REPLY_EXPIRED, ""), COL_DROP_NONE);
    assert_int_equal(reply_full(&f, 0, 0, 9, 1, COL_REPLY_EXPIRED, ""), COL_DROP_REPEATED);
    assert_int_equal(reply_from(&f, 0, 9, 1, "yes"), COL_DROP_NONE);
    assert_int_equal(reply_full(&f, 1, 0, 9, 1, COL_REPLY_EXPIRED, ""), COL_DROP_NONE);
    assert_int_equal(f.finished_count, 0);
    reply_from(&f, 2, 9, 1, "yes");
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(f.finished[0].status, COL_CLIENT_RESULT);
    fixture_close(&f);
}

static void a_result_finishes_the_lower_numbers_that_timed_out(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    tick_at(&f, f.now + TIMEOUT);
    submit(&f, 0, "b", 2);
    submit(&f, 0, "c", 3);
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(col_client_core_room(f.core, 0), M - 3);
    reply_from(&f, 0, 9, 3, "yes");
    reply_from(&f, 1, 9, 3, "yes");
    assert_int_equal(f.finished_count, 2);
    assert_int_equal(f.finished[1].tag, 3);
    assert_int_equal(col_client_core_room(f.core, 0), M - 2);  // number 2 waits for its result
    assert_int_equal(reply_from(&f, 0, 9, 1, "yes"), COL_DROP_EXECUTED);
    fixture_close(&f);
}

static void one_answer_opens_no_session(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    const col_session_opened one = {.nonce = open.nonce, .session = 4};
    const col_session_opened other = {.nonce = open.nonce, .session = 5};
    assert_int_equal(opened_from(&f, 0, 0, one), COL_DROP_NONE);
    assert_int_equal(opened_from(&f, 0, 0, one), COL_DROP_NONE);
    assert_int_equal(opened_from(&f, 1, 0, other), COL_DROP_NONE);
    assert_int_equal(col_client_core_open_sessions(f.core), 0);
    assert_int_equal(col_client_core_answered(f.core), 3);
    assert_int_equal(opened_from(&f, 2, 0, other), COL_DROP_NONE);
    assert_int_equal(col_client_core_open_sessions(f.core), 1);
    submit(&f, 0, "a", 1);
    expect_request(&f, 5, 1, 1);
    fixture_close(&f);
}

static void a_nonce_below_the_floor_is_replaced_at_once(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    const col_session_opened below = {
        .status = COL_OPEN_BELOW, .nonce = open.nonce, .floor = open.nonce + 1000 * MS};
    opened_from(&f, 0, 0, below);
    tick_at(&f, f.now);
    expect_silence(&f);
    opened_from(&f, 3, 0, below);
    tick_at(&f, f.now + MS);
    const col_session_open again = expect_open(&f);
    assert_int_equal(again.nonce, below.floor + 1);
    grant(&f, &again, 4);
    assert_int_equal(col_client_core_open_sessions(f.core), 1);
    fixture_close(&f);
}

static void a_nonce_ahead_of_the_agreed_time_is_replaced_after_a_pause(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    const col_session_opened later = {.status = COL_OPEN_LATER, .nonce = open.nonce};
    opened_from(&f, 0, 0, later);
    opened_from(&f, 3, 0, later);
    const uint64_t start = f.now;
    tick_at(&f, start + RETRANSMIT - MS);
    expect_silence(&f);
    tick_at(&f, start + RETRANSMIT);
    assert_int_equal(expect_open(&f).nonce, WALL + start + RETRANSMIT);
    fixture_close(&f);
}

static void a_client_that_f_plus_1_replicas_do_not_know_is_told(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    const col_session_opened unknown = {.status = COL_OPEN_UNKNOWN_CLIENT, .nonce = open.nonce};
    opened_from(&f, 0, 0, unknown);
    assert_false(col_client_core_unknown(f.core));
    opened_from(&f, 1, 0, unknown);
    assert_true(col_client_core_unknown(f.core));
    fixture_close(&f);
}

static void a_request_that_timed_out_is_not_reported_again_when_its_session_expires(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    tick_at(&f, f.now + TIMEOUT);
    submit(&f, 0, "b", 2);
    reply_full(&f, 0, 0, 9, 1, COL_REPLY_EXPIRED, "");
    reply_full(&f, 1, 0, 9, 1, COL_REPLY_EXPIRED, "");
    assert_int_equal(f.finished_count, 2);
    assert_int_equal(f.finished[0].status, COL_CLIENT_TIMED_OUT);
    assert_int_equal(f.finished[1].status, COL_CLIENT_EXPIRED);
    assert_int_equal(f.finished[1].tag, 2);
    assert_int_equal(col_client_core_outstanding(f.core), 0);
    fixture_close(&f);
}

static void nothing_is_sent_in_the_name_of_an_expired_session(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    for (uint64_t i = 1; i <= M; i++) submit(&f, 0, "x", i);
    f.resubmit_to = 0;  // takes the places of requests that still stand in the send queue
    reply_full(&f, 0, 0, 9, 1, COL_REPLY_EXPIRED, "");
    reply_full(&f, 1, 0, 9, 1, COL_REPLY_EXPIRED, "");
    expect_silence(&f);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    expect_silence(&f);
    grant(&f, &open, 12);
    for (uint64_t i = 1; i <= M; i++) expect_request(&f, 12, i, 1);
    expect_silence(&f);
    fixture_close(&f);
}

static void a_reply_under_another_pillar_than_its_session_s_is_dropped(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 2);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    grant(&f, &open, 8);
    submit(&f, 0, "a", 1);
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_reply reply = {.client = CLIENT, .session = 8, .number = 1};
    col_reply_write(&writer, &reply);
    const col_header header = {.type = COL_REPLY, .pillar = 1, .sequence = 1};
    assert_int_equal(receive(&f, header, &writer), COL_DROP_WRONG_PILLAR);
    col_writer busy_writer = col_writer_of(bytes, sizeof bytes);
    const col_busy busy = {.client = CLIENT, .session = 8, .value = 1};
    col_busy_write(&busy_writer, &busy);
    const col_header busy_header = {.type = COL_BUSY, .pillar = 1};
    assert_int_equal(receive(&f, busy_header, &busy_writer), COL_DROP_WRONG_PILLAR);
    fixture_close(&f);
}

static void an_answered_session_open_that_waits_to_be_sent_again_is_not(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    tick_at(&f, f.now + RETRANSMIT);
    grant(&f, &open, 4);
    expect_silence(&f);
    fixture_close(&f);
}

static void asked_to_sign_a_session_sends_again_what_waits_and_signs_on(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    submit(&f, 0, "b", 3);
    submit(&f, 0, "c", 4);
    for (uint64_t number = 2; number <= 4; number++) expect_mac_request(&f, 9, number, 1);
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 9, 3, "yes");
    assert_int_equal(busy_full(&f, 0, 9, 2, COL_BUSY_SIGN), COL_DROP_NONE);
    expect_request(&f, 9, 2, 1);
    expect_request(&f, 9, 4, 1);
    expect_silence(&f);
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 9, 2, "yes");
    submit(&f, 0, "d", 5);
    expect_request(&f, 9, 5, 1);
    fixture_close(&f);
}

static void what_was_not_sent_yet_goes_signed_and_once(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    expect_mac_request(&f, 9, 2, 1);
    submit(&f, 0, "b", 3);
    assert_int_equal(busy_full(&f, 0, 9, 2, COL_BUSY_SIGN), COL_DROP_NONE);
    expect_request(&f, 9, 3, 1);  // it stood in the queue
    expect_request(&f, 9, 2, 1);
    expect_silence(&f);
    fixture_close(&f);
}

static void only_the_primary_can_ask_a_session_to_sign_and_once(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    submit(&f, 0, "b", 3);
    expect_mac_request(&f, 9, 2, 1);
    expect_mac_request(&f, 9, 3, 1);
    for (uint32_t r = 1; r < 4; r++) {
        assert_int_equal(busy_full(&f, r, 9, 2, COL_BUSY_SIGN), COL_DROP_NOT_PRIMARY);
    }
    expect_silence(&f);
    assert_int_equal(busy_full(&f, 0, 9, 2, COL_BUSY_SIGN), COL_DROP_NONE);
    expect_request(&f, 9, 2, 1);
    expect_request(&f, 9, 3, 1);
    assert_int_equal(busy_full(&f, 0, 9, 2, COL_BUSY_SIGN), COL_DROP_RATE_LIMITED);
    assert_int_equal(busy_full(&f, 0, 9, 3, COL_BUSY_SIGN), COL_DROP_NONE);
    expect_silence(&f);
    fixture_close(&f);
}

static void asking_one_session_to_sign_leaves_the_others_their_macs(void **state) {
    (void)state;
    fixture f;
    fixture_open_with(&f, 2, 1, true);
    for (uint64_t session = 7; session <= 8; session++) {
        tick_at(&f, f.now + MS);
        const col_session_open open = expect_open(&f);
        grant(&f, &open, session);
    }
    for (uint32_t i = 0; i < 2; i++) {
        submit(&f, i, "a", i);
        expect_request(&f, 7 + i, 1, 1);
        for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 7 + i, 1, "yes");
    }
    submit(&f, 0, "b", 2);
    expect_mac_request(&f, 7, 2, 1);
    assert_int_equal(busy_full(&f, 0, 7, 2, COL_BUSY_SIGN), COL_DROP_NONE);
    submit(&f, 1, "c", 3);
    expect_request(&f, 7, 2, 1);
    expect_mac_request(&f, 8, 2, 1);
    fixture_close(&f);
}

static void a_missing_number_that_is_asked_for_goes_signed_to_all(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    expect_mac_request(&f, 9, 2, 1);
    assert_int_equal(busy_from(&f, 0, 9, 2), COL_DROP_NONE);
    expect_request(&f, 9, 2, ALL);
    fixture_close(&f);
}

static void a_session_in_the_place_of_an_expired_one_has_other_keys_and_signs_first(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    expect_mac_request(&f, 9, 2, 1);
    assert_int_equal(busy_full(&f, 0, 9, 2, COL_BUSY_SIGN), COL_DROP_NONE);
    expect_request(&f, 9, 2, 1);
    assert_int_equal(f.unlinked, 0);
    for (uint32_t r = 0; r < 2; r++) (void)reply_full(&f, r, 0, 9, 2, COL_REPLY_EXPIRED, "");
    assert_int_equal(f.unlinked, 1);
    assert_int_equal(f.unlinked_session, 9);

    submit(&f, 0, "b", 3);
    tick_at(&f, f.now + MS);
    const col_session_open open = expect_open(&f);
    assert_int_equal(f.pairs, 2);
    grant(&f, &open, 10);
    assert_int_equal(f.linked_session, 10);
    expect_request(&f, 10, 1, 1);
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 10, 1, "yes");
    submit(&f, 0, "c", 4);
    expect_mac_request(&f, 10, 2, 1);  // what the last one was asked for is forgotten, too
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_accepted_from_f_plus_1_replicas_and_not_before),
        cmocka_unit_test(one_replica_answering_twice_counts_once),
        cmocka_unit_test(different_results_do_not_add_up),
        cmocka_unit_test(results_of_different_numbers_do_not_add_up),
        cmocka_unit_test(a_number_of_the_header_that_is_not_the_body_s_is_malformed),
        cmocka_unit_test(strangers_are_dropped),
        cmocka_unit_test(later_fragments_are_wanted_while_their_sender_s_result_is),
        cmocka_unit_test(a_view_is_believed_from_f_plus_1_replicas_and_not_before),
        cmocka_unit_test(views_do_not_go_backwards),
        cmocka_unit_test(busy_makes_the_number_travel_at_once_to_all),
        cmocka_unit_test(busy_is_heeded_at_most_once_per_interval_and_request),
        cmocka_unit_test(busy_is_heeded_from_the_primary_only),
        cmocka_unit_test(busy_for_a_number_that_is_finished_or_unknown_changes_nothing),
        cmocka_unit_test(refused_is_reported_on_f_plus_1),
        cmocka_unit_test(an_expired_session_is_reported_and_replaced),
        cmocka_unit_test(done_may_submit_to_the_session_that_expires),
        cmocka_unit_test(a_request_that_timed_out_is_not_reported_again_when_its_session_expires),
        cmocka_unit_test(nothing_is_sent_in_the_name_of_an_expired_session),
        cmocka_unit_test(a_reply_under_another_pillar_than_its_session_s_is_dropped),
        cmocka_unit_test(an_answered_session_open_that_waits_to_be_sent_again_is_not),
        cmocka_unit_test(a_replica_that_was_behind_may_replace_expired_by_the_result),
        cmocka_unit_test(a_result_finishes_the_lower_numbers_that_timed_out),
        cmocka_unit_test(one_answer_opens_no_session),
        cmocka_unit_test(a_nonce_below_the_floor_is_replaced_at_once),
        cmocka_unit_test(a_nonce_ahead_of_the_agreed_time_is_replaced_after_a_pause),
        cmocka_unit_test(a_client_that_f_plus_1_replicas_do_not_know_is_told),
        cmocka_unit_test(asked_to_sign_a_session_sends_again_what_waits_and_signs_on),
        cmocka_unit_test(what_was_not_sent_yet_goes_signed_and_once),
        cmocka_unit_test(only_the_primary_can_ask_a_session_to_sign_and_once),
        cmocka_unit_test(asking_one_session_to_sign_leaves_the_others_their_macs),
        cmocka_unit_test(a_missing_number_that_is_asked_for_goes_signed_to_all),
        cmocka_unit_test(a_session_in_the_place_of_an_expired_one_has_other_keys_and_signs_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
