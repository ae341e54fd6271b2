// SPDX-License-Identifier: Apache-2.0
// Whole replicas, pure pillars and merge, on a network that the input rules: it delivers, loses,
// repeats and reorders, and speaks for the faulty ones. Correct replicas vote once per slot and
// checkpoint; where no more than f are faulty, they execute the same and never diverge.
#include "tests/fuzz/votes.h"
#include "tests/unit/pillars/cluster.h"

#define PACKETS_MAX 3000
#define OPERATIONS 1024
#define CHECKPOINTS 256
#define PILLARS 2
#define INTERVAL 4
#define WINDOW 8
#define RAW_BYTES 400

typedef struct {
    cluster *c;
    col_reader input;
    uint32_t faulty;   ///< set of replicas
    uint32_t checked;  ///< packets
    fuzz_voter voter[CLUSTER_REPLICAS][PILLARS];
    col_digest voted[CLUSTER_REPLICAS][CHECKPOINTS];
    bool has_voted[CLUSTER_REPLICAS][CHECKPOINTS];
    bool known[OPERATIONS];
    uint64_t trace[OPERATIONS];  ///< after so many operations
    uint64_t stable[CLUSTER_REPLICAS][PILLARS];
    uint64_t counter;
    test_batch batch;
} scene;

static bool is_faulty(const scene *s, uint32_t replica) {
    return s->faulty >> replica & 1;
}

static bool agreement_is_due(const scene *s) {
    return __builtin_popcount(s->faulty) <= 1;
}

static col_pbft *instance(const scene *s, uint32_t replica, uint32_t pillar) {
    return s->c->node[replica].pillar[pillar].pillar.pbft;
}

static uint64_t stable_of(const scene *s, uint32_t replica, uint32_t pillar) {
    col_pbft_figures figures;
    col_pbft_figures_read(instance(s, replica, pillar), &figures);
    return figures.stable;
}

// Oracles

static void check_checkpoint(scene *s, const col_header *header) {
    COL_ASSERT(header->sequence >= 1);
    if (header->sequence >= CHECKPOINTS) return;
    const uint32_t c = (uint32_t)header->sequence;
    if (s->has_voted[header->sender][c]) {
        COL_ASSERT(col_digest_equal(&s->voted[header->sender][c], &header->digest));
    }
    s->has_voted[header->sender][c] = true;
    s->voted[header->sender][c] = header->digest;
    for (uint32_t r = 0; agreement_is_due(s) && r < CLUSTER_REPLICAS; r++) {
        if (s->has_voted[r][c]) COL_ASSERT(col_digest_equal(&s->voted[r][c], &header->digest));
    }
}

static void check_packets(scene *s) {
    for (; s->checked < s->c->packets; s->checked++) {
        const col_header *header = &s->c->packet[s->checked].header;
        const uint32_t r = header->sender, k = header->pillar;
        if (header->type == COL_CHECKPOINT) check_checkpoint(s, header);
        fuzz_voter_sends(&s->voter[r][k], header, &s->c->node[r].pillar[k].pillar.options,
                         s->stable[r][k], stable_of(s, r, k));
    }
}

static void check_execution(scene *s, uint32_t replica) {
    const cluster_node *node = &s->c->node[replica];
    if (node->operations >= OPERATIONS || !agreement_is_due(s)) return;
    if (s->known[node->operations]) COL_ASSERT(s->trace[node->operations] == node->trace);
    s->known[node->operations] = true;
    s->trace[node->operations] = node->trace;
}

static void check_replica(scene *s, uint32_t r) {
    check_execution(s, r);
    for (uint32_t k = 0; k < s->c->pillars; k++) {
        const uint64_t stable = stable_of(s, r, k);
        COL_ASSERT(stable >= s->stable[r][k]);
        s->stable[r][k] = stable;
        const col_checkpoints *checkpoints = s->c->node[r].pillar[k].pillar.checkpoints;
        if (agreement_is_due(s)) COL_ASSERT(col_checkpoints_diverged(checkpoints) == 0);
    }
}

