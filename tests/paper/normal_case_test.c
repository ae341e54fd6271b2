// SPDX-License-Identifier: Apache-2.0
// Castro and Liskov, OSDI'99, section 4.2: normal-case operation. Each test is one claim of it.
#include "tests/unit/pillars/cluster.h"
#include "tests/unit/wire/random.h"

#define SECOND (1000 * MS)

static void section_4_2_the_primary_assigns_the_next_number_and_multicasts_a_pre_prepare(
    void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 10);
    for (uint64_t number = 1; number <= 3; number++) {
        (void)request_from(s, 1, 1, number, "op");
        col_pbft_settle(s->pbft);
        const sent_message *sent = last_sent(s, COL_PRE_PREPARE);
        assert_int_equal(sent->header.sequence, number);
        assert_int_equal(sent->header.view, 0);
        assert_int_equal(sent->replicas, ALL_REPLICAS & ~1u);
        const col_value value = {sent->header.digest, 0};
        for (uint32_t r = 1; r < 4; r++) (void)prepare_from(s, r, number, &value);
        for (uint32_t r = 1; r < 4; r++) (void)commit_from(s, r, number, &value);
    }
    subject_close(s);
}

static void section_4_2_the_primary_buffers_requests_while_its_pipe_is_full(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 10);
    (void)request_from(s, 1, 1, 1, "first");
    col_pbft_settle(s->pbft);
    for (uint64_t number = 2; number <= 4; number++) {
        (void)request_from(s, 1, 1, number, "later");
        col_pbft_settle(s->pbft);
    }
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 1);
    const col_value value = {last_sent(s, COL_PRE_PREPARE)->header.digest, 0};
    for (uint32_t r = 1; r < 4; r++) (void)prepare_from(s, r, 1, &value);
    for (uint32_t r = 1; r < 4; r++) (void)commit_from(s, r, 1, &value);
    col_pbft_settle(s->pbft);
    assert_int_equal(count_sent(s, COL_PRE_PREPARE), 2);
    const sent_message *sent = last_sent(s, COL_BATCH);
    col_batch batch;
    assert_true(col_batch_read((col_bytes){sent->bytes, sent->length}, &batch));
    assert_int_equal(batch.requests, 3);
    subject_close(s);
}

static void section_4_2_pre_prepares_do_not_carry_the_requests(void **state) {
    (void)state;
    subject *s = subject_open(primary_options());
    open_session(s, 1, 1, 10);
    (void)request_from(s, 1, 1, 1, "op");
    col_pbft_settle(s->pbft);
    assert_int_equal(last_sent(s, COL_PRE_PREPARE)->length, 0);
    assert_true(last_sent(s, COL_BATCH)->length > 0);
    subject_close(s);
}

