// SPDX-License-Identifier: Apache-2.0
#include "pillars/pillar.h"

#include "tests/unit/pillars/cluster.h"
#include "tests/unit/wire/random.h"

#define SECOND (1000 * MS)

static uint64_t stable_of(const cluster_node *node) {
    return col_word_read(&node->words.stable);
}

static void a_request_on_one_pillar_runs_although_all_others_idle(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < 2; mode++) {
        for (uint32_t pillars = 1; pillars <= 8; pillars++) {
            for (uint32_t busy = 0; busy < pillars; busy++) {
                cluster *c = cluster_open(pillars, mode == 1, 8, 16);
                const uint64_t session = cluster_session(c, 1, busy, 10);
                assert_int_equal(session % pillars, busy);
                for (uint64_t number = 1; number <= 3; number++) {
                    cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
                    // Without any timer: the others pass by null runs at once.
                    for (uint32_t r = 0; r < 4; r++) assert_int_equal(c->node[r].results, number);
                }
                cluster_assert_even(c);
                cluster_close(c);
            }
        }
    }
}

static void an_even_cluster_falls_silent_and_stays_silent(void **state) {
    (void)state;
    for (uint32_t pillars = 1; pillars <= 8; pillars++) {
        cluster *c = cluster_open(pillars, false, 8, 16);
        const uint64_t session = cluster_session(c, 1, pillars - 1, 10);
        cluster_request(c, ALL_REPLICAS, 1, session, 1, "op");
        assert_true(cluster_pass(c, 10 * SECOND));
        cluster_assert_even(c);
        const uint32_t sent = cluster_sent_all(c);
        assert_true(cluster_pass(c, 3600 * SECOND));
        assert_int_equal(cluster_sent_all(c), sent);
        cluster_close(c);
    }
}

static void null_runs_get_rarer_the_longer_a_pillar_idles(void **state) {
    (void)state;
    cluster *c = cluster_open(4, false, 64, 128);
    const uint64_t session = cluster_session(c, 1, 1, 10);
    for (uint64_t number = 1; number <= 60; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    col_pbft_figures figures;
    col_pbft_figures_read(c->node[2].pillar[2].pillar.pbft, &figures);
    assert_true(figures.null_runs >= 3);
    assert_true(figures.null_runs <= 12);
    cluster_close(c);
}

static void what_passes_is_news_for_pillars_that_hold_the_merge_up(void **state) {
    (void)state;
    cluster *c = cluster_open(4, false, 64, 128);
    const uint64_t session = cluster_session(c, 1, 1, 10);
    for (uint64_t number = 1; number <= 6; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    cluster_node *node = &c->node[0];
    const col_pillar *pillar = &node->pillar[1].pillar;
    const uint64_t passing = col_word_read(&node->words.passing[1].sequence);
    for (uint32_t k = 0; k < 4; k++) {
        // All gave their slots up to the batch, for it was executed.
        assert_true(col_word_read(&node->words.missing[k].sequence) > passing);
        assert_false(col_pillar_is_news_for(pillar, COL_NEWS_PASSING, k));
        assert_true(col_pillar_is_news_for(pillar, COL_NEWS_PASSING | COL_NEWS_FOR_ALL, k));
        assert_false(col_pillar_is_news_for(pillar, 0, k));
    }
    atomic_store(&node->words.missing[3].sequence, passing - 2);  // the slot before
    assert_true(col_pillar_is_news_for(pillar, COL_NEWS_PASSING, 3));
    assert_false(col_pillar_is_news_for(pillar, 0, 3));
    cluster_close(c);
}

static void checkpoints_become_stable_everywhere_and_slide_all_windows(void **state) {
    (void)state;
    for (uint32_t pillars = 1; pillars <= 4; pillars++) {
        cluster *c = cluster_open(pillars, false, 4, 8);
        const uint64_t session = cluster_session(c, 1, 0, 10);
        for (uint64_t number = 1; number <= 50; number++) {
            cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
        }
        for (uint32_t r = 0; r < 4; r++) {
            assert_int_equal(c->node[r].results, 50);
            assert_true(stable_of(&c->node[r]) >= 12);
            for (uint32_t k = 0; k < pillars; k++) {
                col_pbft_figures figures;
                col_pbft_figures_read(c->node[r].pillar[k].pillar.pbft, &figures);
                assert_int_equal(figures.stable, stable_of(&c->node[r]));
            }
        }
        cluster_assert_even(c);
        cluster_close(c);
    }
}

static void a_replica_that_was_away_catches_up_without_a_client(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 8, 32);
    const uint64_t session = cluster_session(c, 1, 1, 10);
    c->down = 1 << 3;
    for (uint64_t number = 1; number <= 40; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    assert_int_equal(c->node[3].operations, 0);
    assert_int_equal(c->node[0].operations, 40);
    c->down = 0;
    (void)cluster_pass(c, 60 * SECOND);
    cluster_assert_even(c);
    assert_int_equal(c->node[3].operations, 40);
    assert_int_equal(stable_of(&c->node[3]), stable_of(&c->node[0]));
    assert_true(cluster_pass(c, 600 * SECOND));
    cluster_close(c);
}

static bool loses_some(void *context, const cluster_packet *packet) {
    (void)packet;
    return random_below(100) < *(const uint32_t *)context;
}

/// Clients repeat all their requests until all are executed, some times at most.
static void clients_repeat(cluster *c, const uint64_t *session, uint64_t numbers) {
    for (uint32_t i = 0; i < 20 && c->node[0].operations < numbers * c->pillars; i++) {
        (void)cluster_pass(c, 5 * SECOND);
        for (uint32_t k = 0; k < c->pillars; k++) {
            for (uint64_t number = 1; number <= numbers; number++) {
                cluster_request(c, ALL_REPLICAS, k, session[k], number, "op");
            }
        }
    }
}

static void a_lossy_network_only_delays(void **state) {
    (void)state;
    uint32_t percent = 25;
    for (uint32_t run = 0; run < 12; run++) {
        const uint32_t pillars = 1 + run % 4;
        cluster *c = cluster_open(pillars, run % 2 == 1, 4, 16);
        uint64_t session[4];
        for (uint32_t k = 0; k < pillars; k++) session[k] = cluster_session(c, k, k, 10);
        c->loses = loses_some;
        c->context = &percent;
        for (uint64_t number = 1; number <= 20; number++) {
            for (uint32_t k = 0; k < pillars; k++) {
                cluster_request(c, ALL_REPLICAS, k, session[k], number, "op");
            }
            (void)cluster_pass(c, 2 * SECOND);
        }
        c->loses = NULL;
        clients_repeat(c, session, 20);
        (void)cluster_pass(c, 60 * SECOND);
        cluster_assert_even(c);
        assert_int_equal(c->node[0].operations, 20 * pillars);
        assert_true(cluster_pass(c, 600 * SECOND));
        cluster_close(c);
    }
}

static bool loses_checkpoints_to_3(void *context, const cluster_packet *packet) {
    (void)context;
    return packet->header.type == COL_CHECKPOINT && packet->to == 3;
}

static void lost_checkpoint_votes_come_again_with_status(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 4, 8);
    c->loses = loses_checkpoints_to_3;
    const uint64_t session = cluster_session(c, 1, 1, 10);
    for (uint64_t number = 1; number <= 5; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    assert_int_equal(stable_of(&c->node[0]), 1);
    assert_int_equal(stable_of(&c->node[3]), 0);
    c->loses = NULL;
    (void)cluster_pass(c, 20 * SECOND);
    assert_int_equal(stable_of(&c->node[3]), 1);
    cluster_close(c);
}

static void a_proof_makes_a_checkpoint_stable_where_no_vote_arrives(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 4, 8);
    c->loses = loses_checkpoints_to_3;
    const uint64_t session = cluster_session(c, 1, 1, 10);
    for (uint64_t number = 1; number <= 5; number++) {
        cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
    }
    assert_int_equal(stable_of(&c->node[3]), 0);
    (void)cluster_pass(c, 20 * SECOND);  // votes go on being lost
    assert_int_equal(stable_of(&c->node[3]), 1);
    cluster_close(c);
}

static void a_message_for_another_pillar_is_refused(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 4, 8);
    const col_verified verified = {
        .message = {.header = {.type = COL_CHECKPOINT, .pillar = 0, .sender = 1, .sequence = 2}}};
    assert_int_equal(col_pillar_deliver(&c->node[0].pillar[1].pillar, 0, WALL, &verified),
                     COL_DROP_WRONG_PILLAR);
    assert_int_equal(col_pillar_deliver(&c->node[0].pillar[0].pillar, 0, WALL, &verified),
                     COL_DROP_NONE);
    cluster_close(c);
}