static void check(scene *s) {
    check_packets(s);
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (!is_faulty(s, r)) check_replica(s, r);
    }
}

// The network

static void remove_packet(scene *s, uint32_t i) {
    cluster *c = s->c;
    free(c->packet[i].bytes);
    memmove(&c->packet[i], &c->packet[i + 1], (--c->packets - i) * sizeof *c->packet);
    s->checked--;
}

static void deliver_one(scene *s, uint32_t i) {
    const cluster_packet packet = s->c->packet[i];
    cluster_handle(s->c, &packet);
    check_packets(s);
    remove_packet(s, i);
}

static void on_deliver(scene *s) {
    if (s->c->packets > 0) deliver_one(s, col_read_u8(&s->input) % s->c->packets);
}

/// What waits now, oldest first.
static void on_deliver_many(scene *s) {
    uint32_t count = 1 + col_read_u8(&s->input) / 2;
    while (count-- > 0 && s->c->packets > 0) deliver_one(s, 0);
}

static void on_lose(scene *s) {
    if (s->c->packets == 0) return;
    const uint32_t i = col_read_u8(&s->input) % s->c->packets;
    if (!s->c->packet[i].own) remove_packet(s, i);
}

static void on_repeat(scene *s) {
    if (s->c->packets == 0) return;
    const cluster_packet packet = s->c->packet[col_read_u8(&s->input) % s->c->packets];
    if (!packet.own) cluster_handle(s->c, &packet);
}

static void on_time(scene *s) {
    s->c->now_ns += (uint64_t)col_read_u8(&s->input) * 5 * MS;
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (!is_faulty(s, r)) cluster_turn(&s->c->node[r]);
    }
}

// Clients

static void hear(scene *s, uint32_t to, const col_verified *verified) {
    cluster_node *node = &s->c->node[to];
    const uint32_t pillar = verified->message.header.pillar;
    if (is_faulty(s, to) || pillar >= s->c->pillars) return;
    (void)col_pillar_deliver(&node->pillar[pillar].pillar, s->c->now_ns, WALL + s->c->now_ns,
                             verified);
    cluster_turn(node);
}

static void on_client(scene *s) {
    client_message message;
    const uint8_t what = col_read_u8(&s->input);
    const uint32_t client = what % CLUSTER_CLIENTS;
    const uint32_t receivers = what >> 4;
    const uint64_t number = 1 + col_read_u8(&s->input);
    const uint32_t pillar = fuzz_below(&s->input, s->c->pillars);
    if (what & 4) {
        make_open(&message, pillar, client, number);
    } else {
        const uint64_t session = (1 + number / 64) * s->c->pillars + pillar;
        make_request(&message, pillar, client, session, 1 + number % 16, fuzz_bytes(&s->input, 8));
    }
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (receivers >> r & 1) hear(s, r, &message.verified);
    }
}

// The faulty replicas

/// One of them says something to one of the correct ones.
static void say(scene *s, col_header *header, col_bytes bytes) {
    const uint8_t who = col_read_u8(&s->input);
    header->role = COL_ROLE_REPLICA;
    header->fragments = 1;
    header->sender = 3;
    if (is_faulty(s, who & 3)) header->sender = who & 3;
    uint8_t room[COL_SEAL_BYTES_MAX];
    const col_verified verified = {.message = {.header = *header, .bytes = bytes},
                                   .seal = seal_of(header, room)};
    hear(s, who >> 2 & 3, &verified);
}

/// A value that a correct replica named at a slot, a null run, a batch of their own, or nonsense.
static col_value some_value(scene *s, uint32_t pillar, uint64_t round) {
    const uint8_t what = col_read_u8(&s->input);
    const fuzz_said *said = &s->voter[what & 3][pillar].slot[round % FUZZ_SAID_SLOTS];
    for (int vote = 0; what < 128 && vote < FUZZ_VOTES; vote++) {
        if (said->said[vote]) return said->value[vote];
    }
    if (what < 192) return s->batch.value;
    col_value value = null_run((uint8_t)(1 + what % 8));
    if (what > 250) value.digest.byte[3] ^= what;
    return value;
}

