// SPDX-License-Identifier: Apache-2.0
#include "pillars/pillar_stage.h"

#include "tests/unit/crypto/support.h"
#include "tests/unit/pbft/harness.h"

// Replica 0, primary of pillar 0, mostly the only one, with real keys; the other replicas and the
// clients are sealers whose datagrams the test puts into the ingress ring.

static test_cluster keys;
static const col_endpoint replica_endpoint[REPLICAS] = {
    {0x0a000000, 7000}, {0x0a000001, 7000}, {0x0a000002, 7000}, {0x0a000003, 7000}};
static const col_endpoint client_endpoint = {0x0a000064, 40000};

typedef struct {
    col_arena arena;
    col_words words;
    col_pillar_counters counters;
    col_opener_counters opened;
    col_ring ingress, notes, sealed, committed, questions, signing;
    col_pillar_stage *pillar;
    test_egress egress;
    col_sealer *replica[REPLICAS];
    col_sealer *client;
    col_macs *macs;  ///< the client's
    col_sealer_counters sealer_counters;
    col_waker neighbour;  ///< of the loop of pillar 1
    uint32_t self;
    uint64_t now_ns;
    uint64_t shown;  ///< checkpoint whose seal came back
    uint32_t given;  ///< datagrams
} fixture;

static uint32_t released;

static void release(void *buffer) {
    assert_ptr_equal(buffer, &released);
    released++;
}

static void show(void *context, uint64_t checkpoint, const col_digest *digest, col_seal seal) {
    fixture *f = context;
    assert_int_equal(digest->byte[0], 0xCC);
    assert_int_equal(seal.length, 4);
    f->shown = checkpoint;
}

static int open_keys(void **state) {
    (void)state;
    test_cluster_open(&keys);
    return 0;
}

/// Sessions have MACs, too.
static int with_macs(void **state) {
    (void)state;
    keys.keyring.macs = true;
    return 0;
}

static int without_macs(void **state) {
    (void)state;
    keys.keyring.macs = false;
    return 0;
}

static int close_keys(void **state) {
    (void)state;
    test_cluster_close(&keys);
    return 0;
}

static fixture *fixture_open_as(uint32_t self, uint32_t pillars, uint64_t committed_bytes,
                                uint64_t signing_bytes) {
    fixture *f = calloc(1, sizeof *f);
    f->self = self;
    assert_ok(col_arena_open(&f->arena, (size_t)512 << 20));
    test_egress_init(&f->egress, COL_DATAGRAM_BYTES_MIN);
    released = 0;
    f->now_ns = 1000 * MS;
    for (uint32_t r = 0; r < REPLICAS; r++) {
        const col_sealer_options options =
            test_sealer_options(&keys, COL_ROLE_REPLICA, r, &f->egress, &f->sealer_counters);
        f->replica[r] = col_sealer_create(&f->arena, &options);
    }
    col_sealer_options options =
        test_sealer_options(&keys, COL_ROLE_CLIENT, 1, &f->egress, &f->sealer_counters);
    f->macs = col_macs_create();
    options.macs = f->macs;
    f->client = col_sealer_create(&f->arena, &options);
    col_ring_init(&f->ingress, &f->arena, 16384, NULL);
    col_ring_init(&f->notes, &f->arena, 16384, NULL);
    col_ring_init(&f->sealed, &f->arena, 16384, NULL);
    col_ring_init(&f->committed, &f->arena, committed_bytes, NULL);
    col_ring_init(&f->questions, &f->arena, 4096, NULL);
    col_ring_init(&f->signing, &f->arena, signing_bytes, NULL);
    col_pillar_stage_options stage = {
        .name = "pillar 0",
        .pbft = backup_options(),
        .backend = &col_backend_openssl,
        .keyring = &keys.keyring,
        .roots = col_root_cache_create(&f->arena, 64),
        .words = &f->words,
        .replica = replica_endpoint,
        .ingress = &f->ingress,
        .release = release,
        .notes = &f->notes,
        .sealed = {&f->sealed},
        .sealers = 1,
        .committed = &f->committed,
        .questions = &f->questions,
        .signing = {.ring = {&f->signing}, .rings = 1},
        .loop = {NULL, &f->neighbour},
        .checkpoint_sealed = show,
        .checkpoint_context = f,
        .counters = &f->counters,
        .opener_counters = &f->opened,
    };
    stage.pbft.self = self;
    stage.pbft.pillars = pillars;
    stage.pbft.clients = CLIENTS;
    stage.pbft.operation_bytes_max = 4096;
    stage.pbft.batch_bytes_max = 16384;
    stage.pbft.batch_bytes = 16384;
    memcpy(&stage.pbft.cluster_tag, keys.keyring.cluster.byte, 8);
    stage.pbft.time_ahead_max_ns = UINT64_C(1) << 62;
    f->pillar = col_pillar_stage_create(&f->arena, &stage);
    return f;
}

