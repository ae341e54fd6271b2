// SPDX-License-Identifier: Apache-2.0
#include "pillars/batch_check.h"

#include "src/wire/bodies.h"
#include "src/wire/join.h"
#include "src/wire/reassembly.h"
#include "tests/unit/crypto/support.h"

// Real keys, seals and datagrams: the only fake is the network. Pillar 1 of 4; session 5 is the
// first of it.
#define PILLAR 1
#define PILLARS 4
#define SESSION 5
#define SELF 2
#define TIME UINT64_C(1234567)

static test_cluster cluster;
static col_arena arena;
static test_egress egress;
static col_sealer *sealer[CLIENTS];
static col_sealer_counters sealer_counters;
static col_opener *opener;
static col_opener_counters opener_counters;
static col_batch_checker checker;
static col_macs *macs;
static test_links links;
static col_pbft *pbft;

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

/// Knows which sessions were opened and are gone.
static col_pbft *new_pbft(void) {
    const col_pbft_options options = {.replicas = REPLICAS,
                                      .faults = 1,
                                      .pillar = PILLAR,
                                      .pillars = PILLARS,
                                      .checkpoint_interval = 8,
                                      .window = 16,
                                      .session_outstanding = 4,
                                      .sessions_max = 8,
                                      .clients = CLIENTS,
                                      .pending_max = 8,
                                      .operation_bytes_max = 64,
                                      .batch_requests_max = 8,
                                      .batch_bytes_max = 1024,
                                      .signature_bytes_max = 256};
    return col_pbft_create(&arena, &options);
}

static int begin(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, (size_t)128 << 20));
    test_egress_init(&egress, COL_DATAGRAM_BYTES_MIN);
    macs = col_macs_create();
    for (uint32_t c = 0; c < CLIENTS; c++) {
        col_sealer_options options =
            test_sealer_options(&cluster, COL_ROLE_CLIENT, c, &egress, &sealer_counters);
        options.macs = macs;
        sealer[c] = col_sealer_create(&arena, &options);
    }
    memset(&opener_counters, 0, sizeof opener_counters);
    opener = col_opener_create(&arena, &counted_backend, cluster.hasher, &cluster.keyring,
                               col_root_cache_create(&arena, 64), &opener_counters);
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, SELF);
    pbft = new_pbft();
    checker = (col_batch_checker){.opener = opener,
                                  .pbft = pbft,
                                  .hasher = cluster.hasher,
                                  .pillar = PILLAR,
                                  .pillars = PILLARS,
                                  .requests_max = 64,
                                  .operation_bytes_max = 4096};
    return 0;
}

static int end(void **state) {
    (void)state;
    for (uint32_t c = 0; c < CLIENTS; c++) col_sealer_destroy(sealer[c]);
    col_opener_destroy(opener);
    col_macs_destroy(macs);
    col_arena_close(&arena);
    return 0;
}

// What clients send

static col_request request_number(uint32_t client, uint64_t number) {
    return (col_request){.client = client,
                         .session = SESSION,
                         .number = number,
                         .pillar = PILLAR,
                         .operation = {(const uint8_t *)"operation", 9}};
}

/// Wait for the flush with this request. @return its digest
static col_digest add_request(uint32_t client, const col_request *request) {
    static uint8_t bytes[8192];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_request_write(&writer, request);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    const col_header header = {
        .type = COL_REQUEST, .pillar = request->pillar, .sequence = request->number};
    assert_true(col_sealer_add(sealer[client], &header, body, (col_destination){.replicas = 1}));
    col_digest digest;
    col_hash(cluster.hasher, body, &digest);
    return digest;
}

/// Sign what waits. @return the first datagram of it
static uint32_t flush(uint32_t client) {
    const uint32_t first = egress.count;
    col_sealer_flush(sealer[client]);
    assert_true(egress.count > first);
    return first;
}

/// One bundle with one request of this number.
static uint32_t sealed_request(uint32_t client, const col_request *request, col_digest *digest) {
    *digest = add_request(client, request);
    return flush(client);
}

// Batches

static uint8_t batch_bytes[128 * 1024];
static col_writer batch;

