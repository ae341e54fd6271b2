// SPDX-License-Identifier: Apache-2.0
#include "crypto/signing_pool.h"

#include <pthread.h>
#include <sched.h>

#include "tests/unit/crypto/support.h"

#define RINGS 3

static test_cluster cluster;
static col_arena arena;
static test_egress egress;
static col_sealer *sealer;
static col_sealer_counters counters;
static col_macs *macs;
static col_ring ring[RINGS];
static col_signer signer;

static int open_cluster(void **state) {
    (void)state;
    test_cluster_open(&cluster);
    return 0;
}

static int close_cluster(void **state) {
    (void)state;
    test_cluster_close(&cluster);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, (size_t)16 << 20));
    test_egress_init(&egress, 8972);
    memset(&counters, 0, sizeof counters);
    macs = col_macs_create();
    col_sealer_options options =
        test_sealer_options(&cluster, COL_ROLE_REPLICA, 0, &egress, &counters);
    options.macs = macs;
    sealer = col_sealer_create(&arena, &options);
    col_signer_init(&signer, "signer 0", sealer);
    for (int i = 0; i < RINGS; i++) {
        col_ring_init(&ring[i], &arena, 1 << 20, NULL);
        col_signer_add(&signer, &ring[i]);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_sealer_destroy(sealer);
    col_macs_destroy(macs);
    col_arena_close(&arena);
    return 0;
}

static bool put(int which, uint64_t sequence, col_bytes body) {
    const col_header header = {.type = COL_STATUS, .pillar = (uint8_t)which, .sequence = sequence};
    return col_seal_job_put(&ring[which], &header, body, (col_destination){.replicas = 2});
}

static uint32_t poll_once(void) {
    return signer.stage.poll(&signer.stage, 0, 1);
}

static void without_jobs_a_turn_does_nothing(void **state) {
    (void)state;
    assert_int_equal(poll_once(), 0);
    assert_int_equal(egress.count, 0);
    assert_string_equal(signer.stage.name, "signer 0");
    assert_int_equal(signer.stage.wait_descriptor, -1);
}

static void one_message_waiting_is_signed_in_the_next_turn(void **state) {
    (void)state;
    assert_true(put(1, 5, (col_bytes){(const uint8_t *)"body", 4}));
    assert_int_equal(poll_once(), 1);
    assert_int_equal(egress.count, 1);
    assert_int_equal(egress.sent[0].to.address, 0x0a000001);
    assert_int_equal(egress.sent[0].to.port, 7001);
    assert_int_equal(col_counter_read(&counters.signatures), 1);
    assert_int_equal(poll_once(), 0);
}

static void many_waiting_in_all_rings_share_one_signature(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 60; i++) assert_true(put((int)(i % RINGS), i, (col_bytes){0}));
    assert_int_equal(poll_once(), 60);
    assert_int_equal(col_counter_read(&counters.signatures), 1);
    assert_int_equal(egress.count, 3);
}

static void a_ring_that_fills_trees_does_not_starve_the_others(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 3 * COL_TREE_LEAVES_MAX; i++) assert_true(put(0, i, (col_bytes){0}));
    for (int which = 1; which < RINGS; which++) assert_true(put(which, 1, (col_bytes){0}));
    assert_int_equal(poll_once(), COL_TREE_LEAVES_MAX);
    assert_int_equal(poll_once(), COL_TREE_LEAVES_MAX);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < egress.count; i++)
        seen |= UINT32_C(1) << (egress.sent[i].to.port - 7000);
    assert_int_equal(seen, 7);
    assert_int_equal(poll_once(), COL_TREE_LEAVES_MAX);
    assert_int_equal(poll_once(), 2);
    assert_int_equal(poll_once(), 0);
    assert_int_equal(col_counter_read(&counters.messages), 3 * COL_TREE_LEAVES_MAX + 2);
}

static void a_message_that_does_not_fit_this_tree_is_in_the_next(void **state) {
    (void)state;
    static uint8_t body[COL_MESSAGE_BYTES_MAX];
    for (uint64_t i = 0; i < 6; i++) {
        assert_true(put(0, i, (col_bytes){body, sizeof body}));
        assert_true(put(1, i, (col_bytes){body, sizeof body}));
    }
    assert_int_equal(poll_once(), 8);  // the bound of a tree's bodies
    assert_int_equal(poll_once(), 4);
    assert_int_equal(poll_once(), 0);
}

static void a_full_ring_refuses_and_takes_again_after_a_turn(void **state) {
    (void)state;
    static uint8_t body[COL_MESSAGE_BYTES_MAX];
    uint32_t taken = 0;
    while (put(0, taken, (col_bytes){body, sizeof body})) taken++;
    assert_in_range(taken, 4, 8);
    assert_int_equal(poll_once(), taken);
    assert_true(put(0, 0, (col_bytes){body, sizeof body}));
}

