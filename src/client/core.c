// SPDX-License-Identifier: Apache-2.0
#include "src/client/internal.h"

// The longest wait before a first retransmission, whatever the load.
#define PATIENCE_NS_MAX UINT64_C(2000000000)

static uint32_t slot_count(const col_client_core_options *options) {
    return options->sessions * options->outstanding;
}

static size_t body_stride(const col_client_core_options *options) {
    return COL_REQUEST_OVERHEAD + (size_t)options->operation_bytes_max;
}

static size_t padded(size_t count, size_t size) {
    return (count * size + 63) / 64 * 64;
}

size_t col_client_core_footprint(const col_client_core_options *options) {
    const size_t slots = slot_count(options);
    const size_t replicas = options->replicas;
    const size_t per_pillar =
        padded(replicas, sizeof(col_client_vote)) + padded(replicas, sizeof(uint64_t));
    return padded(1, sizeof(col_client_core)) +
           padded(options->sessions, sizeof(col_client_session)) +
           padded(slots, sizeof(col_client_slot)) +
           padded(slots * replicas, sizeof(col_client_vote)) + padded(slots, body_stride(options)) +
           padded(slots, sizeof(uint32_t)) + col_map_footprint(options->sessions) +
           options->pillars * per_pillar;
}

static void check_options(const col_client_core_options *options) {
    COL_ASSERT(options->sessions >= 1 && options->sessions <= COL_SESSIONS_MAX);
    COL_ASSERT(options->outstanding >= 1 && options->outstanding <= COL_SESSION_OUTSTANDING_MAX);
    COL_ASSERT(options->replicas <= COL_REPLICAS_MAX);
    COL_ASSERT(options->replicas >= 3 * options->faults + 1);
    COL_ASSERT(options->pillars >= 1 && options->pillars <= COL_PILLARS_MAX);
    COL_ASSERT(options->operation_bytes_max <= COL_OPERATION_BYTES_MAX);
    COL_ASSERT(options->timeout_ns > 0 && options->retransmit_ns > 0);
    COL_ASSERT(options->done != NULL);
}

void col_client_wait_for_opening(col_client_core *core, uint32_t place) {
    col_client_pillar *of = col_client_pillar_of(core, place);
    core->sessions[place].next_to_open = COL_CLIENT_NO_SESSION;
    if (of->first_to_open == COL_CLIENT_NO_SESSION) {
        of->first_to_open = place;
    } else {
        core->sessions[of->last_to_open].next_to_open = place;
    }
    of->last_to_open = place;
    core->deadline_ns = 0;
}

col_client_core *col_client_core_create(col_arena *arena, const col_client_core_options *options) {
    check_options(options);

    const uint32_t slots = slot_count(options);
    const uint32_t replicas = options->replicas;
    col_client_core *core = col_arena_take(arena, 1, sizeof *core);
    core->options = *options;
    core->sessions = col_arena_take(arena, options->sessions, sizeof *core->sessions);
    core->slots = col_arena_take(arena, slots, sizeof *core->slots);
    core->votes = col_arena_take(arena, (size_t)slots * replicas, sizeof *core->votes);
    core->body_bytes = body_stride(options);
    core->bodies = col_arena_take(arena, slots, core->body_bytes);
    core->queue = col_arena_take(arena, slots, sizeof *core->queue);
    core->queue_size = slots;
    col_map_init(&core->by_id, arena, options->sessions);
    for (uint32_t k = 0; k < options->pillars; k++) {
        col_client_pillar *of = &core->pillars[k];
        col_client_vote *votes = col_arena_take(arena, replicas, sizeof *votes);
        col_client_opening_init(&of->opening, votes, replicas, options->faults,
                                options->retransmit_ns);
        of->shown = col_arena_take(arena, replicas, sizeof *of->shown);
        of->first_to_open = COL_CLIENT_NO_SESSION;
    }
    for (uint32_t i = 0; i < options->sessions; i++) {
        core->sessions[i].oldest = core->sessions[i].next = 1;
        col_client_wait_for_opening(core, i);
    }
    return core;
}