static void batch_start(void) {
    batch = col_writer_of(batch_bytes, sizeof batch_bytes);
    batch.at += COL_BATCH_HEADER_BYTES;
}

static void batch_put(col_bytes bundle) {
    col_write_u32(&batch, (uint32_t)bundle.length);
    col_write_bytes(&batch, bundle);
    assert_false(batch.failed);
}

static col_batch_check batch_check(uint16_t requests, uint16_t bundles) {
    const col_batch header = {TIME, requests, bundles, {0}};
    col_writer writer = col_writer_of(batch_bytes, COL_BATCH_HEADER_BYTES);
    col_batch_write(&writer, &header);
    col_batch_check check;
    col_batch_check_body(&checker, (col_bytes){batch_bytes, col_writer_used(&batch)}, &check);
    return check;
}

static col_digest digest_of(const col_digest *request, uint32_t count) {
    static uint8_t input[COL_BATCH_DIGEST_BYTES(64)];
    col_digest digest;
    col_batch_digest_input(TIME, request, count, input);
    col_hash(cluster.hasher, (col_bytes){input, COL_BATCH_DIGEST_BYTES(count)}, &digest);
    return digest;
}

static void assert_digest(const col_batch_check *check, const col_digest *request, uint32_t count) {
    const col_digest expected = digest_of(request, count);
    assert_true(check->well_formed);
    assert_int_equal(check->time_ns, TIME);
    assert_true(col_digest_equal(&check->digest, &expected));
}

/// A batch of one request.
static col_batch_check check_one(uint32_t client, const col_request *request) {
    col_digest digest;
    const uint32_t sent = sealed_request(client, request, &digest);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    return batch_check(1, 1);
}

static void requests_of_several_clients_and_trees_verify_in_their_order(void **state) {
    (void)state;
    col_digest digest[4];
    col_request request = request_number(0, 1);
    digest[0] = add_request(0, &request);
    request.number = 2;
    digest[1] = add_request(0, &request);
    const uint32_t first = flush(0);
    request = request_number(1, 1);
    const uint32_t second = sealed_request(1, &request, &digest[2]);
    request = request_number(0, 3);
    const uint32_t third = sealed_request(0, &request, &digest[3]);
    batch_start();
    batch_put(sent_bytes(&egress, first));
    batch_put(sent_bytes(&egress, second));
    batch_put(sent_bytes(&egress, third));
    const col_batch_check check = batch_check(4, 3);
    assert_true(check.authentic);
    assert_digest(&check, digest, 4);
}

static void one_bundle_that_does_not_verify_leaves_the_digest_as_it_is(void **state) {
    (void)state;
    for (uint32_t bad = 0; bad < 3; bad++) {
        col_digest digest[3];
        batch_start();
        for (uint32_t i = 0; i < 3; i++) {
            const col_request request = request_number(i % 2, 10 * bad + i + 1);
            const uint32_t sent = sealed_request(i % 2, &request, &digest[i]);
            if (i == bad) egress.sent[sent].bytes[COL_BUNDLE_HEADER_BYTES + 5] ^= 1;
            batch_put(sent_bytes(&egress, sent));
        }
        const col_batch_check check = batch_check(3, 3);
        assert_false(check.authentic);
        assert_digest(&check, digest, 3);
    }
}

static void a_bad_bundle_behind_the_first_burst_is_seen_and_keeps_the_order(void **state) {
    (void)state;
    enum { BUNDLES = COL_OPEN_BURST_MAX + 3 };
    col_digest digest[BUNDLES];
    batch_start();
    for (uint32_t i = 0; i < BUNDLES; i++) {
        const col_request request = request_number(0, i + 1);
        const uint32_t sent = sealed_request(0, &request, &digest[i]);
        if (i == BUNDLES - 2) egress.sent[sent].bytes[COL_BUNDLE_HEADER_BYTES] ^= 1;
        batch_put(sent_bytes(&egress, sent));
    }
    const col_batch_check check = batch_check(BUNDLES, BUNDLES);
    assert_false(check.authentic);
    assert_digest(&check, digest, BUNDLES);
}

