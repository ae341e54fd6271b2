// SPDX-License-Identifier: Apache-2.0
// The client's core against its replicas, correct, late or lying: each tag is reported once; a
// result only when f+1 distinct replicas sealed it for that very request.
#include "src/base/stage.h"
#include "src/client/core.h"
#include "src/wire/bodies.h"
#include "tests/fuzz/fuzz.h"

#define CLIENT 5
#define REPLICAS 4
#define FAULTS 1
#define SESSIONS 3
#define PILLARS 2
#define OUTSTANDING 3
#define OPERATION_BYTES 16
#define TAGS 256
#define ANSWERS 512
#define MS UINT64_C(1000000)
#define WALL UINT64_C(1700000000000000000)

/// A request as it travels: which tag its bytes are.
typedef struct {
    uint64_t session;
    uint64_t number;
    uint64_t tag;
} travelling;

/// What replicas said of one number: a status and a result of one byte.
typedef struct {
    uint64_t session;
    uint64_t number;
    uint8_t status;
    uint8_t result;
    uint32_t senders;
} answer;

typedef struct {
    col_arena arena;
    col_client_core *core;
    col_reader input;
    uint64_t now_ns;
    uint64_t submitted;  ///< tags 1 .. submitted
    uint64_t reported;
    bool done[TAGS + 1];
    travelling travelling[TAGS * 4];
    uint32_t travellings;
    answer answer[ANSWERS];
    uint32_t answers;
    uint64_t nonce[PILLARS];
    uint8_t opening[PILLARS];  ///< what correct replicas make of that nonce
    uint64_t expired;          ///< a session that they do not know any more
    bool conspiracy;           ///< all replicas lie: then only what they say counts
} scene;

// What correct replicas say: replica 3 never is one

static bool is_correct(const scene *s, uint32_t sender) {
    return !s->conspiracy && sender < REPLICAS - FAULTS;
}

static uint64_t true_session(const scene *s, uint32_t pillar) {
    return s->nonce[pillar] * PILLARS + pillar;
}

static uint8_t true_result(const col_reply *reply) {
    return (uint8_t)(reply->session + reply->number) % 3;
}

// What was said

static answer *answer_of(scene *s, uint64_t session, uint64_t number, uint8_t status,
                         uint8_t result) {
    for (uint32_t i = 0; i < s->answers; i++) {
        answer *at = &s->answer[i];
        if (at->session == session && at->number == number && at->status == status &&
            at->result == result) {
            return at;
        }
    }
    COL_ASSERT(s->answers < ANSWERS);
    s->answer[s->answers] = (answer){session, number, status, result, 0};
    return &s->answer[s->answers++];
}

static bool vouched(scene *s, uint64_t tag, uint8_t status, uint8_t result) {
    for (uint32_t i = 0; i < s->travellings; i++) {
        const travelling *at = &s->travelling[i];
        if (at->tag != tag) continue;
        const answer *said = answer_of(s, at->session, at->number, status, result);
        if (__builtin_popcount(said->senders) > FAULTS) return true;
    }
    return false;
}

static void submit(scene *s, uint32_t session);

static void on_done(void *context, const col_client_outcome *outcome) {
    scene *s = context;
    const uint64_t tag = outcome->tag;
    COL_ASSERT(tag >= 1 && tag <= s->submitted && !s->done[tag]);
    s->done[tag] = true;
    s->reported++;
    if (outcome->status == COL_CLIENT_RESULT) {
        COL_ASSERT(outcome->length == 1 && vouched(s, tag, COL_REPLY_RESULT, outcome->result[0]));
    } else {
        COL_ASSERT(outcome->length == 0);
    }
    if (outcome->status == COL_CLIENT_REFUSED) COL_ASSERT(vouched(s, tag, COL_REPLY_REFUSED, 0));
    if (tag % 7 == 0) submit(s, (uint32_t)(tag % SESSIONS));  // `done` may submit
}

// Events

static void submit(scene *s, uint32_t session) {
    if (s->submitted == TAGS) return;
    const uint64_t tag = s->submitted + 1;
    const col_bytes operation = {(const uint8_t *)&tag, sizeof tag};
    const bool room = col_client_core_room(s->core, session) > 0;
    s->submitted++;
    const col_client_submission submission =
        col_client_core_submit(s->core, session, operation, tag, s->now_ns);
    COL_ASSERT((submission == COL_CLIENT_SUBMITTED) == room);
    if (submission != COL_CLIENT_SUBMITTED) s->submitted--;
}