static col_header slot_header(scene *s, uint8_t type) {
    const uint32_t pillar = fuzz_below(&s->input, s->c->pillars);
    const uint64_t round = 1 + fuzz_number(&s->input) % 1000;
    const col_value value = some_value(s, pillar, round);
    return (col_header){.type = type,
                        .pillar = (uint8_t)pillar,
                        .run = value.run,
                        .sequence = col_sequence_of(round, pillar, s->c->pillars),
                        .digest = value.digest};
}

static void on_faulty_vote(scene *s) {
    static const uint8_t types[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT};
    col_header header = slot_header(s, types[fuzz_below(&s->input, 3)]);
    say(s, &header, (col_bytes){0});
}

static void on_faulty_batch(scene *s) {
    col_header header = slot_header(s, COL_BATCH);
    const uint8_t what = col_read_u8(&s->input);
    batch_start(&s->batch, header.pillar, WALL + what % 4);
    s->batch.seal = what >> 7 ? SEAL_FORGED : SEAL_GOOD;
    const uint64_t session = s->c->pillars + header.pillar;
    batch_add_request(&s->batch, what >> 4 & 3, session, 1 + (what >> 2 & 3), "x");
    if (what & 64) batch_add_open(&s->batch, what >> 4 & 3, what);
    batch_finish(&s->batch);
    header.run = 0;
    col_hash(&harness_hasher, batch_body(&s->batch), &header.digest);
    say(s, &header, batch_body(&s->batch));
}

static void say_numbered(scene *s, uint8_t type, const col_writer *writer) {
    col_header header = {.type = type,
                         .pillar = (uint8_t)fuzz_below(&s->input, s->c->pillars),
                         .view = 1,
                         .sequence = ++s->counter};
    say(s, &header, (col_bytes){writer->start, col_writer_used(writer)});
}

static void on_faulty_status(scene *s) {
    uint8_t bytes[32 + COL_STATUS_SLOT_BYTES * 16];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const uint8_t flags = col_read_u8(&s->input);
    const col_status status = {.executed = fuzz_number(&s->input),
                               .stable = fuzz_number(&s->input),
                               .pending = flags & 1,
                               .asks = flags & 2,
                               .count = flags >> 4};
    col_status_write(&writer, &status);
    for (uint16_t i = 0; i < status.count; i++) {
        const uint8_t held = col_read_u8(&s->input);
        const col_status_slot slot = {held & 7, held >> 3 & 15, held >> 4};
        col_status_slot_write(&writer, &slot);
    }
    say_numbered(s, COL_STATUS, &writer);
}

static void on_faulty_fetch(scene *s) {
    uint8_t bytes[512];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetch fetch = {.count = (uint16_t)(1 + fuzz_below(&s->input, COL_FETCH_ROUNDS_MAX))};
    const uint64_t first = fuzz_number(&s->input);
    for (uint16_t i = 0; i < fetch.count; i++) fetch.round[i] = first + i;
    col_fetch_write(&writer, &fetch);
    say_numbered(s, COL_FETCH, &writer);
}

/// Did replica `r` seal this COMMIT or CHECKPOINT, or is it one of the faulty ones?
static bool is_sealed(const scene *s, const col_header *header, uint32_t r) {
    if (is_faulty(s, r)) return true;
    if (header->type == COL_CHECKPOINT) {
        return header->sequence < CHECKPOINTS && s->has_voted[r][header->sequence] &&
               col_digest_equal(&s->voted[r][header->sequence], &header->digest);
    }
    const uint64_t round = col_round_of(header->sequence, s->c->pillars);
    const fuzz_said *said = &s->voter[r][header->pillar].slot[round % FUZZ_SAID_SLOTS];
    const col_value value = {header->digest, header->run};
    return said->sequence == header->sequence && said->said[FUZZ_COMMIT] &&
           col_value_equal(&said->value[FUZZ_COMMIT], &value);
}