static void the_seal_of_a_replica_is_not_a_clients(void **state) {
    (void)state;
    col_digest digest;
    const col_request request = request_number(0, 1);
    const uint32_t sent = sealed_request(0, &request, &digest);
    egress.sent[sent].bytes[4] = COL_ROLE_REPLICA;
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    assert_false(batch_check(1, 1).well_formed);
}

static void a_request_in_another_clients_name_is_refused(void **state) {
    (void)state;
    const col_request request = request_number(1, 1);
    assert_false(check_one(0, &request).well_formed);
}

static void another_pillars_request_or_session_is_refused(void **state) {
    (void)state;
    col_request request = request_number(0, 1);
    request.session = SESSION + 1;
    assert_false(check_one(0, &request).well_formed);
    request = request_number(0, 1);
    request.pillar = PILLAR + 1;
    assert_false(check_one(0, &request).well_formed);
    request = request_number(0, 1);
    assert_true(check_one(0, &request).well_formed);
}

static void a_session_opening_is_taken(void **state) {
    (void)state;
    const col_session_open open = {
        .client = 0, .pillar = PILLAR, .nonce = 77, .reply_to = {0x0a000001, 5000}};
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_session_open_write(&writer, &open);
    const col_header header = {.type = COL_SESSION_OPEN, .pillar = PILLAR, .sequence = 77};
    assert_true(col_sealer_add(sealer[0], &header, (col_bytes){bytes, col_writer_used(&writer)},
                               (col_destination){.replicas = 1}));
    batch_start();
    batch_put(sent_bytes(&egress, flush(0)));
    const col_batch_check check = batch_check(1, 1);
    assert_true(check.well_formed && check.authentic);
}

static void counts_that_do_not_fit_and_garbage_are_refused(void **state) {
    (void)state;
    col_digest digest;
    const col_request request = request_number(0, 1);
    const uint32_t sent = sealed_request(0, &request, &digest);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    assert_false(batch_check(2, 1).well_formed);
    batch_put((col_bytes){(const uint8_t *)"no bundle", 9});
    assert_false(batch_check(2, 2).well_formed);
    assert_false(batch_check(1, 1).well_formed);  // bytes behind the last bundle
    checker.requests_max = 1;
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    assert_true(batch_check(1, 1).well_formed);
    batch_put(sent_bytes(&egress, sent));
    assert_false(batch_check(2, 2).well_formed);
    col_batch_check check;
    col_batch_check_body(&checker, (col_bytes){0}, &check);
    assert_false(check.well_formed);
}

static void an_operation_above_the_bound_is_refused(void **state) {
    (void)state;
    checker.operation_bytes_max = 8;
    const col_request request = request_number(0, 1);
    assert_false(check_one(0, &request).well_formed);
}

static void a_root_that_was_seen_costs_no_second_verification(void **state) {
    (void)state;
    const col_request request = request_number(0, 1);
    assert_true(check_one(0, &request).authentic);
    const uint32_t verifies = counted_verifies;
    assert_true(batch_check(1, 1).authentic);
    assert_int_equal(counted_verifies, verifies);
}

// A request of several fragments

static uint8_t large[3000];

static col_request large_request(void) {
    memset(large, 'x', sizeof large);
    col_request request = request_number(0, 1);
    request.operation = (col_bytes){large, sizeof large};
    return request;
}

typedef struct {
    col_reassembly *reassembly;
    bool complete;
    col_verified whole;
} gathering;

static void gather(void *context, const col_opened *opened) {
    gathering *g = context;
    assert_false(g->complete);
    (void)col_reassembly_add(g->reassembly, cluster.hasher, &opened->verified, &g->whole,
                             &g->complete);
}