static fixture *fixture_open(uint64_t committed_bytes, uint64_t signing_bytes) {
    return fixture_open_as(0, 1, committed_bytes, signing_bytes);
}

static void fixture_close(fixture *f) {
    col_pillar_stage_destroy(f->pillar);
    for (uint32_t r = 0; r < REPLICAS; r++) col_sealer_destroy(f->replica[r]);
    col_sealer_destroy(f->client);
    col_macs_destroy(f->macs);
    col_arena_close(&f->arena);
    free(f);
}

static uint32_t poll(fixture *f) {
    col_stage *stage = col_pillar_stage_of(f->pillar);
    f->now_ns += 1000;
    return stage->poll(stage, f->now_ns, COL_STAGE_BUDGET);
}

static void arrive_from(fixture *f, col_endpoint from, col_bytes payload) {
    col_datagram *record = col_ring_reserve(&f->ingress, sizeof *record);
    assert_non_null(record);
    *record = (col_datagram){payload, from, &released};
    col_ring_publish(&f->ingress);
    f->given++;
}

static void arrive(fixture *f, col_bytes payload) {
    arrive_from(f, client_endpoint, payload);
}

static col_endpoint endpoint_of(const fixture *f, const col_sealer *sealer) {
    for (uint32_t r = 0; r < REPLICAS; r++) {
        if (f->replica[r] == sealer) return replica_endpoint[r];
    }
    return client_endpoint;
}

/// What this sealer sends arrives.
static void flush(fixture *f, col_sealer *sealer) {
    const uint32_t first = f->egress.count;
    col_sealer_flush(sealer);
    for (uint32_t i = first; i < f->egress.count; i++) {
        arrive_from(f, endpoint_of(f, sealer), sent_bytes(&f->egress, i));
    }
}

static uint8_t request_bytes[8192];

/// The client seals a request. @param link how, or NULL: it signs @return its body
static col_bytes make_request_sealed(fixture *f, uint64_t number, size_t operation_bytes,
                                     const col_link_seal *link) {
    static uint8_t operation[4096];
    const col_request request = {
        .client = 1, .session = 1, .number = number, .operation = {operation, operation_bytes}};
    col_writer writer = col_writer_of(request_bytes, sizeof request_bytes);
    col_request_write(&writer, &request);
    const col_bytes body = {request_bytes, col_writer_used(&writer)};
    const col_header header = {.type = COL_REQUEST, .sequence = number};
    assert_true(
        col_sealer_add(f->client, &header, body, (col_destination){.replicas = 1, .link = link}));
    return body;
}

static col_bytes make_sealed_request(fixture *f, uint64_t number, size_t operation_bytes) {
    return make_request_sealed(f, number, operation_bytes, NULL);
}

static void request_arrives(fixture *f, uint64_t number, size_t operation_bytes) {
    (void)make_sealed_request(f, number, operation_bytes);
    flush(f, f->client);
}

static void vote_arrives(fixture *f, uint8_t type, uint32_t replica, uint64_t sequence,
                         const col_digest *digest) {
    const col_header header = {.type = type, .sequence = sequence, .digest = *digest};
    assert_true(col_sealer_add(f->replica[replica], &header, (col_bytes){0},
                               (col_destination){.replicas = 1u << f->self}));
    flush(f, f->replica[replica]);
}

static void session_opens(fixture *f) {
    col_merge_note *note = col_ring_reserve(&f->notes, sizeof *note);
    *note = (col_merge_note){.kind = COL_NOTE_OUTCOME,
                             .outcome = {.kind = COL_OUTCOME_OPENED,
                                         .client = 1,
                                         .session = 1,
                                         .number = 10,
                                         .reply_to = {0x0a000101, 5000}}};
    col_ring_publish(&f->notes);
}

