// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static subject *primary_with_sessions(col_pbft_options options, uint32_t sessions) {
    subject *s = subject_open(options);
    for (uint32_t i = 0; i < sessions; i++) open_session(s, i % 4, 1 + i, 100 + i);
    return s;
}

/// The newest BATCH, which must be what the newest PRE-PREPARE names and pass every backup's check.
static col_batch last_batch(const subject *s) {
    const sent_message *sent = last_sent(s, COL_BATCH);
    const sent_message *named = last_sent(s, COL_PRE_PREPARE);
    const col_bytes body = {sent->bytes, sent->length};
    col_batch_check check;
    harness_check_batch(&s->options, body, &check);
    assert_true(check.well_formed && check.authentic);
    assert_true(col_digest_equal(&check.digest, &named->header.digest));
    assert_int_equal(sent->header.sequence, named->header.sequence);
    assert_true(sent->length <= s->options.batch_bytes_max);
    col_batch batch;
    assert_true(col_batch_read(body, &batch));
    return batch;
}

static void commit_own(subject *s, uint64_t round) {
    const sent_message *sent = last_sent(s, COL_PRE_PREPARE);
    const col_value value = {sent->header.digest, sent->header.run};
    for (uint32_t r = 1; r < 4; r++) (void)prepare_from(s, r, round, &value);
    for (uint32_t r = 1; r < 4; r++) (void)commit_from(s, r, round, &value);
}

static void one_request_is_proposed_at_once_when_the_pipe_is_idle(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 1);
    (void)request_from(s, 0, 1, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(last_batch(s).requests, 1);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->header.sequence, 1);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->replicas, 0xe);
    subject_close(s);
}

static void requests_gather_while_a_batch_is_in_flight(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 4);
    (void)request_from(s, 0, 1, 1, "a");
    col_pbft_settle(s->pbft);
    for (uint32_t i = 1; i < 4; i++) {
        (void)request_from(s, i, 1 + i, 1, "b");
        col_pbft_settle(s->pbft);
    }
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    commit_own(s, 1);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 2);
    assert_int_equal(last_batch(s).requests, 3);
    subject_close(s);
}

static void a_full_batch_does_not_wait_for_the_pipe(void **state) {
    (void)state;
    col_pbft_options options = primary_options();
    options.batch_requests = 2;
    subject *s = primary_with_sessions(options, 4);
    for (uint32_t i = 0; i < 4; i++) (void)request_from(s, i, 1 + i, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 2);
    assert_int_equal(last_batch(s).requests, 2);
    subject_close(s);
}

static void a_backup_never_proposes(void **state) {
    (void)state;
    subject *s = primary_with_sessions(backup_options(), 1);
    (void)request_from(s, 0, 1, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 0);
    assert_int_equal(figures_of(s).pending, 1);
    subject_close(s);
}

static void a_batch_stops_at_the_byte_limit(void **state) {
    (void)state;
    col_pbft_options options = primary_options();
    options.batch_bytes = 600;
    subject *s = primary_with_sessions(options, 8);
    char operation[201];
    memset(operation, 'x', 200);
    operation[200] = 0;
    for (uint32_t i = 0; i < 8; i++) (void)request_from(s, i % 4, 1 + i, 1, operation);
    col_pbft_settle(s->pbft);
    const col_batch batch = last_batch(s);
    assert_true(batch.requests >= 1 && batch.requests < 4);
    assert_true(last_sent(s, COL_BATCH)->length <= 600 + 300);
    subject_close(s);
}

static void a_request_longer_than_the_proposing_limit_still_goes_alone(void **state) {
    (void)state;
    col_pbft_options options = primary_options();
    options.batch_bytes = 100;
    subject *s = primary_with_sessions(options, 2);
    char operation[501];
    memset(operation, 'x', 500);
    operation[500] = 0;
    (void)request_from(s, 0, 1, 1, operation);
    (void)request_from(s, 1, 2, 1, operation);
    col_pbft_settle(s->pbft);
    assert_int_equal(last_batch(s).requests, 1);
    commit_own(s, 1);
    col_pbft_settle(s->pbft);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->header.sequence, 2);
    assert_int_equal(last_batch(s).requests, 1);
    subject_close(s);
}

/// Requests 1 .. count of client 0's session 1 as leaves of one tree of `leaves`.
static void requests_of_one_tree(subject *s, uint16_t count, uint16_t leaves) {
    for (uint16_t i = 0; i < count; i++) {
        client_message message;
        make_request(&message, 0, 0, 1, 1 + i, text("leaf"));
        message.verified.seal.length = client_seal(0, 9, leaves, i, false, message.seal);
        const col_pbft_event event = {.kind = COL_PBFT_MESSAGE, .verified = &message.verified};
        assert_int_equal(step(s, event), COL_DROP_NONE);
    }
}

