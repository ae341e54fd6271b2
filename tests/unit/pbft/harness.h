// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka.h needs the above.
#include <cmocka.h>

#include "src/base/arena.h"
#include "src/base/scheme.h"
#include "src/base/stage.h"
#include "src/pbft/pbft.h"
#include "src/pbft/votes.h"
#include "src/wire/bundle.h"
#include "src/wire/join.h"

/// What the tests of ordering share: one instance with a sink that records, and makers of verified
/// messages, so that a test reads like a scenario. Seals are models: a toy hash of the leaf instead
/// of a signature.

#define MS UINT64_C(1000000)
#define WALL UINT64_C(1700000000000000000)  // the tests' wall clock starts here
#define SIGNATURE_BYTES 32

// Toy cryptography

static inline void harness_digest(const col_hasher *self, const col_bytes *message, uint32_t count,
                                  col_digest *digest) {
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t j = 0; j < message[i].length; j++) {
            hash = (hash ^ message[i].at[j]) * UINT64_C(0x100000001b3);
        }
        for (uint32_t j = 0; j < 4; j++) {
            memcpy(digest[i].byte + (size_t)8 * j, &hash, sizeof hash);
            hash = (hash ^ j ^ hash >> 29) * UINT64_C(0x100000001b3);
        }
    }
}

static const col_hasher harness_hasher = {.digest = harness_digest};

static inline col_bytes text(const char *string) {
    return (col_bytes){(const uint8_t *)string, strlen(string)};
}

/// The seal of one whole message, alone in its tree: its leaf's hash stands for the signature.
static inline col_seal seal_of(const col_header *header, uint8_t *room) {
    static const col_digest cluster = {{0xC1}};
    uint8_t leaf[COL_LEAF_BYTES_FRAGMENT];
    col_header whole = *header;
    whole.fragments = 1;
    whole.fragment = 0;
    col_digest signature;
    const size_t length = col_leaf_encode(&cluster, &whole, NULL, leaf);
    col_hash(&harness_hasher, (col_bytes){leaf, length}, &signature);
    const col_seal_view view = {
        .key_version = 1, .leaves = 1, .scheme = 1, .signature = {signature.byte, SIGNATURE_BYTES}};
    return (col_seal){room, col_seal_write(&view, room)};
}

static inline bool seal_is_of(const col_header *header, col_seal seal) {
    uint8_t room[COL_SEAL_BYTES_MAX];
    const col_seal expected = seal_of(header, room);
    return expected.length == seal.length && memcmp(expected.at, seal.at, seal.length) == 0;
}

/// Leaf `index` of a client's tree of `leaves`; a forged one is recognised by its first byte.
static inline size_t client_seal(uint32_t client, uint32_t tree, uint16_t leaves, uint16_t index,
                                 bool forged, uint8_t *room) {
    uint8_t signature[SIGNATURE_BYTES] = {forged ? 'X' : 'c', (uint8_t)client};
    static const uint8_t path[32 * COL_TREE_DEPTH_MAX];
    memcpy(signature + 4, &tree, sizeof tree);
    const col_seal_view view = {.key_version = 1,
                                .leaves = leaves,
                                .index = index,
                                .scheme = 1,
                                .depth = col_path_length(leaves, index),
                                .signature = {signature, sizeof signature},
                                .path = path};
    return col_seal_write(&view, room);
}

// Client messages

typedef struct {
    uint8_t bytes[2048];
    uint8_t seal[COL_SEAL_BYTES_MAX];
    col_verified verified;
} client_message;

static inline void finish_client_message(client_message *made, uint8_t type, uint8_t pillar,
                                         uint32_t client, uint64_t sequence, size_t length) {
    const col_bytes bytes = {made->bytes, length};
    made->verified = (col_verified){.message = {.header = {.role = COL_ROLE_CLIENT,
                                                           .type = type,
                                                           .pillar = pillar,
                                                           .sender = client,
                                                           .sequence = sequence,
                                                           .fragments = 1},
                                                .bytes = bytes}};
    col_hash(&harness_hasher, bytes, &made->verified.message.header.digest);
    made->verified.seal =
        (col_seal){made->seal, client_seal(client, (uint32_t)sequence, 1, 0, false, made->seal)};
}