/// Take all that waits to be signed. @return how many of a type; the header of the last one
static uint32_t take_jobs(fixture *f, uint8_t type, col_header *last) {
    uint32_t count = 0, bytes;
    const col_seal_job *job;
    while ((job = col_ring_front(&f->signing, &bytes)) != NULL) {
        if (job->header.type == type) {
            count++;
            if (last != NULL) *last = job->header;
        }
        col_ring_release(&f->signing);
    }
    return count;
}

/// Order request `number`: it arrives, is proposed and committed by the votes of replicas 1 and 2
/// and the own one.
static void order(fixture *f, uint64_t number, size_t operation_bytes) {
    col_header proposed = {0};
    request_arrives(f, number, operation_bytes);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_PRE_PREPARE, &proposed), 1);
    for (uint32_t r = 1; r <= 2; r++) {
        vote_arrives(f, COL_PREPARE, r, proposed.sequence, &proposed.digest);
    }
    for (uint32_t r = 1; r <= 2; r++) {
        vote_arrives(f, COL_COMMIT, r, proposed.sequence, &proposed.digest);
    }
    (void)poll(f);
    f->egress.count = 0;
}

static void a_sealed_request_becomes_a_proposal(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    col_header header;
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_STATUS, NULL), 1);  // the greeting
    session_opens(f);
    request_arrives(f, 1, 16);
    assert_true(poll(f) > 0);
    assert_int_equal(take_jobs(f, COL_PRE_PREPARE, &header), 1);
    assert_int_equal(header.sequence, 1);
    assert_int_equal(released, f->given);
    fixture_close(f);
}

static void a_request_in_fragments_becomes_a_proposal_once_it_is_whole(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    request_arrives(f, 1, 4000);
    assert_true(f->given >= 3);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 1);
    assert_int_equal(released, f->given);
    fixture_close(f);
}

/// The request whose first fragment is in `datagram`, in one piece as it stands in batches.
static col_bytes in_one_piece(col_bytes datagram, col_bytes body, uint8_t *bytes) {
    col_bundle bundle;
    col_entry entry;
    assert_int_equal(col_bundle_parse(datagram, &bundle), COL_DROP_NONE);
    col_entries entries = col_entries_of(&bundle);
    assert_true(col_entries_next(&entries, &entry));
    assert_int_equal(entry.message.header.fragment, 0);
    bundle.entries = 1;
    col_hash(keys.hasher, entry.message.bytes, &entry.fragment_digest);
    entry.message.bytes = body;
    entry.whole = true;
    col_writer writer = col_writer_of(bytes, COL_DATAGRAM_BYTES_MAX);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    assert_false(writer.failed);
    return (col_bytes){bytes, col_writer_used(&writer)};
}

/// A replica knows its clients' seals and may show them to the others in another shape.
static void a_request_in_one_piece_does_not_pass_for_its_first_fragment(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    static uint8_t piece[COL_DATAGRAM_BYTES_MAX];
    session_opens(f);
    const col_bytes body = make_sealed_request(f, 1, 4000);
    col_sealer_flush(f->client);
    arrive(f, in_one_piece(sent_bytes(&f->egress, 0), body, piece));
    for (uint32_t i = 0; i < f->egress.count; i++) arrive(f, sent_bytes(&f->egress, i));
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 1);
    assert_int_equal(col_counter_read(&f->counters.drops[COL_DROP_MALFORMED]), 1);
    fixture_close(f);
}

static void every_datagram_is_released_and_every_drop_counted(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    static const uint8_t garbage[64] = {1, 2, 3};
    const col_digest digest = {{7}};
    for (uint32_t i = 0; i < 40; i++) arrive(f, (col_bytes){garbage, i});
    vote_arrives(f, COL_PREPARE, 1, 1000, &digest);
    vote_arrives(f, COL_PREPARE, 2, 1, &digest);
    f->egress.sent[1].bytes[COL_BUNDLE_HEADER_BYTES + 9] ^= 1;
    while (poll(f) > 0) {
    }
    assert_int_equal(released, 42);
    uint64_t drops = 0;
    for (uint32_t i = 1; i < COL_DROP_COUNT; i++) drops += col_counter_read(&f->counters.drops[i]);
    assert_int_equal(drops, 42);
    assert_int_equal(col_counter_read(&f->counters.drops[COL_DROP_OUTSIDE_WINDOW]), 1);
    assert_int_equal(col_counter_read(&f->counters.drops[COL_DROP_BAD_SIGNATURE]), 1);
    fixture_close(f);
}

