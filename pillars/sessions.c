// SPDX-License-Identifier: Apache-2.0
#include "pillars/sessions.h"

#include "src/base/assert.h"
#include "src/base/map.h"

#define NONE UINT32_MAX

/// What is remembered of a client on one pillar.
typedef struct {
    uint64_t nonce;  ///< newest that was answered, 0 for none
    uint64_t session;
} client_record;

struct col_sessions {
    col_sessions_options options;
    col_map by_id;
    col_session *session;
    uint32_t *unused;  // stack
    uint32_t unused_count;
    uint32_t oldest, newest;
    uint64_t opened[COL_PILLARS_MAX];  // ids given so far, per pillar
    client_record *client;             // [clients][P]
    col_endpoint *endpoint;            // [clients], address 0 before the first
    uint32_t *client_sessions;         // [clients] open now
    uint8_t *scratch;
    size_t scratch_bytes;
};

static size_t session_bytes(const col_sessions_options *options) {
    return 96 + (size_t)options->outstanding * (5 + options->result_bytes_max);
}

static size_t head_bytes(const col_sessions_options *options) {
    return 64 + 8 * COL_PILLARS_MAX + (size_t)options->clients * (16 + 24 * options->pillars);
}

static size_t scratch_bytes(const col_sessions_options *options) {
    const size_t session = session_bytes(options);
    const size_t head = head_bytes(options);
    return session > head ? session : head;
}

size_t col_sessions_footprint(const col_sessions_options *options) {
    const size_t results = (size_t)options->outstanding * (5 + options->result_bytes_max);
    return sizeof(col_sessions) + col_map_footprint(options->sessions_max) +
           options->sessions_max * (sizeof(col_session) + 4 + results) +
           options->clients * (options->pillars * sizeof(client_record) + 12) +
           scratch_bytes(options) + 12 * 64;
}

static void init_sessions(col_sessions *sessions, col_arena *arena) {
    const col_sessions_options *options = &sessions->options;
    const size_t results = (size_t)options->sessions_max * options->outstanding;
    sessions->session = col_arena_take(arena, options->sessions_max, sizeof(col_session));
    sessions->unused = col_arena_take(arena, options->sessions_max, sizeof(uint32_t));
    uint32_t *length = col_arena_take(arena, results, sizeof(uint32_t));
    uint8_t *status = col_arena_take(arena, results, 1);
    uint8_t *result = col_arena_take(arena, results, options->result_bytes_max);
    for (uint32_t i = 0; i < options->sessions_max; i++) {
        const size_t first = (size_t)i * options->outstanding;
        sessions->session[i].result_length = length + first;
        sessions->session[i].result_status = status + first;
        sessions->session[i].result = result + first * options->result_bytes_max;
        sessions->unused[i] = options->sessions_max - 1 - i;
    }
    sessions->unused_count = options->sessions_max;
    sessions->oldest = sessions->newest = NONE;
}

col_sessions *col_sessions_create(col_arena *arena, const col_sessions_options *options) {
    col_sessions *sessions = col_arena_take(arena, 1, sizeof *sessions);
    sessions->options = *options;
    col_map_init(&sessions->by_id, arena, options->sessions_max);
    init_sessions(sessions, arena);
    sessions->client =
        col_arena_take(arena, (size_t)options->clients * options->pillars, sizeof(client_record));
    sessions->endpoint = col_arena_take(arena, options->clients, sizeof(col_endpoint));
    sessions->client_sessions = col_arena_take(arena, options->clients, sizeof(uint32_t));
    sessions->scratch_bytes = scratch_bytes(options);
    sessions->scratch = col_arena_take(arena, 1, sessions->scratch_bytes);
    return sessions;
}

col_session *col_sessions_find(const col_sessions *sessions, uint64_t id) {
    const uint32_t index = col_map_find(&sessions->by_id, id);
    return index == COL_MAP_NONE ? NULL : &sessions->session[index];
}

static uint32_t index_of(const col_sessions *sessions, const col_session *session) {
    return (uint32_t)(session - sessions->session);
}

static void append(col_sessions *sessions, col_session *session) {
    const uint32_t index = index_of(sessions, session);
    session->previous = sessions->newest;
    session->next = NONE;
    if (sessions->newest == NONE) {
        sessions->oldest = index;
    } else {
        sessions->session[sessions->newest].next = index;
    }
    sessions->newest = index;
}