static void a_checkpoint_of_a_client_or_of_nobody_is_refused(void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 4, 8);
    col_pillar *pillar = &c->node[0].pillar[0].pillar;
    col_verified verified = {
        .message = {.header = {.type = COL_CHECKPOINT, .sender = 4, .sequence = 1}}};
    assert_int_equal(col_pillar_deliver(pillar, 0, WALL, &verified), COL_DROP_UNKNOWN_SENDER);
    verified.message.header.sender = 1;
    verified.message.header.role = COL_ROLE_CLIENT;
    assert_int_equal(col_pillar_deliver(pillar, 0, WALL, &verified), COL_DROP_UNKNOWN_SENDER);
    verified.message.header.role = COL_ROLE_REPLICA;
    verified.message.header.sender = 0;
    assert_int_equal(col_pillar_deliver(pillar, 0, WALL, &verified), COL_DROP_REPEATED);
    cluster_close(c);
}

int main(void) {
    random_start("unit_pillars_pillar");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_on_one_pillar_runs_although_all_others_idle),
        cmocka_unit_test(an_even_cluster_falls_silent_and_stays_silent),
        cmocka_unit_test(null_runs_get_rarer_the_longer_a_pillar_idles),
        cmocka_unit_test(what_passes_is_news_for_pillars_that_hold_the_merge_up),
        cmocka_unit_test(checkpoints_become_stable_everywhere_and_slide_all_windows),
        cmocka_unit_test(a_replica_that_was_away_catches_up_without_a_client),
        cmocka_unit_test(a_lossy_network_only_delays),
        cmocka_unit_test(lost_checkpoint_votes_come_again_with_status),
        cmocka_unit_test(a_proof_makes_a_checkpoint_stable_where_no_vote_arrives),
        cmocka_unit_test(a_message_for_another_pillar_is_refused),
        cmocka_unit_test(a_checkpoint_of_a_client_or_of_nobody_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