/// The bundle that a primary makes of the datagrams from `first` on.
static col_bytes whole_bundle(uint32_t first) {
    static uint8_t bytes[8192];
    gathering g = {.reassembly = col_reassembly_create(&arena, REPLICAS, 2, 8192)};
    for (uint32_t i = first; i < egress.count; i++) {
        const col_bytes datagram = sent_bytes(&egress, i);
        col_drop drop;
        col_open_burst(opener, &datagram, 1, &drop, gather, &g);
        assert_int_equal(drop, COL_DROP_NONE);
    }
    assert_true(g.complete);
    col_seal_view seal;
    assert_true(col_seal_read(g.whole.seal, &seal));
    col_bundle bundle;
    assert_int_equal(col_bundle_parse(sent_bytes(&egress, first), &bundle), COL_DROP_NONE);
    bundle.entries = 1;
    bundle.siblings = seal.depth;
    bundle.sibling = seal.path;
    const col_entry entry = {.message = g.whole.message,
                             .index = seal.index,
                             .whole = true,
                             .fragment_digest = g.whole.fragment_digest};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    assert_false(writer.failed);
    return (col_bytes){bytes, col_writer_used(&writer)};
}

static void a_request_that_came_in_fragments_is_proven_by_its_first_ones_seal(void **state) {
    (void)state;
    const col_request request = large_request();
    col_digest digest;
    const uint32_t first = sealed_request(0, &request, &digest);
    assert_true(egress.count - first >= 3);
    const col_bytes bundle = whole_bundle(first);
    batch_start();
    batch_put(bundle);
    col_batch_check check = batch_check(1, 1);
    assert_true(check.authentic);
    assert_digest(&check, &digest, 1);

    batch_bytes[col_writer_used(&batch) - 1] ^= 1;  // a byte of the operation
    check = batch_check(1, 1);
    const col_digest expected = digest_of(&digest, 1);
    assert_false(check.authentic);
    assert_false(check.well_formed && col_digest_equal(&check.digest, &expected));
}

/// The fragment carries its client's valid seal, and its bytes read as a request with a shorter
/// operation.
static void a_lone_fragment_is_not_a_request(void **state) {
    (void)state;
    const col_request request = large_request();
    col_digest digest;
    const uint32_t first = sealed_request(0, &request, &digest);
    batch_start();
    batch_put(sent_bytes(&egress, first));
    assert_false(batch_check(1, 1).well_formed);
    egress.sent[first].bytes[COL_BUNDLE_HEADER_BYTES] ^=
        1;  // nor one beside a seal that does not verify
    batch_start();
    batch_put(sent_bytes(&egress, first));
    assert_false(batch_check(1, 1).well_formed);
}

// Requests with MACs: client 1 has the sessions of this pillar.

static void happens(col_outcome_kind kind, uint64_t session) {
    const col_outcome outcome = {.kind = kind, .client = 1, .session = session, .number = session};
    const col_pbft_event event = {.kind = COL_PBFT_OUTCOME, .outcome = &outcome};
    (void)col_pbft_step(pbft, &event);
}

static void add_with_macs(uint8_t type, uint64_t number, col_bytes body, uint32_t session) {
    col_mac_key key[REPLICAS];
    const col_link_seal link = test_client_link(session, key);
    const col_header header = {.type = type, .pillar = PILLAR, .sequence = number};
    assert_true(
        col_sealer_add(sealer[1], &header, body, (col_destination){.replicas = 1, .link = &link}));
}

/// Wait for the flush with client 1's request `number` of session `named`, with the MACs of
/// `session`. @return its digest
static col_digest add_mac_request(uint32_t session, uint64_t named, uint64_t number) {
    uint8_t bytes[256];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_request request = request_number(1, number);
    request.session = named;
    col_request_write(&writer, &request);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    add_with_macs(COL_REQUEST, number, body, session);
    col_digest digest;
    col_hash(cluster.hasher, body, &digest);
    return digest;
}

/// A bundle of one such request. @return the datagram
static uint32_t mac_request(uint64_t number, col_digest *digest) {
    *digest = add_mac_request(SESSION, SESSION, number);
    return flush(1);
}

static void spoil_mac(uint32_t sent, uint32_t replica) {
    egress.sent[sent].bytes[COL_BUNDLE_HEADER_BYTES + (size_t)replica * COL_MAC_BYTES] ^= 1;
}

