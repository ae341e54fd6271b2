// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pillars/merge.h"
#include "pillars/pillar.h"
#include "tests/unit/pbft/harness.h"

/// Four replicas of P pillars each with their merges, in one process and in virtual time: the pure
/// part of production over a network that delivers at once, or loses what the test says. Seals are
/// models.

#define CLUSTER_REPLICAS 4
#define CLUSTER_CLIENTS 4
#define ALL_REPLICAS 0xfu

typedef struct cluster cluster;
typedef struct cluster_node cluster_node;

/// One message on its way to one replica, or an own vote on its way back with its seal.
typedef struct {
    col_header header;
    uint32_t to;
    bool own;
    uint32_t length;
    uint8_t *bytes;
} cluster_packet;

typedef struct {
    cluster_node *node;
    uint32_t index;
    col_pillar pillar;
} cluster_pillar;

struct cluster_node {
    cluster *owner;
    uint32_t id;
    col_arena arena;
    col_words words;
    cluster_pillar pillar[COL_PILLARS_MAX];
    col_merge *merge;
    col_merge_counters counters;
    uint64_t operations;  ///< executed
    uint64_t trace;       ///< hash of all operations in order
    uint32_t results, opened, expired;
    uint64_t last_session;  ///< that was opened
    uint64_t result_trace;  ///< hash of all results in order
};

struct cluster {
    uint32_t pillars;
    uint32_t interval, window;
    uint64_t now_ns;
    cluster_packet *packet;  ///< waiting, oldest first
    uint32_t packets, room;
    uint32_t sent[COL_TYPE_COUNT];  ///< to other replicas, per receiver
    uint32_t down;                  ///< replicas that hear nobody and are heard by nobody
    /// Is this one lost? NULL: nothing is.
    bool (*loses)(void *context, const cluster_packet *packet);
    void *context;
    cluster_node node[CLUSTER_REPLICAS];
};

// The application: hashes what it executes

static inline uint64_t cluster_mix(uint64_t hash, const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 31;
}

static inline size_t cluster_execute(void *app, const col_app_request *request, uint8_t *result,
                                     size_t capacity) {
    cluster_node *node = app;
    assert_true(capacity >= 8);
    node->operations++;
    node->trace = cluster_mix(node->trace, &request->session, 8);
    node->trace = cluster_mix(node->trace, &request->number, 8);
    node->trace = cluster_mix(node->trace, request->operation, request->length);
    memcpy(result, &node->trace, 8);
    return 8;
}

static inline uint32_t cluster_snapshot_begin(void *app) {
    (void)app;
    return 1;
}

static inline size_t cluster_snapshot_chunk(void *app, uint32_t index, uint8_t *chunk,
                                            size_t capacity) {
    assert_true(index == 0 && capacity >= 8);
    memcpy(chunk, &((cluster_node *)app)->trace, 8);
    return 8;
}

static inline void cluster_snapshot_end(void *app) {
    (void)app;
}

static const col_app cluster_app = {.name = "trace",
                                    .execute = cluster_execute,
                                    .snapshot_begin = cluster_snapshot_begin,
                                    .snapshot_chunk = cluster_snapshot_chunk,
                                    .snapshot_end = cluster_snapshot_end};

// The network

static inline void cluster_push(cluster *c, const col_header *header, uint32_t to, bool own,
                                col_bytes body) {
    if (c->packets == c->room) {
        c->room = c->room == 0 ? 1024 : 2 * c->room;
        c->packet = realloc(c->packet, c->room * sizeof *c->packet);
    }
    cluster_packet *packet = &c->packet[c->packets];
    *packet = (cluster_packet){*header, to, own, (uint32_t)body.length, NULL};
    if (!own) {
        const uint32_t both = 1u << to | 1u << header->sender;
        if (c->down & both || (c->loses != NULL && c->loses(c->context, packet))) return;
    }
    if (body.length > 0) {
        packet->bytes = malloc(body.length);
        memcpy(packet->bytes, body.at, body.length);
    }
    c->packets++;
}

static inline void cluster_send(void *context, const col_header *header, col_bytes body,
                                uint32_t replicas) {
    const cluster_pillar *from = context;
    cluster *c = from->node->owner;
    col_header sealed = *header;
    sealed.role = COL_ROLE_REPLICA;
    sealed.sender = from->node->id;
    sealed.fragments = 1;
    if (!col_type_digest_is_given(sealed.type)) col_hash(&harness_hasher, body, &sealed.digest);
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (r == sealed.sender || !(replicas >> r & 1)) continue;
        c->sent[sealed.type]++;
        cluster_push(c, &sealed, r, false, body);
    }
    if (sealed.type == COL_PREPARE || sealed.type == COL_COMMIT || sealed.type == COL_CHECKPOINT) {
        cluster_push(c, &sealed, sealed.sender, true, body);
    }
}