static inline void make_request(client_message *made, uint32_t pillar, uint32_t client,
                                uint64_t session, uint64_t number, col_bytes operation) {
    const col_request request = {.client = client,
                                 .session = session,
                                 .number = number,
                                 .pillar = (uint8_t)pillar,
                                 .operation = operation};
    col_writer writer = col_writer_of(made->bytes, sizeof made->bytes);
    col_request_write(&writer, &request);
    assert_false(writer.failed);
    finish_client_message(made, COL_REQUEST, (uint8_t)pillar, client, number,
                          col_writer_used(&writer));
}

static inline void make_open(client_message *made, uint32_t pillar, uint32_t client,
                             uint64_t nonce) {
    const col_session_open open = {.client = client,
                                   .pillar = (uint8_t)pillar,
                                   .nonce = nonce,
                                   .reply_to = {0x0a000100 + client, 5000}};
    col_writer writer = col_writer_of(made->bytes, sizeof made->bytes);
    col_session_open_write(&writer, &open);
    finish_client_message(made, COL_SESSION_OPEN, (uint8_t)pillar, client, nonce,
                          col_writer_used(&writer));
}

/// Its client sealed it with MACs.
static inline void seal_with_macs(client_message *made) {
    const col_verified *verified = &made->verified;
    uint8_t room[COL_SEAL_BYTES_MAX];
    col_seal_view view;
    assert_true(col_seal_read(verified->seal, &view));
    view.scheme = COL_SCHEME_HMAC;
    assert_int_equal(col_seal_write(&view, room), verified->seal.length);
    memcpy(made->seal, room, verified->seal.length);
}

// Batches: each request in a bundle of its own

/// What becomes of a request's seal here: the first byte of the signature that stands for it.
typedef enum {
    SEAL_GOOD = 'c',
    SEAL_FORGED = 'X',
    SEAL_BAD_MAC = 'm',   ///< the MAC for this replica fails
    SEAL_NO_KEY = 'k',    ///< a MAC of a session that is opened later, and then good
    SEAL_LATE_BAD = 'l',  ///< the same, and then bad
} seal_kind;

typedef struct {
    uint32_t pillar;
    uint64_t time_ns;
    uint16_t requests;
    seal_kind seal;  ///< of the requests added from now on
    uint32_t length;
    col_digest digest[64];
    col_value value;
    uint8_t bytes[8192];
} test_batch;

static inline void batch_start(test_batch *batch, uint32_t pillar, uint64_t time_ns) {
    batch->pillar = pillar;
    batch->time_ns = time_ns;
    batch->requests = 0;
    batch->seal = SEAL_GOOD;
    batch->length = COL_BATCH_HEADER_BYTES;
}

static inline void batch_add(test_batch *batch, const client_message *message) {
    const col_message *inner = &message->verified.message;
    col_seal_view seal;
    assert_true(col_seal_read(message->verified.seal, &seal));
    uint8_t signature[SIGNATURE_BYTES];
    memcpy(signature, seal.signature.at, sizeof signature);
    if (batch->seal != SEAL_GOOD) signature[0] = (uint8_t)batch->seal;
    const bool whole = inner->header.fragments > 1;
    const col_bundle bundle = {.pillar = (uint8_t)batch->pillar,
                               .role = COL_ROLE_CLIENT,
                               .scheme = 1,
                               .signer = inner->header.sender,
                               .key_version = 1,
                               .leaves = seal.leaves,
                               .entries = 1,
                               .siblings = seal.depth,
                               .signature = {signature, sizeof signature},
                               .sibling = seal.path};
    const size_t size = col_bundle_overhead(sizeof signature, seal.depth) +
                        col_entry_size(&inner->header, whole, inner->bytes.length);
    col_writer writer =
        col_writer_of(batch->bytes + batch->length, sizeof batch->bytes - batch->length);
    col_write_u32(&writer, (uint32_t)size);
    col_bundle_write(&writer, &bundle);
    const col_entry entry = {.message = *inner,
                             .index = seal.index,
                             .whole = whole,
                             .fragment_digest = message->verified.fragment_digest};
    col_entry_write(&writer, &entry);
    assert_false(writer.failed);
    batch->length += (uint32_t)col_writer_used(&writer);
    batch->digest[batch->requests++] = inner->header.digest;
}

