// SPDX-License-Identifier: Apache-2.0
#include "crypto/sealer.h"

#include "src/wire/reassembly.h"
#include "tests/unit/crypto/support.h"

static test_cluster cluster;
static col_arena arena;
static test_egress egress;
static col_sealer *sealer;
static col_sealer_counters counters;
static col_opener *opener;
static col_opener_counters opener_counters;

#define ARENA_BYTES ((size_t)64 << 20)
#define LANES 4
#define EVERYBODY 0xf

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

/// A sealer of replica 1 for datagrams of this size, and an opener.
static void begin_with(uint32_t lanes, uint32_t datagram_bytes, col_sealed_fn *sealed,
                       void *context) {
    static col_backend backend;
    backend = counted_backend;
    backend.lanes = lanes;
    assert_ok(col_arena_open(&arena, ARENA_BYTES));
    test_egress_init(&egress, datagram_bytes);
    memset(&counters, 0, sizeof counters);
    memset(&opener_counters, 0, sizeof opener_counters);
    col_sealer_options options =
        test_sealer_options(&cluster, COL_ROLE_REPLICA, 1, &egress, &counters);
    options.backend = &backend;
    options.sealed = sealed;
    options.sealed_context = context;
    sealer = col_sealer_create(&arena, &options);
    opener = col_opener_create(&arena, &counted_backend, cluster.hasher, &cluster.keyring,
                               col_root_cache_create(&arena, 64), &opener_counters);
}

static void begin(uint32_t datagram_bytes, col_sealed_fn *sealed, void *context) {
    begin_with(1, datagram_bytes, sealed, context);
}

static void end(void) {
    col_sealer_destroy(sealer);
    col_opener_destroy(opener);
    col_arena_close(&arena);
}

static col_header header_of(uint8_t type, uint8_t pillar, uint64_t sequence) {
    return (col_header){.type = type, .pillar = pillar, .view = 5, .sequence = sequence};
}

static const col_destination everybody = {.replicas = EVERYBODY};

static bool add(uint8_t type, uint8_t pillar, uint64_t sequence, col_bytes body,
                col_destination to) {
    const col_header header = header_of(type, pillar, sequence);
    return col_sealer_add(sealer, &header, body, to);
}

static col_bundle bundle_of(uint32_t which) {
    col_bundle bundle;
    assert_int_equal(col_bundle_parse(sent_bytes(&egress, which), &bundle), COL_DROP_NONE);
    return bundle;
}

static void nothing_waiting_is_neither_signed_nor_sent(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 0);
    assert_int_equal(col_counter_read(&counters.signatures), 0);
    end();
}

static void one_message_goes_to_each_other_replica_at_its_pillars_port(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    assert_true(add(COL_PREPARE, 3, 7, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 3);
    const uint32_t others[] = {0, 2, 3};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(egress.sent[i].to.address, 0x0a000000 + others[i]);
        assert_int_equal(egress.sent[i].to.port, 7003);
        assert_int_equal(egress.sent[i].length, egress.sent[0].length);
        assert_memory_equal(egress.sent[i].bytes, egress.sent[0].bytes, egress.sent[0].length);
        assert_int_equal(bundle_of(i).pillar, 3);
    }
    assert_int_equal(col_counter_read(&counters.messages), 1);
    assert_int_equal(col_counter_read(&counters.signatures), 1);
    assert_int_equal(col_counter_read(&counters.sign_calls), 1);
    assert_int_equal(col_counter_read(&counters.datagrams), 3);
    assert_int_equal(col_counter_read(&counters.bytes), 3 * egress.sent[0].length);
    end();
}

