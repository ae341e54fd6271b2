// SPDX-License-Identifier: Apache-2.0
// Known bugs of earlier systems, numbered; a test's name says what must not happen here.
#include "pillars/batch_check.h"
#include "tests/unit/crypto/support.h"
#include "tests/unit/pillars/cluster.h"

#define SECOND (1000 * MS)
#define SEALS_MAX 8

// Real keys and seals, for what only cryptography prevents

static test_cluster keys;
static col_arena arena;
static test_egress egress;
static col_sealer *sealer;  // of replica 1
static col_opener *opener;
static col_sealer_counters sealer_counters;
static col_opener_counters opener_counters;

typedef struct {
    col_header header;
    uint8_t bytes[COL_SEAL_BYTES_MAX];
    col_seal seal;
} kept_seal;

static kept_seal kept[SEALS_MAX];
static uint32_t kept_count;

static void keep_seal(void *context, const col_header *header, col_seal seal) {
    (void)context;
    assert_true(kept_count < SEALS_MAX);
    kept_seal *place = &kept[kept_count++];
    place->header = *header;
    memcpy(place->bytes, seal.at, seal.length);
    place->seal = (col_seal){place->bytes, seal.length};
}

static int open_keys(void **state) {
    (void)state;
    test_cluster_open(&keys);
    assert_ok(col_arena_open(&arena, (size_t)64 << 20));
    test_egress_init(&egress, COL_DATAGRAM_BYTES_MIN);
    col_sealer_options options =
        test_sealer_options(&keys, COL_ROLE_REPLICA, 1, &egress, &sealer_counters);
    options.sealed = keep_seal;
    sealer = col_sealer_create(&arena, &options);
    opener = col_opener_create(&arena, &counted_backend, keys.hasher, &keys.keyring,
                               col_root_cache_create(&arena, 64), &opener_counters);
    return 0;
}

static int close_keys(void **state) {
    (void)state;
    col_sealer_destroy(sealer);
    col_opener_destroy(opener);
    col_arena_close(&arena);
    test_cluster_close(&keys);
    return 0;
}

/// A vote of replica 1, as sealed; its datagram is the egress's only one.
static kept_seal sealed_vote(uint8_t type) {
    const col_header header = {
        .type = type, .pillar = 1, .run = 2, .view = 5, .sequence = 9, .digest = {{0xD1}}};
    kept_count = 0;
    egress.count = 0;
    assert_true(
        col_sealer_add(sealer, &header, (col_bytes){0}, (col_destination){.replicas = 1 << 0}));
    col_sealer_flush(sealer);
    assert_int_equal(kept_count, 1);
    assert_int_equal(egress.count, 1);
    return kept[0];
}

static bool proves(const kept_seal *vote, const col_header *header) {
    return col_seal_check(opener, header, (col_seal){vote->bytes, vote->seal.length}) ==
           COL_DROP_NONE;
}

static void count_opened(void *context, const col_opened *opened) {
    (void)opened;
    ++*(uint32_t *)context;
}

/// Messages that a datagram yields.
static uint32_t open_datagram(const uint8_t *bytes, uint32_t length, col_drop *drop) {
    uint32_t messages = 0;
    const col_bytes datagram = {bytes, length};
    col_open_burst(opener, &datagram, 1, drop, count_opened, &messages);
    return messages;
}

static void bug_01_a_signed_prepare_is_no_commit_nor_for_another_slot_view_pillar_or_cluster(
    void **state) {
    (void)state;
    const kept_seal vote = sealed_vote(COL_PREPARE);
    assert_true(proves(&vote, &vote.header));
    for (uint32_t field = 0; field < 7; field++) {
        col_header other = vote.header;
        if (field == 0) other.type = COL_COMMIT;
        if (field == 1) other.sequence++;
        if (field == 2) other.view++;
        if (field == 3) other.pillar++;
        if (field == 4) other.run = 0;
        if (field == 5) other.digest.byte[31] ^= 1;
        if (field == 6) other.type = COL_PRE_PREPARE;
        assert_false(proves(&vote, &other));
    }
    keys.keyring.cluster.byte[20] ^= 1;
    assert_false(proves(&vote, &vote.header));
    keys.keyring.cluster.byte[20] ^= 1;
    assert_true(proves(&vote, &vote.header));
}