static void requests_that_a_client_sealed_together_share_a_bundle(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 2);
    requests_of_one_tree(s, 3, 4);
    (void)request_from(s, 1, 2, 1, "other client");
    col_pbft_settle(s->pbft);
    const col_batch batch = last_batch(s);
    assert_int_equal(batch.requests, 4);
    assert_int_equal(batch.bundles, 2);
    col_reader reader = col_reader_of(batch.content);
    col_bundle bundle;
    const uint32_t length = col_read_u32(&reader);
    assert_int_equal(col_bundle_parse(col_read_bytes(&reader, length), &bundle), COL_DROP_NONE);
    assert_int_equal(bundle.entries, 3);
    assert_int_equal(bundle.leaves, 4);
    assert_int_equal(bundle.siblings, 1);
    subject_close(s);
}

static void many_clients_share_a_batch(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 8);
    for (uint32_t i = 0; i < 8; i++) (void)request_from(s, i % 4, 1 + i, 1, "each");
    col_pbft_settle(s->pbft);
    assert_int_equal(last_batch(s).requests, 8);
    assert_int_equal(last_batch(s).bundles, 8);
    subject_close(s);
}

static void a_request_that_came_in_fragments_is_proposed_whole(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 1);
    client_message message;
    make_request(&message, 0, 0, 1, 1, text("in three fragments"));
    message.verified.message.header.fragments = 3;
    message.verified.fragment_digest = (col_digest){{0xFD}};
    assert_int_equal(
        step(s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &message.verified}),
        COL_DROP_NONE);
    col_pbft_settle(s->pbft);
    const col_batch batch = last_batch(s);
    col_reader reader = col_reader_of(batch.content);
    const uint32_t length = col_read_u32(&reader);
    col_bundle bundle;
    col_entry entry;
    assert_int_equal(col_bundle_parse(col_read_bytes(&reader, length), &bundle), COL_DROP_NONE);
    col_entries entries = col_entries_of(&bundle);
    assert_true(col_entries_next(&entries, &entry));
    assert_true(entry.whole);
    assert_int_equal(entry.message.header.fragments, 3);
    assert_int_equal(entry.fragment_digest.byte[0], 0xFD);
    assert_int_equal(entry.message.bytes.length, message.verified.message.bytes.length);
    subject_close(s);
}

static void agreed_time_never_goes_back(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 1);
    (void)request_from(s, 0, 1, 1, "a");
    col_pbft_settle(s->pbft);
    const uint64_t first = last_batch(s).time_ns;
    assert_int_equal(first, WALL);
    commit_own(s, 1);
    s->wall_ns -= 1000 * MS;  // the clock was set back
    (void)request_from(s, 0, 1, 2, "b");
    col_pbft_settle(s->pbft);
    assert_int_equal(last_batch(s).time_ns, first + 1);
    subject_close(s);
}

static void proposing_ends_an_interval_below_the_window_until_it_slides(void **state) {
    (void)state;
    col_pbft_options options = primary_options();
    options.batch_requests = 1;
    options.session_outstanding = 32;
    options.window = 32;
    options.pending_max = 64;
    subject *s = primary_with_sessions(options, 1);
    for (uint64_t number = 1; number <= 40; number++) (void)request_from(s, 0, 1, number, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 24);
    executed(s, 8);
    stable(s, 1);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 32);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->header.sequence, 32);
    subject_close(s);
}

static void a_conflicting_request_does_not_come_after_the_first(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 1);
    assert_int_equal(request_from(s, 0, 1, 1, "a"), COL_DROP_NONE);
    assert_int_equal(request_from(s, 0, 1, 1, "b"), COL_DROP_REPEATED);
    col_pbft_settle(s->pbft);
    assert_int_equal(last_batch(s).requests, 1);
    subject_close(s);
}

static void new_limits_hold_for_the_next_batch(void **state) {
    (void)state;
    subject *s = primary_with_sessions(primary_options(), 4);
    col_pbft_tune(s->pbft, 1, 4096, 20 * MS);
    for (uint32_t i = 0; i < 4; i++) (void)request_from(s, i, 1 + i, 1, "a");
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 4);
    assert_int_equal(last_batch(s).requests, 1);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_is_proposed_at_once_when_the_pipe_is_idle),
        cmocka_unit_test(requests_gather_while_a_batch_is_in_flight),
        cmocka_unit_test(a_full_batch_does_not_wait_for_the_pipe),
        cmocka_unit_test(a_backup_never_proposes),
        cmocka_unit_test(a_batch_stops_at_the_byte_limit),
        cmocka_unit_test(a_request_longer_than_the_proposing_limit_still_goes_alone),
        cmocka_unit_test(requests_that_a_client_sealed_together_share_a_bundle),
        cmocka_unit_test(many_clients_share_a_batch),
        cmocka_unit_test(a_request_that_came_in_fragments_is_proposed_whole),
        cmocka_unit_test(agreed_time_never_goes_back),
        cmocka_unit_test(proposing_ends_an_interval_below_the_window_until_it_slides),
        cmocka_unit_test(a_conflicting_request_does_not_come_after_the_first),
        cmocka_unit_test(new_limits_hold_for_the_next_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