static uint64_t dropped(const fixture *f, col_drop reason) {
    return col_counter_read(&f->counters.drops[reason]);
}

static void a_replica_is_heard_only_from_its_own_address(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    const col_digest digest = {{7}};
    const col_header header = {.type = COL_PREPARE, .sequence = 1, .digest = digest};
    assert_true(
        col_sealer_add(f->replica[1], &header, (col_bytes){0}, (col_destination){.replicas = 1}));
    col_sealer_flush(f->replica[1]);
    const col_endpoint other_port = {replica_endpoint[1].address, 7001};
    arrive_from(f, client_endpoint, sent_bytes(&f->egress, 0));
    arrive_from(f, replica_endpoint[2], sent_bytes(&f->egress, 0));
    arrive_from(f, other_port, sent_bytes(&f->egress, 0));
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_WRONG_SOURCE), 3);
    assert_int_equal(col_counter_read(&f->opened.verifies), 0);
    arrive_from(f, replica_endpoint[1], sent_bytes(&f->egress, 0));
    (void)poll(f);
    assert_int_equal(col_counter_read(&f->opened.verifies), 1);
    fixture_close(f);
}

/// `count` copies of a vote for `sequence` with a broken signature each, from replica 1's address.
static void forgeries_arrive(fixture *f, uint64_t sequence, uint32_t count) {
    static uint8_t forged[64][2048];
    const col_header header = {.type = COL_PREPARE, .sequence = sequence, .digest = {{1}}};
    f->egress.count = 0;
    assert_true(
        col_sealer_add(f->replica[1], &header, (col_bytes){0}, (col_destination){.replicas = 1}));
    col_sealer_flush(f->replica[1]);
    const col_bytes sent = sent_bytes(&f->egress, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *copy = forged[i % 64];
        memcpy(copy, sent.at, sent.length);
        copy[COL_BUNDLE_HEADER_BYTES + 1 + i % 64] ^= 1;
        arrive_from(f, replica_endpoint[1], (col_bytes){copy, sent.length});
        if (i % 32 == 31) (void)poll(f);
    }
    (void)poll(f);
}

static void forged_votes_cost_a_bounded_number_of_verifications(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    forgeries_arrive(f, 1, 1000);
    // A burst is admitted as a whole before its verdicts are known.
    assert_in_range(dropped(f, COL_DROP_BAD_SIGNATURE), 1, COL_WASTE_BURST + COL_OPEN_BURST_MAX);
    assert_int_equal(dropped(f, COL_DROP_BAD_SIGNATURE) + dropped(f, COL_DROP_RATE_LIMITED), 1000);
    fixture_close(f);
}

static void votes_of_the_past_cost_no_verification(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    const col_digest digest = {{7}};
    vote_arrives(f, COL_PREPARE, 1, 1, &digest);
    (void)poll(f);
    assert_int_equal(col_counter_read(&f->opened.verifies), 1);
    forgeries_arrive(f, 1, 1000);
    assert_int_equal(dropped(f, COL_DROP_REPEATED), 1000);
    assert_int_equal(col_counter_read(&f->opened.verifies), 1);
    fixture_close(f);
}

static void what_a_burst_made_late_costs_no_verification_and_is_no_waste(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    for (uint64_t number = 1; number <= 8; number++) {
        col_header proposed = {0};
        request_arrives(f, number, 16);
        (void)poll(f);
        assert_int_equal(take_jobs(f, COL_PRE_PREPARE, &proposed), 1);
        const uint64_t verifies = col_counter_read(&f->opened.verifies);
        for (uint32_t r = 1; r <= 3; r++) {
            vote_arrives(f, COL_PREPARE, r, proposed.sequence, &proposed.digest);
        }
        const col_bytes third = sent_bytes(&f->egress, f->egress.count - 1);
        while (f->given % COL_OPEN_BURST_MAX != 0) arrive_from(f, replica_endpoint[3], third);
        (void)poll(f);
        assert_int_equal(take_jobs(f, COL_COMMIT, NULL), 1);
        assert_int_equal(col_counter_read(&f->opened.verifies), verifies + 2);
        for (uint32_t r = 1; r <= 2; r++) {
            vote_arrives(f, COL_COMMIT, r, proposed.sequence, &proposed.digest);
        }
        (void)poll(f);
        f->egress.count = 0;
    }
    assert_in_range(dropped(f, COL_DROP_LATE), 2 * COL_WASTE_BURST, 8 * COL_OPEN_BURST_MAX);
    assert_int_equal(dropped(f, COL_DROP_RATE_LIMITED), 0);
    fixture_close(f);
}

