// SPDX-License-Identifier: Apache-2.0
#include "src/client/core.h"

#include "src/base/stage.h"
#include "tests/unit/client/fixture.h"

static void session_i_is_opened_on_pillar_i_modulo_p_one_at_a_time(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 3, 2);
    tick_at(&f, f.now);
    const col_session_open even = expect_open(&f);
    const col_session_open odd = expect_open(&f);
    expect_silence(&f);  // session 2 waits for session 0
    assert_int_equal(even.pillar, 0);
    assert_int_equal(odd.pillar, 1);
    assert_int_equal(even.nonce, WALL + f.now);
    assert_int_equal(even.reply_to.address, 0x7f000001);
    assert_int_equal(even.reply_to.port, 4000);

    grant(&f, &even, 6);
    tick_at(&f, f.now);
    const col_session_open second = expect_open(&f);
    assert_int_equal(second.pillar, 0);
    assert_true(second.nonce > even.nonce);
    grant(&f, &odd, 3);
    grant(&f, &second, 8);
    assert_int_equal(col_client_core_open_sessions(f.core), 3);
    assert_int_equal(submit(&f, 2, "x", 1), 0);
    expect_request(&f, 8, 1, 1);
    fixture_close(&f);
}

static void an_unanswered_session_open_is_sent_again_at_doubling_intervals(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    tick_at(&f, 10 * MS);
    const col_session_open open = expect_open(&f);
    tick_at(&f, 109 * MS);
    expect_silence(&f);
    tick_at(&f, 110 * MS);
    assert_int_equal(expect_open(&f).nonce, open.nonce);
    tick_at(&f, 309 * MS);
    expect_silence(&f);
    tick_at(&f, 310 * MS);
    assert_int_equal(expect_open(&f).nonce, open.nonce);
    assert_int_equal(col_client_core_count(f.core).retransmits, 2);
    fixture_close(&f);
}

static void requests_go_to_the_primary_of_their_pillar_in_order_of_submission(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 2, 2);
    tick_at(&f, f.now);
    const col_session_open even = expect_open(&f);
    const col_session_open odd = expect_open(&f);
    grant(&f, &even, 2);
    grant(&f, &odd, 7);
    submit(&f, 0, "a", 1);
    submit(&f, 1, "b", 2);
    submit(&f, 0, "c", 3);
    expect_request(&f, 2, 1, 1 << 0);
    expect_request(&f, 7, 1, 1 << 1);
    expect_request(&f, 2, 2, 1 << 0);
    expect_silence(&f);
    fixture_close(&f);
}

static void the_operation_travels_unchanged(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "add 5", 1);
    col_client_message message;
    assert_true(col_client_core_next(f.core, &message));
    col_request body;
    assert_true(col_request_read(message.body, &body));
    assert_int_equal(body.operation.length, 5);
    assert_memory_equal(body.operation.at, "add 5", 5);
    fixture_close(&f);
}

static void what_is_submitted_before_the_session_is_open_is_sent_after(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    expect_silence(&f);
    grant(&f, &open, 4);
    expect_request(&f, 4, 1, 1);
    expect_request(&f, 4, 2, 1);
    expect_silence(&f);
    fixture_close(&f);
}

static void a_session_has_at_most_m_numbers_above_its_oldest_unfinished_one(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    for (uint64_t i = 0; i < M; i++) {
        assert_int_equal(col_client_core_room(f.core, 0), M - i);
        assert_int_equal(submit(&f, 0, "x", i), 0);
    }
    assert_int_equal(submit(&f, 0, "x", 99), COL_CLIENT_NO_ROOM);
    reply_from(&f, 0, 9, 2, "ok");
    reply_from(&f, 1, 9, 2, "ok");
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(submit(&f, 0, "x", 99), COL_CLIENT_NO_ROOM);  // number 1 is still the oldest
    reply_from(&f, 0, 9, 1, "ok");
    reply_from(&f, 1, 9, 1, "ok");
    assert_int_equal(col_client_core_room(f.core, 0), 2);
    assert_int_equal(submit(&f, 0, "x", 99), 0);
    fixture_close(&f);
}

static void an_operation_longer_than_the_cluster_allows_is_refused(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    assert_int_equal(submit(&f, 0, "123456789 123456789 123456789 123", 1), COL_CLIENT_TOO_LONG);
    assert_int_equal(submit(&f, 0, "123456789 123456789 123456789 12", 1), 0);
    fixture_close(&f);
}

