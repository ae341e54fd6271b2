// SPDX-License-Identifier: Apache-2.0
// The executed session table against a plain list: ids, order of eviction, stored results; digests
// that are computed now and then equal those that are computed once at the end.
#include "pillars/sessions.h"
#include "tests/fuzz/fuzz.h"

#define PILLARS 3
#define CLIENTS 4
#define OUTSTANDING 3
#define SESSIONS 6
#define CLIENT_SESSIONS 3
#define RESULT_BYTES 16
#define TIME_AHEAD 50

typedef struct {
    uint64_t id;
    uint64_t last;
    uint32_t client;
} listed;

typedef struct {
    col_arena arena;
    col_sessions *often;  ///< digests are taken in between
    col_sessions *once;
    listed list[SESSIONS];  ///< least recently executed first
    uint32_t count;
    uint64_t nonce[CLIENTS][PILLARS];
    uint64_t opened[PILLARS];
    uint64_t time_ns;
} scene;

static const col_sessions_options options = {.pillars = PILLARS,
                                             .clients = CLIENTS,
                                             .sessions_max = SESSIONS,
                                             .client_sessions_max = CLIENT_SESSIONS,
                                             .outstanding = OUTSTANDING,
                                             .result_bytes_max = RESULT_BYTES,
                                             .time_ahead_max_ns = TIME_AHEAD};

static listed take_out(scene *s, uint32_t i) {
    const listed taken = s->list[i];
    memmove(&s->list[i], &s->list[i + 1], (--s->count - i) * sizeof *s->list);
    return taken;
}

static uint32_t sessions_of(const scene *s, uint32_t client) {
    uint32_t sessions = 0;
    for (uint32_t i = 0; i < s->count; i++) sessions += s->list[i].client == client;
    return sessions;
}

static uint32_t first_of(const scene *s, uint32_t client) {
    uint32_t i = 0;
    while (s->list[i].client != client) i++;
    return i;
}

/// The session that has to go before `client` opens one, 0 for none: its own at its quota, else one
/// of the client that has most.
static uint64_t make_room(scene *s, uint32_t client) {
    if (sessions_of(s, client) >= CLIENT_SESSIONS) return take_out(s, first_of(s, client)).id;
    if (s->count < SESSIONS) return 0;
    uint32_t chosen = 0;
    for (uint32_t i = 1; i < s->count; i++) {
        if (sessions_of(s, s->list[i].client) > sessions_of(s, s->list[chosen].client)) chosen = i;
    }
    return take_out(s, chosen).id;
}

static void check_open(scene *s, const col_session_open *open, bool opened,
                       const col_session_opened *answer, uint64_t evicted) {
    const bool known = open->client < CLIENTS;
    const bool above = known && open->nonce > s->nonce[open->client][open->pillar];
    const bool expected =
        above && (open->nonce <= s->time_ns || open->nonce - s->time_ns <= TIME_AHEAD);
    COL_ASSERT(opened == expected && answer->client == open->client);
    if (!known) COL_ASSERT(answer->status == COL_OPEN_UNKNOWN_CLIENT);
    if (!opened) {
        COL_ASSERT(evicted == 0);
        return;
    }
    COL_ASSERT(evicted == make_room(s, open->client));
    const uint64_t id = ++s->opened[open->pillar] * PILLARS + open->pillar;
    COL_ASSERT(answer->status == COL_OPENED && answer->session == id);
    s->nonce[open->client][open->pillar] = open->nonce;
    s->list[s->count++] = (listed){.id = id, .client = open->client};
}

static void open_one(scene *s, col_reader *input) {
    col_session_open open = {.client = fuzz_below(input, CLIENTS + 1),
                             .pillar = (uint8_t)fuzz_below(input, PILLARS),
                             .nonce = fuzz_number(input),
                             .reply_to = {.address = 1, .port = col_read_u8(input)}};
    if (open.client < CLIENTS && fuzz_below(input, 2) == 0) {
        open.nonce += s->nonce[open.client][open.pillar];
    }
    col_session_opened answer, again;
    uint64_t evicted, evicted_again;
    const bool opened = col_sessions_open(s->often, &open, s->time_ns, &answer, &evicted);
    COL_ASSERT(col_sessions_open(s->once, &open, s->time_ns, &again, &evicted_again) == opened);
    check_open(s, &open, opened, &answer, evicted);
    col_sessions_answer(s->often, &open, &again);
    if (opened) COL_ASSERT(again.status == COL_OPENED && again.session == answer.session);
}

static void execute_in(col_sessions *sessions, uint64_t id, col_bytes result) {
    col_session *session = col_sessions_find(sessions, id);
    uint8_t *room = col_session_result_room(sessions, session);
    if (result.length > 0) memcpy(room, result.at, result.length);
    col_session_executed(sessions, session, COL_REPLY_RESULT, (uint32_t)result.length);
}

static void execute(scene *s, col_reader *input) {
    if (s->count == 0) return;
    const uint32_t i = fuzz_below(input, s->count);
    const col_bytes result = fuzz_bytes(input, RESULT_BYTES);
    execute_in(s->often, s->list[i].id, result);
    execute_in(s->once, s->list[i].id, result);
    listed moved = take_out(s, i);
    moved.last++;
    s->list[s->count++] = moved;

    col_reply_status status;
    col_bytes stored;
    const col_session *session = col_sessions_find(s->often, moved.id);
    COL_ASSERT(session->last == moved.last && session->client == moved.client);
    COL_ASSERT(col_session_result(s->often, session, moved.last, &status, &stored));
    COL_ASSERT(fuzz_equal(result, stored));
    const uint64_t asked = fuzz_number(input);
    COL_ASSERT(col_session_result(s->often, session, asked, &status, &stored) ==
               (asked >= 1 && asked <= moved.last && moved.last - asked < OUTSTANDING));
}

static void compare(scene *s) {
    col_digest often[1 + SESSIONS], once[1 + SESSIONS];
    const uint32_t count = col_sessions_digests(s->often, &fuzz_hasher, often);
    COL_ASSERT(count == 1 + s->count && col_sessions_count(s->often) == s->count);
    COL_ASSERT(col_sessions_digests(s->once, &fuzz_hasher, once) == count);
    COL_ASSERT(memcmp(often, once, count * sizeof *often) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    memset(&s, 0, sizeof s);
    col_reader input = fuzz_input(data, size);
    if (!col_arena_open(&s.arena, 2 * col_sessions_footprint(&options)).ok) return 0;
    s.often = col_sessions_create(&s.arena, &options);
    s.once = col_sessions_create(&s.arena, &options);
    while (fuzz_more(&input)) {
        col_digest digest[1 + SESSIONS];
        const uint32_t what = fuzz_below(&input, 8);
        if (what == 0) s.time_ns += col_read_u8(&input);
        if (what == 1) (void)col_sessions_digests(s.often, &fuzz_hasher, digest);
        if (what >= 2 && what < 4) open_one(&s, &input);
        if (what >= 4) execute(&s, &input);
    }
    compare(&s);
    col_arena_close(&s.arena);
    return 0;
}