static void a_flood_of_repetitions_leaves_its_source_what_is_expected(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    request_arrives(f, 2, 16);
    const col_bytes repeated = sent_bytes(&f->egress, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        arrive(f, repeated);
        if (i % 32 == 31) (void)poll(f);
    }
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_REPEATED) + dropped(f, COL_DROP_RATE_LIMITED), 1000);
    assert_true(dropped(f, COL_DROP_RATE_LIMITED) > 900);
    const uint64_t limited = dropped(f, COL_DROP_RATE_LIMITED);
    request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_PRE_PREPARE, NULL), 1);
    assert_int_equal(dropped(f, COL_DROP_RATE_LIMITED), limited);
    fixture_close(f);
}

/// The same message under a signature of half its length.
static col_bytes with_half_a_signature(col_bytes sent) {
    static uint8_t room[2048];
    col_bundle bundle;
    col_entry entry;
    assert_int_equal(col_bundle_parse(sent, &bundle), COL_DROP_NONE);
    col_entries entries = col_entries_of(&bundle);
    assert_true(col_entries_next(&entries, &entry));
    bundle.signature.length /= 2;
    col_writer writer = col_writer_of(room, sizeof room);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    return (col_bytes){room, col_writer_used(&writer)};
}

static void what_cost_nothing_is_no_waste_of_its_source(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    (void)make_sealed_request(f, 1, 16);
    col_sealer_flush(f->client);
    const col_bytes sent = sent_bytes(&f->egress, 0);
    const col_bytes shortened = with_half_a_signature(sent);
    for (uint32_t i = 0; i < 1000; i++) {
        arrive(f, shortened);
        (void)poll(f);
    }
    assert_int_equal(dropped(f, COL_DROP_BAD_SIGNATURE), 1000);
    assert_int_equal(col_counter_read(&f->opened.verifies), 0);
    arrive(f, sent);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_PRE_PREPARE, NULL), 1);
    fixture_close(f);
}

static void requests_ahead_of_their_session_cost_a_bounded_number_of_verifications(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    for (uint64_t number = 1; number <= 200; number++) {
        request_arrives(f, number, 16);
        (void)poll(f);
    }
    const uint64_t held = primary_options().pending_max / 2;  // as many as are free
    assert_int_equal(col_counter_read(&f->counters.pending), held);
    assert_int_equal(dropped(f, COL_DROP_QUEUE_FULL) + dropped(f, COL_DROP_RATE_LIMITED),
                     200 - held);
    assert_in_range(col_counter_read(&f->opened.verifies), held, held + COL_WASTE_BURST);
    session_opens(f);
    (void)poll(f);
    assert_true(take_jobs(f, COL_PRE_PREPARE, NULL) > 0);
    fixture_close(f);
}

static void committed_slots_go_to_the_merge_and_wait_for_room_there(void **state) {
    (void)state;
    fixture *f = fixture_open(256, 1 << 20);  // room for four slots at most
    session_opens(f);
    for (uint64_t number = 1; number <= 7; number++) order(f, number, 16);
    uint32_t bytes;
    uint64_t round = 0;
    const col_committed *committed;
    for (uint32_t turn = 0; turn < 7; turn++) {
        while ((committed = col_ring_front(&f->committed, &bytes)) != NULL) {
            assert_int_equal(committed->round, ++round);
            assert_int_equal(committed->run, 0);
            assert_true(committed->length > 0);
            col_ring_release(&f->committed);
        }
        if (turn == 0) assert_true(round > 0 && round < 7);
        (void)poll(f);
    }
    assert_int_equal(round, 7);
    assert_int_equal(col_counter_read(&f->counters.batches), 7);
    fixture_close(f);
}

static void a_full_signing_ring_loses_messages_and_counts_them(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 256);
    session_opens(f);
    request_arrives(f, 1, 3000);
    (void)poll(f);
    assert_true(col_counter_read(&f->counters.drops[COL_DROP_QUEUE_FULL]) > 0);
    fixture_close(f);
}