static void an_unanswered_request_goes_to_all_at_doubling_intervals(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    const uint64_t start = f.now;
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    tick_at(&f, start + RETRANSMIT - MS);
    expect_silence(&f);
    tick_at(&f, start + RETRANSMIT);
    expect_request(&f, 9, 1, ALL);
    expect_silence(&f);
    tick_at(&f, start + 3 * RETRANSMIT - MS);
    expect_silence(&f);
    tick_at(&f, start + 3 * RETRANSMIT);
    expect_request(&f, 9, 1, ALL);
    tick_at(&f, start + 7 * RETRANSMIT - MS);
    expect_silence(&f);
    tick_at(&f, start + 7 * RETRANSMIT);
    expect_request(&f, 9, 1, ALL);
    assert_int_equal(col_client_core_count(f.core).retransmits, 3);
    fixture_close(&f);
}

static void intervals_between_retransmissions_are_capped(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    uint64_t last = 0;
    for (uint64_t at = f.now; at < 20000 * MS; at += 10 * MS) {
        tick_at(&f, at);
        col_client_message message;
        if (!col_client_core_next(f.core, &message)) continue;
        if (at > 10000 * MS && last > 0) assert_int_equal(at - last, 2000 * MS);
        last = at;
    }
    assert_true(last > 17000 * MS);
    fixture_close(&f);
}

static void the_deadline_names_the_next_retransmission(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    tick_at(&f, f.now);
    assert_int_equal(col_client_core_deadline(f.core), COL_NEVER);
    const uint64_t start = f.now;
    submit(&f, 0, "a", 1);
    assert_int_equal(col_client_core_deadline(f.core), start + RETRANSMIT);
    tick_at(&f, start + RETRANSMIT);
    assert_int_equal(col_client_core_deadline(f.core), start + 3 * RETRANSMIT);
    fixture_close(&f);
}

static void answer_after(fixture *f, uint64_t number, uint64_t ns) {
    submit(f, 0, "a", number);
    expect_request(f, 9, number, 1);
    f->now += ns;
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(f, r, 9, number, "b");
    assert_int_equal(col_client_core_outstanding(f->core), 0);
}

static void the_first_wait_grows_with_load_and_not_with_losses(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    answer_after(&f, 1, 50 * MS);
    answer_after(&f, 2, 400 * MS);  // the cluster repaired a loss meanwhile
    submit(&f, 0, "a", 3);
    tick_at(&f, f.now);
    assert_int_equal(col_client_core_deadline(f.core), f.now + 200 * MS);
    fixture_close(&f);
}

static void a_timed_out_request_is_reported_once_and_still_sent(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    const uint64_t start = f.now;
    submit(&f, 0, "a", 7);
    assert_int_equal(col_client_core_outstanding(f.core), 1);
    tick_at(&f, start + TIMEOUT - MS);
    assert_int_equal(f.finished_count, 0);
    tick_at(&f, start + TIMEOUT + MS);
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(f.finished[0].tag, 7);
    assert_int_equal(f.finished[0].status, COL_CLIENT_TIMED_OUT);
    assert_int_equal(f.finished[0].latency_ns, TIMEOUT + MS);
    assert_int_equal(col_client_core_outstanding(f.core), 0);
    assert_int_equal(col_client_core_room(f.core, 0), M - 1);

    expect_request(&f, 9, 1, ALL);
    tick_at(&f, start + 5 * TIMEOUT);
    assert_int_equal(f.finished_count, 1);
    expect_request(&f, 9, 1, ALL);  // later numbers wait for it
    reply_from(&f, 0, 9, 1, "late");
    reply_from(&f, 1, 9, 1, "late");
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(col_client_core_room(f.core, 0), M);
    fixture_close(&f);
}

static void requests_of_a_session_that_never_opens_time_out(void **state) {
    (void)state;
    fixture f;
    fixture_open(&f, 1, 1);
    submit(&f, 0, "a", 7);
    tick_at(&f, f.now + TIMEOUT);
    assert_int_equal(f.finished_count, 1);
    assert_int_equal(f.finished[0].status, COL_CLIENT_TIMED_OUT);
    fixture_close(&f);
}