static inline void batch_add_request(test_batch *batch, uint32_t client, uint64_t session,
                                     uint64_t number, const char *operation) {
    client_message message;
    make_request(&message, batch->pillar, client, session, number, text(operation));
    batch_add(batch, &message);
}

static inline void batch_add_open(test_batch *batch, uint32_t client, uint64_t nonce) {
    client_message message;
    make_open(&message, batch->pillar, client, nonce);
    batch_add(batch, &message);
}

static inline void batch_finish(test_batch *batch) {
    const col_batch header = {batch->time_ns, batch->requests, batch->requests, {0}};
    col_writer writer = col_writer_of(batch->bytes, COL_BATCH_HEADER_BYTES);
    col_batch_write(&writer, &header);
    uint8_t input[COL_BATCH_DIGEST_BYTES(64)];
    col_batch_digest_input(batch->time_ns, batch->digest, batch->requests, input);
    batch->value.run = 0;
    col_hash(&harness_hasher, (col_bytes){input, COL_BATCH_DIGEST_BYTES(batch->requests)},
             &batch->value.digest);
}

static inline col_bytes batch_body(const test_batch *batch) {
    return (col_bytes){batch->bytes, batch->length};
}

/// A batch of one request, told from others by its operation. Session: the pillar's first of P.
static inline test_batch batch_sealed(const col_pbft_options *options, uint32_t client,
                                      seal_kind seal, const char *operation) {
    test_batch batch;
    batch_start(&batch, options->pillar, WALL);
    batch.seal = seal;
    batch_add_request(&batch, client, options->pillars + options->pillar, 1, operation);
    batch_finish(&batch);
    return batch;
}

static inline test_batch batch_of(const col_pbft_options *options, const char *operation) {
    return batch_sealed(options, 1, SEAL_GOOD, operation);
}

static inline bool harness_check_entry(const col_pbft_options *options, const col_entry *entry) {
    const col_header *header = &entry->message.header;
    if (header->pillar != options->pillar || (header->fragments > 1 && !entry->whole)) return false;
    col_request request;
    col_session_open open;
    if (header->type == COL_REQUEST) {
        return col_request_read(entry->message.bytes, &request) &&
               request.session % options->pillars == options->pillar;
    }
    return header->type == COL_SESSION_OPEN && col_session_open_read(entry->message.bytes, &open);
}

/// @param keys of the sessions that are opened later are here
/// @param known all its requests are @return not to be taken at all
static inline bool harness_judge(const col_bundle *bundle, bool keys, bool known,
                                 col_batch_check *check) {
    const uint8_t seal = bundle->signature.length == 0 ? SEAL_FORGED : bundle->signature.at[0];
    if (seal == SEAL_GOOD || (keys && seal == SEAL_NO_KEY)) return false;
    const bool bad_mac = seal == SEAL_BAD_MAC || (keys && seal == SEAL_LATE_BAD);
    if (!bad_mac && seal != SEAL_NO_KEY && seal != SEAL_LATE_BAD) return true;
    if (known) return false;
    col_batch_check_doubt(check, bundle->signer, bad_mac);
    return false;
}