/// A certificate with the seals that there are, or forged ones in their place.
static void say_fetched(scene *s, col_fetched *fetched, const col_header *vote, col_bytes batch) {
    static uint8_t bytes[16 * 1024];
    uint8_t room[CLUSTER_REPLICAS][COL_SEAL_BYTES_MAX];
    const uint32_t voters = col_read_u8(&s->input);
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (!(voters >> r & 1)) continue;
        col_header header = *vote;
        header.role = COL_ROLE_REPLICA;
        header.sender = r;
        header.fragments = 1;
        fetched->seal[fetched->seals] = (col_sealed_by){r, seal_of(&header, room[r])};
        if (!is_sealed(s, &header, r)) room[r][20] ^= 1;
        fetched->seals++;
    }
    fetched->batch = batch;
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_fetched_write(&writer, fetched);
    say_numbered(s, COL_FETCHED, &writer);
}

static void on_faulty_fetched(scene *s) {
    const col_header vote = slot_header(s, COL_COMMIT);
    col_fetched fetched = {.sequence = vote.sequence, .run = vote.run, .digest = vote.digest};
    const col_bytes batch =
        fuzz_below(&s->input, 2) && vote.run == 0 ? batch_body(&s->batch) : (col_bytes){0};
    say_fetched(s, &fetched, &vote, batch);
}

static col_header checkpoint_header(scene *s) {
    const uint8_t what = col_read_u8(&s->input);
    const uint64_t c = fuzz_number(&s->input);
    col_header header = {
        .type = COL_CHECKPOINT, .pillar = (uint8_t)(c % s->c->pillars), .sequence = c};
    if (c < CHECKPOINTS) header.digest = s->voted[what & 3][c];
    header.digest.byte[0] ^= what >> 6;
    return header;
}

static void on_faulty_checkpoint(scene *s) {
    col_header header = checkpoint_header(s);
    say(s, &header, (col_bytes){0});
}

static void on_faulty_proof(scene *s) {
    const col_header vote = checkpoint_header(s);
    col_fetched proof = {.checkpoint = true, .sequence = vote.sequence, .digest = vote.digest};
    say_fetched(s, &proof, &vote, (col_bytes){0});
}

static void on_faulty_anything(scene *s) {
    col_header header = {
        .type = (uint8_t)(COL_REPLY + fuzz_below(&s->input, COL_TYPE_COUNT - COL_REPLY)),
        .pillar = (uint8_t)fuzz_below(&s->input, s->c->pillars),
        .run = (uint8_t)fuzz_below(&s->input, COL_RUN_MAX + 1),
        .view = fuzz_number(&s->input),
        .sequence = fuzz_number(&s->input)};
    const col_bytes bytes = fuzz_bytes(&s->input, RAW_BYTES);
    say(s, &header, col_type_digest_is_given(header.type) ? (col_bytes){0} : bytes);
}

typedef void event_fn(scene *s);
static event_fn *const events[] = {
    on_deliver,
    on_deliver_many,
    on_deliver_many,
    on_deliver_many,
    on_lose,
    on_repeat,
    on_time,
    on_time,
    on_client,
    on_client,
    on_faulty_vote,
    on_faulty_vote,
    on_faulty_batch,
    on_faulty_status,
    on_faulty_fetch,
    on_faulty_fetched,
    on_faulty_proof,
    on_faulty_checkpoint,
    on_faulty_anything,
};
#define EVENTS (sizeof events / sizeof *events)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene scene_of;
    scene *s = &scene_of;
    memset(s, 0, sizeof *s);
    s->input = fuzz_input(data, size);
    const uint8_t shape = col_read_u8(&s->input);
    s->faulty = shape & 1 ? 1u << 3 | 1u << 2 | 1u : 1u << 3;
    s->c = cluster_open(1 + (shape >> 1 & 1), shape >> 2 & 1, INTERVAL, WINDOW);
    s->c->down = s->faulty;
    while (fuzz_more(&s->input) && s->c->packets < PACKETS_MAX) {
        events[fuzz_below(&s->input, EVENTS)](s);
        check(s);
    }
    cluster_close(s->c);
    return 0;
}