typedef struct {
    uint32_t count;
    col_header header;
    uint8_t bytes[64];
    size_t length;
} received;

static void keep(void *context, const col_opened *opened) {
    received *self = context;
    self->count++;
    self->header = opened->verified.message.header;
    self->length = opened->verified.message.bytes.length;
    memcpy(self->bytes, opened->verified.message.bytes.at, self->length);
}

static void what_was_put_in_is_what_the_receiver_opens(void **state) {
    (void)state;
    col_opener_counters opener_counters = {0};
    col_opener *opener =
        col_opener_create(&arena, &counted_backend, cluster.hasher, &cluster.keyring,
                          col_root_cache_create(&arena, 64), &opener_counters);
    const col_header header = {.type = COL_FETCH, .pillar = 2, .run = 4, .view = 6, .sequence = 8};
    assert_true(col_seal_job_put(&ring[0], &header, (col_bytes){(const uint8_t *)"rounds", 6},
                                 (col_destination){.replicas = 4}));
    assert_int_equal(poll_once(), 1);
    received got = {0};
    const col_bytes bytes = sent_bytes(&egress, 0);
    col_drop drop;
    col_open_burst(opener, &bytes, 1, &drop, keep, &got);
    assert_int_equal(drop, COL_DROP_NONE);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.header.type, COL_FETCH);
    assert_int_equal(got.header.pillar, 2);
    assert_int_equal(got.header.run, 4);
    assert_int_equal(got.header.view, 6);
    assert_int_equal(got.header.sequence, 8);
    assert_int_equal(got.length, 6);
    assert_memory_equal(got.bytes, "rounds", 6);
    col_opener_destroy(opener);
}

/// A reply for the client of `session`, whose key the caller forgets at once.
static bool put_reply(int which, uint32_t session, uint64_t number, col_bytes body) {
    col_mac_key key;
    const col_link_seal link = test_replica_link(session, 0, &key);
    const col_header header = {.type = COL_REPLY, .sequence = number};
    const col_destination to = {.client = {0x0b000000 + session, 9000}, .link = &link};
    const bool taken = col_seal_job_put(&ring[which], &header, body, to);
    memset(&key, 0xee, sizeof key);
    return taken;
}

/// Open the datagrams that clients of sessions got. @return messages of all
static uint32_t opened_replies(uint32_t client) {
    col_opener_counters opener_counters = {0};
    test_links links;
    col_opener *opener =
        col_opener_create(&arena, &counted_backend, cluster.hasher, &cluster.keyring,
                          col_root_cache_create(&arena, 64), &opener_counters);
    test_links_open(&links, opener, macs, COL_ROLE_REPLICA, client);
    received got = {0};
    for (uint32_t i = 0; i < egress.count; i++) {
        const uint32_t session = egress.sent[i].to.address - 0x0b000000;
        if (session > TEST_SESSIONS || session % CLIENTS != client) continue;
        const col_bytes bytes = sent_bytes(&egress, i);
        col_drop drop;
        col_open_burst(opener, &bytes, 1, &drop, keep, &got);
        assert_int_equal(drop, COL_DROP_NONE);
        assert_int_equal(got.header.type, COL_REPLY);
        assert_int_equal(got.header.sequence, session);
        assert_memory_equal(got.bytes, "result", 6);
    }
    col_opener_destroy(opener);
    return got.count;
}

static void keys_travel_with_their_messages(void **state) {
    (void)state;
    const col_bytes result = {(const uint8_t *)"result", 6};
    for (uint32_t session = 1; session <= 20; session++) {
        assert_true(put_reply((int)(session % RINGS), session, session, result));
        assert_true(put((int)(session % RINGS), session, (col_bytes){0}));
    }
    assert_int_equal(poll_once(), 40);
    assert_int_equal(col_counter_read(&counters.macs), 20);
    assert_int_equal(col_counter_read(&counters.messages), 20);
    assert_int_equal(col_counter_read(&counters.signatures), 1);
    assert_int_equal(opened_replies(0), 10);
    assert_int_equal(opened_replies(1), 10);
}

static void a_record_takes_the_room_that_it_says(void **state) {
    (void)state;
    const uint64_t before = col_ring_free(&ring[0]);
    assert_true(put_reply(0, 1, 1, (col_bytes){(const uint8_t *)"result", 6}));
    assert_int_equal(before - col_ring_free(&ring[0]), col_ring_space(COL_SEAL_JOB_BYTES(6, 1)));
}