static void messages_of_one_pillar_share_a_datagram_and_those_of_another_do_not(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    const uint32_t calls = counted_sign_calls;
    for (uint64_t i = 0; i < 6; i++) {
        assert_true(add(COL_COMMIT, (uint8_t)(i % 2), i, (col_bytes){0}, everybody));
    }
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 2 * 3);
    assert_int_equal(counted_sign_calls, calls + 1);
    for (uint32_t i = 0; i < 6; i++) {
        const col_bundle bundle = bundle_of(i);
        assert_int_equal(bundle.entries, 3);
        assert_int_equal(bundle.leaves, 6);
        assert_int_equal(egress.sent[i].to.port, 7000 + bundle.pillar);
    }
    end();
}

static void messages_to_overlapping_sets_of_replicas_share_datagrams_where_they_meet(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    assert_true(add(COL_STATUS, 0, 1, (col_bytes){0}, (col_destination){.replicas = 1 | 4}));
    assert_true(add(COL_STATUS, 0, 2, (col_bytes){0}, (col_destination){.replicas = 1 | 8}));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const bool both = egress.sent[i].to.address == 0x0a000000;
        assert_int_equal(bundle_of(i).entries, both ? 2 : 1);
    }
    end();
}

static void a_client_gets_its_messages_of_all_pillars_in_one_datagram(void **state) {
    (void)state;
    begin(8972, NULL, NULL);
    const uint8_t result[20] = {1};
    for (uint32_t i = 0; i < 256; i++) {
        const col_destination client = {.client = {0x0b000000 + i % 8, 9000}};
        assert_true(add(COL_REPLY, (uint8_t)(i / 8 % 4), i, (col_bytes){result, 20}, client));
    }
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        const col_bundle bundle = bundle_of(i);
        assert_int_equal(bundle.entries, 32);
        assert_int_equal(bundle.siblings, 3);  // its 32 leaves are neighbours
        assert_int_equal(egress.sent[i].to.address, 0x0b000000 + i);
    }
    end();
}

typedef struct {
    uint32_t count;
    col_header header[8];
    uint8_t seal[8][COL_SEAL_BYTES_MAX];
    size_t length[8];
} kept_seals;

static void keep_seal(void *context, const col_header *header, col_seal seal) {
    kept_seals *kept = context;
    assert_true(kept->count < 8);
    kept->header[kept->count] = *header;
    kept->length[kept->count] = seal.length;
    memcpy(kept->seal[kept->count++], seal.at, seal.length);
}

static void a_message_for_nobody_else_is_sealed_and_reported_but_not_sent(void **state) {
    (void)state;
    static kept_seals kept;
    begin(1472, keep_seal, &kept);
    const uint8_t types[] = {COL_PREPARE, COL_COMMIT, COL_CHECKPOINT, COL_PRE_PREPARE};
    for (uint32_t i = 0; i < 4; i++) {
        col_header header = header_of(types[i], 2, i);
        memset(header.digest.byte, (int)i, 32);
        assert_true(col_sealer_add(sealer, &header, (col_bytes){0},
                                   (col_destination){.replicas = i == 0 ? 0 : 1 << 1}));
    }
    assert_true(add(COL_STATUS, 0, 9, (col_bytes){(const uint8_t *)"status", 6}, everybody));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 3);
    assert_int_equal(kept.count, 3);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < 3; i++) {
        seen |= UINT32_C(1) << kept.header[i].type;
        assert_int_equal(kept.header[i].sender, 1);
        assert_int_equal(kept.header[i].fragments, 1);
        assert_int_equal(
            col_seal_check(opener, &kept.header[i], (col_seal){kept.seal[i], kept.length[i]}),
            COL_DROP_NONE);
    }
    assert_int_equal(seen, 1 << COL_PREPARE | 1 << COL_COMMIT | 1 << COL_CHECKPOINT);
    end();
}