/// A faulty replica may ask for everything again and again.
static void what_one_peer_asks_for_leaves_room_for_what_all_wait_for(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 32768);
    (void)poll(f);
    session_opens(f);
    for (uint64_t number = 1; number <= 7; number++) order(f, number, 4000);
    (void)take_jobs(f, COL_COMMIT, NULL);
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_status_write(&writer, &(col_status){.asks = true});
    const col_header header = {.type = COL_STATUS, .view = 1, .sequence = 1};
    assert_true(col_sealer_add(f->replica[3], &header, (col_bytes){bytes, col_writer_used(&writer)},
                               (col_destination){.replicas = 1}));
    flush(f, f->replica[3]);
    request_arrives(f, 8, 4000);
    (void)poll(f);
    col_header proposed = {0};
    assert_true(take_jobs(f, COL_PRE_PREPARE, &proposed) > 1);
    assert_int_equal(proposed.sequence, 8);
    assert_true(col_counter_read(&f->counters.drops[COL_DROP_QUEUE_FULL]) > 0);
    fixture_close(f);
}

static void a_checkpoint_note_is_voted_and_its_seal_shown(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    col_header header;
    col_merge_note *note = col_ring_reserve(&f->notes, sizeof *note);
    *note = (col_merge_note){.kind = COL_NOTE_CHECKPOINT, .checkpoint = 1, .digest = {{0xCC}}};
    col_ring_publish(&f->notes);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_CHECKPOINT, &header), 1);
    header.role = COL_ROLE_REPLICA;
    col_sealed_vote *vote = col_ring_reserve(&f->sealed, sizeof *vote + 4);
    vote->header = header;
    vote->seal_length = 4;
    memcpy(vote->seal, "seal", 4);
    col_ring_publish(&f->sealed);
    (void)poll(f);
    assert_int_equal(f->shown, 1);
    vote_arrives(f, COL_CHECKPOINT, 1, 1, &header.digest);
    vote_arrives(f, COL_CHECKPOINT, 2, 1, &header.digest);
    (void)poll(f);
    assert_int_equal(col_word_read(&f->words.stable), 1);
    fixture_close(f);
}

static void an_executed_request_is_passed_to_the_merge_as_a_question(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    col_merge_note *note = col_ring_reserve(&f->notes, sizeof *note);
    *note = (col_merge_note){
        .kind = COL_NOTE_OUTCOME,
        .outcome = {.kind = COL_OUTCOME_EXECUTED, .client = 1, .session = 1, .number = 1}};
    col_ring_publish(&f->notes);
    request_arrives(f, 1, 16);
    (void)poll(f);
    uint32_t bytes;
    const col_pillar_question *question = col_ring_front(&f->questions, &bytes);
    assert_non_null(question);
    assert_int_equal(question->kind, COL_ASK_REQUEST);
    assert_int_equal(question->request.number, 1);
    assert_int_equal(question->request.operation.length, 0);  // the datagram is given back
    fixture_close(f);
}

/// A proposal for `sequence` arrives while the loop of pillar 1 sleeps. @return whether that wakes
/// it
static bool proposal_wakes_neighbour(fixture *f, uint64_t sequence) {
    const col_digest digest = {{7}};
    col_waker_arm(&f->neighbour);
    vote_arrives(f, COL_PRE_PREPARE, 0, sequence, &digest);
    (void)poll(f);
    const bool woken = !atomic_load(&f->neighbour.sleeping);
    col_waker_disarm(&f->neighbour);
    return woken;
}

static void what_passes_wakes_only_pillars_that_hold_the_merge_up(void **state) {
    (void)state;
    fixture *f = fixture_open_as(2, 2, 4096, 1 << 20);
    assert_ok(col_waker_open(&f->neighbour));
    assert_true(proposal_wakes_neighbour(f, 2));
    atomic_store(&f->words.missing[1].sequence, 3);
    assert_true(proposal_wakes_neighbour(f, 4));
    atomic_store(&f->words.missing[1].sequence, 7);
    assert_false(proposal_wakes_neighbour(f, 6));
    col_waker_close(&f->neighbour);
    fixture_close(f);
}

