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
static col_macs *macs;

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

/// A sealer for datagrams of this size, and an opener.
static void begin_as(uint8_t role, uint32_t lanes, uint32_t datagram_bytes, col_sealed_fn *sealed,
                     void *context) {
    static col_backend backend;
    backend = counted_backend;
    backend.lanes = lanes;
    assert_ok(col_arena_open(&arena, ARENA_BYTES));
    test_egress_init(&egress, datagram_bytes);
    memset(&counters, 0, sizeof counters);
    memset(&opener_counters, 0, sizeof opener_counters);
    col_sealer_options options = test_sealer_options(&cluster, role, 1, &egress, &counters);
    macs = col_macs_create();
    options.macs = macs;
    options.backend = &backend;
    options.sealed = sealed;
    options.sealed_context = context;
    sealer = col_sealer_create(&arena, &options);
    opener = col_opener_create(&arena, &counted_backend, cluster.hasher, &cluster.keyring,
                               col_root_cache_create(&arena, 64), &opener_counters);
}

/// A sealer of replica 1.
static void begin_with(uint32_t lanes, uint32_t datagram_bytes, col_sealed_fn *sealed,
                       void *context) {
    begin_as(COL_ROLE_REPLICA, lanes, datagram_bytes, sealed, context);
}

static void begin(uint32_t datagram_bytes, col_sealed_fn *sealed, void *context) {
    begin_with(1, datagram_bytes, sealed, context);
}

static void end(void) {
    col_sealer_destroy(sealer);
    col_opener_destroy(opener);
    col_macs_destroy(macs);
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

static void seals_of_every_tree_are_reported(void **state) {
    (void)state;
    static kept_seals kept;
    const col_destination nobody = {0};
    begin_with(LANES, 1472, keep_seal, &kept);
    for (uint32_t i = 0; i < LANES * COL_TREE_LEAVES_MAX; i++) {
        const uint8_t type =
            i % COL_TREE_LEAVES_MAX == i / COL_TREE_LEAVES_MAX ? COL_COMMIT : COL_STATUS;
        assert_true(add(type, 0, i, (col_bytes){0}, nobody));
    }
    col_sealer_flush(sealer);
    assert_int_equal(kept.count, LANES);
    for (uint32_t i = 0; i < LANES; i++) {
        assert_int_equal(kept.header[i].sequence, i * (COL_TREE_LEAVES_MAX + 1));
        assert_int_equal(
            col_seal_check(opener, &kept.header[i], (col_seal){kept.seal[i], kept.length[i]}),
            COL_DROP_NONE);
    }
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

// MACs: client 1, or replica 1 for it.

#define SESSION 3

static void begin_client(uint32_t datagram_bytes) {
    begin_as(COL_ROLE_CLIENT, 1, datagram_bytes, NULL, NULL);
}

/// A request of `session` to these replicas, with MACs for all.
static bool add_request(uint32_t session, uint64_t number, col_bytes body, uint32_t replicas) {
    col_mac_key key[REPLICAS];
    const col_link_seal link = test_client_link(session, key);
    const bool added =
        add(COL_REQUEST, 2, number, body, (col_destination){.replicas = replicas, .link = &link});
    memset(key, 0xee, sizeof key);  // they were borrowed for the call
    return added;
}

/// A reply of replica 1 to the client of `session`.
static bool add_reply(uint32_t session, uint64_t number, col_bytes body, uint16_t port) {
    col_mac_key key;
    const col_link_seal link = test_replica_link(session, 1, &key);
    const col_destination to = {.client = {0x0b000001, port}, .link = &link};
    const bool added = add(COL_REPLY, 2, number, body, to);
    memset(&key, 0xee, sizeof key);
    return added;
}

/// Open every datagram that replica `self` got, with its own keys. @return how many
static uint32_t opened_by(uint32_t self, col_open_fn *handle, void *context) {
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, self);
    uint32_t opened = 0;
    for (uint32_t i = 0; i < egress.count; i++) {
        if (egress.sent[i].to.address != 0x0a000000 + self) continue;
        const col_bytes bytes = sent_bytes(&egress, i);
        col_drop drop;
        col_open_burst(opener, &bytes, 1, &drop, handle, context);
        assert_int_equal(drop, COL_DROP_NONE);
        opened++;
    }
    return opened;
}

static void a_request_with_macs_is_sealed_for_each_replica_and_not_signed(void **state) {
    (void)state;
    begin_client(1472);
    const uint32_t calls = counted_sign_calls;
    assert_true(add_request(SESSION, 7, (col_bytes){(const uint8_t *)"op", 2}, EVERYBODY));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, REPLICAS);
    for (uint32_t r = 0; r < REPLICAS; r++) {
        const col_bundle bundle = bundle_of(r);
        assert_int_equal(bundle.scheme, COL_SCHEME_HMAC);
        assert_int_equal(bundle.role, COL_ROLE_CLIENT);
        assert_int_equal(bundle.signer, 1);
        assert_int_equal(bundle.key_version, SESSION);
        assert_int_equal(bundle.signature.length, REPLICAS * COL_MAC_BYTES);
        assert_int_equal(egress.sent[r].to.address, 0x0a000000 + r);
        assert_int_equal(egress.sent[r].to.port, 7002);
        assert_memory_equal(egress.sent[r].bytes, egress.sent[0].bytes, egress.sent[0].length);
        got_set got = {0};
        assert_int_equal(opened_by(r, note, &got), 1);
        assert_int_equal(got.got[0], 1 << 7);
    }
    assert_int_equal(counted_sign_calls, calls);
    assert_int_equal(col_counter_read(&counters.macs), REPLICAS);
    assert_int_equal(col_counter_read(&counters.signatures), 0);
    assert_int_equal(col_counter_read(&counters.datagrams), REPLICAS);
    end();
}