static void bug_01_no_bit_of_a_sealed_vote_on_the_wire_can_be_changed(void **state) {
    (void)state;
    (void)sealed_vote(COL_PREPARE);
    const uint32_t length = egress.sent[0].length;
    col_drop drop;
    assert_int_equal(open_datagram(egress.sent[0].bytes, length, &drop), 1);
    for (uint32_t i = 0; i < length; i++) {
        if (i == COL_BUNDLE_PILLAR_OFFSET) continue;  // where to dispatch; the entry names its own
        egress.sent[0].bytes[i] ^= 1;
        assert_int_equal(open_datagram(egress.sent[0].bytes, length, &drop), 0);
        assert_int_not_equal(drop, COL_DROP_NONE);
        egress.sent[0].bytes[i] ^= 1;
    }
}

static void bug_02_a_vote_counts_for_its_signer_and_for_no_claimed_sender(void **state) {
    (void)state;
    const kept_seal vote = sealed_vote(COL_COMMIT);
    for (uint32_t claimed = 0; claimed < 4; claimed++) {
        col_header header = vote.header;
        header.sender = claimed;
        assert_int_equal(proves(&vote, &header), claimed == 1);
    }
    col_drop drop;
    egress.sent[0].bytes[8] = 3;  // the bundle's signer
    assert_int_equal(open_datagram(egress.sent[0].bytes, egress.sent[0].length, &drop), 0);
    assert_int_equal(drop, COL_DROP_BAD_SIGNATURE);
}

static void bug_02_a_certificate_with_anothers_seals_is_refused(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    uint8_t bytes[16384], room[COL_SEAL_BYTES_MAX];
    const col_header vote = vote_header(s, COL_COMMIT, 3, 1, &a.value);
    const col_seal seal = seal_of(&vote, room);
    col_fetched fetched = {
        .sequence = 1, .digest = a.value.digest, .seals = 3, .batch = batch_body(&a)};
    for (uint32_t i = 0; i < 3; i++) {
        fetched.seal[i].sender = i == 2 ? 3 : i;  // all three are replica 3's
        fetched.seal[i].seal = seal;
    }
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, &fetched);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    assert_int_equal(numbered_from(s, COL_FETCHED, 3, body), COL_DROP_BAD_SIGNATURE);
    subject_close(s);
}

static void bug_03_one_replica_supplies_one_vote_of_a_quorum(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    col_committed committed;
    (void)batch_from(s, 0, 1, &a);
    for (uint32_t i = 0; i < 5; i++) (void)prepare_from(s, 3, 1, &a.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    for (uint32_t i = 0; i < 5; i++) (void)commit_from(s, 3, 1, &a.value);
    (void)commit_from(s, 1, 1, &a.value);
    assert_false(next_committed(s, &committed));
    (void)commit_from(s, 0, 1, &a.value);
    assert_true(next_committed(s, &committed));
    subject_close(s);
}

static void bug_04_votes_for_different_digests_do_not_add_up(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a"), b = batch_of(&s->options, "b");
    const col_value run = null_run(1);
    col_committed committed;
    (void)batch_from(s, 0, 1, &a);
    (void)prepare_from(s, 1, 1, &a.value);
    (void)prepare_from(s, 3, 1, &b.value);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    (void)commit_from(s, 0, 1, &a.value);
    (void)commit_from(s, 1, 1, &b.value);
    (void)commit_from(s, 3, 1, &run);
    assert_false(next_committed(s, &committed));
    subject_close(s);
}

static void bug_05_the_primarys_own_prepare_does_not_count_towards_prepared(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    (void)propose_to(s, 1, &a);
    assert_int_equal(prepare_from(s, 0, 1, &a.value), COL_DROP_FROM_PRIMARY);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    subject_close(s);

    s = subject_open(primary_options());
    open_session(s, 1, 1, 10);
    (void)request_from(s, 1, 1, 1, "a");
    col_pbft_settle(s->pbft);
    const col_value own = {last_sent(s, COL_PRE_PREPARE)->header.digest, 0};
    (void)prepare_from(s, 1, 1, &own);
    assert_int_equal(count_sent(s, COL_COMMIT), 0);
    (void)prepare_from(s, 2, 1, &own);
    assert_int_equal(count_sent(s, COL_COMMIT), 1);
    subject_close(s);
}

static void digest_of_batch(uint64_t time_ns, const col_digest *request, uint32_t count,
                            col_digest *digest) {
    uint8_t input[COL_BATCH_DIGEST_BYTES(4)];
    col_batch_digest_input(time_ns, request, count, input);
    col_hash(keys.hasher, (col_bytes){input, COL_BATCH_DIGEST_BYTES(count)}, digest);
}

static void bug_10_no_batch_collides_with_a_request_or_another_batch(void **state) {
    (void)state;
    const col_digest request[4] = {{{1}}, {{2}}, {{2}}, {{1}}};
    col_digest digest[8];
    uint32_t count = 0;
    digest[count++] = request[0];  // a single request's own
    digest_of_batch(1, &request[0], 1, &digest[count++]);
    digest_of_batch(2, &request[0], 1, &digest[count++]);
    digest_of_batch(1, &request[0], 2, &digest[count++]);
    digest_of_batch(1, &request[2], 2, &digest[count++]);
    digest_of_batch(1, &request[0], 3, &digest[count++]);
    digest_of_batch(1, &request[0], 4, &digest[count++]);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) assert_false(col_digest_equal(&digest[i], &digest[j]));
    }
    uint8_t one[COL_BATCH_DIGEST_BYTES(1)], two[COL_BATCH_DIGEST_BYTES(2)];
    col_batch_digest_input(1, request, 1, one);
    col_batch_digest_input(1, request, 2, two);
    assert_memory_not_equal(one, two, sizeof one);  // the count stands before the digests
}