static void section_4_2_a_backup_accepts_a_pre_prepare_only_with_the_digest_of_its_requests(
    void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    (void)batch_from(s, 0, 1, &b);
    (void)pre_prepare(s, 1, &a.value);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void section_4_2_a_backup_accepts_a_pre_prepare_only_in_its_own_view(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)batch_from(s, 0, 1, &a);
    for (uint64_t view = 1; view <= 8; view++) {
        col_header header = vote_header(s, COL_PRE_PREPARE, (uint32_t)view % 4, 1, &a.value);
        header.view = view;
        (void)deliver(s, &header, (col_bytes){0});
    }
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void section_4_2_a_backup_accepts_no_two_pre_prepares_for_the_same_view_and_number(
    void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    (void)propose_to(s, 1, &a);
    (void)propose_to(s, 1, &b);
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    assert_false(was_sent(s, COL_PREPARE, 1, &b.value));
    subject_close(s);
}

static void section_4_2_a_backup_accepts_a_pre_prepare_only_between_the_watermarks(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    executed(s, 8);
    stable(s, 1);
    (void)propose_to(s, 8, &a);
    (void)propose_to(s, 25, &a);
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    (void)propose_to(s, 9, &a);
    (void)propose_to(s, 24, &a);
    assert_int_equal(count_sent(s, COL_PREPARE), 2);
    subject_close(s);
}

static void section_4_2_a_backup_that_accepts_multicasts_a_prepare(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(count_sent(s, COL_PREPARE), 1);
    assert_int_equal(last_sent(s, COL_PREPARE)->replicas, ALL_REPLICAS & ~(1u << 2));
    assert_true(was_sent(s, COL_PREPARE, 1, &a.value));
    subject_close(s);
}

static void section_4_2_prepares_are_accepted_in_the_own_view_between_the_watermarks(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    col_header header = vote_header(s, COL_PREPARE, 1, 1, &a.value);
    header.view = 1;
    assert_int_equal(deliver(s, &header, (col_bytes){0}), COL_DROP_OTHER_VIEW);
    assert_int_equal(prepare_from(s, 1, 17, &a.value), COL_DROP_OUTSIDE_WINDOW);
    assert_int_equal(prepare_from(s, 1, 1, &a.value), COL_DROP_NONE);
    subject_close(s);
}

/// Which of request, pre-prepare and the two prepares are there, as bits 0 to 3.
static uint32_t commits_with(uint32_t parts) {
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    if (parts & 1) (void)batch_from(s, 0, 1, &a);
    if (parts & 2) (void)pre_prepare(s, 1, &a.value);
    if (parts & 4) (void)prepare_from(s, 1, 1, &a.value);
    if (parts & 8) (void)prepare_from(s, 3, 1, &a.value);
    const uint32_t commits = count_sent(s, COL_COMMIT);
    subject_close(s);
    return commits;
}

static void section_4_2_prepared_needs_the_request_and_2f_prepares_of_different_backups(
    void **state) {
    (void)state;
    for (uint32_t parts = 0; parts < 16; parts++) {
        // With request and pre-prepare, this backup's own prepare is one of the 2f.
        const uint32_t prepares = (parts >> 2 & 1) + (parts >> 3 & 1) + ((parts & 3) == 3);
        const bool prepared = (parts & 1) && prepares >= 2;
        assert_int_equal(commits_with(parts), prepared ? 1 : 0);
    }
}

static void section_4_2_prepares_must_match_in_view_number_and_digest(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 2, &a.value);
    (void)prepare_from(s, 3, 1, &b.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    (void)prepare_from(s, 1, 1, &a.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    subject_close(s);
}

/// The primary sends a to some backups and b to the others, and one faulty backup prepares both.
static void section_4_2_no_two_correct_replicas_prepare_different_requests_for_one_number(
    void **state) {
    (void)state;
    for (uint32_t split = 0; split < 4; split++) {
        subject *correct[2];
        test_batch value[2];
        col_pbft_options options = backup_options();
        uint32_t committed = 0;
        for (uint32_t i = 0; i < 2; i++) {  // replicas 1 and 2; 0 and 3 are faulty
            options.self = 1 + i;
            correct[i] = subject_open(options);
        }
        value[0] = batch_of(&options, "a");
        value[1] = batch_of(&options, "b");
        for (uint32_t i = 0; i < 2; i++) {
            (void)propose_to(correct[i], 1, &value[split >> i & 1]);
            for (uint32_t v = 0; v < 2; v++) (void)prepare_from(correct[i], 3, 1, &value[v].value);
        }
        for (uint32_t i = 0; i < 2; i++) {
            const uint32_t other = 1 - i;
            (void)prepare_from(correct[i], 1 + other, 1, &value[split >> other & 1].value);
        }
        for (uint32_t v = 0; v < 2; v++) {
            committed |= (was_sent(correct[0], COL_COMMIT, 1, &value[v].value) ||
                          was_sent(correct[1], COL_COMMIT, 1, &value[v].value))
                         << v;
        }
        assert_int_not_equal(committed, 3);
        subject_close(correct[0]);
        subject_close(correct[1]);
    }
}

static void section_4_2_a_prepared_replica_multicasts_a_commit(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    assert_int_equal(last_sent(s, COL_COMMIT)->replicas, ALL_REPLICAS & ~(1u << 2));
    subject_close(s);
}

static void section_4_2_committed_local_needs_2f_plus_1_matching_commits_the_own_one_included(
    void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)propose_to(s, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    assert_false(next_committed(s, &committed));
    (void)commit_from(s, 0, 1, &a.value);
    assert_false(next_committed(s, &committed));
    (void)commit_from(s, 1, 1, &a.value);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void section_4_2_commits_are_accepted_before_the_replica_is_prepared(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)commit_from(s, 0, 1, &a.value);
    (void)commit_from(s, 1, 1, &a.value);
    (void)propose_to(s, 1, &a);
    assert_false(next_committed(s, &committed));
    (void)prepare_from(s, 1, 1, &a.value);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void section_4_2_a_request_is_executed_after_all_with_lower_numbers(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    for (uint64_t round = 5; round >= 2; round--) {
        commit_batch(s, round, &a);
        assert_false(next_committed(s, &committed));
    }
    commit_batch(s, 1, &a);
    for (uint64_t round = 1; round <= 5; round++) {
        assert_true(next_committed(s, &committed));
        assert_int_equal(committed.round, round);
    }
    subject_close(s);
}

static void section_4_2_the_client_is_answered_by_all_correct_replicas_with_the_same_result(
    void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 8, 16);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    for (uint64_t number = 1; number <= 5; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    for (uint32_t r = 0; r < 4; r++) {
        assert_int_equal(c->node[r].results, 5);
        assert_int_equal(c->node[r].result_trace, c->node[0].result_trace);
    }
    cluster_close(c);
}

static void section_4_2_a_request_that_was_executed_is_answered_again_and_not_run_again(
    void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 8, 16);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    for (uint32_t i = 0; i < 3; i++) cluster_request(c, ALL_REPLICAS, 1, session, 1, "op");
    for (uint32_t r = 0; r < 4; r++) {
        assert_int_equal(c->node[r].operations, 1);
        assert_int_equal(c->node[r].results, 3);
    }
    cluster_close(c);
}

static void section_4_2_f_silent_backups_stop_nothing(void **state) {
    (void)state;
    for (uint32_t silent = 1; silent < 4; silent++) {
        cluster *c = cluster_open(1, false, 8, 16);
        c->down = 1u << silent;
        const uint64_t session = cluster_session(c, 1, 0, 10);
        for (uint64_t number = 1; number <= 50; number++) {
            cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
        }
        assert_int_equal(c->node[0].operations, 50);
        cluster_assert_even(c);
        cluster_close(c);
    }
}

static void section_4_2_more_than_f_silent_backups_execute_nothing(void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 8, 16);
    const uint64_t session = cluster_session(c, 1, 0, 10);
    c->down = 1u << 2 | 1u << 3;
    cluster_request(c, ALL_REPLICAS, 1, session, 1, "op");
    (void)cluster_pass(c, 600 * SECOND);
    assert_int_equal(c->node[0].operations + c->node[1].operations, 0);
    c->down = 0;
    cluster_request(c, ALL_REPLICAS, 1, session, 1, "op");
    (void)cluster_pass(c, 60 * SECOND);
    assert_int_equal(c->node[3].operations, 1);
    cluster_assert_even(c);
    cluster_close(c);
}

static void shuffle(cluster *c) {
    for (uint32_t i = c->packets; i > 1; i--) {
        const uint32_t j = random_below(i);
        const cluster_packet packet = c->packet[i - 1];
        c->packet[i - 1] = c->packet[j];
        c->packet[j] = packet;
    }
}

/// Deliver what waits and what follows from it, each time a drawn one.
static void deliver_in_any_order(cluster *c) {
    while (c->packets > 0) {
        shuffle(c);
        const cluster_packet packet = c->packet[--c->packets];
        cluster_handle(c, &packet);
        free(packet.bytes);
    }
}

static void section_4_2_messages_may_arrive_in_any_order(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 50; run++) {
        cluster *c = cluster_open(1, false, 8, 16);
        (void)cluster_session(c, 1, 0, 10);
        client_message message;
        for (uint64_t number = 1; number <= 8; number++) {
            make_request(&message, 0, 1, 1, number, text("op"));
            (void)col_pillar_deliver(&c->node[0].pillar[0].pillar, c->now_ns, WALL,
                                     &message.verified);
            cluster_turn(&c->node[0]);
            if (number % 2 == 0) deliver_in_any_order(c);
        }
        (void)cluster_pass(c, 60 * SECOND);
        cluster_assert_even(c);
        assert_int_equal(c->node[0].operations, 8);
        cluster_close(c);
    }
}