static void requests_with_macs_verify_beside_signed_ones(void **state) {
    (void)state;
    col_digest digest[3];
    batch_start();
    batch_put(sent_bytes(&egress, mac_request(1, &digest[0])));
    const col_request request = request_number(0, 2);
    batch_put(sent_bytes(&egress, sealed_request(0, &request, &digest[1])));
    const uint32_t sent = mac_request(3, &digest[2]);
    for (uint32_t r = 0; r < REPLICAS; r++) {
        if (r != SELF) spoil_mac(sent, r);  // the others' are theirs to judge
    }
    batch_put(sent_bytes(&egress, sent));
    const col_batch_check check = batch_check(3, 3);
    assert_true(check.authentic);
    assert_int_equal(check.doubt, 0);
    assert_int_equal(check.doubted, 0);
    assert_digest(&check, digest, 3);
}

static void a_bad_mac_of_this_replica_makes_a_batch_doubtful_and_names_its_client(void **state) {
    (void)state;
    for (uint32_t bad = 0; bad < 3; bad++) {
        col_digest digest[3];
        batch_start();
        for (uint32_t i = 0; i < 3; i++) {
            const uint32_t sent = mac_request(10 * bad + i + 1, &digest[i]);
            if (i == bad) spoil_mac(sent, SELF);
            batch_put(sent_bytes(&egress, sent));
        }
        const col_batch_check check = batch_check(3, 3);
        assert_false(check.authentic);
        assert_int_equal(check.doubt, col_client_bit(1));
        assert_int_equal(check.doubted, 1);
        assert_int_equal(check.doubted_client[0], 1);
        assert_digest(&check, digest, 3);
    }
}

static void more_bad_macs_than_are_named_are_none_the_less_doubtful(void **state) {
    (void)state;
    col_digest digest[COL_DOUBTED_MAX + 2];
    batch_start();
    for (uint32_t i = 0; i < COL_DOUBTED_MAX + 2; i++) {
        const uint32_t sent = mac_request(i + 1, &digest[i]);
        spoil_mac(sent, SELF);
        batch_put(sent_bytes(&egress, sent));
    }
    const col_batch_check check = batch_check(COL_DOUBTED_MAX + 2, COL_DOUBTED_MAX + 2);
    assert_int_equal(check.doubt, col_client_bit(1));
    assert_int_equal(check.doubted, COL_DOUBTED_MAX);
    assert_digest(&check, digest, COL_DOUBTED_MAX + 2);
}

static void a_session_that_is_not_open_here_yet_is_doubtful_and_blames_nobody(void **state) {
    (void)state;
    links.sessions = SESSION - 1;
    col_digest digest;
    const uint32_t sent = mac_request(1, &digest);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    col_batch_check check = batch_check(1, 1);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, col_client_bit(1));
    assert_int_equal(check.doubted, 0);
    assert_digest(&check, &digest, 1);
    links.sessions = SESSION;
    check = batch_check(1, 1);
    assert_true(check.authentic);
    assert_int_equal(check.doubt, 0);
}

static void a_bad_signature_beside_a_bad_mac_is_not_doubtful(void **state) {
    (void)state;
    for (uint32_t first = 0; first < 2; first++) {
        col_digest digest[2];
        batch_start();
        for (uint32_t i = 0; i < 2; i++) {
            const bool with_mac = i == first;
            const col_request request = request_number(0, i + 1);
            const uint32_t sent =
                with_mac ? mac_request(i + 1, &digest[i]) : sealed_request(0, &request, &digest[i]);
            spoil_mac(sent, SELF);  // with a signature, a byte of that
            batch_put(sent_bytes(&egress, sent));
        }
        const col_batch_check check = batch_check(2, 2);
        assert_false(check.authentic);
        assert_int_equal(check.doubt, 0);
        assert_digest(&check, digest, 2);
    }
}

static void a_session_that_is_gone_needs_no_mac(void **state) {
    (void)state;
    happens(COL_OUTCOME_OPENED, SESSION);
    happens(COL_OUTCOME_EVICTED, SESSION);
    links.sessions = 0;
    col_digest digest[2];
    const uint32_t sent = mac_request(1, &digest[0]);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    col_batch_check check = batch_check(1, 1);
    assert_true(check.authentic);
    assert_int_equal(check.doubt, 0);
    assert_digest(&check, digest, 1);

    // Not so one that is to come, though it stands beside the other under one MAC.
    digest[0] = add_mac_request(SESSION, SESSION, 2);
    digest[1] = add_mac_request(SESSION, SESSION + PILLARS, 3);
    batch_start();
    batch_put(sent_bytes(&egress, flush(1)));
    check = batch_check(2, 1);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, col_client_bit(1));
    assert_digest(&check, digest, 2);
}

