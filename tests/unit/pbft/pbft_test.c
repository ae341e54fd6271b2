// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/pbft/harness.h"

static void rounds_and_sequence_numbers_are_two_names_of_a_slot(void **state) {
    (void)state;
    for (uint32_t pillars = 1; pillars <= COL_PILLARS_MAX; pillars++) {
        for (uint64_t s = 1; s <= 100; s++) {
            const uint64_t round = col_round_of(s, pillars);
            assert_int_equal(round, (s + pillars - 1) / pillars);
            assert_int_equal(col_sequence_of(round, (uint32_t)(s % pillars), pillars), s);
        }
    }
}

static void the_primary_rotates_over_pillars_or_is_replica_0_of_all(void **state) {
    (void)state;
    for (uint32_t pillar = 0; pillar < 8; pillar++) {
        col_pbft_options options = backup_options();
        options.pillars = 8;
        options.pillar = pillar;
        subject *s = subject_open(options);
        assert_int_equal(figures_of(s).primary, pillar % 4);
        subject_close(s);
        options.single_leader = true;
        s = subject_open(options);
        assert_int_equal(figures_of(s).primary, 0);
        subject_close(s);
    }
}

static void executed_counts_the_own_slots_up_to_a_global_number(void **state) {
    (void)state;
    for (uint32_t pillar = 0; pillar < 4; pillar++) {
        col_pbft_options options = backup_options();
        options.pillars = 4;
        options.pillar = pillar;
        subject *s = subject_open(options);
        for (uint64_t sequence = 1; sequence <= 40; sequence++) {
            uint64_t own = 0;
            for (uint64_t i = 1; i <= sequence; i++) own += i % 4 == pillar;
            executed(s, sequence);
            assert_int_equal(figures_of(s).executed, own);
        }
        executed(s, 3);
        assert_int_equal(figures_of(s).executed, 10);
        subject_close(s);
    }
}

static void messages_of_unknown_senders_types_and_pillars_are_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    assert_int_equal(prepare_from(s, 4, 1, &a.value), COL_DROP_UNKNOWN_SENDER);
    assert_int_equal(prepare_from(s, UINT32_MAX, 1, &a.value), COL_DROP_UNKNOWN_SENDER);
    assert_int_equal(vote_from(s, COL_VIEW_CHANGE, 1, 1, &a.value), COL_DROP_UNKNOWN_TYPE);
    assert_int_equal(vote_from(s, COL_REPLY, 1, 1, &a.value), COL_DROP_UNKNOWN_TYPE);
    col_header header = vote_header(s, COL_PREPARE, 1, 1, &a.value);
    header.pillar = 1;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_WRONG_PILLAR);
    header.pillar = 0;
    header.role = COL_ROLE_CLIENT;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_UNKNOWN_TYPE);
    subject_close(s);
}

static void a_newer_incarnation_of_a_peer_starts_its_counters_anew(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    uint8_t bytes[64];
    const col_status status = {0};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_status_write(&writer, &status);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    col_header header = {
        .role = COL_ROLE_REPLICA, .type = COL_STATUS, .sender = 1, .view = 7, .sequence = 100};
    assert_int_equal(deliver(s, &header, body), COL_DROP_NONE);
    pass(s, s->options.status_interval_ns);
    header.view = 8;
    header.sequence = 1;
    assert_int_equal(deliver(s, &header, body), COL_DROP_NONE);
    header.view = 7;
    header.sequence = 101;
    assert_int_equal(deliver(s, &header, body), COL_DROP_STALE);
    subject_close(s);
}

static void own_numbers_rise_with_every_message_outside_ordering(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    uint64_t last = 0;
    for (uint32_t i = 0; i < 4; i++) {
        pass(s, 100 * s->options.status_interval_ns);
        const col_header *header = &last_sent(s, COL_STATUS)->header;
        assert_true(header->sequence > last);
        assert_int_equal(header->view, s->options.incarnation);
        last = header->sequence;
    }
    subject_close(s);
}

static void a_ring_entry_serves_round_after_round(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    col_committed committed;
    for (uint64_t round = 1; round <= 200; round++) {
        char operation[16];
        snprintf(operation, sizeof operation, "%u", (unsigned)round);
        const test_batch batch = batch_of(&s->options, operation);
        commit_batch(s, round, &batch);
        assert_true(next_committed(s, &committed));
        assert_int_equal(committed.round, round);
        assert_memory_equal(committed.body, batch.bytes, batch.length);
        executed(s, round);
        if (round % 8 == 0) stable(s, round / 8);
        forget_sent(s);
    }
    assert_int_equal(figures_of(s).committed, 200);
    subject_close(s);
}

static void a_slot_that_was_not_executed_keeps_its_ring_entry(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    commit_batch(s, 1, &a);
    stable(s, 5);  // the ring has 48 entries: round 49 would take round 1's
    assert_int_equal(pre_prepare(s, 49, &a.value), COL_DROP_OUTSIDE_WINDOW);
    col_committed committed;
    assert_true(next_committed(s, &committed));
    assert_memory_equal(committed.body, a.bytes, a.length);
    executed(s, 1);
    assert_int_equal(pre_prepare(s, 49, &a.value), COL_DROP_NONE);
    subject_close(s);
}

static void a_stable_checkpoint_only_rises(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    stable(s, 3);
    stable(s, 2);
    assert_int_equal(figures_of(s).stable, 3);
    assert_int_equal(figures_of(s).highest, 24);
    subject_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_and_sequence_numbers_are_two_names_of_a_slot),
        cmocka_unit_test(the_primary_rotates_over_pillars_or_is_replica_0_of_all),
        cmocka_unit_test(executed_counts_the_own_slots_up_to_a_global_number),
        cmocka_unit_test(messages_of_unknown_senders_types_and_pillars_are_refused),
        cmocka_unit_test(a_newer_incarnation_of_a_peer_starts_its_counters_anew),
        cmocka_unit_test(own_numbers_rise_with_every_message_outside_ordering),
        cmocka_unit_test(a_ring_entry_serves_round_after_round),
        cmocka_unit_test(a_slot_that_was_not_executed_keeps_its_ring_entry),
        cmocka_unit_test(a_stable_checkpoint_only_rises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