static void note_request(scene *s, const col_client_message *message) {
    col_request request;
    uint64_t tag;
    COL_ASSERT(col_request_read(message->body, &request) && request.operation.length == sizeof tag);
    COL_ASSERT(request.client == CLIENT && request.number == message->header.sequence);
    memcpy(&tag, request.operation.at, sizeof tag);
    COL_ASSERT(tag >= 1 && tag <= s->submitted);
    for (uint32_t i = 0; i < s->travellings; i++) {
        const travelling *at = &s->travelling[i];
        if (at->session != request.session || at->number != request.number) continue;
        COL_ASSERT(at->tag == tag || s->conspiracy);  // a number never stands for two operations
        if (at->tag == tag) return;
    }
    if (s->travellings == TAGS * 4) return;
    s->travelling[s->travellings++] = (travelling){request.session, request.number, tag};
}

static void note_nonce(scene *s, uint32_t pillar, uint64_t nonce) {
    if (nonce == s->nonce[pillar]) return;
    COL_ASSERT(nonce > s->nonce[pillar] || s->conspiracy);
    s->nonce[pillar] = nonce;
    s->opening[pillar] =
        fuzz_below(&s->input, 8) < 5 ? COL_OPENED : (uint8_t)fuzz_below(&s->input, 4);
}

static void send_all(scene *s) {
    col_client_message message;
    while (col_client_core_next(s->core, &message)) {
        COL_ASSERT(message.replicas != 0 && message.replicas < 1u << REPLICAS);
        COL_ASSERT(message.header.pillar < PILLARS);
        if (message.header.type == COL_SESSION_OPEN) {
            note_nonce(s, message.header.pillar, message.header.sequence);
        } else {
            note_request(s, &message);
        }
    }
}

static void hear(scene *s, col_header *header, col_bytes body) {
    header->role = COL_ROLE_REPLICA;
    header->fragments = 1;
    col_hash(&fuzz_hasher, body, &header->digest);
    const col_verified verified = {.message = {*header, body}};
    const col_drop before = col_client_core_check_unverified(s->core, &verified.message, s->now_ns);
    COL_ASSERT(before == col_client_core_receive(s->core, &verified, s->now_ns));
}

static void hear_opened(scene *s, uint32_t sender, uint32_t pillar, col_session_opened opened) {
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    opened.client = CLIENT;
    opened.pillar = (uint8_t)pillar;
    col_session_opened_write(&writer, &opened);
    col_header header = {.type = COL_SESSION_OPENED,
                         .pillar = (uint8_t)pillar,
                         .sender = sender,
                         .sequence = opened.nonce};
    hear(s, &header, (col_bytes){bytes, col_writer_used(&writer)});
}

/// One replica, or as many as it takes, answer the SESSION-OPEN that waits.
static void on_opened(scene *s) {
    const uint32_t pillar = fuzz_below(&s->input, PILLARS);
    const uint8_t what = col_read_u8(&s->input);
    const col_session_opened lie = {.status = what >> 6,
                                    .nonce = s->nonce[pillar] - (what & 1),
                                    .session = fuzz_number(&s->input),
                                    .floor = fuzz_number(&s->input)};
    const col_session_opened truth = {.status = s->opening[pillar],
                                      .nonce = s->nonce[pillar],
                                      .session = true_session(s, pillar),
                                      .floor = s->nonce[pillar]};
    const uint32_t count = what & 8 ? FAULTS + 1 : 1;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t sender = ((what >> 1 & 3) + i) % REPLICAS;
        hear_opened(s, sender, pillar, is_correct(s, sender) ? truth : lie);
    }
}

static void hear_reply(scene *s, uint32_t sender, uint8_t pillar, uint64_t view,
                       const col_reply *reply) {
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_reply_write(&writer, reply);
    const uint8_t result = reply->result.length > 0 ? reply->result.at[0] : 0;
    answer_of(s, reply->session, reply->number, reply->status, result)->senders |= 1u << sender;
    col_header header = {.type = COL_REPLY,
                         .pillar = pillar,
                         .sender = sender,
                         .view = view,
                         .sequence = reply->number};
    hear(s, &header, (col_bytes){bytes, col_writer_used(&writer)});
}

static col_reply some_reply(scene *s, uint32_t sender, const travelling *asked, uint8_t *result) {
    col_reply reply = {.client = CLIENT, .session = asked->session, .number = asked->number};
    const uint8_t what = col_read_u8(&s->input);
    if (is_correct(s, sender)) {
        *result = true_result(&reply);
        if (what < 16) s->expired = asked->session;
        if (s->expired == asked->session) reply.status = COL_REPLY_EXPIRED;
    } else {
        *result = what % 3;
        reply.status = what >> 6 < 3 ? what >> 6 : COL_REPLY_RESULT;
    }
    if (reply.status == COL_REPLY_RESULT) reply.result = (col_bytes){result, 1};
    return reply;
}