/// A signed copy of client 1's request, verified, reaches the pillar.
static void arrives(uint64_t number) {
    uint8_t bytes[256];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_request request = request_number(1, number);
    col_request_write(&writer, &request);
    col_verified verified = {
        .message = {{.role = COL_ROLE_CLIENT,
                     .type = COL_REQUEST,
                     .pillar = PILLAR,
                     .sender = 1,
                     .sequence = number,
                     .fragments = 1},
                    {bytes, col_writer_used(&writer)}},
    };
    col_hash(cluster.hasher, verified.message.bytes, &verified.message.header.digest);
    const col_pbft_event event = {.kind = COL_PBFT_MESSAGE, .verified = &verified};
    assert_int_equal(col_pbft_step(pbft, &event), COL_DROP_NONE);
}

static void requests_that_are_here_need_no_mac(void **state) {
    (void)state;
    happens(COL_OUTCOME_OPENED, SESSION);
    for (uint32_t keys = 0; keys < 2; keys++) {
        links.sessions = keys == 0 ? SESSION - 1 : SESSION;
        col_digest digest[2];
        digest[0] = add_mac_request(SESSION, SESSION, 2 * keys + 1);
        digest[1] = add_mac_request(SESSION, SESSION, 2 * keys + 2);
        const uint32_t sent = flush(1);
        spoil_mac(sent, SELF);
        batch_start();
        batch_put(sent_bytes(&egress, sent));
        assert_int_equal(batch_check(2, 1).doubt, col_client_bit(1));
        arrives(2 * keys + 1);
        assert_int_equal(batch_check(2, 1).doubt, col_client_bit(1));  // the other is not here
        arrives(2 * keys + 2);
        const col_batch_check check = batch_check(2, 1);
        assert_true(check.authentic);
        assert_int_equal(check.doubt, 0);
        assert_int_equal(check.doubted, 0);
        assert_digest(&check, digest, 2);
    }
}

static void a_copy_excuses_no_bad_signature(void **state) {
    (void)state;
    happens(COL_OUTCOME_OPENED, SESSION);
    arrives(1);
    const col_request request = request_number(1, 1);
    col_digest digest;
    const uint32_t sent = sealed_request(1, &request, &digest);
    spoil_mac(sent, SELF);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    const col_batch_check check = batch_check(1, 1);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, 0);
}

static void a_gone_session_excuses_nobody_elses_bad_seal(void **state) {
    (void)state;
    happens(COL_OUTCOME_OPENED, SESSION);
    happens(COL_OUTCOME_EVICTED, SESSION);
    links.sessions = 0;
    col_digest digest[2];
    batch_start();
    batch_put(sent_bytes(&egress, mac_request(1, &digest[0])));
    const col_request request = request_number(0, 2);
    const uint32_t sent = sealed_request(0, &request, &digest[1]);
    spoil_mac(sent, SELF);
    batch_put(sent_bytes(&egress, sent));
    const col_batch_check check = batch_check(2, 2);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, 0);
}

/// Who opens a session is what all that follows rests on.
static void an_opening_with_macs_is_not_doubtful_but_wrong(void **state) {
    (void)state;
    const col_session_open open = {.client = 1, .pillar = PILLAR, .nonce = 77};
    uint8_t bytes[128];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_session_open_write(&writer, &open);
    add_with_macs(COL_SESSION_OPEN, 77, (col_bytes){bytes, col_writer_used(&writer)}, SESSION);
    batch_start();
    batch_put(sent_bytes(&egress, flush(1)));
    const col_batch_check check = batch_check(1, 1);
    assert_true(check.well_formed);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, 0);
}