static void bug_12_a_primary_cannot_order_what_no_client_sealed(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    test_batch forged;
    batch_start(&forged, 0, WALL);
    forged.seal = SEAL_FORGED;
    batch_add_request(&forged, 1, 1, 1, "steal");
    batch_finish(&forged);
    (void)propose_to(s, 1, &forged);
    (void)fetched_from(s, 3, 1, &forged.value, 0, false, batch_body(&forged));
    assert_int_equal(count_sent(s, COL_PREPARE), 0);
    subject_close(s);
}

static void bug_12_a_replica_cannot_seal_a_request_for_a_client(void **state) {
    (void)state;
    uint8_t bytes[512];
    client_message message;
    make_request(&message, 1, 1, 5, 1, text("steal"));
    const col_message *inner = &message.verified.message;
    static const uint8_t signature[256];
    const col_bundle bundle = {.pillar = 1,
                               .role = COL_ROLE_REPLICA,
                               .scheme = COL_SCHEME_RSA,
                               .signer = 1,
                               .key_version = COL_KEY_VERSION,
                               .leaves = 1,
                               .entries = 1,
                               .cluster_tag = UINT64_C(0xc1c1c1c1c1c1c1c1),
                               .signature = {signature, sizeof signature}};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_bundle_write(&writer, &bundle);
    const col_entry entry = {.message = *inner};
    col_entry_write(&writer, &entry);
    assert_false(writer.failed);
    col_drop drop;
    const uint32_t length = (uint32_t)col_writer_used(&writer);
    assert_int_equal(open_datagram(bytes, length, &drop), 0);
    assert_int_equal(drop, COL_DROP_WRONG_ROLE);
}

static void bug_14_numbers_at_the_edges_of_the_window_and_absurd_ones(void **state) {
    (void)state;
    const uint8_t types[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT};
    for (uint32_t i = 0; i < sizeof types; i++) {
        subject *s = subject_open(backup_options());
        const test_batch a = batch_of(&s->options, "a");
        const uint32_t sender = types[i] == COL_PRE_PREPARE ? 0 : 1;
        executed(s, 8);
        stable(s, 1);
        const uint64_t low = 8, high = 24;
        const uint64_t outside[] = {
            1, low - 1, low, high + 1, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX - 1};
        for (uint32_t n = 0; n < sizeof outside / sizeof *outside; n++) {
            assert_int_equal(vote_from(s, types[i], sender, outside[n], &a.value),
                             COL_DROP_OUTSIDE_WINDOW);
        }
        const col_header zero = {.role = COL_ROLE_REPLICA, .type = types[i], .sender = sender};
        assert_int_equal(deliver(s, &zero, (col_bytes){0}), COL_DROP_WRONG_PILLAR);
        col_header largest = zero;
        largest.sequence = UINT64_MAX;
        assert_int_not_equal(deliver(s, &largest, (col_bytes){0}), COL_DROP_NONE);
        assert_int_equal(vote_from(s, types[i], sender, low + 1, &a.value), COL_DROP_NONE);
        assert_int_equal(vote_from(s, types[i], sender, high, &a.value), COL_DROP_NONE);
        subject_close(s);
    }
}