static void what_must_run_next_is_told_as_a_deadline(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    const col_stage *stage = col_pillar_stage_of(f->pillar);
    assert_int_equal(stage->deadline_ns(stage), 0);
    (void)poll(f);
    assert_int_equal(stage->deadline_ns(stage), f->now_ns + 20 * MS);
    fixture_close(f);
}

// Session 1 with MACs

static void session_happens(fixture *f, col_outcome_kind kind) {
    col_merge_note *note = col_ring_reserve(&f->notes, sizeof *note);
    *note = (col_merge_note){.kind = COL_NOTE_OUTCOME,
                             .outcome = {.kind = kind, .client = 1, .session = 1, .number = 10},
                             .has_key = kind == COL_OUTCOME_OPENED,
                             .request_key = test_mac_key(1, f->self, COL_ROLE_CLIENT)};
    col_ring_publish(&f->notes);
}

static void mac_request_arrives(fixture *f, uint64_t number, size_t operation_bytes) {
    col_mac_key key[REPLICAS];
    const col_link_seal link = test_client_link(1, key);
    (void)make_request_sealed(f, number, operation_bytes, &link);
    flush(f, f->client);
}

/// Take a proposed body: its first request must have the MACs that the client sent in `datagram`.
static void assert_batch_has_macs(fixture *f, col_bytes datagram) {
    uint32_t bytes;
    const col_seal_job *job;
    while ((job = col_ring_front(&f->signing, &bytes)) != NULL && job->header.type != COL_BATCH) {
        col_ring_release(&f->signing);
    }
    assert_non_null(job);
    col_batch batch;
    col_bundle bundle, sent;
    assert_true(col_batch_read((col_bytes){job->body, job->length}, &batch));
    col_reader reader = col_reader_of(batch.content);
    const uint32_t length = col_read_u32(&reader);
    assert_int_equal(col_bundle_parse(col_read_bytes(&reader, length), &bundle), COL_DROP_NONE);
    assert_int_equal(col_bundle_parse(datagram, &sent), COL_DROP_NONE);
    assert_int_equal(bundle.scheme, COL_SCHEME_HMAC);
    assert_int_equal(bundle.key_version, 1);
    assert_int_equal(bundle.signature.length, sent.signature.length);
    assert_memory_equal(bundle.signature.at, sent.signature.at, sent.signature.length);
    col_ring_release(&f->signing);
}

static void a_request_with_macs_becomes_a_proposal_that_carries_them(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(col_counter_read(&f->opened.macs), 1);
    assert_int_equal(col_counter_read(&f->opened.verifies), 0);
    assert_batch_has_macs(f, sent_bytes(&f->egress, 0));
    assert_int_equal(take_jobs(f, COL_PRE_PREPARE, NULL), 1);
    fixture_close(f);
}

static void a_request_with_macs_in_fragments_becomes_a_proposal_once_it_is_whole(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 4000);
    assert_true(f->given >= 3);
    (void)poll(f);
    assert_int_equal(col_counter_read(&f->opened.macs), f->given);
    assert_batch_has_macs(f, sent_bytes(&f->egress, 0));  // of the first fragment
    fixture_close(f);
}

static void macs_are_of_use_while_their_session_is_open(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_NO_SESSION), 1);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 1);
    session_happens(f, COL_OUTCOME_EVICTED);
    mac_request_arrives(f, 2, 16);
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_NO_SESSION), 2);
    assert_int_equal(col_counter_read(&f->opened.macs), 1);
    request_arrives(f, 2, 16);  // signed: it is answered with EXPIRED
    (void)poll(f);
    uint32_t bytes;
    const col_pillar_question *question = col_ring_front(&f->questions, &bytes);
    assert_non_null(question);
    assert_int_equal(question->kind, COL_ASK_REQUEST);
    assert_int_equal(question->request.number, 2);
    fixture_close(f);
}

static void an_opening_that_brings_no_key_leaves_the_session_its_signatures(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_opens(f);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_NO_SESSION), 1);
    request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 1);
    fixture_close(f);
}

static void a_bad_mac_is_dropped_and_the_same_request_signed_is_not(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 16);
    f->egress.sent[0].bytes[COL_BUNDLE_HEADER_BYTES] ^= 1;
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_BAD_MAC), 1);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 0);
    request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_BATCH, NULL), 1);
    fixture_close(f);
}