static void each_datagram_of_a_session_is_a_tree_of_its_own(void **state) {
    (void)state;
    static const uint8_t body[100];
    begin_client(1472);
    for (uint64_t i = 0; i < 60; i++) {
        assert_true(add_request(SESSION, i, (col_bytes){body, 100}, 1));
    }
    col_sealer_flush(sealer);
    assert_in_range(egress.count, 6, 12);
    uint32_t messages = 0;
    for (uint32_t i = 0; i < egress.count; i++) {
        const col_bundle bundle = bundle_of(i);
        assert_int_equal(bundle.entries, bundle.leaves);
        assert_int_equal(bundle.siblings, 0);
        messages += bundle.entries;
        if (i + 1 < egress.count) assert_true(egress.sent[i].length + 200 > 1472);  // it is full
    }
    assert_int_equal(messages, 60);
    got_set got = {0};
    assert_int_equal(opened_by(0, note, &got), egress.count);
    assert_int_equal(got.got[0], (UINT64_C(1) << 60) - 1);
    assert_int_equal(col_counter_read(&counters.macs), REPLICAS * egress.count);
    end();
}

static void sessions_do_not_share_datagrams_however_their_messages_came(void **state) {
    (void)state;
    begin_client(1472);
    for (uint64_t i = 0; i < 12; i++) {
        assert_true(add_request(1 + 2 * (uint32_t)(i % 3), i, (col_bytes){0}, 1));
    }
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bundle_of(i).entries, 4);
        assert_int_equal(bundle_of(i).key_version, 1 + 2 * i);
    }
    got_set got = {0};
    (void)opened_by(0, note, &got);
    assert_int_equal(got.got[0], (1 << 12) - 1);
    end();
}

static void receivers_get_no_datagram_with_others_messages_of_the_session(void **state) {
    (void)state;
    begin_client(1472);
    assert_true(add_request(SESSION, 0, (col_bytes){0}, 1 << 2));
    assert_true(add_request(SESSION, 1, (col_bytes){0}, 1 << 2));
    assert_true(add_request(SESSION, 2, (col_bytes){0}, EVERYBODY));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 1 + REPLICAS);
    for (uint32_t r = 0; r < REPLICAS; r++) {
        got_set got = {0};
        assert_int_equal(opened_by(r, note, &got), r == 2 ? 2 : 1);
        assert_int_equal(got.got[0], r == 2 ? 7 : 4);
    }
    end();
}

static void replies_have_one_mac_and_share_a_datagram_to_one_endpoint_only(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    for (uint64_t i = 0; i < 4; i++) {
        assert_true(add_reply(SESSION, i, (col_bytes){0}, i < 3 ? 9000 : 9001));
    }
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 2);
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_REPLICA, SESSION % CLIENTS);
    for (uint32_t i = 0; i < 2; i++) {
        const col_bytes bytes = sent_bytes(&egress, i);
        got_set got = {0};
        col_drop drop;
        assert_int_equal(bundle_of(i).signature.length, COL_MAC_BYTES);
        assert_int_equal(egress.sent[i].to.port, 9000 + i);
        col_open_burst(opener, &bytes, 1, &drop, note, &got);
        assert_int_equal(drop, COL_DROP_NONE);
        assert_int_equal(got.got[0], i == 0 ? 7 : 8);
    }
    end();
}

