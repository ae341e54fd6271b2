// SPDX-License-Identifier: Apache-2.0
// What an attacker with the key of one client can send. All of it is signed before the attack
// begins: signing is slower than any flood.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "crypto/merkle.h"
#include "crypto/root_text.h"
#include "src/wire/bodies.h"
#include "tests/system/hostile/hostile.h"

#define TREES 16  // of 256 leaves
#define LONE_TREES 4096
#define LEAF_BODY_MAX 8192
#define CLIENT_HOST 254
#define OPEN_BYTES 19  // of a SESSION-OPEN's body

/// Messages of one tree, each with its body.
typedef struct {
    uint16_t count;
    col_header header[COL_TREE_LEAVES_MAX];
    uint8_t body[COL_TREE_LEAVES_MAX][LEAF_BODY_MAX];
    uint32_t length[COL_TREE_LEAVES_MAX];
    col_digest bytes_digest[COL_TREE_LEAVES_MAX];
} tree_content;

static tree_content content;
static col_key *key;

static void open_udp(hostile *self) {
    const col_genesis *genesis = &self->cluster->genesis;
    self->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl((genesis->replica[0].address & ~255u) | CLIENT_HOST)};
    socklen_t length = sizeof address;
    if (self->udp < 0 || bind(self->udp, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(self->udp, (struct sockaddr *)&address, &length) != 0) {
        hostile_fail("cannot bind a UDP socket: %s", strerror(errno));
    }
    self->self = (col_endpoint){ntohl(address.sin_addr.s_addr), ntohs(address.sin_port)};
}