static void unlink_session(col_sessions *sessions, const col_session *session) {
    if (session->previous == NONE) {
        sessions->oldest = session->next;
    } else {
        sessions->session[session->previous].next = session->next;
    }
    if (session->next == NONE) {
        sessions->newest = session->previous;
    } else {
        sessions->session[session->next].previous = session->previous;
    }
}

static client_record *record_of(const col_sessions *sessions, uint32_t client, uint32_t pillar) {
    return &sessions->client[(size_t)client * sessions->options.pillars + pillar];
}

static void evict(col_sessions *sessions, uint32_t index) {
    col_session *session = &sessions->session[index];
    unlink_session(sessions, session);
    col_map_remove(&sessions->by_id, session->id);
    sessions->client_sessions[session->client]--;
    sessions->unused[sessions->unused_count++] = index;
}

/// The client's least recently executed session.
static uint32_t oldest_of(const col_sessions *sessions, uint32_t client) {
    uint32_t index = sessions->oldest;
    while (sessions->session[index].client != client) index = sessions->session[index].next;
    return index;
}

/// The least recently executed session of the client that has most: clients that fill the table
/// together, and keep theirs recent, push out each other and nobody else.
static uint32_t oldest_of_most(const col_sessions *sessions) {
    uint32_t chosen = sessions->oldest;
    for (uint32_t i = chosen; i != NONE; i = sessions->session[i].next) {
        const uint32_t most = sessions->client_sessions[sessions->session[chosen].client];
        if (sessions->client_sessions[sessions->session[i].client] > most) chosen = i;
    }
    return chosen;
}

static uint64_t make_room(col_sessions *sessions, uint32_t client) {
    uint32_t index;
    if (sessions->client_sessions[client] >= sessions->options.client_sessions_max) {
        index = oldest_of(sessions, client);
    } else if (sessions->unused_count == 0) {
        index = oldest_of_most(sessions);
    } else {
        return 0;
    }
    const uint64_t id = sessions->session[index].id;
    evict(sessions, index);
    return id;
}

/// Ids are never used again: id mod P is the pillar, and 0 is no id.
static uint64_t next_id(col_sessions *sessions, uint32_t pillar) {
    return ++sessions->opened[pillar] * sessions->options.pillars + pillar;
}

static col_session *create(col_sessions *sessions, const col_session_open *open) {
    const uint32_t index = sessions->unused[--sessions->unused_count];
    col_session *session = &sessions->session[index];
    session->id = next_id(sessions, open->pillar);
    session->last = 0;
    session->client = open->client;
    session->reply_to = open->reply_to;
    session->share = open->share;
    session->changed = true;
    append(sessions, session);
    col_map_add(&sessions->by_id, session->id, index);
    sessions->client_sessions[open->client]++;
    return session;
}

void col_sessions_answer(const col_sessions *sessions, const col_session_open *open,
                         col_session_opened *answer) {
    *answer = (col_session_opened){.client = open->client,
                                   .pillar = open->pillar,
                                   .nonce = open->nonce,
                                   .status = COL_OPEN_UNKNOWN_CLIENT};
    if (open->client >= sessions->options.clients) return;
    const client_record *record = record_of(sessions, open->client, open->pillar);
    answer->floor = record->nonce;
    answer->status = open->nonce > record->nonce ? COL_OPEN_LATER : COL_OPEN_BELOW;
    if (open->nonce == record->nonce && record->nonce != 0) {
        answer->status = COL_OPENED;
        answer->session = record->session;
    }
}

bool col_sessions_open(col_sessions *sessions, const col_session_open *open, uint64_t time_ns,
                       col_session_opened *answer, uint64_t *evicted) {
    *evicted = 0;
    col_sessions_answer(sessions, open, answer);
    if (open->client >= sessions->options.clients) return false;
    client_record *record = record_of(sessions, open->client, open->pillar);
    if (open->nonce <= record->nonce) return false;
    if (open->nonce > time_ns && open->nonce - time_ns > sessions->options.time_ahead_max_ns) {
        answer->status = COL_OPEN_LATER;
        return false;
    }
    *evicted = make_room(sessions, open->client);
    const col_session *session = create(sessions, open);
    *record = (client_record){open->nonce, session->id};
    sessions->endpoint[open->client] = open->reply_to;
    answer->status = COL_OPENED;
    answer->session = session->id;
    answer->floor = open->nonce;
    return true;
}

bool col_sessions_client_endpoint(const col_sessions *sessions, uint32_t client,
                                  col_endpoint *endpoint) {
    if (client >= sessions->options.clients) return false;
    *endpoint = sessions->endpoint[client];
    return endpoint->address != 0;
}