static void in_a_cluster_of_signed_sessions_macs_are_of_the_wrong_scheme(void **state) {
    (void)state;
    fixture *f = fixture_open(4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    assert_int_equal(dropped(f, COL_DROP_WRONG_SCHEME), 1);
    fixture_close(f);
}

/// What replica 0 proposes when it has a request with MACs. @return the body; its digest out
static col_bytes proposed_with_macs(col_digest *digest) {
    static uint8_t body[4096];
    size_t length = 0;
    uint32_t bytes;
    const col_seal_job *job;
    fixture *f = fixture_open(4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    mac_request_arrives(f, 1, 16);
    (void)poll(f);
    while ((job = col_ring_front(&f->signing, &bytes)) != NULL) {
        if (job->header.type == COL_PRE_PREPARE) *digest = job->header.digest;
        if (job->header.type == COL_BATCH) memcpy(body, job->body, length = job->length);
        col_ring_release(&f->signing);
    }
    assert_true(length > 0);
    fixture_close(f);
    return (col_bytes){body, length};
}

static void a_backup_verifies_its_own_mac_in_what_the_primary_proposes(void **state) {
    (void)state;
    col_digest digest;
    const col_bytes body = proposed_with_macs(&digest);
    fixture *f = fixture_open_as(2, 1, 4096, 1 << 20);
    session_happens(f, COL_OUTCOME_OPENED);
    const col_header batch = {.type = COL_BATCH, .sequence = 1};
    const col_header pre_prepare = {.type = COL_PRE_PREPARE, .sequence = 1, .digest = digest};
    const col_destination to = {.replicas = 1 << 2};
    assert_true(col_sealer_add(f->replica[0], &batch, body, to));
    assert_true(col_sealer_add(f->replica[0], &pre_prepare, (col_bytes){0}, to));
    flush(f, f->replica[0]);
    (void)poll(f);
    assert_int_equal(take_jobs(f, COL_PREPARE, NULL), 1);
    assert_int_equal(col_counter_read(&f->opened.macs), 1);
    fixture_close(f);
}

#define WITH_MACS(name) cmocka_unit_test_setup_teardown(name, with_macs, without_macs)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_request_becomes_a_proposal),
        cmocka_unit_test(a_request_in_fragments_becomes_a_proposal_once_it_is_whole),
        cmocka_unit_test(a_request_in_one_piece_does_not_pass_for_its_first_fragment),
        cmocka_unit_test(every_datagram_is_released_and_every_drop_counted),
        cmocka_unit_test(a_replica_is_heard_only_from_its_own_address),
        cmocka_unit_test(forged_votes_cost_a_bounded_number_of_verifications),
        cmocka_unit_test(votes_of_the_past_cost_no_verification),
        cmocka_unit_test(what_a_burst_made_late_costs_no_verification_and_is_no_waste),
        cmocka_unit_test(a_flood_of_repetitions_leaves_its_source_what_is_expected),
        cmocka_unit_test(what_cost_nothing_is_no_waste_of_its_source),
        cmocka_unit_test(requests_ahead_of_their_session_cost_a_bounded_number_of_verifications),
        cmocka_unit_test(committed_slots_go_to_the_merge_and_wait_for_room_there),
        cmocka_unit_test(a_full_signing_ring_loses_messages_and_counts_them),
        cmocka_unit_test(what_one_peer_asks_for_leaves_room_for_what_all_wait_for),
        cmocka_unit_test(a_checkpoint_note_is_voted_and_its_seal_shown),
        cmocka_unit_test(an_executed_request_is_passed_to_the_merge_as_a_question),
        cmocka_unit_test(what_passes_wakes_only_pillars_that_hold_the_merge_up),
        cmocka_unit_test(what_must_run_next_is_told_as_a_deadline),
        WITH_MACS(a_request_with_macs_becomes_a_proposal_that_carries_them),
        WITH_MACS(a_request_with_macs_in_fragments_becomes_a_proposal_once_it_is_whole),
        WITH_MACS(macs_are_of_use_while_their_session_is_open),
        WITH_MACS(an_opening_that_brings_no_key_leaves_the_session_its_signatures),
        WITH_MACS(a_backup_verifies_its_own_mac_in_what_the_primary_proposes),
        WITH_MACS(a_bad_mac_is_dropped_and_the_same_request_signed_is_not),
        cmocka_unit_test(in_a_cluster_of_signed_sessions_macs_are_of_the_wrong_scheme),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