/// What pillars/batch_check.c does, with the toy seals.
/// @param pbft NULL: one that knows nothing
static inline void harness_check_batch_with(const col_pbft_options *options, const col_pbft *pbft,
                                            bool keys, col_bytes body, col_batch_check *check) {
    *check = (col_batch_check){0};
    bool rejected = false;
    col_batch batch;
    if (!col_batch_read(body, &batch) || batch.requests > options->batch_requests_max) return;
    col_digest digest[64];
    uint32_t count = 0;
    col_reader reader = col_reader_of(batch.content);
    for (uint16_t i = 0; i < batch.bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        col_bundle bundle;
        if (col_bundle_parse(col_read_bytes(&reader, length), &bundle) != COL_DROP_NONE) return;
        col_entries entries = col_entries_of(&bundle);
        col_entry entry;
        bool known = pbft != NULL;
        while (col_entries_next(&entries, &entry)) {
            if (count == 64 || !harness_check_entry(options, &entry)) return;
            col_hash(&harness_hasher, entry.message.bytes, &entry.message.header.digest);
            digest[count++] = entry.message.header.digest;
            known = known && col_pbft_knows(pbft, &entry.message);
        }
        rejected |= harness_judge(&bundle, keys, known, check);
        if (entries.drop != COL_DROP_NONE) return;
    }
    if (count != batch.requests) return;
    uint8_t input[COL_BATCH_DIGEST_BYTES(64)];
    col_batch_digest_input(batch.time_ns, digest, count, input);
    col_hash(&harness_hasher, (col_bytes){input, COL_BATCH_DIGEST_BYTES(count)}, &check->digest);
    check->time_ns = batch.time_ns;
    check->well_formed = true;
    if (rejected) check->doubt = 0;
    check->authentic = !rejected && check->doubt == 0;
}

static inline void harness_check_batch(const col_pbft_options *options, col_bytes body,
                                       col_batch_check *check) {
    harness_check_batch_with(options, NULL, false, body, check);
}

// One instance and what it sent

typedef struct {
    col_header header;
    uint32_t replicas;
    col_endpoint client;  ///< port 0: to replicas
    uint32_t length;
    uint8_t *bytes;
} sent_message;

#define SUBJECT_SENT_MAX 2048

typedef struct {
    col_arena arena;
    col_pbft_options options;
    col_pbft *pbft;
    uint64_t now_ns;
    uint64_t wall_ns;
    uint32_t sent_count;
    uint32_t answered, answered_opens;
    uint64_t answered_number;
    uint32_t batch_checks, seal_checks;
    bool keys;  ///< of sessions whose requests stand in batches as SEAL_NO_KEY and SEAL_LATE_BAD
    uint64_t counter;  ///< of the peers' messages outside ordering
    sent_message sent[SUBJECT_SENT_MAX];
} subject;

static inline void record(subject *s, const col_header *header, col_bytes body, uint32_t replicas,
                          col_endpoint client) {
    assert_true(s->sent_count < SUBJECT_SENT_MAX);
    sent_message *sent = &s->sent[s->sent_count++];
    *sent = (sent_message){*header, replicas, client, (uint32_t)body.length, NULL};
    if (body.length == 0) return;
    sent->bytes = malloc(body.length);
    memcpy(sent->bytes, body.at, body.length);
}

static inline void subject_send(void *context, const col_header *header, col_bytes body,
                                uint32_t replicas) {
    record(context, header, body, replicas, (col_endpoint){0});
}

static inline void subject_send_client(void *context, const col_header *header, col_bytes body,
                                       col_endpoint to) {
    record(context, header, body, 0, to);
}

static inline void subject_answer(void *context, const col_request *request) {
    subject *s = context;
    s->answered++;
    s->answered_number = request->number;
}

static inline void subject_answer_open(void *context, const col_session_open *open) {
    subject *s = context;
    s->answered_opens++;
    s->answered_number = open->nonce;
}

static inline void subject_check_batch(void *context, col_bytes body, col_batch_check *check) {
    subject *s = context;
    s->batch_checks++;
    harness_check_batch_with(&s->options, s->pbft, s->keys, body, check);
}

static inline bool subject_check_seal(void *context, const col_header *header, col_seal seal) {
    subject *s = context;
    s->seal_checks++;
    return seal_is_of(header, seal);
}

