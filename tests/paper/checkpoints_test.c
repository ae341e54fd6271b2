// SPDX-License-Identifier: Apache-2.0
// Castro and Liskov, OSDI'99, section 4.3: garbage collection by checkpoints. Each test is one
// claim of it.
#include "tests/unit/pillars/cluster.h"

#define SECOND (1000 * MS)

static uint64_t stable_of(const cluster_node *node) {
    return col_word_read(&node->words.stable);
}

static uint64_t reached_by(const cluster_node *node) {
    return col_counter_read(&node->counters.checkpoints);
}

/// One request at a time, so that each takes a slot of its own; the opening took the first.
static void execute_up_to(cluster *c, uint64_t session, uint64_t *number, uint64_t slot) {
    while (*number + 1 < slot) cluster_request(c, ALL_REPLICAS, 1, session, ++*number, "op");
}

static void section_4_3_a_checkpoint_is_produced_at_every_multiple_of_a_constant(void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 10, 20);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    uint64_t number = 0;
    for (uint64_t slot = 1; slot <= 45; slot++) {
        execute_up_to(c, session, &number, slot);
        assert_int_equal(col_merge_sequence(c->node[0].merge), slot);
        for (uint32_t r = 0; r < 4; r++) assert_int_equal(reached_by(&c->node[r]), slot / 10);
    }
    cluster_close(c);
}

static void section_4_3_a_replica_multicasts_a_checkpoint_message_with_number_and_digest(
    void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 10, 20);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    uint64_t number = 0;
    execute_up_to(c, session, &number, 9);
    assert_int_equal(c->sent[COL_CHECKPOINT], 0);
    execute_up_to(c, session, &number, 10);
    assert_int_equal(c->sent[COL_CHECKPOINT], 4 * 3);
    cluster_close(c);
}

static void section_4_3_a_checkpoint_is_stable_with_2f_plus_1_matching_messages(void **state) {
    (void)state;
    const col_checkpoints_options options = {
        .replicas = 4, .quorum = 3, .self = 2, .pillars = 1, .signature_bytes_max = 256};
    col_arena arena;
    const col_result opened = col_arena_open(&arena, col_checkpoints_footprint(&options));
    assert_true(opened.ok);
    col_checkpoints *votes = col_checkpoints_create(&arena, &options);
    const col_digest a = {{1}}, b = {{2}};
    (void)col_checkpoints_add(votes, 0, 1, &a, text("0"));
    (void)col_checkpoints_add(votes, 1, 1, &b, text("1"));
    (void)col_checkpoints_add(votes, 2, 1, &a, text("2"));
    assert_int_equal(col_checkpoints_stable(votes), 0);
    (void)col_checkpoints_add(votes, 3, 1, &a, text("3"));
    assert_int_equal(col_checkpoints_stable(votes), 1);

    col_sealed_by seal[4];
    col_digest digest;
    assert_int_equal(col_checkpoints_proof(votes, &digest, seal), 3);
    assert_true(col_digest_equal(&digest, &a));
    col_arena_close(&arena);
}

static void section_4_3_messages_up_to_the_stable_checkpoint_are_not_taken_any_more(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    for (uint64_t round = 1; round <= 8; round++) commit_batch(s, round, &a);
    executed(s, 8);
    stable(s, 1);
    for (uint64_t round = 1; round <= 8; round++) {
        assert_int_equal(pre_prepare(s, round, &a.value), COL_DROP_OUTSIDE_WINDOW);
        assert_int_equal(prepare_from(s, 1, round, &a.value), COL_DROP_OUTSIDE_WINDOW);
        assert_int_equal(commit_from(s, 1, round, &a.value), COL_DROP_OUTSIDE_WINDOW);
    }
    subject_close(s);
}

static void section_4_3_the_watermarks_move_with_the_stable_checkpoint(void **state) {
    (void)state;
    for (uint64_t c = 1; c < 5; c++) {
        subject *s = subject_open(backup_options());
        const test_batch a = batch_of(&s->options, "a");
        const uint64_t low = c * s->options.checkpoint_interval, high = low + s->options.window;
        assert_int_equal(commit_from(s, 1, high, &a.value), COL_DROP_OUTSIDE_WINDOW);
        executed(s, low);
        stable(s, c);
        assert_int_equal(commit_from(s, 1, low, &a.value), COL_DROP_OUTSIDE_WINDOW);
        assert_int_equal(commit_from(s, 1, low + 1, &a.value), COL_DROP_NONE);
        assert_int_equal(commit_from(s, 1, high, &a.value), COL_DROP_NONE);
        assert_int_equal(commit_from(s, 1, high + 1, &a.value), COL_DROP_OUTSIDE_WINDOW);
        subject_close(s);
    }
}

static void section_4_3_a_window_of_two_intervals_never_stalls(void **state) {
    (void)state;
    for (uint32_t pillars = 1; pillars <= 4; pillars++) {
        cluster *c = cluster_open(pillars, false, 4, 8);
        const uint64_t session = cluster_session(c, 1, pillars - 1, 10);
        for (uint64_t number = 1; number <= 100; number++) {
            cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
            assert_int_equal(c->node[0].operations, number);
        }
        cluster_close(c);
    }
}

static bool loses_all_but_checkpoints_to_3(void *context, const cluster_packet *packet) {
    (void)context;
    return packet->to == 3 && packet->header.type != COL_CHECKPOINT;
}

static void section_4_3_a_replica_learns_of_a_stable_checkpoint_that_it_has_not_reached(
    void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 10, 20);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    c->loses = loses_all_but_checkpoints_to_3;
    uint64_t number = 0;
    execute_up_to(c, session, &number, 35);
    assert_int_equal(stable_of(&c->node[3]), 3);
    assert_int_equal(c->node[3].operations, 0);
    c->loses = NULL;
    (void)cluster_pass(c, 60 * SECOND);
    assert_int_equal(c->node[3].operations, c->node[0].operations);
    cluster_assert_even(c);
    cluster_close(c);
}

static void section_4_3_equal_states_have_equal_digests_on_all_replicas(void **state) {
    (void)state;
    cluster *c = cluster_open(3, false, 4, 8);
    uint64_t session[3];
    for (uint32_t k = 0; k < 3; k++) session[k] = cluster_session(c, k, k, 10);
    for (uint64_t number = 1; number <= 30; number++) {
        for (uint32_t k = 0; k < 3; k++) {
            cluster_request(c, ALL_REPLICAS, k, session[k], number, "op");
        }
    }
    cluster_assert_even(c);  // no stable digest differs from the own one
    for (uint32_t r = 0; r < 4; r++) assert_true(stable_of(&c->node[r]) >= 7);
    cluster_close(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_4_3_a_checkpoint_is_produced_at_every_multiple_of_a_constant),
        cmocka_unit_test(
            section_4_3_a_replica_multicasts_a_checkpoint_message_with_number_and_digest),
        cmocka_unit_test(section_4_3_a_checkpoint_is_stable_with_2f_plus_1_matching_messages),
        cmocka_unit_test(section_4_3_messages_up_to_the_stable_checkpoint_are_not_taken_any_more),
        cmocka_unit_test(section_4_3_the_watermarks_move_with_the_stable_checkpoint),
        cmocka_unit_test(section_4_3_a_window_of_two_intervals_never_stalls),
        cmocka_unit_test(
            section_4_3_a_replica_learns_of_a_stable_checkpoint_that_it_has_not_reached),
        cmocka_unit_test(section_4_3_equal_states_have_equal_digests_on_all_replicas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
