// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

#define QUORUM 0xb  // replicas 0, 1 and 3

static void a_certificate_commits_a_slot_of_which_nothing_was_known(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, false, batch_body(&a)), COL_DROP_NONE);
    assert_true(next_committed(s, &committed));
    assert_memory_equal(committed.body, a.bytes, a.length);
    assert_int_equal(col_pbft_passing(s->pbft), 1);
    subject_close(s);
}

static void what_was_fetched_is_served_to_others(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)fetched_from(s, 3, 1, &a.value, QUORUM, false, batch_body(&a));
    assert_int_equal(fetch_from(s, 1, 1, 1), COL_DROP_NONE);
    const sent_message *sent = last_sent(s, COL_FETCHED);
    col_fetched fetched;
    assert_true(col_fetched_read((col_bytes){sent->bytes, sent->length}, &fetched));
    assert_int_equal(fetched.seals, 3);
    subject_close(s);
}

static void fewer_than_a_quorum_or_one_bad_seal_decide_nothing(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    assert_int_equal(fetched_from(s, 3, 1, &a.value, 0x3, false, batch_body(&a)),
                     COL_DROP_BAD_SIGNATURE);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, true, batch_body(&a)),
                     COL_DROP_BAD_SIGNATURE);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, 0x80000003, false, batch_body(&a)),
                     COL_DROP_BAD_SIGNATURE);
    assert_false(next_committed(s, &committed));
    subject_close(s);
}

static void one_replica_three_times_is_no_quorum(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const col_header vote = vote_header(s, COL_COMMIT, 3, 1, &a.value);
    uint8_t room[COL_SEAL_BYTES_MAX], bytes[16384];
    col_fetched fetched = {
        .sequence = 1, .digest = a.value.digest, .seals = 3, .batch = batch_body(&a)};
    for (uint32_t i = 0; i < 3; i++) {
        fetched.seal[i].sender = 3;
        fetched.seal[i].seal = seal_of(&vote, room);
    }
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, &fetched);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    assert_int_equal(numbered_from(s, COL_FETCHED, 3, body), COL_DROP_BAD_SIGNATURE);
    subject_close(s);
}

static void a_certificate_with_another_batch_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    col_committed committed;
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, false, batch_body(&b)),
                     COL_DROP_BAD_DIGEST);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, false, text("rubbish")),
                     COL_DROP_BAD_BATCH);
    assert_false(next_committed(s, &committed));
    subject_close(s);
}

/// q COMMITs are here, the body is not; then a faulty peer serves it with worthless seals.
static void seals_beside_a_body_that_was_decided_here_are_not_kept(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    for (uint32_t r = 0; r < 4; r++) {
        if (r != 2) (void)commit_from(s, r, 1, &a.value);
    }
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, true, batch_body(&a)), COL_DROP_NONE);
    assert_true(next_committed(s, &committed));
    (void)fetch_from(s, 1, 1, 1);
    const sent_message *sent = last_sent(s, COL_FETCHED);
    col_fetched fetched;
    assert_true(col_fetched_read((col_bytes){sent->bytes, sent->length}, &fetched));
    assert_int_equal(fetched.seals, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const col_header vote = vote_header(s, COL_COMMIT, fetched.seal[i].sender, 1, &a.value);
        assert_true(seal_is_of(&vote, fetched.seal[i].seal));
    }
    subject_close(s);
}

static void a_seal_of_a_replica_that_does_not_exist_harms_nobody(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint32_t r = 0; r < 4; r++) {
        if (r != 2) (void)commit_from(s, r, 1, &a.value);
    }
    (void)fetched_from(s, 3, 1, &a.value, UINT32_C(1) << 20, false, batch_body(&a));
    col_committed committed;
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void a_body_alone_helps_only_a_value_that_is_waited_for(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(fetched_from(s, 3, 1, &a.value, 0, false, batch_body(&a)),
                     COL_DROP_NOT_COLLECTED);
    (void)pre_prepare(s, 1, &a.value);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, 0, false, batch_body(&a)), COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    assert_int_equal(fetched_from(s, 3, 1, &a.value, 0, false, batch_body(&a)), COL_DROP_REPEATED);
    subject_close(s);
}

static void a_good_copy_replaces_one_whose_seals_do_not_verify(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch good = batch_of(&s->options, "a"), tampered;
    batch_start(&tampered, 0, WALL);
    tampered.seal = SEAL_FORGED;
    batch_add_request(&tampered, 1, 1, 1, "a");
    batch_finish(&tampered);
    assert_true(col_value_equal(&good.value, &tampered.value));
    (void)propose_to(s, 1, &tampered);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(fetched_from(s, 1, 1, &good.value, 0, false, batch_body(&tampered)),
                     COL_DROP_BAD_BATCH);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(count_sent(s, COL_FETCH), 1);
    assert_int_equal(fetched_from(s, 3, 1, &good.value, 0, false, batch_body(&good)),
                     COL_DROP_NONE);
    assert_int_equal(count_sent(s, COL_PREPARE), 1);
    subject_close(s);
}

static void a_copy_with_good_macs_replaces_one_with_bad_ones(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch good = batch_of(&s->options, "a");
    const test_batch spoilt = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    assert_true(col_value_equal(&good.value, &spoilt.value));
    (void)propose_to(s, 1, &spoilt);
    pass(s, s->options.status_interval_ns);
    assert_int_equal(count_sent(s, COL_FETCH), 1);
    assert_int_equal(fetched_from(s, 3, 1, &good.value, 0, false, batch_body(&spoilt)),
                     COL_DROP_BAD_BATCH);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(fetched_from(s, 3, 1, &good.value, 0, false, batch_body(&good)),
                     COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &good.value));
    subject_close(s);
}