static uint8_t *body_at(const col_client_core *core, uint32_t index) {
    return &core->bodies[index * core->body_bytes];
}

void col_client_enqueue(col_client_core *core, uint32_t index) {
    col_client_slot *of = &core->slots[index];
    if (of->queued) return;
    COL_ASSERT(core->queue_length < core->queue_size);
    of->queued = true;
    core->queue[(core->queue_head + core->queue_length) % core->queue_size] = index;
    core->queue_length++;
}

uint32_t col_client_core_room(const col_client_core *core, uint32_t place) {
    COL_ASSERT(place < core->options.sessions);
    const col_client_session *of = &core->sessions[place];
    return core->options.outstanding - (uint32_t)(of->next - of->oldest);
}

/// A cluster under load is slow, not deaf: wait for a multiple of what answers take now.
static uint64_t patience_ns(const col_client_core *core) {
    const uint64_t first_ns = core->options.retransmit_ns;
    const uint64_t measured_ns = 4 * col_recent_least_of(&core->latency);
    if (measured_ns <= first_ns) return first_ns;
    return measured_ns < PATIENCE_NS_MAX ? measured_ns : PATIENCE_NS_MAX;
}

col_client_submission col_client_core_submit(col_client_core *core, uint32_t place,
                                             col_bytes operation, uint64_t tag, uint64_t now_ns) {
    if (operation.length > core->options.operation_bytes_max) return COL_CLIENT_TOO_LONG;
    if (col_client_core_room(core, place) == 0) return COL_CLIENT_NO_ROOM;

    col_client_session *of = &core->sessions[place];
    const uint32_t index = col_client_slot_index(core, place, of->next);
    col_client_slot *taken = &core->slots[index];
    const bool queued = taken->queued;
    *taken = (col_client_slot){
        .tag = tag,
        .submitted_ns = now_ns,
        .resend_ns = now_ns + patience_ns(core),
        .interval_ns = col_client_next_interval(patience_ns(core)),
        .length = (uint32_t)operation.length,
        .state = COL_CLIENT_SLOT_WAITING,
        .queued = queued,
    };
    memset(col_client_votes_at(core, index), 0, core->options.replicas * sizeof(col_client_vote));
    if (operation.length > 0) {
        memcpy(body_at(core, index) + COL_REQUEST_OVERHEAD, operation.at, operation.length);
    }
    of->next++;
    core->outstanding++;
    if (of->open) col_client_enqueue(core, index);
    col_client_due_at(core, now_ns + core->options.timeout_ns);
    col_client_due_at(core, taken->resend_ns);
    return COL_CLIENT_SUBMITTED;
}

uint32_t col_client_core_outstanding(const col_client_core *core) {
    return core->outstanding;
}

uint32_t col_client_core_open_sessions(const col_client_core *core) {
    return core->open_sessions;
}

uint32_t col_client_core_answered(const col_client_core *core) {
    return core->answered;
}

bool col_client_core_unknown(const col_client_core *core) {
    return core->unknown;
}

col_client_core_counts col_client_core_count(const col_client_core *core) {
    return core->counts;
}

uint64_t col_client_core_deadline(const col_client_core *core) {
    return core->deadline_ns;
}

// Sessions by id.

uint32_t col_client_find_session(const col_client_core *core, uint64_t id) {
    return col_map_find(&core->by_id, id);
}

void col_client_remember_session(col_client_core *core, uint32_t place, uint64_t id) {
    core->sessions[place].id = id;
    core->sessions[place].open = true;
    core->open_sessions++;
    // Ids are never given twice; more than f faulty replicas may, and must not end the client.
    if (col_map_find(&core->by_id, id) == COL_MAP_NONE) col_map_add(&core->by_id, id, place);
}

