// SPDX-License-Identifier: Apache-2.0
// The whole way of a frame into a replica: Ethernet, pillar, opener, reassembly, PBFT, merge. All
// of it is production's code except DPDK and the public-key operation: a signature that begins with
// "good" is one, and every session has one known key for its MACs. Whatever arrives, the replica
// votes once per slot and hands over every round once.
//
// Input: u8 pillar, then records. A record: u8 what, then either a frame, whose checksums, tag and
// signature are set right where `what` says so, or a message that is sealed (and cut) here.
#include "crypto/hashing.h"
#include "crypto/openssl_key.h"
#include "crypto/root_text.h"
#include "crypto/session_keys.h"
#include "dpdk/frame.h"
#include "pillars/merge.h"
#include "pillars/pillar_stage.h"
#include "src/wire/join.h"
#include "tests/fuzz/votes.h"

#define REPLICAS 4
#define CLIENTS 8
#define PILLARS 4
#define SELF 2
#define SIGNATURE_BYTES 256
#define BASE_PORT 7000
#define FRAME_BYTES 4096
#define SLOTS_PER_TURN 64
#define MS UINT64_C(1000000)

static const col_mac own_mac = {{2, 0, 0, 0, 0, 1 + SELF}};
static const col_endpoint own_endpoint = {0x0a4d0001 + SELF, BASE_PORT};
static const col_endpoint replica_endpoint[REPLICAS] = {{0x0a4d0001, BASE_PORT},
                                                        {0x0a4d0002, BASE_PORT},
                                                        {0x0a4d0003, BASE_PORT},
                                                        {0x0a4d0004, BASE_PORT}};
static const col_digest cluster = {{'f', 'u', 'z', 'z', 'i', 'n', 'g', '!'}};

typedef struct {
    col_arena arena;
    col_reader input;
    uint32_t pillar;
    uint64_t now_ns;
    col_words words;
    col_ring ingress, notes, sealed, committed, questions, signing;
    col_pillar_counters counters;
    col_opener_counters opener_counters;
    col_pillar_stage *stage;
    col_pbft_options options;
    col_merge *merge;
    col_merge_counters merge_counters;
    void *app;
    fuzz_voter voter;
    uint64_t stable;
    uint64_t delivered;  ///< round
} scene;

// Signatures

static bool available(void) {
    return true;
}

static void *context_create(void) {
    static int context;
    return &context;
}

static void context_destroy(void *context) {
    (void)context;
}

static void sign(void *context, col_sign_job *job, uint32_t count) {
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        memset(job[i].signature, 0, SIGNATURE_BYTES);
        memcpy(job[i].signature, "good", 4);
    }
}

static void verify(void *context, col_verify_job *job, uint32_t count) {
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        COL_ASSERT(job[i].signature.length == SIGNATURE_BYTES);
        job[i].valid = memcmp(job[i].signature.at, "good", 4) == 0;
    }
}

static const col_backend backend = {"fuzz",          1,    available, context_create,
                                    context_destroy, sign, verify};

static const col_keyring *keyring(void) {
    static col_key key = {.scheme = COL_SCHEME_RSA, .signature_bytes = SIGNATURE_BYTES};
    static col_key *replica[REPLICAS] = {&key, &key, &key, &key};
    static col_key *client[CLIENTS] = {&key, &key, &key, &key,
                                       &key, &key, &key};  // the last is unknown
    static col_keyring ring = {
        .replicas = REPLICAS, .clients = CLIENTS, .replica = replica, .client = client};
    ring.cluster = cluster;
    ring.macs = true;
    return &ring;
}

static const col_mac_key *session_key(void) {
    static const uint8_t secret[COL_MAC_SECRET_BYTES] = "known";
    static col_mac_key key;
    if (key.secret[0] == 0) col_mac_key_init(&key, secret);
    return &key;
}

// The replica

static void release(void *buffer) {
    free(buffer);
}

static void on_reply(void *context, const col_header *header, col_bytes body,
                     const col_session *session, col_endpoint to) {
    (void)session;
    (void)context;
    (void)to;
    COL_ASSERT(header->type == COL_REPLY || header->type == COL_SESSION_OPENED);
    COL_ASSERT(body.length <= COL_MESSAGE_BYTES_MAX);
}