static void what_waits_for_macs_beyond_their_room_is_in_the_next_turn(void **state) {
    (void)state;
    for (uint64_t i = 0; i < COL_TREE_LEAVES_MAX + 5; i++) {
        assert_true(put_reply(0, 1, i, (col_bytes){0}));
    }
    assert_true(put(0, 1, (col_bytes){0}));  // behind them
    assert_true(put(1, 1, (col_bytes){0}));
    assert_int_equal(poll_once(), COL_TREE_LEAVES_MAX + 1);
    assert_int_equal(poll_once(), 5 + 1);
    assert_int_equal(poll_once(), 0);
    assert_int_equal(col_counter_read(&counters.messages), 2);
}

static void a_turn_with_macs_alone_makes_no_signature(void **state) {
    (void)state;
    assert_true(put_reply(0, 1, 1, (col_bytes){0}));
    assert_int_equal(poll_once(), 1);
    assert_int_equal(egress.count, 1);
    assert_int_equal(col_counter_read(&counters.signatures), 0);
    assert_int_equal(col_counter_read(&counters.sign_calls), 0);
}

/// Records of the one kind where records of the other kind stood.
static void a_message_to_be_signed_is_not_mistaken_for_one_with_macs(void **state) {
    (void)state;
    const uint64_t rounds = ring[0].size / (COL_TREE_LEAVES_MAX * sizeof(col_seal_job)) + 1;
    for (uint64_t i = 0; i < 2 * rounds; i++) {
        for (uint64_t k = 0; k < COL_TREE_LEAVES_MAX; k++) {
            assert_true(i < rounds ? put_reply(0, 1, k, (col_bytes){0})
                                   : put(0, k, (col_bytes){0}));
        }
        egress.count = 0;
        assert_int_equal(poll_once(), COL_TREE_LEAVES_MAX);
    }
    assert_int_equal(col_counter_read(&counters.messages), rounds * COL_TREE_LEAVES_MAX);
}

#define VOTES 300

/// Votes that came back sealed, by the ring (here: the pillar) that they were put into.
static uint64_t sealed_of[RINGS];

static void expect_next(void *context, const col_header *header, col_seal seal) {
    (void)context;
    assert_int_equal(header->sequence, ++sealed_of[header->pillar]);
    assert_true(seal.length > 0);
}

static void *put_votes(void *argument) {
    const int which = (int)((col_ring *)argument - ring);
    for (uint64_t i = 1; i <= VOTES;) {
        const col_header header = {.type = COL_PREPARE,
                                   .pillar = (uint8_t)which,
                                   .sequence = i,
                                   .digest.byte = {(uint8_t)i}};
        if (col_seal_job_put(argument, &header, (col_bytes){0}, (col_destination){0})) {
            i++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void producers_on_other_threads_get_every_vote_sealed_in_order(void **state) {
    (void)state;
    col_sealer_options options =
        test_sealer_options(&cluster, COL_ROLE_REPLICA, 0, &egress, &counters);
    options.sealed = expect_next;
    col_sealer *own = col_sealer_create(&arena, &options);
    col_signer pool;
    col_signer_init(&pool, "signer 1", own);
    pthread_t thread[RINGS];
    for (int i = 0; i < RINGS; i++) {
        sealed_of[i] = 0;
        col_ring_init(&ring[i], &arena, 4096, NULL);  // so small that producers wait for room
        col_signer_add(&pool, &ring[i]);
        assert_int_equal(pthread_create(&thread[i], NULL, put_votes, &ring[i]), 0);
    }
    for (uint32_t taken = 0; taken < RINGS * VOTES;) taken += pool.stage.poll(&pool.stage, 0, 1);
    for (int i = 0; i < RINGS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(sealed_of[i], VOTES);
    }
    col_sealer_destroy(own);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_jobs_a_turn_does_nothing),
        TEST(one_message_waiting_is_signed_in_the_next_turn),
        TEST(many_waiting_in_all_rings_share_one_signature),
        TEST(a_ring_that_fills_trees_does_not_starve_the_others),
        TEST(a_message_that_does_not_fit_this_tree_is_in_the_next),
        TEST(a_full_ring_refuses_and_takes_again_after_a_turn),
        TEST(what_was_put_in_is_what_the_receiver_opens),
        TEST(keys_travel_with_their_messages),
        TEST(a_record_takes_the_room_that_it_says),
        TEST(what_waits_for_macs_beyond_their_room_is_in_the_next_turn),
        TEST(a_turn_with_macs_alone_makes_no_signature),
        TEST(a_message_to_be_signed_is_not_mistaken_for_one_with_macs),
        TEST(producers_on_other_threads_get_every_vote_sealed_in_order),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