static void done_may_submit_from_a_time_out(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 1, 1);
    expect_request(&f, 9, 2, 1);
    f.resubmit_to = 0;
    tick_at(&f, f.now + TIMEOUT);
    assert_int_equal(f.finished_count, 2);
    assert_int_equal(col_client_core_outstanding(f.core), 2);
    expect_request(&f, 9, 1, ALL);
    expect_request(&f, 9, 3, 1);
    expect_request(&f, 9, 2, ALL);
    expect_request(&f, 9, 4, 1);
    fixture_close(&f);
}

static void a_finished_request_that_waits_in_the_queue_is_not_sent(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    tick_at(&f, f.now + RETRANSMIT);
    reply_from(&f, 0, 9, 1, "ok");
    reply_from(&f, 1, 9, 1, "ok");
    expect_silence(&f);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 2, 1);
    expect_silence(&f);
    fixture_close(&f);
}

static void numbers_stay_in_order_over_many_turns_of_the_window(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    uint64_t next = 1;
    uint64_t answered = 0;
    while (answered < 1000) {
        while (submit(&f, 0, "x", next) == 0) expect_request(&f, 9, next++, 1);
        answered++;
        f.finished_count = 0;
        reply_from(&f, 2, 9, answered, "ok");
        reply_from(&f, 3, 9, answered, "ok");
        assert_int_equal(f.finished_count, 1);
        assert_int_equal(f.finished[0].tag, answered);
    }
    assert_int_equal(col_client_core_outstanding(f.core), M - 1);
    fixture_close(&f);
}

static void a_session_signs_until_its_first_result(void **state) {
    (void)state;
    fixture f;
    fixture_with_session_of(&f, 9, true);
    submit(&f, 0, "a", 1);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 1, 1);
    expect_request(&f, 9, 2, 1);
    (void)reply_from(&f, 0, 9, 1, "yes");
    submit(&f, 0, "c", 3);
    expect_request(&f, 9, 3, 1);  // one replica's word is no result
    (void)reply_from(&f, 1, 9, 1, "yes");
    submit(&f, 0, "d", 4);
    expect_mac_request(&f, 9, 4, 1);
    fixture_close(&f);
}

static void a_refusal_is_no_result_that_ends_signing(void **state) {
    (void)state;
    fixture f;
    fixture_with_session_of(&f, 9, true);
    submit(&f, 0, "a", 1);
    expect_request(&f, 9, 1, 1);
    for (uint32_t r = 0; r < 2; r++) {
        (void)reply_full(&f, r, 0, 9, 1, COL_REPLY_REFUSED, "");
    }
    assert_int_equal(f.finished_count, 1);
    submit(&f, 0, "b", 2);
    expect_request(&f, 9, 2, 1);
    fixture_close(&f);
}

static void sessions_without_keys_sign_all_they_send(void **state) {
    (void)state;
    fixture f;
    fixture_with_session(&f, 9);
    for (uint64_t number = 1; number <= 3; number++) {
        submit(&f, 0, "a", number);
        expect_request(&f, 9, number, 1);
        for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 9, number, "yes");
    }
    assert_int_equal(f.pairs + f.linked, 0);
    fixture_close(&f);
}

static void what_is_sent_again_is_signed_and_what_follows_has_macs(void **state) {
    (void)state;
    fixture f;
    fixture_with_macs(&f, 9);
    submit(&f, 0, "a", 2);
    expect_mac_request(&f, 9, 2, 1);
    tick_at(&f, f.now + RETRANSMIT);
    expect_request(&f, 9, 2, ALL);
    submit(&f, 0, "b", 3);
    expect_mac_request(&f, 9, 3, 1);
    tick_at(&f, f.now + RETRANSMIT);
    expect_request(&f, 9, 3, ALL);
    tick_at(&f, f.now + RETRANSMIT);
    expect_request(&f, 9, 2, ALL);
    fixture_close(&f);
}