static void put_note(scene *s, const col_merge_note *note) {
    col_merge_note *record = col_ring_reserve(&s->notes, sizeof *record);
    COL_ASSERT(record != NULL);
    *record = *note;
    col_ring_publish(&s->notes);
}

static void on_outcome(void *context, uint32_t pillar, const col_outcome *outcome) {
    scene *s = context;
    COL_ASSERT(pillar == s->pillar);  // the other pillars' slots are null
    put_note(s, &(col_merge_note){.kind = COL_NOTE_OUTCOME,
                                  .outcome = *outcome,
                                  .has_key = outcome->kind == COL_OUTCOME_OPENED,
                                  .request_key = *session_key()});
}

static void on_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest) {
    scene *s = context;
    if (checkpoint % PILLARS != s->pillar) return;
    put_note(s, &(col_merge_note){
                    .kind = COL_NOTE_CHECKPOINT, .checkpoint = checkpoint, .digest = *digest});
}

static col_pbft_options pbft_options(uint32_t pillar) {
    return (col_pbft_options){
        .replicas = REPLICAS,
        .faults = 1,
        .self = SELF,
        .pillar = pillar,
        .pillars = PILLARS,
        .checkpoint_interval = 16,
        .window = 48,
        .session_outstanding = 64,
        .sessions_max = 64,
        .clients = CLIENTS,
        .pending_max = 256,
        .operation_bytes_max = 1024,
        .batch_requests_max = 256,
        .batch_bytes_max = 65536,
        .signature_bytes_max = SIGNATURE_BYTES,
        .time_ahead_max_ns = 5000 * MS,
        .incarnation = 1,
        .batch_requests = 100,
        .batch_bytes = 32768,
        .status_interval_ns = 50 * MS,
    };
}

static col_merge_options merge_options(scene *s) {
    return (col_merge_options){
        .pillars = PILLARS,
        .checkpoint_interval = s->options.checkpoint_interval,
        .operation_bytes_max = s->options.operation_bytes_max,
        .sessions = {.pillars = PILLARS,
                     .clients = CLIENTS,
                     .sessions_max = s->options.sessions_max,
                     .client_sessions_max = s->options.sessions_max,
                     .outstanding = s->options.session_outstanding,
                     .result_bytes_max = 1024,
                     .time_ahead_max_ns = s->options.time_ahead_max_ns},
        .app = &col_app_counter,
        .app_state = s->app,
        .hasher = &fuzz_hasher,
        .sink = {s, on_reply, on_outcome, on_checkpoint},
        .counters = &s->merge_counters,
    };
}

static void open_rings(scene *s) {
    col_ring *const ring[] = {&s->ingress, &s->notes, &s->sealed, &s->committed, &s->questions};
    for (uint32_t i = 0; i < sizeof ring / sizeof *ring; i++) {
        col_ring_init(ring[i], &s->arena, 1 << 20, NULL);
    }
    col_ring_init(&s->signing, &s->arena, 16 << 20, NULL);
}

static void scene_open(scene *s) {
    s->options = pbft_options(s->pillar);
    s->app = col_app_counter.create("");
    s->now_ns = 1000 * MS;
    const col_merge_options merge = merge_options(s);
    col_pillar_stage_options options = {
        .name = "pillar",
        .pbft = s->options,
        .backend = &backend,
        .keyring = keyring(),
        .words = &s->words,
        .replica = replica_endpoint,
        .ingress = &s->ingress,
        .release = release,
        .notes = &s->notes,
        .sealed = {&s->sealed},
        .sealers = 1,
        .committed = &s->committed,
        .questions = &s->questions,
        .signing = {.ring = {&s->signing}, .rings = 1},
        .counters = &s->counters,
        .opener_counters = &s->opener_counters,
    };
    const col_result opened = col_arena_open(
        &s->arena, col_pillar_stage_footprint(&options) + col_merge_footprint(&merge) +
                       col_root_cache_footprint(64) + 5 * col_ring_footprint(1 << 20) +
                       col_ring_footprint(16 << 20));
    COL_ASSERT(opened.ok);
    open_rings(s);
    options.roots = col_root_cache_create(&s->arena, 64);
    s->stage = col_pillar_stage_create(&s->arena, &options);
    s->merge = col_merge_create(&s->arena, &merge);
}