static void open_key(hostile *self) {
    char path[COL_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/keys/client-%u.pem", self->cluster->directory, self->client);
    const col_result result =
        col_key_read_private(path, self->cluster->genesis.clients_scheme, &key);
    if (!result.ok) hostile_fail("%s", result.text);
}

// Trees

/// Add a message. @param body may be empty; `digest` of a fragment is the caller's
static void add(const hostile *self, col_header header, col_bytes body) {
    const uint16_t i = content.count++;
    if (body.length > 0) memcpy(content.body[i], body.at, body.length);
    content.length[i] = (uint32_t)body.length;
    col_hash(self->hasher, (col_bytes){content.body[i], body.length}, &content.bytes_digest[i]);
    if (header.fragments == 1 && !col_type_digest_is_given(header.type)) {
        header.digest = content.bytes_digest[i];
    }
    content.header[i] = header;
}

static void hash_leaves(const hostile *self, col_digest *leaf) {
    for (uint16_t i = 0; i < content.count; i++) {
        uint8_t input[COL_LEAF_BYTES_FRAGMENT];
        const col_header *header = &content.header[i];
        const col_digest *fragment = header->fragments > 1 ? &content.bytes_digest[i] : NULL;
        const size_t used = col_leaf_encode(&self->cluster->id, header, fragment, input);
        col_hash(self->hasher, (col_bytes){input, used}, &leaf[i]);
    }
}

static void sign_root(const hostile *self, const col_tree *tree, uint8_t *signature) {
    static void *context;
    if (context == NULL) context = col_backend_openssl.context_create();
    const col_root_key root = {.signer = self->client,
                               .key_version = COL_KEY_VERSION,
                               .role = COL_ROLE_CLIENT,
                               .scheme = (uint8_t)col_key_scheme(key),
                               .leaves = content.count,
                               .root = *col_tree_root(tree)};
    uint8_t text[COL_ROOT_TEXT_BYTES];
    col_root_text(&self->cluster->id, &root, text);
    col_sign_job job = {.key = key, .message = {text, sizeof text}, .signature = signature};
    col_backend_openssl.sign(context, &job, 1);
}

static void put_leaf(hostile *self, const col_tree *tree, const uint8_t *signature, uint16_t i) {
    static uint8_t room[COL_DATAGRAM_BYTES_MAX];
    col_digest sibling[COL_TREE_SIBLINGS_MAX];
    col_reader tag = col_reader_of((col_bytes){self->cluster->id.byte, 8});
    const col_bundle bundle = {.pillar = content.header[i].pillar,
                               .role = COL_ROLE_CLIENT,
                               .scheme = (uint8_t)col_key_scheme(key),
                               .signer = self->client,
                               .key_version = COL_KEY_VERSION,
                               .leaves = content.count,
                               .entries = 1,
                               .siblings = col_tree_siblings(tree, &i, 1, sibling),
                               .cluster_tag = col_read_u64(&tag),
                               .signature = {signature, col_key_signature_bytes(key)},
                               .sibling = sibling[0].byte};
    const col_entry entry = {
        .message = {.header = content.header[i], .bytes = {content.body[i], content.length[i]}},
        .index = i};
    col_writer writer = col_writer_of(room, sizeof room);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    if (writer.failed) hostile_fail("a message does not fit a datagram");
    hostile_prepared *prepared = &self->prepared[self->prepared_count++];
    prepared->pillar = content.header[i].pillar;
    prepared->length = (uint32_t)col_writer_used(&writer);
    prepared->payload = malloc(prepared->length);
    if (prepared->payload == NULL) hostile_fail("no memory");
    memcpy(prepared->payload, room, prepared->length);
}

/// Sign what was added, one datagram per message.
static void seal(hostile *self) {
    static col_tree tree;
    col_digest leaf[COL_TREE_LEAVES_MAX];
    uint8_t signature[HOSTILE_SIGNATURE_BYTES_MAX];
    hash_leaves(self, leaf);
    col_tree_build(&tree, self->hasher, leaf, content.count);
    sign_root(self, &tree, signature);
    for (uint16_t i = 0; i < content.count; i++) put_leaf(self, &tree, signature, i);
    content.count = 0;
}

static void seal_when_full(hostile *self) {
    if (content.count == COL_TREE_LEAVES_MAX) seal(self);
}

// Messages

static void add_request(hostile *self, uint32_t pillar, uint64_t session, uint64_t number,
                        uint32_t operation_bytes) {
    static uint8_t operation[LEAF_BODY_MAX], body[LEAF_BODY_MAX];
    hostile_random_bytes(self, operation, operation_bytes);
    const col_request request = {.client = self->client,
                                 .session = session,
                                 .number = number,
                                 .pillar = (uint8_t)pillar,
                                 .operation = {operation, operation_bytes}};
    col_writer writer = col_writer_of(body, sizeof body);
    col_request_write(&writer, &request);
    const col_header header = {.role = COL_ROLE_CLIENT,
                               .type = COL_REQUEST,
                               .pillar = (uint8_t)pillar,
                               .sender = self->client,
                               .sequence = number,
                               .fragments = 1};
    add(self, header, (col_bytes){body, col_writer_used(&writer)});
}

static uint64_t wall_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void add_open(hostile *self, uint32_t pillar, uint64_t nonce) {
    uint8_t body[64];
    const col_session_open open = {
        .client = self->client, .pillar = (uint8_t)pillar, .nonce = nonce, .reply_to = self->self};
    col_writer writer = col_writer_of(body, sizeof body);
    col_session_open_write(&writer, &open);
    const col_header header = {.role = COL_ROLE_CLIENT,
                               .type = COL_SESSION_OPEN,
                               .pillar = (uint8_t)pillar,
                               .sender = self->client,
                               .sequence = nonce,
                               .fragments = 1};
    add(self, header, (col_bytes){body, col_writer_used(&writer)});
}

// Sessions of our own

static void take_entry(hostile *self, const col_message *message) {
    col_session_opened opened;
    col_reply reply;
    if (message->header.type == COL_SESSION_OPENED &&
        col_session_opened_read(message->bytes, &opened) && opened.status == COL_OPENED) {
        self->session[opened.pillar] = opened.session;
    }
    if (message->header.type == COL_REPLY && col_reply_read(message->bytes, &reply) &&
        reply.status == COL_REPLY_RESULT && reply.number > self->executed) {
        self->executed = reply.number;
    }
}

void hostile_take_answers(hostile *self) {
    static uint8_t room[COL_DATAGRAM_BYTES_MAX];
    ssize_t length;
    while (self->udp > 0 && (length = recv(self->udp, room, sizeof room, MSG_DONTWAIT)) > 0) {
        self->answers++;
        col_bundle bundle;
        const col_bytes bytes = {room, (size_t)length};
        if (col_bundle_parse(bytes, &bundle) != COL_DROP_NONE) continue;
        col_entries entries = col_entries_of(&bundle);
        col_entry entry;
        while (col_entries_next(&entries, &entry)) take_entry(self, &entry.message);
    }
}

static void send_to_all(hostile *self, const hostile_prepared *prepared) {
    const col_genesis *genesis = &self->cluster->genesis;
    for (uint32_t r = 0; r < genesis->replicas; r++) {
        const struct sockaddr_in to = {
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)(genesis->replica[r].port + prepared->pillar)),
            .sin_addr.s_addr = htonl(genesis->replica[r].address)};
        (void)sendto(self->udp, prepared->payload, prepared->length, 0,
                     (const struct sockaddr *)&to, sizeof to);
    }
}

static void open_session(hostile *self, uint32_t pillar) {
    for (uint32_t tries = 0; tries < 100 && self->session[pillar] == 0; tries++) {
        add_open(self, pillar, wall_ns());
        seal(self);
        send_to_all(self, &self->prepared[--self->prepared_count]);
        free(self->prepared[self->prepared_count].payload);
        poll(&(struct pollfd){.fd = self->udp, .events = POLLIN}, 1, 200);
        hostile_take_answers(self);
    }
    if (self->session[pillar] == 0) hostile_fail("no session was opened in pillar %u", pillar);
}

static void open_client(hostile *self) {
    open_udp(self);
    open_key(self);
}

static void open_sessions(hostile *self) {
    open_client(self);
    for (uint32_t k = 0; k < self->cluster->genesis.pillars; k++) open_session(self, k);
}

// Kinds: what is prepared. All are then sent alike.