static void each_nonce_has_a_key_pair_of_its_own(void **state) {
    (void)state;
    fixture f;
    fixture_open_with(&f, 1, 1, true);
    tick_at(&f, f.now);
    const col_session_open open = expect_open(&f);
    assert_int_equal(f.pairs, 1);
    assert_int_equal(open.share.byte[0], 1);
    tick_at(&f, f.now + RETRANSMIT);
    const col_session_open again = expect_open(&f);
    assert_int_equal(again.nonce, open.nonce);
    assert_memory_equal(&again.share, &open.share, sizeof open.share);
    assert_int_equal(f.pairs, 1);
    const col_session_opened below = {
        .status = COL_OPEN_BELOW, .nonce = open.nonce, .floor = open.nonce + 1000 * MS};
    for (uint32_t r = 0; r < 2; r++) (void)opened_from(&f, r, 0, below);
    tick_at(&f, f.now + MS);
    const col_session_open other = expect_open(&f);
    assert_int_not_equal(other.nonce, open.nonce);
    assert_int_equal(f.pairs, 2);
    assert_int_equal(other.share.byte[0], 2);
    assert_int_equal(f.linked, 0);
    grant(&f, &other, 4);
    assert_int_equal(f.linked, 1);
    assert_int_equal(f.linked_nonce, other.nonce);
    assert_int_equal(f.linked_session, 4);
    fixture_close(&f);
}

static void each_pillar_has_a_key_pair_of_its_own(void **state) {
    (void)state;
    fixture f;
    fixture_open_with(&f, 3, 2, true);
    tick_at(&f, f.now);
    const col_session_open even = expect_open(&f), odd = expect_open(&f);
    assert_int_equal(even.share.byte[1], 0);
    assert_int_equal(odd.share.byte[1], 1);
    assert_int_equal(f.pairs, 2);
    grant(&f, &odd, 5);
    assert_int_equal(f.linked_pillar, 1);
    assert_int_equal(f.linked_nonce, odd.nonce);
    grant(&f, &even, 4);
    assert_int_equal(f.linked_pillar, 0);
    tick_at(&f, f.now + MS);
    const col_session_open second = expect_open(&f);  // pillar 0's next session
    assert_int_equal(f.pairs, 3);
    assert_int_equal(second.share.byte[0], 3);
    assert_int_equal(f.unlinked, 0);
    fixture_close(&f);
}

static void sessions_get_their_first_results_each_for_itself(void **state) {
    (void)state;
    fixture f;
    fixture_open_with(&f, 2, 2, true);
    tick_at(&f, f.now);
    const col_session_open even = expect_open(&f), odd = expect_open(&f);
    grant(&f, &even, 4);
    grant(&f, &odd, 5);
    submit(&f, 0, "a", 1);
    expect_request(&f, 4, 1, 1);
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(&f, r, 4, 1, "yes");
    submit(&f, 0, "b", 2);
    submit(&f, 1, "c", 3);
    expect_mac_request(&f, 4, 2, 1);
    expect_request(&f, 5, 1, 1 << 1);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_i_is_opened_on_pillar_i_modulo_p_one_at_a_time),
        cmocka_unit_test(an_unanswered_session_open_is_sent_again_at_doubling_intervals),
        cmocka_unit_test(requests_go_to_the_primary_of_their_pillar_in_order_of_submission),
        cmocka_unit_test(the_operation_travels_unchanged),
        cmocka_unit_test(what_is_submitted_before_the_session_is_open_is_sent_after),
        cmocka_unit_test(a_session_has_at_most_m_numbers_above_its_oldest_unfinished_one),
        cmocka_unit_test(an_operation_longer_than_the_cluster_allows_is_refused),
        cmocka_unit_test(an_unanswered_request_goes_to_all_at_doubling_intervals),
        cmocka_unit_test(intervals_between_retransmissions_are_capped),
        cmocka_unit_test(the_deadline_names_the_next_retransmission),
        cmocka_unit_test(the_first_wait_grows_with_load_and_not_with_losses),
        cmocka_unit_test(a_timed_out_request_is_reported_once_and_still_sent),
        cmocka_unit_test(requests_of_a_session_that_never_opens_time_out),
        cmocka_unit_test(done_may_submit_from_a_time_out),
        cmocka_unit_test(a_finished_request_that_waits_in_the_queue_is_not_sent),
        cmocka_unit_test(numbers_stay_in_order_over_many_turns_of_the_window),
        cmocka_unit_test(a_session_signs_until_its_first_result),
        cmocka_unit_test(a_refusal_is_no_result_that_ends_signing),
        cmocka_unit_test(sessions_without_keys_sign_all_they_send),
        cmocka_unit_test(what_is_sent_again_is_signed_and_what_follows_has_macs),
        cmocka_unit_test(each_nonce_has_a_key_pair_of_its_own),
        cmocka_unit_test(each_pillar_has_a_key_pair_of_its_own),
        cmocka_unit_test(sessions_get_their_first_results_each_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
