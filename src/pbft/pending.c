// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/pending.h"

#include "src/base/assert.h"

/// Numbers above the executed one that a session may have here: the M that its client has
/// outstanding, and some that f+1 faster replicas have answered already.
static uint32_t numbers_ahead(const col_pbft_options *options) {
    return 4 * options->session_outstanding;
}

static size_t request_bytes(const col_pbft_options *options) {
    return COL_REQUEST_OVERHEAD + options->operation_bytes_max;
}

size_t col_pendings_footprint(const col_pbft_options *options) {
    const size_t pending = sizeof(col_pending) + request_bytes(options) + COL_SEAL_BYTES_MAX;
    const size_t session = sizeof(col_session_view) + 4 + 4 * numbers_ahead(options);
    return options->pending_max * pending + options->sessions_max * session +
           options->clients * sizeof(col_client_view) + col_map_footprint(options->sessions_max) +
           8 * 64;
}

static void init_pending(col_pendings *pendings, col_arena *arena,
                         const col_pbft_options *options) {
    pendings->pending_max = options->pending_max;
    pendings->stride = request_bytes(options) + COL_SEAL_BYTES_MAX;
    pendings->room = col_arena_take(arena, options->pending_max, pendings->stride);
    pendings->pending = col_arena_take(arena, options->pending_max, sizeof(col_pending));
    pendings->free_head = COL_PENDING_NONE;
    pendings->ready_head = pendings->ready_tail = COL_PENDING_NONE;
}

/// A free entry, of which there must be one: one given back, so that memory in use stays small,
/// else a fresh one.
static uint32_t take_free(col_pendings *pendings) {
    const uint32_t index = pendings->free_head;
    if (index != COL_PENDING_NONE) {
        pendings->free_head = pendings->pending[index].next;
        return index;
    }
    COL_ASSERT(pendings->fresh < pendings->pending_max);
    // Seal and body of a request stand together, so that a small request touches one page.
    col_pending *pending = &pendings->pending[pendings->fresh];
    pending->seal = pendings->room + pendings->fresh * pendings->stride;
    pending->bytes = pending->seal + COL_SEAL_BYTES_MAX;
    return pendings->fresh++;
}

void col_pendings_init(col_pendings *pendings, col_arena *arena, const col_pbft_options *options) {
    *pendings = (col_pendings){
        .ahead = numbers_ahead(options), .clients = options->clients, .sessions_end = 0};
    init_pending(pendings, arena, options);
    col_map_init(&pendings->session_of, arena, options->sessions_max);
    pendings->session = col_arena_take(arena, options->sessions_max, sizeof(col_session_view));
    pendings->session_free = col_arena_take(arena, options->sessions_max, sizeof(uint32_t));
    uint32_t *waiting =
        col_arena_take(arena, (size_t)options->sessions_max * pendings->ahead, sizeof(uint32_t));
    for (uint32_t i = 0; i < options->sessions_max; i++) {
        pendings->session[i].waiting = waiting + (size_t)i * pendings->ahead;
        pendings->session_free[i] = options->sessions_max - 1 - i;
    }
    pendings->session_free_count = options->sessions_max;
    pendings->client = col_arena_take(arena, options->clients, sizeof(col_client_view));
    for (uint32_t i = 0; i < options->clients; i++) pendings->client[i].waiting = COL_PENDING_NONE;
}

col_session_view *col_pendings_session(const col_pendings *pendings, uint64_t id) {
    const uint32_t index = col_map_find(&pendings->session_of, id);
    return index == COL_MAP_NONE ? NULL : &pendings->session[index];
}

void col_pendings_reseal(col_pending *pending, const col_verified *verified) {
    pending->header = verified->message.header;
    pending->fragment_digest = verified->fragment_digest;
    pending->seal_length = (uint32_t)verified->seal.length;
    if (pending->seal_length > 0) memcpy(pending->seal, verified->seal.at, pending->seal_length);
}