/// More datagrams than have their MACs computed at once.
static void many_sessions_are_sealed_in_one_flush(void **state) {
    (void)state;
    begin_client(1472);
    for (uint32_t session = 1; session < TEST_SESSIONS; session += 2) {
        for (uint32_t i = 0; i < 3; i++) {
            assert_true(add_request(session, 3 * session + i, (col_bytes){0}, 1 << 1));
        }
    }
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, TEST_SESSIONS / 2);
    got_set got = {0};
    assert_int_equal(opened_by(1, note, &got), TEST_SESSIONS / 2);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4; i++) count += (uint32_t)__builtin_popcountll(got.got[i]);
    assert_int_equal(count, 3 * TEST_SESSIONS / 2);
    end();
}

static void what_has_macs_leaves_before_the_signatures_are_begun(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    assert_true(add(COL_COMMIT, 0, 1, (col_bytes){0}, everybody));
    assert_true(add_reply(SESSION, 2, (col_bytes){0}, 9000));
    assert_true(add(COL_COMMIT, 0, 3, (col_bytes){0}, everybody));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 1 + 3);
    assert_int_equal(bundle_of(0).scheme, COL_SCHEME_HMAC);
    assert_int_equal(bundle_of(0).leaves, 1);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(bundle_of(i).scheme, COL_SCHEME_RSA);
        assert_int_equal(bundle_of(i).leaves, 2);
    }
    assert_int_equal(col_counter_read(&counters.messages), 2);
    assert_int_equal(col_counter_read(&counters.macs), 1);
    egress.count = 0;
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 0);
    end();
}

static void a_large_message_with_macs_is_cut_as_a_signed_one(void **state) {
    (void)state;
    static uint8_t body[20000];
    random_fill(body, sizeof body);
    begin_client(1472);
    uint32_t cut[2][COL_FRAGMENTS_MAX] = {0};
    for (int with_macs = 0; with_macs < 2; with_macs++) {
        const col_bytes bytes = {body, sizeof body};
        egress.count = 0;
        if (with_macs) {
            assert_true(add_request(SESSION, 1, bytes, 1 << 3));
        } else {
            assert_true(add(COL_REQUEST, 2, 1, bytes, (col_destination){.replicas = 1 << 3}));
        }
        col_sealer_flush(sealer);
        receiver self = {.reassembly = col_reassembly_create(&arena, 4, 2, COL_MESSAGE_BYTES_MAX),
                         .expected = body,
                         .length = sizeof body};
        assert_true(opened_by(3, receive, &self) > 10);
        assert_int_equal(self.whole, 1);
        memcpy(cut[with_macs], self.fragment_bytes, sizeof cut[0]);
    }
    assert_memory_equal(cut[0], cut[1], sizeof cut[0]);
    end();
}

/// Their bytes are more than a signature's and a path's.
static void macs_for_the_largest_cluster_leave_every_message_its_room(void **state) {
    (void)state;
    static const uint8_t body[1500];
    static test_cluster short_keys;
    test_cluster_open_with(&short_keys, COL_SCHEME_ED25519, COL_SCHEME_ED25519);
    begin(1472, NULL, NULL);
    col_sealer_options options =
        test_sealer_options(&short_keys, COL_ROLE_CLIENT, 1, &egress, &counters);
    options.macs = macs;
    options.replicas = COL_REPLICAS_MAX;
    col_sealer *client = col_sealer_create(&arena, &options);
    col_mac_key key[COL_REPLICAS_MAX];
    for (uint32_t r = 0; r < COL_REPLICAS_MAX; r++) key[r] = test_mac_key(1, r, COL_ROLE_CLIENT);
    const col_link_seal link = {1, COL_REPLICAS_MAX, key};
    for (size_t length = 0; length <= sizeof body; length++) {
        egress.count = 0;
        const col_header header = header_of(COL_REQUEST, 2, length);
        assert_true(col_sealer_add(client, &header, (col_bytes){body, length},
                                   (col_destination){.replicas = 1, .link = &link}));
        col_sealer_flush(client);
        assert_in_range(egress.count, 1, 4);
        for (uint32_t i = 0; i < egress.count; i++) {
            assert_true(egress.sent[i].length <= 1472);
            assert_int_equal(bundle_of(i).signature.length, COL_REPLICAS_MAX * COL_MAC_BYTES);
        }
    }
    col_sealer_destroy(client);
    end();
    test_cluster_close(&short_keys);
}

static void what_waits_for_macs_has_a_bound_of_its_own(void **state) {
    (void)state;
    static uint8_t body[COL_MESSAGE_BYTES_MAX];
    begin(8972, NULL, NULL);
    for (uint32_t i = 0; i < COL_TREE_LEAVES_MAX; i++) {
        assert_true(add_reply(1, i, (col_bytes){0}, 9000));
    }
    assert_false(add_reply(1, 1000, (col_bytes){0}, 9000));
    assert_true(add(COL_COMMIT, 0, 1, (col_bytes){0}, everybody));  // it is signed
    col_sealer_flush(sealer);
    for (uint32_t i = 0; i < 7; i++)
        assert_true(add_reply(i, i, (col_bytes){body, sizeof body}, 9));
    // Keys need room, too.
    const size_t left = sizeof body - 7 * sizeof(col_mac_key);
    assert_false(add_reply(7, 7, (col_bytes){body, left}, 9));
    assert_true(add_reply(7, 7, (col_bytes){body, left - sizeof(col_mac_key)}, 9));
    col_sealer_flush(sealer);
    assert_true(add_reply(7, 7, (col_bytes){body, sizeof body}, 9));
    end();
}