static inline void cluster_send_client(void *context, const col_header *header, col_bytes body,
                                       col_endpoint to) {
    (void)context;
    (void)header;
    (void)body;
    (void)to;
}

static inline void cluster_answer(void *context, const col_request *request) {
    col_merge_answer(((cluster_pillar *)context)->node->merge, request);
}

static inline void cluster_answer_open(void *context, const col_session_open *open) {
    col_merge_answer_open(((cluster_pillar *)context)->node->merge, open);
}

static inline void cluster_check_batch(void *context, col_bytes body, col_batch_check *check) {
    harness_check_batch(&((cluster_pillar *)context)->pillar.options, body, check);
}

static inline bool cluster_check_seal(void *context, const col_header *header, col_seal seal) {
    (void)context;
    return seal_is_of(header, seal);
}

// The merge's outputs

static inline void cluster_reply(void *context, const col_header *header, col_bytes body,
                                 const col_session *session, col_endpoint to) {
    (void)session;
    cluster_node *node = context;
    (void)to;
    if (header->type == COL_SESSION_OPENED) {
        col_session_opened opened;
        assert_true(col_session_opened_read(body, &opened));
        node->opened += opened.status == COL_OPENED;
        node->last_session = opened.session;
        return;
    }
    col_reply reply;
    assert_true(col_reply_read(body, &reply));
    node->results += reply.status == COL_REPLY_RESULT;
    node->expired += reply.status == COL_REPLY_EXPIRED;
    node->result_trace = cluster_mix(node->result_trace, body.at, body.length);
}

static inline void cluster_outcome(void *context, uint32_t pillar, const col_outcome *what) {
    cluster_node *node = context;
    col_pillar_outcome(&node->pillar[pillar].pillar, node->owner->now_ns,
                       WALL + node->owner->now_ns, what);
}

static inline void cluster_checkpoint(void *context, uint64_t checkpoint,
                                      const col_digest *digest) {
    cluster_node *node = context;
    const uint32_t pillar = (uint32_t)(checkpoint % node->owner->pillars);
    col_pillar_reached(&node->pillar[pillar].pillar, checkpoint, digest);
}

// Life

/// Let a replica do all that it can do now.
static inline void cluster_turn(cluster_node *node) {
    const cluster *c = node->owner;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t k = 0; k < c->pillars; k++) {
            again |= col_pillar_settle(&node->pillar[k].pillar, c->now_ns, WALL + c->now_ns);
        }
        col_committed committed;
        while (col_pillar_next_committed(&node->pillar[col_merge_next_pillar(node->merge)].pillar,
                                         &committed)) {
            col_merge_execute(node->merge, &committed);
            again = true;
        }
        atomic_store(&node->words.executed, col_merge_sequence(node->merge));
    }
}

static inline void cluster_open_node(cluster *c, uint32_t id, bool single_leader) {
    cluster_node *node = &c->node[id];
    node->owner = c;
    node->id = id;
    col_pbft_options options = backup_options();
    options.self = id;
    options.pillars = c->pillars;
    options.checkpoint_interval = c->interval;
    options.window = c->window;
    options.single_leader = single_leader;
    const col_merge_options merge = {
        .pillars = c->pillars,
        .checkpoint_interval = c->interval,
        .operation_bytes_max = options.operation_bytes_max,
        .sessions = {.pillars = c->pillars,
                     .clients = CLUSTER_CLIENTS,
                     .sessions_max = options.sessions_max,
                     .client_sessions_max = options.sessions_max,
                     .outstanding = options.session_outstanding,
                     .result_bytes_max = 64,
                     .time_ahead_max_ns = options.time_ahead_max_ns},
        .app = &cluster_app,
        .app_state = node,
        .hasher = &harness_hasher,
        .sink = {node, cluster_reply, cluster_outcome, cluster_checkpoint},
        .counters = &node->counters,
    };
    const size_t bytes = c->pillars * col_pillar_footprint(&options) + col_merge_footprint(&merge);
    const col_result opened = col_arena_open(&node->arena, bytes);
    if (!opened.ok) fail_msg("%s", opened.text);
    for (uint32_t k = 0; k < c->pillars; k++) {
        cluster_pillar *pillar = &node->pillar[k];
        pillar->node = node;
        pillar->index = k;
        options.pillar = k;
        options.sink = (col_pbft_sink){.context = pillar,
                                       .send = cluster_send,
                                       .send_client = cluster_send_client,
                                       .answer = cluster_answer,
                                       .answer_open = cluster_answer_open,
                                       .check_batch = cluster_check_batch,
                                       .check_seal = cluster_check_seal};
        col_pillar_init(&pillar->pillar, &node->arena, &options, &node->words);
    }
    node->merge = col_merge_create(&node->arena, &merge);
}