/// Requests for every pillar in turn, in full trees. @param first number of each session
static void prepare_requests(hostile *self, uint64_t session_ahead, uint64_t first,
                             uint64_t distinct, uint32_t operation_bytes) {
    const uint32_t pillars = self->cluster->genesis.pillars;
    for (uint32_t i = 0; i < TREES * COL_TREE_LEAVES_MAX; i++) {
        const uint32_t pillar = i % pillars;
        const uint64_t session = self->session[pillar] + session_ahead * pillars;
        add_request(self, pillar, session, first + i / pillars % distinct, operation_bytes);
        seal_when_full(self);
    }
}

static void prepare_unknown_sessions(hostile *self) {
    open_sessions(self);
    prepare_requests(self, 1000000, 1, 1000, 100);
}

static void prepare_far_ahead(hostile *self) {
    open_sessions(self);
    prepare_requests(self, 0, 100000, 1000, 100);
}

/// Numbers that wait for ever for the first.
static void prepare_gap(hostile *self) {
    open_sessions(self);
    prepare_requests(self, 0, 2, 200, 100);
}

static void prepare_duplicates(hostile *self) {
    open_sessions(self);
    prepare_requests(self, 0, 1, 1, 100);
}

/// In order, so they are executed, whatever they say.
static void prepare_operations(hostile *self) {
    open_sessions(self);
    prepare_requests(self, 0, 1, UINT64_MAX, 100);
}

static void prepare_opens(hostile *self) {
    open_client(self);
    const uint64_t now = wall_ns();
    for (uint32_t i = 0; i < TREES * COL_TREE_LEAVES_MAX; i++) {
        add_open(self, i % self->cluster->genesis.pillars, now + i);
        seal_when_full(self);
    }
}

/// Replica-typed messages under a client's key. The codec refuses to write them, so that the type
/// is changed afterwards: whoever looks at the signature first finds it wrong, too.
static void prepare_replica_typed(hostile *self) {
    prepare_opens(self);
    for (uint32_t i = 0; i < self->prepared_count; i++) {
        const uint8_t type = (uint8_t)sim_between(&self->random, COL_BATCH, COL_FETCHED);
        hostile_prepared *prepared = &self->prepared[i];
        prepared->payload[prepared->length - COL_ENTRY_HEADER_BYTES - OPEN_BYTES] = type;
    }
}

/// The first fragments of the largest requests: each message is begun, none is ever whole.
static void prepare_fragments(hostile *self) {
    open_sessions(self);
    static uint8_t bytes[LEAF_BODY_MAX];
    for (uint32_t i = 0; i < 2 * COL_TREE_LEAVES_MAX; i++) {
        const uint32_t pillar = i % self->cluster->genesis.pillars;
        hostile_random_bytes(self, bytes, 64);
        col_header header = {.role = COL_ROLE_CLIENT,
                             .type = COL_REQUEST,
                             .pillar = (uint8_t)pillar,
                             .sender = self->client,
                             .sequence = 1 + i,
                             .fragment = 0,
                             .fragments = 4};
        hostile_random_bytes(self, header.digest.byte, sizeof header.digest);
        add(self, header, (col_bytes){bytes, sizeof bytes - 1024});
        seal_when_full(self);
    }
}

/// A signature of its own for every datagram, about something that was done long ago.
static void prepare_lone_trees(hostile *self) {
    open_sessions(self);
    const uint32_t pillars = self->cluster->genesis.pillars;
    for (uint32_t i = 0; i < LONE_TREES; i++) {
        add_request(self, i % pillars, self->session[i % pillars], 100000 + i, 100);
        seal(self);
    }
}

/// Every datagram goes to each replica in turn.
static void send_prepared(hostile *self, hostile_frame *frame) {
    const uint32_t replicas = self->cluster->genesis.replicas;
    const uint32_t next = self->next[self->sink]++;
    const hostile_prepared *prepared = &self->prepared[next / replicas % self->prepared_count];
    memcpy(hostile_payload(frame), prepared->payload, prepared->length);
    hostile_address(self, frame, self->self, next % replicas, prepared->pillar, prepared->length);
}

const hostile_kind hostile_signed[] = {
    {"unknown-sessions", "requests of sessions that are not there", false, prepare_unknown_sessions,
     send_prepared},
    {"far-ahead", "request numbers far ahead", false, prepare_far_ahead, send_prepared},
    {"gap", "requests that wait for one that never comes", false, prepare_gap, send_prepared},
    {"duplicates", "the same request again and again", false, prepare_duplicates, send_prepared},
    {"operations", "garbage operations, one leaf of a full tree per datagram", false,
     prepare_operations, send_prepared},
    {"opens", "SESSION-OPENs with rising nonces", false, prepare_opens, send_prepared},
    {"replica-typed", "a client's messages of replicas' types", false, prepare_replica_typed,
     send_prepared},
    {"fragments", "beginnings of the largest requests", false, prepare_fragments, send_prepared},
    {"lone-trees", "useless requests with a signature each", false, prepare_lone_trees,
     send_prepared},
};
const uint32_t hostile_signed_count = sizeof hostile_signed / sizeof *hostile_signed;