static size_t place_of(const col_sessions *sessions, uint64_t number) {
    return number % sessions->options.outstanding;
}

static uint8_t *result_at(const col_sessions *sessions, const col_session *session,
                          uint64_t number) {
    return session->result + place_of(sessions, number) * sessions->options.result_bytes_max;
}

uint8_t *col_session_result_room(const col_sessions *sessions, const col_session *session) {
    return result_at(sessions, session, session->last + 1);
}

void col_session_executed(col_sessions *sessions, col_session *session, col_reply_status status,
                          uint32_t length) {
    COL_ASSERT(length <= sessions->options.result_bytes_max);
    session->last++;
    session->result_length[place_of(sessions, session->last)] = length;
    session->result_status[place_of(sessions, session->last)] = (uint8_t)status;
    session->changed = true;
    if (index_of(sessions, session) == sessions->newest) return;
    unlink_session(sessions, session);
    append(sessions, session);
}

bool col_session_result(const col_sessions *sessions, const col_session *session, uint64_t number,
                        col_reply_status *status, col_bytes *result) {
    if (number == 0 || number > session->last) return false;
    if (session->last - number >= sessions->options.outstanding) return false;
    const size_t place = place_of(sessions, number);
    *status = (col_reply_status)session->result_status[place];
    *result = (col_bytes){result_at(sessions, session, number), session->result_length[place]};
    return true;
}

uint32_t col_sessions_count(const col_sessions *sessions) {
    return sessions->options.sessions_max - sessions->unused_count;
}

static bool has_opened(const col_sessions *sessions, uint32_t client) {
    for (uint32_t k = 0; k < sessions->options.pillars; k++) {
        if (record_of(sessions, client, k)->nonce != 0) return true;
    }
    return false;
}

/// Counters and clients: small, hashed each time.
static void digest_head(const col_sessions *sessions, const col_hasher *hasher,
                        col_digest *digest) {
    col_writer writer = col_writer_of(sessions->scratch, sessions->scratch_bytes);
    for (uint32_t k = 0; k < sessions->options.pillars; k++) {
        col_write_u64(&writer, sessions->opened[k]);
    }
    for (uint32_t c = 0; c < sessions->options.clients; c++) {
        if (!has_opened(sessions, c)) continue;
        col_write_u32(&writer, c);
        col_write_u32(&writer, sessions->endpoint[c].address);
        col_write_u16(&writer, sessions->endpoint[c].port);
        for (uint32_t k = 0; k < sessions->options.pillars; k++) {
            const client_record *record = record_of(sessions, c, k);
            col_write_u64(&writer, record->nonce);
            col_write_u64(&writer, record->session);
        }
    }
    COL_ASSERT(!writer.failed);
    col_hash(hasher, (col_bytes){sessions->scratch, col_writer_used(&writer)}, digest);
}

static void digest_session(const col_sessions *sessions, const col_hasher *hasher,
                           col_session *session) {
    const uint64_t outstanding = sessions->options.outstanding;
    const uint64_t first = session->last > outstanding ? session->last - outstanding + 1 : 1;
    col_writer writer = col_writer_of(sessions->scratch, sessions->scratch_bytes);
    col_write_u64(&writer, session->id);
    col_write_u64(&writer, session->last);
    col_write_u32(&writer, session->client);
    col_write_u32(&writer, session->reply_to.address);
    col_write_u16(&writer, session->reply_to.port);
    col_write_bytes(&writer, (col_bytes){session->share.byte, sizeof session->share.byte});
    for (uint64_t number = first; number <= session->last; number++) {
        col_reply_status status;
        col_bytes result;
        const bool kept = col_session_result(sessions, session, number, &status, &result);
        COL_ASSERT(kept);
        col_write_u8(&writer, (uint8_t)status);
        col_write_u32(&writer, (uint32_t)result.length);
        col_write_bytes(&writer, result);
    }
    COL_ASSERT(!writer.failed);
    col_hash(hasher, (col_bytes){sessions->scratch, col_writer_used(&writer)}, &session->digest);
    session->changed = false;
}

uint32_t col_sessions_digests(col_sessions *sessions, const col_hasher *hasher,
                              col_digest *digest) {
    uint32_t count = 0;
    digest_head(sessions, hasher, &digest[count++]);
    for (uint32_t i = sessions->oldest; i != NONE; i = sessions->session[i].next) {
        col_session *session = &sessions->session[i];
        if (session->changed) digest_session(sessions, hasher, session);
        digest[count++] = session->digest;
    }
    return count;
}