static void on_reply(scene *s) {
    if (s->travellings == 0) return;
    const travelling asked = s->travelling[fuzz_below(&s->input, 255) % s->travellings];
    const uint8_t what = col_read_u8(&s->input);
    const uint8_t pillar = (uint8_t)(what >> 4 == 0 ? what % PILLARS : asked.session % PILLARS);
    const uint32_t count = what & 8 ? FAULTS + 1 : 1;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t result = 0;
        const uint32_t sender = ((what >> 1 & 3) + i) % REPLICAS;
        const col_reply reply = some_reply(s, sender, &asked, &result);
        hear_reply(s, sender, pillar, what >> 5, &reply);
    }
}

static void on_busy(scene *s) {
    uint8_t bytes[32];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const uint64_t session = s->travellings > 0 ? s->travelling[s->travellings - 1].session : 0;
    const col_busy busy = {.client = CLIENT, .session = session, .value = fuzz_number(&s->input)};
    col_busy_write(&writer, &busy);
    col_header header = {.type = COL_BUSY,
                         .pillar = (uint8_t)fuzz_below(&s->input, PILLARS),
                         .sender = fuzz_below(&s->input, REPLICAS)};
    hear(s, &header, (col_bytes){bytes, col_writer_used(&writer)});
}

/// Anything but a REPLY that reads: those count.
static void on_anything(scene *s) {
    col_header header = {.type = (uint8_t)fuzz_below(&s->input, COL_TYPE_COUNT),
                         .pillar = (uint8_t)fuzz_below(&s->input, COL_PILLARS_MAX),
                         .sender = fuzz_below(&s->input, REPLICAS + 2),
                         .view = fuzz_number(&s->input),
                         .sequence = fuzz_number(&s->input)};
    const col_bytes body = fuzz_bytes(&s->input, 64);
    col_reply reply;
    if (header.type == COL_REPLY && col_reply_read(body, &reply)) return;
    if (is_correct(s, header.sender)) header.sender = REPLICAS - 1;
    hear(s, &header, body);
}

static void on_time(scene *s) {
    s->now_ns += (uint64_t)col_read_u8(&s->input) * 20 * MS;
    if (col_client_core_deadline(s->core) > s->now_ns) return;
    col_client_core_tick(s->core, s->now_ns, WALL + s->now_ns);
    COL_ASSERT(col_client_core_deadline(s->core) > s->now_ns);
}

static void on_submit(scene *s) {
    submit(s, fuzz_below(&s->input, SESSIONS));
}

typedef void event_fn(scene *s);
static event_fn *const events[] = {on_submit, on_submit, on_time,     on_opened, on_opened,
                                   on_reply,  on_reply,  on_anything, on_busy};
#define EVENTS (sizeof events / sizeof *events)

static void scene_open(scene *s) {
    const col_client_core_options options = {
        .client = CLIENT,
        .sessions = SESSIONS,
        .replicas = REPLICAS,
        .faults = FAULTS,
        .pillars = PILLARS,
        .rotating = true,
        .outstanding = OUTSTANDING,
        .operation_bytes_max = OPERATION_BYTES,
        .timeout_ns = 1000 * MS,
        .retransmit_ns = 100 * MS,
        .reply_to = {0x7f000001, 4000},
        .done = on_done,
        .context = s,
    };
    const col_result opened = col_arena_open(&s->arena, col_client_core_footprint(&options));
    COL_ASSERT(opened.ok);
    s->core = col_client_core_create(&s->arena, &options);
    s->now_ns = 10 * MS;
    col_client_core_tick(s->core, s->now_ns, WALL + s->now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    memset(&s, 0, sizeof s);
    s.input = fuzz_input(data, size);
    s.conspiracy = fuzz_below(&s.input, 2);
    scene_open(&s);
    while (fuzz_more(&s.input) && s.answers + TAGS < ANSWERS) {
        send_all(&s);
        events[fuzz_below(&s.input, EVENTS)](&s);
        COL_ASSERT(col_client_core_outstanding(s.core) == s.submitted - s.reported);
        COL_ASSERT(col_client_core_open_sessions(s.core) <= SESSIONS);
    }
    col_arena_close(&s.arena);
    return 0;
}