void col_client_forget_session(col_client_core *core, uint32_t place) {
    const col_client_links *links = &core->options.links;
    if (links->closed != NULL) links->closed(links->context, core->sessions[place].id);
    core->sessions[place].open = false;
    core->sessions[place].answered = core->sessions[place].signs = false;
    core->open_sessions--;
    const uint64_t id = core->sessions[place].id;
    if (col_map_find(&core->by_id, id) == place) col_map_remove(&core->by_id, id);
}

// Sending.

static uint32_t all_replicas(const col_client_core *core) {
    return (uint32_t)((UINT64_C(1) << core->options.replicas) - 1);
}

static void share_for_nonce(col_client_core *core, uint32_t k) {
    col_client_pillar *of = &core->pillars[k];
    const col_client_links *links = &core->options.links;
    if (links->begin == NULL || of->share_nonce == of->opening.nonce) return;
    links->begin(links->context, k, &of->share);
    of->share_nonce = of->opening.nonce;
}

static void open_message(col_client_core *core, uint32_t k, col_client_message *message) {
    col_client_pillar *of = &core->pillars[k];
    share_for_nonce(core, k);
    const col_session_open body = {.client = core->options.client,
                                   .pillar = (uint8_t)k,
                                   .nonce = of->opening.nonce,
                                   .reply_to = core->options.reply_to,
                                   .share = of->share};
    col_writer writer = col_writer_of(of->body, sizeof of->body);
    col_session_open_write(&writer, &body);
    COL_ASSERT(!writer.failed);
    *message = (col_client_message){
        .header = {.role = COL_ROLE_CLIENT,
                   .type = COL_SESSION_OPEN,
                   .pillar = (uint8_t)k,
                   .sender = core->options.client,
                   .sequence = of->opening.nonce},
        .body = {of->body, col_writer_used(&writer)},
        .replicas = all_replicas(core),
    };
}

/// The number that a slot of an open session stands for on the wire.
static uint64_t number_of(const col_client_core *core, uint32_t index) {
    const uint32_t outstanding = core->options.outstanding;
    const col_client_session *of = &core->sessions[index / outstanding];
    const uint32_t offset =
        (index % outstanding + outstanding - (uint32_t)(of->oldest % outstanding)) % outstanding;
    return of->oldest + offset - of->base;
}

/// MACs are for the common case: until the primary has shown that it has the session's keys, and
/// whenever something went wrong, any replica can verify what is signed.
static bool takes_macs(const col_client_core *core, const col_client_session *session,
                       const col_client_slot *slot) {
    return core->options.links.begin != NULL && session->answered && !session->signs &&
           !slot->to_all;
}

static void request_message(col_client_core *core, uint32_t index, col_client_message *message) {
    const uint32_t place = index / core->options.outstanding;
    const uint32_t k = place % core->options.pillars;
    const col_client_slot *of = &core->slots[index];
    const col_request body = {
        .client = core->options.client,
        .session = core->sessions[place].id,
        .number = number_of(core, index),
        .pillar = (uint8_t)k,
    };
    uint8_t *bytes = body_at(core, index);
    col_writer writer = col_writer_of(bytes, COL_REQUEST_OVERHEAD);
    col_request_write(&writer, &body);
    COL_ASSERT(!writer.failed && col_writer_used(&writer) == COL_REQUEST_OVERHEAD);
    *message = (col_client_message){
        .header = {.role = COL_ROLE_CLIENT,
                   .type = COL_REQUEST,
                   .pillar = (uint8_t)k,
                   .sender = core->options.client,
                   .sequence = body.number},
        .body = {bytes, COL_REQUEST_OVERHEAD + (size_t)of->length},
        .replicas = of->to_all
                        ? all_replicas(core)
                        : UINT32_C(1) << col_client_primary_of(core, k, core->pillars[k].view),
        .session = takes_macs(core, &core->sessions[place], of) ? core->sessions[place].id : 0,
    };
}