static void bug_14_absurd_numbers_in_status_fetch_and_fetched_cost_nothing(void **state) {
    (void)state;
    subject *s = subject_open(backup_options());
    const test_batch a = batch_of(&s->options, "a");
    const uint64_t absurd[] = {0, UINT64_C(1) << 63, UINT64_MAX - 31, UINT64_MAX};
    for (uint32_t i = 0; i < 4; i++) {
        const col_status status = {.executed = absurd[i], .stable = absurd[i], .asks = true};
        (void)status_from(s, 3, &status, NULL);
        (void)fetch_from(s, 3, absurd[i], 32);
        if (absurd[i] == 0) continue;
        assert_int_not_equal(fetched_from(s, 3, absurd[i], &a.value, 0xb, false, batch_body(&a)),
                             COL_DROP_NONE);
    }
    assert_int_equal(count_sent(s, COL_FETCHED) + count_sent(s, COL_COMMIT), 0);
    subject_close(s);
}

static void bug_17_a_client_that_restarts_is_not_taken_for_its_own_duplicate(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 8, 16);
    const uint64_t before = cluster_session(c, 1, 1, 10);
    for (uint64_t number = 1; number <= 3; number++) {
        cluster_request(c, ALL_REPLICAS, 1, before, number, "op");
    }
    const uint64_t after = cluster_session(c, 1, 1, 11);  // a newer clock gives a newer nonce
    assert_int_not_equal(after, before);
    cluster_request(c, ALL_REPLICAS, 1, after, 1, "op");
    assert_int_equal(c->node[0].operations, 4);
    assert_int_equal(c->node[0].results, 4);
    cluster_assert_even(c);
    cluster_close(c);
}

static void bug_19_idle_pillars_do_not_stop_execution(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < 2; mode++) {
        for (uint32_t busy = 0; busy < 8; busy++) {
            cluster *c = cluster_open(8, mode == 1, 4, 8);
            const uint64_t session = cluster_session(c, 1, busy, 10);
            for (uint64_t number = 1; number <= 20; number++) {
                cluster_request(c, ALL_REPLICAS, 1, session, number, "op");
                assert_int_equal(c->node[3].operations, number);  // and no timer was needed
            }
            cluster_close(c);
        }
    }
}

static void bug_20_checkpoint_digests_do_not_depend_on_how_a_table_came_about(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 4, 64);
    // More sessions than the table holds: evictions, reused places, colliding hashes. Replica 3
    // lives through it in one go, later.
    c->down = 1 << 3;
    for (uint64_t nonce = 1; nonce <= 6; nonce++) {
        for (uint32_t client = 0; client < 4; client++) {
            const uint64_t session = cluster_session(c, client, client % 2, nonce);
            cluster_request(c, ALL_REPLICAS, client, session, 1, "op");
            if (client == 2) cluster_request(c, ALL_REPLICAS, client, session, 2, "op");
        }
    }
    c->down = 0;
    (void)cluster_pass(c, 120 * SECOND);
    cluster_assert_even(c);
    assert_true(c->node[3].operations >= 24);
    for (uint32_t r = 0; r < 4; r++) {
        assert_true(col_word_read(&c->node[r].words.stable) >= 3);
    }
    cluster_close(c);
}

static void bug_27_old_requests_of_a_closed_session_do_not_run_again(void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 8, 16);
    const uint64_t old = cluster_session(c, 1, 0, 1);
    cluster_request(c, ALL_REPLICAS, 1, old, 1, "transfer");
    for (uint64_t nonce = 2; nonce <= 10; nonce++) (void)cluster_session(c, 1, 0, nonce);
    const uint32_t expired = c->node[0].expired;
    cluster_request(c, ALL_REPLICAS, 1, old, 1, "transfer");
    cluster_request(c, ALL_REPLICAS, 1, old, 2, "transfer");
    for (uint32_t r = 0; r < 4; r++) {
        assert_int_equal(c->node[r].operations, 1);
        assert_int_equal(c->node[r].expired, expired + 2);
    }
    cluster_close(c);
}

static void bug_27_two_clients_with_the_same_session_and_number_do_not_meet(void **state) {
    (void)state;
    cluster *c = cluster_open(1, false, 8, 16);
    const uint64_t session = cluster_session(c, 1, 0, 1);
    (void)cluster_session(c, 2, 0, 1);
    cluster_request(c, ALL_REPLICAS, 2, session, 1, "of client 2");
    assert_int_equal(c->node[0].operations, 0);
    cluster_request(c, ALL_REPLICAS, 1, session, 1, "of client 1");
    for (uint32_t r = 0; r < 4; r++) assert_int_equal(c->node[r].operations, 1);
    cluster_close(c);
}