uint32_t col_pendings_keep(col_pendings *pendings, const col_verified *verified, uint64_t key,
                           uint64_t number) {
    col_client_view *client = &pendings->client[verified->message.header.sender];
    if (client->held >= pendings->pending_max - pendings->count) return COL_PENDING_NONE;
    const uint32_t index = take_free(pendings);
    client->held++;
    col_pending *pending = &pendings->pending[index];
    col_pendings_reseal(pending, verified);
    pending->key = key;
    pending->number = number;
    pending->length = (uint32_t)verified->message.bytes.length;
    pending->next = COL_PENDING_NONE;
    pending->queued = pending->proposed = false;
    memcpy(pending->bytes, verified->message.bytes.at, pending->length);
    pendings->count++;
    return index;
}

static void put_back(col_pendings *pendings, uint32_t index) {
    pendings->pending[index].next = pendings->free_head;
    pendings->free_head = index;
    pendings->client[pendings->pending[index].header.sender].held--;
    pendings->count--;
}

void col_pendings_queue(col_pendings *pendings, uint32_t index) {
    col_pending *pending = &pendings->pending[index];
    COL_ASSERT(!pending->queued);
    pending->queued = true;
    pending->next = COL_PENDING_NONE;
    pending->previous = pendings->ready_tail;
    if (pendings->ready_tail == COL_PENDING_NONE) {
        pendings->ready_head = index;
    } else {
        pendings->pending[pendings->ready_tail].next = index;
    }
    pendings->ready_tail = index;
    pendings->ready++;
}

static void unlink_ready(col_pendings *pendings, const col_pending *pending) {
    if (pending->previous == COL_PENDING_NONE) {
        pendings->ready_head = pending->next;
    } else {
        pendings->pending[pending->previous].next = pending->next;
    }
    if (pending->next == COL_PENDING_NONE) {
        pendings->ready_tail = pending->previous;
    } else {
        pendings->pending[pending->next].previous = pending->previous;
    }
    pendings->ready--;
}

uint32_t col_pendings_peek(const col_pendings *pendings) {
    return pendings->ready_head;
}

void col_pendings_pop(col_pendings *pendings) {
    col_pending *pending = &pendings->pending[pendings->ready_head];
    unlink_ready(pendings, pending);
    pending->proposed = true;
}

void col_pendings_queue_session(col_pendings *pendings, col_session_view *session) {
    for (;;) {
        const uint32_t index = session->waiting[session->next % pendings->ahead];
        if (index == COL_PENDING_NONE) return;
        if (pendings->pending[index].number != session->next) return;
        if (!pendings->pending[index].queued) col_pendings_queue(pendings, index);
        session->next++;
    }
}

/// Forget a request, wherever it is.
static void release(col_pendings *pendings, uint32_t *place) {
    const uint32_t index = *place;
    if (index == COL_PENDING_NONE) return;
    *place = COL_PENDING_NONE;
    const col_pending *pending = &pendings->pending[index];
    if (pending->queued && !pending->proposed) unlink_ready(pendings, pending);
    put_back(pendings, index);
}

static col_client_view *client_of(const col_pendings *pendings, uint32_t index) {
    return &pendings->client[pendings->pending[index].header.sender];
}

static bool is_early(const col_pendings *pendings, uint32_t client, uint64_t session,
                     uint64_t number) {
    for (uint32_t i = 0; i < pendings->early_held; i++) {
        const col_pending *early = &pendings->pending[pendings->early[i]];
        if (early->key == session && early->number == number && early->header.sender == client) {
            return true;
        }
    }
    return false;
}

/// Forget the oldest early request of the client that has most. @return how many that had
static uint32_t make_early_room(col_pendings *pendings) {
    uint32_t chosen = 0, most = 0;
    for (uint32_t i = 0; i < pendings->early_held; i++) {
        const uint32_t early = client_of(pendings, pendings->early[i])->early;
        if (early <= most) continue;
        chosen = i;
        most = early;
    }
    client_of(pendings, pendings->early[chosen])->early--;
    release(pendings, &pendings->early[chosen]);
    pendings->early_held--;
    memmove(&pendings->early[chosen], &pendings->early[chosen + 1],
            (pendings->early_held - chosen) * sizeof *pendings->early);
    return most;
}