static void replies_to_nowhere_are_not_sent(void **state) {
    (void)state;
    begin(1472, NULL, NULL);
    assert_true(add_reply(SESSION, 1, (col_bytes){0}, 0));
    assert_true(add_reply(SESSION, 2, (col_bytes){0}, 9000));
    col_sealer_flush(sealer);
    assert_int_equal(egress.count, 1);
    assert_int_equal(egress.sent[0].to.port, 9000);
    end();
}

/// Sessions, sets of receivers, sizes and signatures mixed as they come.
static void every_replica_gets_exactly_its_requests_whatever_they_are_sealed_with(void **state) {
    (void)state;
    static const uint8_t body[400];
    for (int round = 0; round < 20; round++) {
        begin_client(round & 1 ? 1472 : 8972);
        got_set expected[REPLICAS] = {0}, got[REPLICAS] = {0};
        for (uint32_t i = 0; i < 150; i++) {
            const uint32_t replicas = 1 + random_below(15);
            const col_bytes bytes = {body, random_below(400)};
            if (random_below(4) == 0) {
                assert_true(add(COL_REQUEST, 2, i, bytes, (col_destination){.replicas = replicas}));
            } else {
                assert_true(add_request(1 + 2 * random_below(10), i, bytes, replicas));
            }
            for (uint32_t r = 0; r < REPLICAS; r++) {
                if (replicas >> r & 1) expected[r].got[i / 64] |= UINT64_C(1) << (i % 64);
            }
        }
        col_sealer_flush(sealer);
        for (uint32_t r = 0; r < REPLICAS; r++) (void)opened_by(r, note, &got[r]);
        assert_memory_equal(got, expected, sizeof got);
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waiting_is_neither_signed_nor_sent),
        cmocka_unit_test(one_message_goes_to_each_other_replica_at_its_pillars_port),
        cmocka_unit_test(messages_of_one_pillar_share_a_datagram_and_those_of_another_do_not),
        cmocka_unit_test(messages_to_overlapping_sets_of_replicas_share_datagrams_where_they_meet),
        cmocka_unit_test(a_client_gets_its_messages_of_all_pillars_in_one_datagram),
        cmocka_unit_test(a_message_for_nobody_else_is_sealed_and_reported_but_not_sent),
        cmocka_unit_test(seals_of_every_tree_are_reported),
        cmocka_unit_test(a_full_tree_takes_no_more_until_it_was_flushed),
        cmocka_unit_test(trees_are_filled_one_after_the_other_and_signed_in_one_call),
        cmocka_unit_test(a_largest_message_is_refused_by_a_crowded_tree_and_fits_an_empty_one),
        cmocka_unit_test(a_large_message_arrives_whole_from_fragments_that_fit_their_datagrams),
        cmocka_unit_test(a_message_is_cut_the_same_whatever_else_is_in_the_tree),
        cmocka_unit_test(without_room_for_datagrams_they_are_lost_and_later_ones_are_not),
        cmocka_unit_test(every_receiver_gets_exactly_what_was_meant_for_it),
        cmocka_unit_test(datagrams_are_filled_before_another_is_begun),
        cmocka_unit_test(a_request_with_macs_is_sealed_for_each_replica_and_not_signed),
        cmocka_unit_test(each_datagram_of_a_session_is_a_tree_of_its_own),
        cmocka_unit_test(sessions_do_not_share_datagrams_however_their_messages_came),
        cmocka_unit_test(receivers_get_no_datagram_with_others_messages_of_the_session),
        cmocka_unit_test(replies_have_one_mac_and_share_a_datagram_to_one_endpoint_only),
        cmocka_unit_test(many_sessions_are_sealed_in_one_flush),
        cmocka_unit_test(what_has_macs_leaves_before_the_signatures_are_begun),
        cmocka_unit_test(a_large_message_with_macs_is_cut_as_a_signed_one),
        cmocka_unit_test(macs_for_the_largest_cluster_leave_every_message_its_room),
        cmocka_unit_test(what_waits_for_macs_has_a_bound_of_its_own),
        cmocka_unit_test(replies_to_nowhere_are_not_sent),
        cmocka_unit_test(every_replica_gets_exactly_its_requests_whatever_they_are_sealed_with),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