static void scene_close(scene *s) {
    col_pillar_stage_destroy(s->stage);
    col_app_counter.destroy(s->app);
    col_arena_close(&s->arena);
}

// What comes out of the stage

static void seal_own(scene *s, const col_header *header) {
    uint8_t signature[SIGNATURE_BYTES] = "good";
    uint8_t seal[COL_SEAL_BYTES_MAX];
    const col_seal_view view = {.key_version = 1,
                                .leaves = 1,
                                .scheme = COL_SCHEME_RSA,
                                .signature = {signature, sizeof signature}};
    const size_t length = col_seal_write(&view, seal);
    col_sealed_vote *vote = col_ring_reserve(&s->sealed, (uint32_t)(sizeof *vote + length));
    if (vote == NULL) return;
    vote->header = *header;
    vote->header.role = COL_ROLE_REPLICA;
    vote->header.sender = SELF;
    vote->header.fragments = 1;
    vote->seal_length = (uint32_t)length;
    memcpy(vote->seal, seal, length);
    col_ring_publish(&s->sealed);
}

static void take_sent(scene *s) {
    const col_seal_job *job;
    uint32_t bytes;
    const uint64_t stable_now = col_counter_read(&s->counters.stable);
    COL_ASSERT(stable_now >= s->stable);
    while ((job = col_ring_front(&s->signing, &bytes)) != NULL) {
        COL_ASSERT(job->length <= COL_MESSAGE_BYTES_MAX);
        fuzz_voter_sends(&s->voter, &job->header, &s->options, s->stable, stable_now);
        const uint8_t type = job->header.type;
        if (type == COL_PREPARE || type == COL_COMMIT || type == COL_CHECKPOINT) {
            seal_own(s, &job->header);
        }
        col_ring_release(&s->signing);
    }
    s->stable = stable_now;
}

static void take_questions(scene *s) {
    const col_pillar_question *question;
    uint32_t bytes;
    while ((question = col_ring_front(&s->questions, &bytes)) != NULL) {
        if (question->kind == COL_ASK_REQUEST) {
            col_merge_answer(s->merge, &question->request);
        } else {
            col_merge_answer_open(s->merge, &question->open);
        }
        col_ring_release(&s->questions);
    }
}

/// The other pillars are idle: one null slot each.
static void pass_others(scene *s) {
    while (col_merge_next_pillar(s->merge) != s->pillar) {
        const uint64_t round = col_round_of(col_merge_sequence(s->merge) + 1, PILLARS);
        const col_committed nothing = {.round = round, .run = 1};
        col_merge_execute(s->merge, &nothing);
    }
}

static void take_committed(scene *s) {
    const col_committed *committed;
    uint32_t bytes, slots = 0;
    while (slots < SLOTS_PER_TURN && (committed = col_ring_front(&s->committed, &bytes)) != NULL) {
        COL_ASSERT(committed->round == s->delivered + 1);
        const uint32_t count = committed->run > 0 ? committed->run : 1;
        s->delivered += count;
        slots += count;
        pass_others(s);
        col_merge_execute(s->merge, committed);
        for (uint32_t i = 1; i < count; i++) pass_others(s);
        col_ring_release(&s->committed);
    }
    atomic_store(&s->words.executed, col_merge_sequence(s->merge));
}

static void turn(scene *s) {
    col_stage *stage = col_pillar_stage_of(s->stage);
    s->now_ns += MS;
    for (uint32_t i = 0; i < 2; i++) {
        (void)stage->poll(stage, s->now_ns, COL_STAGE_BUDGET);
        take_sent(s);
        take_questions(s);
        take_committed(s);
    }
}

// What goes in