static void a_fetched_body_whose_mac_fails_here_waits_for_f_plus_1_others_too(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    (void)pre_prepare(s, 1, &a.value);
    (void)fetched_from(s, 3, 1, &a.value, 0, false, batch_body(&a));
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)prepare_from(s, 1, 1, &a.value);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void a_doubtful_copy_replaces_a_rejected_one_and_flags_its_client(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    open_session(s, 1, 1, 100);
    const test_batch forged = batch_sealed(&s->options, 1, SEAL_FORGED, "a");
    const test_batch spoilt = batch_sealed(&s->options, 1, SEAL_BAD_MAC, "a");
    (void)propose_to(s, 1, &forged);
    (void)prepare_from(s, 1, 1, &forged.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    assert_int_equal(fetched_from(s, 3, 1, &spoilt.value, 0, false, batch_body(&spoilt)),
                     COL_DROP_NONE);
    assert_true(was_sent(s, COL_PREPARE, 1, &spoilt.value));
    assert_int_equal(mac_request_from(s, 1, 1, 2, "b"), COL_DROP_BAD_MAC);
    subject_close(s);
}

static void a_certified_run_commits_all_its_slots(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const col_value run = null_run(4), crossing = null_run(9);
    col_committed committed;
    assert_int_equal(fetched_from(s, 3, 1, &run, QUORUM, false, (col_bytes){0}), COL_DROP_NONE);
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.run, 4);
    assert_int_equal(fetched_from(s, 3, 5, &crossing, QUORUM, false, (col_bytes){0}),
                     COL_DROP_MALFORMED);
    assert_int_equal(col_pbft_passing(s->pbft), 0);
    subject_close(s);
}

static void slots_below_stable_that_were_not_executed_are_still_taken(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    stable(s, 2);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, false, batch_body(&a)), COL_DROP_NONE);
    executed(s, 1);
    assert_int_equal(fetched_from(s, 3, 1, &a.value, QUORUM, false, batch_body(&a)),
                     COL_DROP_OUTSIDE_WINDOW);
    assert_int_equal(fetched_from(s, 3, 33, &a.value, QUORUM, false, batch_body(&a)),
                     COL_DROP_OUTSIDE_WINDOW);
    subject_close(s);
}

static void another_pillars_number_another_view_and_garbage_are_refused(void **state) {
    (void)state;
    col_pbft_options options = backup_options();
    options.pillars = 4;
    options.pillar = 1;
    subject *s = subject_open(options);
    const test_batch a = batch_of(&s->options, "a");
    uint8_t bytes[16384];
    col_fetched fetched = {.sequence = 2, .digest = a.value.digest, .batch = batch_body(&a)};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, &fetched);
    col_bytes body = {bytes, col_writer_used(&writer)};
    assert_int_equal(numbered_from(s, COL_FETCHED, 3, body), COL_DROP_WRONG_PILLAR);
    fetched.sequence = 1;
    fetched.view = 4;
    writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, &fetched);
    assert_int_equal(numbered_from(s, COL_FETCHED, 3, body), COL_DROP_MALFORMED);
    assert_int_equal(numbered_from(s, COL_FETCHED, 3, text("?")), COL_DROP_MALFORMED);
    subject_close(s);
}

static void a_slot_committed_here_stays_as_it_is(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    commit_batch(s, 1, &a);
    assert_int_equal(fetched_from(s, 3, 1, &b.value, QUORUM, false, batch_body(&b)),
                     COL_DROP_REPEATED);
    const col_value run = null_run(1);
    (void)fetched_from(s, 3, 1, &run, QUORUM, false, (col_bytes){0});
    col_committed committed;
    assert_true(next_committed(s, &committed));
    assert_int_equal(committed.run, 0);
    assert_memory_equal(committed.body, a.bytes, a.length);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_commits_a_slot_of_which_nothing_was_known),
        cmocka_unit_test(what_was_fetched_is_served_to_others),
        cmocka_unit_test(fewer_than_a_quorum_or_one_bad_seal_decide_nothing),
        cmocka_unit_test(one_replica_three_times_is_no_quorum),
        cmocka_unit_test(a_certificate_with_another_batch_is_refused),
        cmocka_unit_test(seals_beside_a_body_that_was_decided_here_are_not_kept),
        cmocka_unit_test(a_seal_of_a_replica_that_does_not_exist_harms_nobody),
        cmocka_unit_test(a_body_alone_helps_only_a_value_that_is_waited_for),
        cmocka_unit_test(a_good_copy_replaces_one_whose_seals_do_not_verify),
        cmocka_unit_test(a_copy_with_good_macs_replaces_one_with_bad_ones),
        cmocka_unit_test(a_fetched_body_whose_mac_fails_here_waits_for_f_plus_1_others_too),
        cmocka_unit_test(a_doubtful_copy_replaces_a_rejected_one_and_flags_its_client),
        cmocka_unit_test(a_certified_run_commits_all_its_slots),
        cmocka_unit_test(slots_below_stable_that_were_not_executed_are_still_taken),
        cmocka_unit_test(another_pillars_number_another_view_and_garbage_are_refused),
        cmocka_unit_test(a_slot_committed_here_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