col_drop col_pendings_keep_early(col_pendings *pendings, const col_verified *verified,
                                 uint64_t session, uint64_t number) {
    const uint32_t sender = verified->message.header.sender;
    if (is_early(pendings, sender, session, number)) return COL_DROP_REPEATED;
    uint32_t most = UINT32_MAX;
    if (pendings->early_held == COL_EARLY_MAX) most = make_early_room(pendings);
    const uint32_t index = col_pendings_keep(pendings, verified, session, number);
    if (index == COL_PENDING_NONE) return COL_DROP_QUEUE_FULL;
    pendings->early[pendings->early_held++] = index;
    // Room from whoever has more evens the shares out, and comes to an end. Else it is taken for
    // nothing, and could be for ever.
    return ++pendings->client[sender].early < most ? COL_DROP_NONE : COL_DROP_QUEUE_FULL;
}

/// Requests that came before their session was opened here take their places in it.
static void adopt_early(col_pendings *pendings, col_session_view *session) {
    const uint32_t held = pendings->early_held;
    pendings->early_held = 0;
    for (uint32_t i = 0; i < held; i++) {
        uint32_t index = pendings->early[i];
        const col_pending *pending = &pendings->pending[index];
        if (pending->key != session->id) {
            pendings->early[pendings->early_held++] = index;
            continue;
        }
        client_of(pendings, index)->early--;
        uint32_t *place = &session->waiting[pending->number % pendings->ahead];
        if (pending->header.sender != session->client || *place != COL_PENDING_NONE ||
            pending->number > pendings->ahead) {
            release(pendings, &index);
        } else {
            *place = index;
        }
    }
    col_pendings_queue_session(pendings, session);
}

static void open_session(col_pendings *pendings, const col_outcome *outcome) {
    COL_ASSERT(pendings->session_free_count > 0);  // the executed table is bounded alike
    const uint32_t index = pendings->session_free[--pendings->session_free_count];
    col_session_view *session = &pendings->session[index];
    uint32_t *waiting = session->waiting;
    *session = (col_session_view){.id = outcome->session,
                                  .client = outcome->client,
                                  .next = 1,
                                  .reply_to = outcome->reply_to,
                                  .waiting = waiting};
    for (uint32_t i = 0; i < pendings->ahead; i++) waiting[i] = COL_PENDING_NONE;
    col_map_add(&pendings->session_of, session->id, index);
    pendings->sessions_end = session->id + 1;
    adopt_early(pendings, session);
}

static void evict_session(col_pendings *pendings, uint64_t id) {
    const uint32_t index = col_map_find(&pendings->session_of, id);
    if (index == COL_MAP_NONE) return;
    for (uint32_t i = 0; i < pendings->ahead; i++) {
        release(pendings, &pendings->session[index].waiting[i]);
    }
    col_map_remove(&pendings->session_of, id);
    pendings->session_free[pendings->session_free_count++] = index;
}

static void open_done(col_pendings *pendings, const col_outcome *outcome) {
    if (outcome->client >= pendings->clients) return;
    col_client_view *client = &pendings->client[outcome->client];
    if (outcome->kind == COL_OUTCOME_OPENED) {
        open_session(pendings, outcome);
        client->nonce = outcome->number;
    }
    if (client->waiting != COL_PENDING_NONE &&
        pendings->pending[client->waiting].number <= outcome->number) {
        release(pendings, &client->waiting);
    }
}

static void executed(col_pendings *pendings, const col_outcome *outcome) {
    col_session_view *session = col_pendings_session(pendings, outcome->session);
    COL_ASSERT(session != NULL && outcome->number == session->last + 1);
    session->last = outcome->number;
    uint32_t *place = &session->waiting[outcome->number % pendings->ahead];
    if (*place != COL_PENDING_NONE && pendings->pending[*place].number == outcome->number) {
        release(pendings, place);
    }
    if (session->next <= session->last) {
        session->next = session->last + 1;
        col_pendings_queue_session(pendings, session);
    }
}

void col_pendings_outcome(col_pendings *pendings, const col_outcome *outcome) {
    switch (outcome->kind) {
        case COL_OUTCOME_EXECUTED:
            executed(pendings, outcome);
            break;
        case COL_OUTCOME_OPENED:
        case COL_OUTCOME_REFUSED:
            open_done(pendings, outcome);
            break;
        case COL_OUTCOME_EVICTED:
            evict_session(pendings, outcome->session);
            break;
    }
}