/// What dpdk/receiver.c does with a frame.
static void hear_frame(scene *s, col_bytes frame) {
    col_frame_datagram datagram;
    if (col_frame_kind_of(frame) != COL_FRAME_IPV4) return;
    if (col_frame_parse_datagram(frame, true, &datagram) != COL_DROP_NONE) return;
    const uint32_t pillar = (uint32_t)datagram.to.port - own_endpoint.port;
    if (memcmp(&datagram.destination_mac, &own_mac, sizeof own_mac) != 0) return;
    if (datagram.to.address != own_endpoint.address || pillar != s->pillar) return;
    if (datagram.payload.length <= COL_BUNDLE_PILLAR_OFFSET) return;
    if (datagram.payload.at[COL_BUNDLE_PILLAR_OFFSET] != pillar) return;

    col_datagram *record = col_ring_reserve(&s->ingress, sizeof *record);
    uint8_t *buffer = malloc(datagram.payload.length);
    memcpy(buffer, datagram.payload.at, datagram.payload.length);
    *record = (col_datagram){
        .payload = {buffer, datagram.payload.length}, .from = datagram.from, .buffer = buffer};
    col_ring_publish(&s->ingress);
}

/// Where the signer that a payload names sends from, so that it is not dropped for its address.
static col_endpoint signer_endpoint(const uint8_t *payload, size_t length) {
    col_bundle bundle;
    const bool named = col_bundle_parse((col_bytes){payload, length}, &bundle) == COL_DROP_NONE &&
                       bundle.role == COL_ROLE_REPLICA && bundle.signer < REPLICAS;
    return replica_endpoint[named ? bundle.signer : 0];
}

/// Frame a payload of `length` bytes that stands behind the headers' room.
static void hear_payload(scene *s, uint8_t *frame, size_t length) {
    const col_endpoint to = {own_endpoint.address, (uint16_t)(own_endpoint.port + s->pillar)};
    const col_endpoint from = signer_endpoint(frame + COL_FRAME_HEADERS_BYTES, length);
    col_frame_write_headers(frame, &own_mac, from, to, (uint16_t)length, COL_FRAME_CHECKSUM_NONE);
    col_frame_set_destination_mac(frame, &own_mac);
    hear_frame(s, (col_bytes){frame, COL_FRAME_HEADERS_BYTES + length});
}

/// Make a recorded bundle one of this cluster, signed; leave anything else as it is.
static void adopt(scene *s, uint8_t *payload, size_t length) {
    col_bundle bundle;
    if (length > COL_BUNDLE_PILLAR_OFFSET) payload[COL_BUNDLE_PILLAR_OFFSET] = (uint8_t)s->pillar;
    if (col_bundle_parse((col_bytes){payload, length}, &bundle) != COL_DROP_NONE) return;
    memcpy(payload + COL_BUNDLE_HEADER_BYTES - 8, cluster.byte, 8);
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result): the toy signature is four bytes
    if (bundle.signature.length >= 4) memcpy(payload + COL_BUNDLE_HEADER_BYTES, "good", 4);
}

static void on_frame(scene *s) {
    const col_bytes frame = fuzz_bytes(&s->input, FRAME_BYTES);
    hear_frame(s, frame);
}

static void on_payload(scene *s) {
    static uint8_t frame[COL_FRAME_HEADERS_BYTES + FRAME_BYTES];
    const col_bytes payload = fuzz_bytes(&s->input, FRAME_BYTES);
    uint8_t *room = frame + COL_FRAME_HEADERS_BYTES;
    if (payload.length > 0) memcpy(room, payload.at, payload.length);
    adopt(s, room, payload.length);
    hear_payload(s, frame, payload.length);
}

static const col_hasher *real_hasher(void) {
    static col_hasher *hasher;
    if (hasher == NULL) hasher = col_hasher_create();
    return hasher;
}

/// The MAC for this replica over a tree of one leaf.
static void write_mac(const col_bundle *bundle, const col_header *header, uint8_t *mac) {
    uint8_t leaf[COL_LEAF_BYTES_FRAGMENT], text[COL_ROOT_TEXT_BYTES];
    col_root_key root = {.signer = bundle->signer,
                         .key_version = bundle->key_version,
                         .role = bundle->role,
                         .leaves = 1};
    const size_t used = col_leaf_encode(&cluster, header, NULL, leaf);
    col_hash(real_hasher(), (col_bytes){leaf, used}, &root.root);
    col_root_text(&cluster, &root, text);
    col_macs_compute_portable(&(col_mac_job){session_key(), {text, sizeof text}, mac}, 1);
}