static void a_full_tree_takes_no_more_until_it_was_flushed(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    for (uint32_t i = 0; i < COL_TREE_LEAVES_MAX; i++) {
        assert_true(add(COL_COMMIT, 0, i, (col_bytes){0}, everybody));
    }
    assert_false(add(COL_COMMIT, 0, 1000, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_true(add(COL_COMMIT, 0, 1000, (col_bytes){0}, everybody));
    end();
}

static void trees_are_filled_one_after_the_other_and_signed_in_one_call(void **state) {
    (void)state;
    begin_with(LANES, 1472, NULL, NULL);
    const uint32_t calls = counted_sign_calls;
    for (uint32_t trees = 1; trees <= LANES; trees++) {
        const uint32_t messages = trees * COL_TREE_LEAVES_MAX - 1;
        const uint64_t before = col_counter_read(&counters.messages);
        egress.count = 0;
        for (uint32_t i = 0; i < messages; i++) {
            assert_true(add(COL_COMMIT, 0, i, (col_bytes){0}, (col_destination){.replicas = 1}));
        }
        col_sealer_flush(sealer);
        assert_int_equal(counted_sign_calls, calls + trees);
        assert_int_equal(col_counter_read(&counters.sign_calls), trees);
        assert_int_equal(col_counter_read(&counters.signatures), trees * (trees + 1) / 2);
        assert_int_equal(col_counter_read(&counters.messages), before + messages);
        const uint32_t first = bundle_of(0).leaves;
        const uint32_t last = bundle_of(egress.count - 1).leaves;
        assert_int_equal(first, trees > 1 ? COL_TREE_LEAVES_MAX : messages);
        assert_int_equal(last, COL_TREE_LEAVES_MAX - 1);
    }
    for (uint32_t i = 0; i < LANES * COL_TREE_LEAVES_MAX; i++) {
        assert_true(add(COL_COMMIT, 0, i, (col_bytes){0}, everybody));
    }
    assert_false(add(COL_COMMIT, 0, 1000, (col_bytes){0}, everybody));
    end();
}

static void a_largest_message_is_refused_by_a_crowded_tree_and_fits_an_empty_one(void **state) {
    (void)state;
    static uint8_t body[COL_MESSAGE_BYTES_MAX];
    begin(1472, NULL, NULL);
    const col_bytes largest = {body, sizeof body};
    assert_true(add(COL_BATCH, 0, 1, largest, everybody));
    assert_false(add(COL_BATCH, 0, 2, largest, everybody));  // 152 leaves each
    col_sealer_flush(sealer);
    assert_true(add(COL_BATCH, 0, 2, largest, everybody));
    end();

    begin(8972, NULL, NULL);  // few fragments: the room for bodies is the bound
    for (uint32_t i = 0; i < 8; i++) assert_true(add(COL_BATCH, 0, i, largest, everybody));
    assert_false(add(COL_BATCH, 0, 8, largest, everybody));
    assert_false(add(COL_STATUS, 0, 8, (col_bytes){body, 1}, everybody));
    assert_true(add(COL_COMMIT, 0, 8, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_true(add(COL_BATCH, 0, 8, largest, everybody));
    end();
}

/// Takes what is opened and puts it together: what a receiver does.
typedef struct {
    col_reassembly *reassembly;
    uint32_t whole;
    uint32_t fragments;
    uint32_t fragment_bytes[COL_FRAGMENTS_MAX];
    const uint8_t *expected;
    size_t length;
} receiver;

static void receive(void *context, const col_opened *opened) {
    receiver *self = context;
    const col_message *message = &opened->verified.message;
    if (message->header.fragments == 1) return;
    col_verified whole;
    bool complete = false;
    self->fragments++;
    self->fragment_bytes[message->header.fragment] = (uint32_t)message->bytes.length;
    assert_int_equal(
        col_reassembly_add(self->reassembly, cluster.hasher, &opened->verified, &whole, &complete),
        COL_DROP_NONE);
    if (!complete) return;
    self->whole++;
    assert_int_equal(whole.message.bytes.length, self->length);
    assert_memory_equal(whole.message.bytes.at, self->expected, self->length);
}

static void open_all_for(col_endpoint to, receiver *self) {
    for (uint32_t i = 0; i < egress.count; i++) {
        if (egress.sent[i].to.address != to.address || egress.sent[i].to.port != to.port) continue;
        assert_true(egress.sent[i].length <= egress.egress.datagram_bytes);
        const col_bytes bytes = sent_bytes(&egress, i);
        col_drop drop;
        col_open_burst(opener, &bytes, 1, &drop, receive, self);
        assert_int_equal(drop, COL_DROP_NONE);
    }
}

static void a_large_message_arrives_whole_from_fragments_that_fit_their_datagrams(void **state) {
    (void)state;
    static uint8_t body[COL_MESSAGE_BYTES_MAX];
    random_fill(body, sizeof body);
    const uint32_t sizes[] = {1472, 3000, 8972};
    const size_t lengths[] = {1472, 9000, 40000, COL_MESSAGE_BYTES_MAX};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (lengths[k] < sizes[i]) continue;
            begin(sizes[i], NULL, NULL);
            assert_true(add(COL_COMMIT, 2, 1, (col_bytes){0}, everybody));
            assert_true(add(COL_BATCH, 2, 1, (col_bytes){body, lengths[k]}, everybody));
            col_sealer_flush(sealer);
            receiver self = {
                .reassembly = col_reassembly_create(&arena, 4, 2, COL_MESSAGE_BYTES_MAX),
                .expected = body,
                .length = lengths[k]};
            open_all_for((col_endpoint){0x0a000003, 7002}, &self);
            assert_int_equal(self.whole, 1);
            assert_true(self.fragments >= 2);
            end();
        }
    }
}

static void a_message_is_cut_the_same_whatever_else_is_in_the_tree(void **state) {
    (void)state;
    static uint8_t body[20000];
    uint32_t alone[COL_FRAGMENTS_MAX] = {0};
    for (uint32_t others = 0; others < 200; others += 66) {
        begin(1472, NULL, NULL);
        for (uint32_t i = 0; i < others; i++) {
            assert_true(add(COL_COMMIT, 1, i, (col_bytes){0}, everybody));
        }
        assert_true(add(COL_BATCH, 1, 1, (col_bytes){body, sizeof body}, everybody));
        col_sealer_flush(sealer);
        receiver self = {.reassembly = col_reassembly_create(&arena, 4, 2, COL_MESSAGE_BYTES_MAX),
                         .expected = body,
                         .length = sizeof body};
        open_all_for((col_endpoint){0x0a000000, 7001}, &self);
        assert_int_equal(self.whole, 1);
        if (others == 0) memcpy(alone, self.fragment_bytes, sizeof alone);
        assert_memory_equal(alone, self.fragment_bytes, sizeof alone);
        end();
    }
}

static void without_room_for_datagrams_they_are_lost_and_later_ones_are_not(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    egress.full = true;
    assert_true(add(COL_COMMIT, 0, 1, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 0);
    assert_int_equal(col_counter_read(&counters.datagrams), 0);
    egress.full = false;
    assert_true(add(COL_COMMIT, 0, 2, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 3);
    end();
}

/// Bit `sequence` of what one receiver got.
typedef struct {
    uint64_t got[LANES * COL_TREE_LEAVES_MAX / 64];
} got_set;

static void note(void *context, const col_opened *opened) {
    got_set *self = context;
    const uint64_t sequence = opened->verified.message.header.sequence;
    assert_true(sequence < LANES * COL_TREE_LEAVES_MAX);
    assert_false(self->got[sequence / 64] >> (sequence % 64) & 1);
    self->got[sequence / 64] |= UINT64_C(1) << (sequence % 64);
}

static void every_receiver_gets_exactly_what_was_meant_for_it(void **state) {
    (void)state;
    static const uint8_t body[400];
    for (int round = 0; round < 20; round++) {
        const uint32_t lanes = round & 2 ? LANES : 1;
        begin_with(lanes, round & 1 ? 1472 : 8972, NULL, NULL);
        static got_set expected[REPLICAS + 3][4];  // per receiver and pillar
        static got_set got[REPLICAS + 3][4];
        memset(expected, 0, sizeof expected);
        memset(got, 0, sizeof got);
        const uint32_t messages = 1 + random_below(lanes * COL_TREE_LEAVES_MAX);
        for (uint32_t i = 0; i < messages; i++) {
            const uint8_t pillar = (uint8_t)random_below(4);
            const uint32_t client = random_below(3);
            col_destination to = {.replicas = random_below(16)};
            if (to.replicas == 0) to.client = (col_endpoint){0x0b000000, (uint16_t)(100 + client)};
            assert_true(add(COL_FORWARD, pillar, i, (col_bytes){body, random_below(400)}, to));
            const uint64_t bit = UINT64_C(1) << (i % 64);
            for (uint32_t r = 0; r < REPLICAS; r++) {
                if (r != 1 && (to.replicas >> r & 1)) expected[r][pillar].got[i / 64] |= bit;
            }
            if (to.replicas == 0) expected[REPLICAS + client][0].got[i / 64] |= bit;
        }
        col_sealer_flush(sealer);
        for (uint32_t i = 0; i < egress.count; i++) {
            const col_endpoint to = egress.sent[i].to;
            const bool client = to.address == 0x0b000000;
            got_set *at = client ? &got[REPLICAS + to.port - 100][0]
                                 : &got[to.address - 0x0a000000][to.port - 7000];
            const col_bytes bytes = sent_bytes(&egress, i);
            assert_true(bytes.length <= egress.egress.datagram_bytes);
            col_drop drop;
            col_open_burst(opener, &bytes, 1, &drop, note, at);
            assert_int_equal(drop, COL_DROP_NONE);
        }
        assert_memory_equal(got, expected, sizeof got);
        end();
    }
}

static void datagrams_are_filled_before_another_is_begun(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(add(COL_COMMIT, 0, i, (col_bytes){0}, (col_destination){.replicas = 1}));
    }
    col_sealer_flush(sealer);
    const size_t entry = COL_ENTRY_HEADER_BYTES + 32;
    for (uint32_t i = 0; i + 1 < egress.count; i++) {
        // one more entry with one more path did not fit
        assert_true(egress.sent[i].length + entry + 32 * COL_TREE_DEPTH_MAX > 1472);
    }
    assert_in_range(egress.count, 6, 7);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waiting_is_neither_signed_nor_sent),
        cmocka_unit_test(one_message_goes_to_each_other_replica_at_its_pillars_port),
        cmocka_unit_test(messages_of_one_pillar_share_a_datagram_and_those_of_another_do_not),
        cmocka_unit_test(messages_to_overlapping_sets_of_replicas_share_datagrams_where_they_meet),
        cmocka_unit_test(a_client_gets_its_messages_of_all_pillars_in_one_datagram),
        cmocka_unit_test(a_message_for_nobody_else_is_sealed_and_reported_but_not_sent),
        cmocka_unit_test(a_full_tree_takes_no_more_until_it_was_flushed),
        cmocka_unit_test(trees_are_filled_one_after_the_other_and_signed_in_one_call),
        cmocka_unit_test(a_largest_message_is_refused_by_a_crowded_tree_and_fits_an_empty_one),
        cmocka_unit_test(a_large_message_arrives_whole_from_fragments_that_fit_their_datagrams),
        cmocka_unit_test(a_message_is_cut_the_same_whatever_else_is_in_the_tree),
        cmocka_unit_test(without_room_for_datagrams_they_are_lost_and_later_ones_are_not),
        cmocka_unit_test(every_receiver_gets_exactly_what_was_meant_for_it),
        cmocka_unit_test(datagrams_are_filled_before_another_is_begun),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