/// Four replicas; this one is replica 2, a backup of the only pillar, whose primary is replica 0.
static inline col_pbft_options backup_options(void) {
    return (col_pbft_options){
        .replicas = 4,
        .faults = 1,
        .self = 2,
        .pillar = 0,
        .pillars = 1,
        .checkpoint_interval = 8,
        .window = 16,
        .session_outstanding = 4,
        .sessions_max = 8,
        .clients = 4,
        .pending_max = 32,
        .operation_bytes_max = 512,
        .batch_requests_max = 16,
        .batch_bytes_max = 4096,
        .signature_bytes_max = 256,
        .time_ahead_max_ns = 1000 * MS,
        .incarnation = 1,
        .batch_requests = 8,
        .batch_bytes = 4096,
        .status_interval_ns = 20 * MS,
        .hasher = &harness_hasher,
    };
}

/// The same cluster seen by replica 0, the primary.
static inline col_pbft_options primary_options(void) {
    col_pbft_options options = backup_options();
    options.self = 0;
    return options;
}

static inline void forget_sent(subject *s) {
    for (uint32_t i = 0; i < s->sent_count; i++) free(s->sent[i].bytes);
    s->sent_count = 0;
}

static inline col_drop step(subject *s, col_pbft_event event) {
    event.now_ns = s->now_ns;
    event.wall_ns = s->wall_ns;
    if (event.kind != COL_PBFT_MESSAGE) return col_pbft_step(s->pbft, &event);
    // Whatever is refused unverified would not have been used: all tests check this in passing.
    bool expected;
    const col_drop refused = col_pbft_expect(s->pbft, &event.verified->message, &expected);
    assert_false(expected && refused != COL_DROP_NONE);
    const col_drop drop = col_pbft_step(s->pbft, &event);
    if (refused != COL_DROP_NONE) assert_int_not_equal(drop, COL_DROP_NONE);
    return drop;
}

/// Let time pass; a due timer runs once.
static inline void pass(subject *s, uint64_t ns) {
    s->now_ns += ns;
    s->wall_ns += ns;
    if (col_pbft_deadline(s->pbft) <= s->now_ns) {
        (void)step(s, (col_pbft_event){.kind = COL_PBFT_TICK});
    }
}

static inline subject *subject_open(col_pbft_options options) {
    subject *s = calloc(1, sizeof *s);
    options.sink = (col_pbft_sink){.context = s,
                                   .send = subject_send,
                                   .send_client = subject_send_client,
                                   .answer = subject_answer,
                                   .answer_open = subject_answer_open,
                                   .check_batch = subject_check_batch,
                                   .check_seal = subject_check_seal};
    s->options = options;
    s->now_ns = 1000 * MS;
    s->wall_ns = WALL;
    const col_result opened = col_arena_open(&s->arena, col_pbft_footprint(&options));
    if (!opened.ok) fail_msg("%s", opened.text);
    s->pbft = col_pbft_create(&s->arena, &options);
    pass(s, 0);  // the greeting
    forget_sent(s);
    return s;
}

static inline void subject_close(subject *s) {
    forget_sent(s);
    col_arena_close(&s->arena);
    free(s);
}

static inline uint64_t sequence_at(const subject *s, uint64_t round) {
    return col_sequence_of(round, s->options.pillar, s->options.pillars);
}

// Events

static inline col_drop deliver(subject *s, const col_header *header, col_bytes bytes) {
    uint8_t room[COL_SEAL_BYTES_MAX];
    col_verified verified = {.message = {.header = *header, .bytes = bytes}};
    verified.message.header.fragments = 1;
    verified.seal = seal_of(&verified.message.header, room);
    return step(s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &verified});
}

static inline col_header vote_header(const subject *s, uint8_t type, uint32_t sender,
                                     uint64_t round, const col_value *value) {
    return (col_header){.role = COL_ROLE_REPLICA,
                        .type = type,
                        .pillar = (uint8_t)s->options.pillar,
                        .run = value->run,
                        .sender = sender,
                        .sequence = sequence_at(s, round),
                        .fragments = 1,
                        .digest = value->digest};
}

static inline col_drop vote_from(subject *s, uint8_t type, uint32_t sender, uint64_t round,
                                 const col_value *value) {
    const col_header header = vote_header(s, type, sender, round, value);
    return deliver(s, &header, (col_bytes){0});
}

static inline uint32_t primary_of(const subject *s) {
    return s->options.single_leader ? 0 : s->options.pillar % s->options.replicas;
}