int main(void) {
    random_start("paper_normal_case");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            section_4_2_the_primary_assigns_the_next_number_and_multicasts_a_pre_prepare),
        cmocka_unit_test(section_4_2_the_primary_buffers_requests_while_its_pipe_is_full),
        cmocka_unit_test(section_4_2_pre_prepares_do_not_carry_the_requests),
        cmocka_unit_test(
            section_4_2_a_backup_accepts_a_pre_prepare_only_with_the_digest_of_its_requests),
        cmocka_unit_test(section_4_2_a_backup_accepts_a_pre_prepare_only_in_its_own_view),
        cmocka_unit_test(
            section_4_2_a_backup_accepts_no_two_pre_prepares_for_the_same_view_and_number),
        cmocka_unit_test(section_4_2_a_backup_accepts_a_pre_prepare_only_between_the_watermarks),
        cmocka_unit_test(section_4_2_a_backup_that_accepts_multicasts_a_prepare),
        cmocka_unit_test(section_4_2_prepares_are_accepted_in_the_own_view_between_the_watermarks),
        cmocka_unit_test(
            section_4_2_prepared_needs_the_request_and_2f_prepares_of_different_backups),
        cmocka_unit_test(section_4_2_prepares_must_match_in_view_number_and_digest),
        cmocka_unit_test(
            section_4_2_no_two_correct_replicas_prepare_different_requests_for_one_number),
        cmocka_unit_test(section_4_2_a_prepared_replica_multicasts_a_commit),
        cmocka_unit_test(
            section_4_2_committed_local_needs_2f_plus_1_matching_commits_the_own_one_included),
        cmocka_unit_test(section_4_2_commits_are_accepted_before_the_replica_is_prepared),
        cmocka_unit_test(section_4_2_a_request_is_executed_after_all_with_lower_numbers),
        cmocka_unit_test(
            section_4_2_the_client_is_answered_by_all_correct_replicas_with_the_same_result),
        cmocka_unit_test(
            section_4_2_a_request_that_was_executed_is_answered_again_and_not_run_again),
        cmocka_unit_test(section_4_2_f_silent_backups_stop_nothing),
        cmocka_unit_test(section_4_2_more_than_f_silent_backups_execute_nothing),
        cmocka_unit_test(section_4_2_messages_may_arrive_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