static void bug_28_a_client_that_never_sends_number_1_hurts_only_itself(void **state) {
    (void)state;
    cluster *c = cluster_open(2, false, 8, 16);
    const uint64_t gap = cluster_session(c, 1, 1, 1), other = cluster_session(c, 2, 1, 1);
    cluster_request(c, ALL_REPLICAS, 1, gap, 2, "op");
    for (uint64_t number = 1; number <= 10; number++) {
        cluster_request(c, ALL_REPLICAS, 2, other, number, "op");
    }
    assert_int_equal(c->node[0].operations, 10);
    (void)cluster_pass(c, 600 * SECOND);
    // Nobody waits for it: once all know that, they are silent, however often it repeats itself.
    for (uint32_t i = 0; i < 5; i++) cluster_request(c, ALL_REPLICAS, 1, gap, 2, "op");
    (void)cluster_pass(c, 600 * SECOND);
    const uint32_t sent = cluster_sent_all(c);
    assert_true(cluster_pass(c, 3600 * SECOND));
    assert_int_equal(cluster_sent_all(c), sent);
    cluster_assert_even(c);
    cluster_close(c);
}

static void bug_29_two_idle_pillars_do_not_chase_each_other_with_null_runs(void **state) {
    (void)state;
    for (uint32_t pillars = 2; pillars <= 8; pillars++) {
        cluster *c = cluster_open(pillars, false, 64, 128);
        const uint64_t session = cluster_session(c, 1, 1, 10);
        cluster_request(c, ALL_REPLICAS, 1, session, 1, "op");
        (void)cluster_pass(c, 60 * SECOND);
        uint64_t highest = 0;
        for (uint32_t k = 0; k < pillars; k++) {
            col_pbft_figures figures;
            col_pbft_figures_read(c->node[0].pillar[k].pillar.pbft, &figures);
            if (figures.highest > highest) highest = figures.highest;
        }
        assert_true(highest <= 2 + 2);  // two batches, and what idle pillars go ahead of them
        const uint32_t proposed = c->sent[COL_PRE_PREPARE];
        assert_true(cluster_pass(c, 3600 * SECOND));
        assert_int_equal(c->sent[COL_PRE_PREPARE], proposed);
        cluster_close(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            bug_01_a_signed_prepare_is_no_commit_nor_for_another_slot_view_pillar_or_cluster),
        cmocka_unit_test(bug_01_no_bit_of_a_sealed_vote_on_the_wire_can_be_changed),
        cmocka_unit_test(bug_02_a_vote_counts_for_its_signer_and_for_no_claimed_sender),
        cmocka_unit_test(bug_02_a_certificate_with_anothers_seals_is_refused),
        cmocka_unit_test(bug_03_one_replica_supplies_one_vote_of_a_quorum),
        cmocka_unit_test(bug_04_votes_for_different_digests_do_not_add_up),
        cmocka_unit_test(bug_05_the_primarys_own_prepare_does_not_count_towards_prepared),
        cmocka_unit_test(bug_10_no_batch_collides_with_a_request_or_another_batch),
        cmocka_unit_test(bug_12_a_primary_cannot_order_what_no_client_sealed),
        cmocka_unit_test(bug_12_a_replica_cannot_seal_a_request_for_a_client),
        cmocka_unit_test(bug_14_numbers_at_the_edges_of_the_window_and_absurd_ones),
        cmocka_unit_test(bug_14_absurd_numbers_in_status_fetch_and_fetched_cost_nothing),
        cmocka_unit_test(bug_17_a_client_that_restarts_is_not_taken_for_its_own_duplicate),
        cmocka_unit_test(bug_19_idle_pillars_do_not_stop_execution),
        cmocka_unit_test(bug_20_checkpoint_digests_do_not_depend_on_how_a_table_came_about),
        cmocka_unit_test(bug_27_old_requests_of_a_closed_session_do_not_run_again),
        cmocka_unit_test(bug_27_two_clients_with_the_same_session_and_number_do_not_meet),
        cmocka_unit_test(bug_28_a_client_that_never_sends_number_1_hurts_only_itself),
        cmocka_unit_test(bug_29_two_idle_pillars_do_not_chase_each_other_with_null_runs),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