static inline col_drop pre_prepare(subject *s, uint64_t round, const col_value *value) {
    return vote_from(s, COL_PRE_PREPARE, primary_of(s), round, value);
}

static inline col_drop prepare_from(subject *s, uint32_t sender, uint64_t round,
                                    const col_value *value) {
    return vote_from(s, COL_PREPARE, sender, round, value);
}

static inline col_drop commit_from(subject *s, uint32_t sender, uint64_t round,
                                   const col_value *value) {
    return vote_from(s, COL_COMMIT, sender, round, value);
}

static inline col_drop batch_from(subject *s, uint32_t sender, uint64_t round,
                                  const test_batch *batch) {
    col_header header = vote_header(s, COL_BATCH, sender, round, &batch->value);
    col_hash(&harness_hasher, batch_body(batch), &header.digest);
    return deliver(s, &header, batch_body(batch));
}

/// BATCH and PRE-PREPARE of the primary.
static inline col_drop propose_to(subject *s, uint64_t round, const test_batch *batch) {
    (void)batch_from(s, primary_of(s), round, batch);
    return pre_prepare(s, round, &batch->value);
}

static inline col_value null_run(uint8_t run) {
    return (col_value){col_null_digest, run};
}

/// The signer gives back the own COMMIT.
static inline void own_commit_sealed(subject *s, uint64_t round, const col_value *value) {
    const col_header own = vote_header(s, COL_COMMIT, s->options.self, round, value);
    uint8_t room[COL_SEAL_BYTES_MAX];
    const col_verified sealed = {.message = {.header = own}, .seal = seal_of(&own, room)};
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_SEALED, .verified = &sealed});
}

/// Votes of every other replica for `value`, with which a backup commits what it holds the body of.
static inline void agree(subject *s, uint64_t round, const col_value *value) {
    for (uint32_t r = 0; r < s->options.replicas; r++) {
        if (r == s->options.self || r == primary_of(s)) continue;
        (void)prepare_from(s, r, round, value);
    }
    for (uint32_t r = 0; r < s->options.replicas; r++) {
        if (r != s->options.self) (void)commit_from(s, r, round, value);
    }
    own_commit_sealed(s, round, value);
}

static inline void commit_batch(subject *s, uint64_t round, const test_batch *batch) {
    assert_int_equal(propose_to(s, round, batch), COL_DROP_NONE);
    agree(s, round, &batch->value);
}

static inline void commit_run(subject *s, uint64_t round, uint8_t run) {
    const col_value value = null_run(run);
    assert_int_equal(pre_prepare(s, round, &value), COL_DROP_NONE);
    agree(s, round, &value);
}

static inline void executed(subject *s, uint64_t sequence) {
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_EXECUTED, .sequence = sequence});
}

static inline void stable(subject *s, uint64_t checkpoint) {
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_STABLE, .checkpoint = checkpoint});
}

static inline void target(subject *s, uint64_t sequence) {
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_TARGET, .sequence = sequence});
}

static inline void outcome(subject *s, col_outcome what) {
    (void)step(s, (col_pbft_event){.kind = COL_PBFT_OUTCOME, .outcome = &what});
}

/// Open session `id` of `client` as its execution does.
static inline void open_session(subject *s, uint32_t client, uint64_t id, uint64_t nonce) {
    outcome(s, (col_outcome){.kind = COL_OUTCOME_OPENED,
                             .client = client,
                             .session = id,
                             .number = nonce,
                             .reply_to = {0x0a000100 + client, 5000}});
}

static inline col_drop request_from(subject *s, uint32_t client, uint64_t session, uint64_t number,
                                    const char *operation) {
    client_message message;
    make_request(&message, s->options.pillar, client, session, number, text(operation));
    return step(s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &message.verified});
}

static inline col_drop mac_request_from(subject *s, uint32_t client, uint64_t session,
                                        uint64_t number, const char *operation) {
    client_message message;
    make_request(&message, s->options.pillar, client, session, number, text(operation));
    seal_with_macs(&message);
    return step(s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &message.verified});
}