/// In client 1's name, by a faulty primary: its bytes read as a request of session 1, an id below
/// those of this pillar, and who gave the share would have the session's keys.
static void an_opening_that_reads_as_a_gone_sessions_request_is_not_accepted(void **state) {
    (void)state;
    happens(COL_OUTCOME_OPENED, SESSION);
    const col_session_open open = {
        .client = 1, .pillar = PILLAR, .nonce = UINT64_C(0x17) << 56, .share = {{9, 1, 0, 9}}};
    uint8_t bytes[128];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_session_open_write(&writer, &open);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    col_request read;
    assert_true(col_request_read(body, &read));
    const col_message as_request = {{.type = COL_REQUEST}, body};
    assert_true(col_pbft_knows(pbft, &as_request));
    links.sessions = 0;
    add_with_macs(COL_SESSION_OPEN, open.nonce, body, SESSION);
    batch_start();
    batch_put(sent_bytes(&egress, flush(1)));
    const col_batch_check check = batch_check(1, 1);
    assert_true(check.well_formed);
    assert_false(check.authentic);
    assert_int_equal(check.doubt, 0);
}

static void what_is_no_batch_is_neither_authentic_nor_doubtful(void **state) {
    (void)state;
    col_digest digest;
    const uint32_t sent = mac_request(1, &digest);
    spoil_mac(sent, SELF);
    batch_start();
    batch_put(sent_bytes(&egress, sent));
    const col_batch_check check = batch_check(2, 1);
    assert_false(check.well_formed || check.authentic || check.doubt != 0);
}

static void a_request_in_fragments_is_proven_by_its_first_ones_mac(void **state) {
    (void)state;
    col_request request = large_request();
    request.client = 1;
    uint8_t bytes[4096];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_request_write(&writer, &request);
    const col_bytes body = {bytes, col_writer_used(&writer)};
    add_with_macs(COL_REQUEST, request.number, body, SESSION);
    col_digest digest;
    col_hash(cluster.hasher, body, &digest);
    const uint32_t first = flush(1);
    assert_true(egress.count - first >= 3);
    batch_start();
    batch_put(whole_bundle(first));
    col_batch_check check = batch_check(1, 1);
    assert_true(check.authentic);
    assert_digest(&check, &digest, 1);

    batch_bytes[col_writer_used(&batch) - 1] ^= 1;
    check = batch_check(1, 1);
    const col_digest expected = digest_of(&digest, 1);
    assert_false(check.authentic);
    assert_false(check.well_formed && col_digest_equal(&check.digest, &expected));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(requests_of_several_clients_and_trees_verify_in_their_order),
        TEST(one_bundle_that_does_not_verify_leaves_the_digest_as_it_is),
        TEST(a_bad_bundle_behind_the_first_burst_is_seen_and_keeps_the_order),
        TEST(the_seal_of_a_replica_is_not_a_clients),
        TEST(a_request_in_another_clients_name_is_refused),
        TEST(another_pillars_request_or_session_is_refused),
        TEST(a_session_opening_is_taken),
        TEST(counts_that_do_not_fit_and_garbage_are_refused),
        TEST(an_operation_above_the_bound_is_refused),
        TEST(a_root_that_was_seen_costs_no_second_verification),
        TEST(a_request_that_came_in_fragments_is_proven_by_its_first_ones_seal),
        TEST(a_lone_fragment_is_not_a_request),
        TEST(requests_with_macs_verify_beside_signed_ones),
        TEST(a_bad_mac_of_this_replica_makes_a_batch_doubtful_and_names_its_client),
        TEST(more_bad_macs_than_are_named_are_none_the_less_doubtful),
        TEST(a_session_that_is_not_open_here_yet_is_doubtful_and_blames_nobody),
        TEST(a_bad_signature_beside_a_bad_mac_is_not_doubtful),
        TEST(a_session_that_is_gone_needs_no_mac),
        TEST(requests_that_are_here_need_no_mac),
        TEST(a_copy_excuses_no_bad_signature),
        TEST(a_gone_session_excuses_nobody_elses_bad_seal),
        TEST(an_opening_with_macs_is_not_doubtful_but_wrong),
        TEST(an_opening_that_reads_as_a_gone_sessions_request_is_not_accepted),
        TEST(what_is_no_batch_is_neither_authentic_nor_doubtful),
        TEST(a_request_in_fragments_is_proven_by_its_first_ones_mac),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