static inline cluster *cluster_open(uint32_t pillars, bool single_leader, uint32_t interval,
                                    uint32_t window) {
    cluster *c = calloc(1, sizeof *c);
    c->pillars = pillars;
    c->interval = interval;
    c->window = window;
    c->now_ns = 1000 * MS;
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) cluster_open_node(c, r, single_leader);
    return c;
}

static inline void cluster_close(cluster *c) {
    for (uint32_t i = 0; i < c->packets; i++) free(c->packet[i].bytes);
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) col_arena_close(&c->node[r].arena);
    free(c->packet);
    free(c);
}

static inline void cluster_handle(cluster *c, const cluster_packet *packet) {
    uint8_t room[COL_SEAL_BYTES_MAX];
    const col_verified verified = {
        .message = {.header = packet->header, .bytes = {packet->bytes, packet->length}},
        .seal = seal_of(&packet->header, room)};
    cluster_node *node = &c->node[packet->to];
    col_pillar *pillar = &node->pillar[packet->header.pillar].pillar;
    if (packet->own) {
        col_pillar_sealed(pillar, c->now_ns, WALL + c->now_ns, &verified);
    } else {
        (void)col_pillar_deliver(pillar, c->now_ns, WALL + c->now_ns, &verified);
    }
    cluster_turn(node);
}

/// Deliver all that waits, and what follows from it, in the order of sending.
static inline void cluster_deliver(cluster *c) {
    for (uint32_t i = 0; i < c->packets; i++) {
        assert_true(i < 1000000);
        const cluster_packet packet = c->packet[i];
        cluster_handle(c, &packet);
        free(packet.bytes);
    }
    c->packets = 0;
}

static inline uint64_t cluster_deadline(const cluster *c) {
    uint64_t earliest = COL_NEVER;
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        for (uint32_t k = 0; k < c->pillars; k++) {
            const uint64_t due = col_pillar_deadline(&c->node[r].pillar[k].pillar);
            if (due < earliest) earliest = due;
        }
    }
    return earliest;
}

/// Let `ns` pass. @return true when nothing will happen any more without a client
static inline bool cluster_pass(cluster *c, uint64_t ns) {
    const uint64_t end = c->now_ns + ns;
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) cluster_turn(&c->node[r]);
    cluster_deliver(c);
    for (;;) {
        const uint64_t due = cluster_deadline(c);
        if (due > end) {
            c->now_ns = end;
            return due == COL_NEVER;
        }
        if (due > c->now_ns) c->now_ns = due;
        for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) cluster_turn(&c->node[r]);
        cluster_deliver(c);
    }
}

// Clients

static inline void cluster_client_message(cluster *c, uint32_t replicas,
                                          const client_message *message) {
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (!(replicas >> r & 1) || c->down >> r & 1) continue;
        col_pillar *pillar = &c->node[r].pillar[message->verified.message.header.pillar].pillar;
        (void)col_pillar_deliver(pillar, c->now_ns, WALL + c->now_ns, &message->verified);
    }
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) cluster_turn(&c->node[r]);
    cluster_deliver(c);
}

static inline void cluster_request(cluster *c, uint32_t replicas, uint32_t client, uint64_t session,
                                   uint64_t number, const char *operation) {
    client_message message;
    make_request(&message, (uint32_t)(session % c->pillars), client, session, number,
                 text(operation));
    cluster_client_message(c, replicas, &message);
}

/// Open a session of `client` on `pillar`. @return its id, as replica 0 says
static inline uint64_t cluster_session(cluster *c, uint32_t client, uint32_t pillar,
                                       uint64_t nonce) {
    client_message message;
    make_open(&message, pillar, client, nonce);
    cluster_client_message(c, ALL_REPLICAS & ~c->down, &message);
    return c->node[c->down & 1 ? 1 : 0].last_session;
}

/// All replicas that are not down executed the same.
static inline void cluster_assert_even(const cluster *c) {
    const cluster_node *first = NULL;
    for (uint32_t r = 0; r < CLUSTER_REPLICAS; r++) {
        if (c->down >> r & 1) continue;
        const cluster_node *node = &c->node[r];
        if (first == NULL) first = node;
        assert_int_equal(node->operations, first->operations);
        assert_int_equal(node->trace, first->trace);
        for (uint32_t k = 0; k < c->pillars; k++) {
            assert_int_equal(col_checkpoints_diverged(node->pillar[k].pillar.checkpoints), 0);
        }
    }
}

static inline uint32_t cluster_sent_all(const cluster *c) {
    uint32_t all = 0;
    for (uint32_t type = 0; type < COL_TYPE_COUNT; type++) all += c->sent[type];
    return all;
}