static inline col_drop open_from(subject *s, uint32_t client, uint64_t nonce) {
    client_message message;
    make_open(&message, s->options.pillar, client, nonce);
    return step(s, (col_pbft_event){.kind = COL_PBFT_MESSAGE, .verified = &message.verified});
}

/// A message outside ordering, with the sender's next counter.
static inline col_drop numbered_from(subject *s, uint8_t type, uint32_t sender, col_bytes body) {
    const col_header header = {.role = COL_ROLE_REPLICA,
                               .type = type,
                               .pillar = (uint8_t)s->options.pillar,
                               .sender = sender,
                               .view = 1,
                               .sequence = ++s->counter};
    return deliver(s, &header, body);
}

static inline col_drop status_from(subject *s, uint32_t sender, const col_status *status,
                                   const col_status_slot *slot) {
    uint8_t bytes[64 + COL_STATUS_SLOT_BYTES * COL_WINDOW_ROUNDS_MAX];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_status_write(&writer, status);
    for (uint16_t i = 0; i < status->count; i++) col_status_slot_write(&writer, &slot[i]);
    return numbered_from(s, COL_STATUS, sender, (col_bytes){bytes, col_writer_used(&writer)});
}

static inline col_drop fetch_from(subject *s, uint32_t sender, uint64_t first, uint16_t count) {
    col_fetch fetch = {.count = count};
    for (uint16_t i = 0; i < count; i++) fetch.round[i] = first + i;
    uint8_t bytes[512];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetch_write(&writer, &fetch);
    return numbered_from(s, COL_FETCH, sender, (col_bytes){bytes, col_writer_used(&writer)});
}

/// FETCHED for `value` at `round` with the COMMIT seals of replicas `voters` (a set).
/// @param forged the seals are not what they should be
static inline col_drop fetched_from(subject *s, uint32_t sender, uint64_t round,
                                    const col_value *value, uint32_t voters, bool forged,
                                    col_bytes batch) {
    col_fetched fetched = {.sequence = sequence_at(s, round),
                           .run = value->run,
                           .digest = value->digest,
                           .batch = batch};
    static uint8_t room[COL_REPLICAS_MAX][COL_SEAL_BYTES_MAX];
    for (uint32_t r = 0; r < COL_REPLICAS_MAX; r++) {
        if (!(voters >> r & 1)) continue;
        const col_header header = vote_header(s, COL_COMMIT, r, round, value);
        fetched.seal[fetched.seals].sender = r;
        fetched.seal[fetched.seals].seal = seal_of(&header, room[r]);
        if (forged) room[r][20] ^= 1;
        fetched.seals++;
    }
    static uint8_t bytes[64 * 1024];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, &fetched);
    assert_false(writer.failed);
    return numbered_from(s, COL_FETCHED, sender, (col_bytes){bytes, col_writer_used(&writer)});
}

// What was sent

static inline uint32_t count_sent(const subject *s, uint8_t type) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->sent_count; i++) count += s->sent[i].header.type == type;
    return count;
}

/// The newest message of a type. Fails the test when there is none.
static inline const sent_message *last_sent(const subject *s, uint8_t type) {
    for (uint32_t i = s->sent_count; i-- > 0;) {
        if (s->sent[i].header.type == type) return &s->sent[i];
    }
    fail_msg("no %s was sent", col_type_name(type));
    return NULL;
}

static inline bool was_sent(const subject *s, uint8_t type, uint64_t round,
                            const col_value *value) {
    for (uint32_t i = 0; i < s->sent_count; i++) {
        const col_header *header = &s->sent[i].header;
        if (header->type != type || header->sequence != sequence_at(s, round)) continue;
        const col_value sent = {header->digest, header->run};
        if (col_value_equal(&sent, value)) return true;
    }
    return false;
}

/// Is the next slot committed? Its value is taken when it is.
static inline bool next_committed(subject *s, col_committed *committed) {
    return col_pbft_next_committed(s->pbft, committed);
}

static inline col_pbft_figures figures_of(const subject *s) {
    col_pbft_figures figures;
    col_pbft_figures_read(s->pbft, &figures);
    return figures;
}