bool col_client_core_next(col_client_core *core, col_client_message *message) {
    if (core->opens_to_send != 0) {
        const uint32_t k = (uint32_t)__builtin_ctz(core->opens_to_send);
        core->opens_to_send &= core->opens_to_send - 1;
        open_message(core, k, message);
        return true;
    }
    while (core->queue_length > 0) {
        const uint32_t index = core->queue[core->queue_head];
        core->queue_head = (core->queue_head + 1) % core->queue_size;
        core->queue_length--;
        core->slots[index].queued = false;
        if (core->slots[index].state == COL_CLIENT_SLOT_FINISHED) continue;
        if (!core->sessions[index / core->options.outstanding].open) continue;
        request_message(core, index, message);
        return true;
    }
    return false;
}

bool col_client_core_pending(const col_client_core *core) {
    return core->opens_to_send != 0 || core->queue_length > 0;
}

// Time.

static void tick_opening(col_client_core *core, uint32_t k, uint64_t now_ns, uint64_t wall_ns) {
    col_client_pillar *of = &core->pillars[k];
    if (of->first_to_open == COL_CLIENT_NO_SESSION) return;
    if (!of->opening.active) {
        col_client_opening_start(&of->opening, now_ns, wall_ns);
        core->opens_to_send |= UINT32_C(1) << k;
    } else if (now_ns >= of->opening.resend_ns) {
        core->counts.retransmits += !of->opening.restart;
        col_client_opening_due(&of->opening, now_ns, wall_ns);
        core->opens_to_send |= UINT32_C(1) << k;
    }
    col_client_due_at(core, of->opening.resend_ns);
}

void col_client_report(col_client_core *core, const col_client_slot *finished,
                       col_client_status status, col_bytes result, uint64_t now_ns) {
    COL_ASSERT(core->outstanding > 0);
    core->outstanding--;
    if (status == COL_CLIENT_RESULT) {
        col_recent_least_add(&core->latency, now_ns, now_ns - finished->submitted_ns);
    }
    const col_client_outcome outcome = {.tag = finished->tag,
                                        .status = status,
                                        .result = result.at,
                                        .length = result.length,
                                        .latency_ns = now_ns - finished->submitted_ns};
    core->options.done(core->options.context, &outcome);
}

static void resend(col_client_core *core, uint32_t index, uint64_t now_ns) {
    col_client_slot *of = &core->slots[index];
    of->to_all = true;
    of->resend_ns = now_ns + of->interval_ns;
    of->interval_ns = col_client_next_interval(of->interval_ns);
    core->counts.retransmits++;
    col_client_enqueue(core, index);
}

/// `done` may submit to this very session: numbers are looked at anew in every step.
static void tick_session(col_client_core *core, uint32_t place, uint64_t now_ns) {
    col_client_session *of = &core->sessions[place];
    for (uint64_t number = of->oldest; number < of->next; number++) {
        col_client_slot *at = col_client_slot_at(core, place, number);
        if (at->state == COL_CLIENT_SLOT_FINISHED) continue;
        if (of->open && now_ns >= at->resend_ns) {
            resend(core, col_client_slot_index(core, place, number), now_ns);
        }
        if (of->open) col_client_due_at(core, at->resend_ns);
        if (at->state == COL_CLIENT_SLOT_ABANDONED) continue;
        if (now_ns - at->submitted_ns < core->options.timeout_ns) {
            col_client_due_at(core, at->submitted_ns + core->options.timeout_ns);
            continue;
        }
        at->state = COL_CLIENT_SLOT_ABANDONED;
        of->abandoned++;
        col_client_report(core, at, COL_CLIENT_TIMED_OUT, (col_bytes){NULL, 0}, now_ns);
    }
}

void col_client_core_tick(col_client_core *core, uint64_t now_ns, uint64_t wall_ns) {
    if (now_ns < core->deadline_ns) return;

    core->deadline_ns = COL_NEVER;
    for (uint32_t k = 0; k < core->options.pillars; k++) tick_opening(core, k, now_ns, wall_ns);
    for (uint32_t i = 0; i < core->options.sessions; i++) tick_session(core, i, now_ns);
    if (core->deadline_ns < now_ns + COL_CLIENT_TICK_NS) {
        core->deadline_ns = now_ns + COL_CLIENT_TICK_NS;
    }
}