/// Seal one fragment alone in its tree. @param session with its MACs; 0: signed
static void hear_entry(scene *s, const col_entry *entry, uint64_t session) {
    static uint8_t frame[COL_FRAME_HEADERS_BYTES + 2 * FRAME_BYTES];
    uint8_t signature[SIGNATURE_BYTES] = "good";
    col_bundle bundle = {.pillar = (uint8_t)s->pillar,
                         .role = entry->message.header.role,
                         .scheme = COL_SCHEME_RSA,
                         .signer = entry->message.header.sender,
                         .key_version = COL_KEY_VERSION,
                         .leaves = 1,
                         .entries = 1,
                         .signature = {signature, sizeof signature}};
    memcpy(&bundle.cluster_tag, cluster.byte, 8);
    if (session != 0) {
        bundle.scheme = COL_SCHEME_HMAC;
        bundle.key_version = col_session_key_version(session);
        bundle.signature.length = REPLICAS * COL_MAC_BYTES;
        write_mac(&bundle, &entry->message.header, signature + SELF * COL_MAC_BYTES);
    }
    col_writer writer = col_writer_of(frame + COL_FRAME_HEADERS_BYTES, 2 * FRAME_BYTES);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, entry);
    COL_ASSERT(!writer.failed);
    hear_payload(s, frame, col_writer_used(&writer));
}

static void hear_cut(scene *s, col_entry *entry, col_bytes body, uint16_t fragments) {
    const size_t each = (body.length + fragments - 1) / fragments;
    entry->message.header.fragments = fragments;
    for (uint16_t i = 0; i < fragments && i * each < body.length; i++) {
        const size_t left = body.length - i * each;
        entry->message.header.fragment = i;
        entry->message.bytes = (col_bytes){body.at + i * each, left < each ? left : each};
        hear_entry(s, entry, 0);
    }
}

/// The session that a request names, where the input wants it sealed with MACs.
static uint64_t session_with_macs(const col_message *message, uint8_t what) {
    col_request request;
    const bool wanted = what & 8 && message->header.type == COL_REQUEST;
    return wanted && col_request_read(message->bytes, &request) ? request.session : 0;
}

static void on_message(scene *s) {
    const uint8_t what = col_read_u8(&s->input);
    const uint8_t type = (uint8_t)(1 + col_read_u8(&s->input) % (COL_TYPE_COUNT - 1));
    col_entry entry = {.message.header = {.role = col_type_role(type),
                                          .type = type,
                                          .pillar = (uint8_t)s->pillar,
                                          .run = (uint8_t)fuzz_below(&s->input, COL_RUN_MAX + 1),
                                          .sender = what & 3,
                                          .view = fuzz_number(&s->input),
                                          .sequence = fuzz_number(&s->input),
                                          .fragments = 1}};
    col_header *header = &entry.message.header;
    if (what & 4) header->sequence = (header->sequence % 128) * PILLARS + s->pillar;
    if (col_type_digest_is_given(type)) {
        header->digest = what & 8 ? col_null_digest : (col_digest){{what}};
        hear_entry(s, &entry, 0);
        return;
    }
    const col_bytes body = fuzz_bytes(&s->input, FRAME_BYTES);
    col_hash(real_hasher(), body, &header->digest);
    const uint16_t fragments = (uint16_t)(what >> 4);
    if (fragments >= 2 && body.length > fragments) {
        hear_cut(s, &entry, body, fragments);
    } else {
        entry.message.bytes = body;
        hear_entry(s, &entry, session_with_macs(&entry.message, what));
    }
}

static void record(scene *s) {
    const uint8_t what = col_read_u8(&s->input);
    switch (what % 8) {
        case 0:
            on_frame(s);
            break;
        case 1:
            s->now_ns += (uint64_t)what * MS;
            break;
        case 2:
        case 3:
            on_message(s);
            break;
        default:
            on_payload(s);
    }
    if (what < 200) turn(s);  // else a burst
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    memset(&s, 0, sizeof s);
    s.input = fuzz_input(data, size);
    s.pillar = fuzz_below(&s.input, PILLARS);
    scene_open(&s);
    while (fuzz_more(&s.input)) record(&s);
    turn(&s);
    scene_close(&s);
    return 0;
}
