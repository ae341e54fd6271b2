// SPDX-License-Identifier: Apache-2.0
#include "src/client/internal.h"

// Receiving: what a message may change. The same checks before its seal is looked at and after.

static col_drop check_number(const col_client_core *core, uint32_t place, uint64_t wire_number) {
    const col_client_session *of = &core->sessions[place];
    if (wire_number > of->next - of->base) return COL_DROP_EXECUTED;
    const uint64_t number = wire_number + of->base;
    if (number < of->oldest || number >= of->next) return COL_DROP_EXECUTED;
    return col_client_slot_at(core, place, number)->state == COL_CLIENT_SLOT_FINISHED
               ? COL_DROP_EXECUTED
               : COL_DROP_NONE;
}

/// A replica that first said "expired" may have been behind: its result still counts.
static bool has_answered(const col_client_slot *of, uint32_t sender, uint8_t status) {
    const uint32_t answered = status == COL_REPLY_EXPIRED ? of->voted | of->expired : of->voted;
    return answered >> sender & 1;
}

static col_drop check_reply(const col_client_core *core, const col_header *header,
                            const col_reply *reply, uint32_t *place) {
    if (reply->client != core->options.client) return COL_DROP_NO_SESSION;
    *place = col_client_find_session(core, reply->session);
    if (*place == COL_CLIENT_NO_SESSION) return COL_DROP_NO_SESSION;
    if (header->pillar != *place % core->options.pillars) return COL_DROP_WRONG_PILLAR;
    if (header->sequence != reply->number || reply->status > COL_REPLY_REFUSED) {
        return COL_DROP_MALFORMED;
    }
    const col_drop drop = check_number(core, *place, reply->number);
    if (drop != COL_DROP_NONE) return drop;
    const col_client_slot *of =
        col_client_slot_at(core, *place, reply->number + core->sessions[*place].base);
    return has_answered(of, header->sender, reply->status) ? COL_DROP_REPEATED : COL_DROP_NONE;
}

/// A fragment after the first does not name its session: any of the pillar's may wait for it.
static col_drop check_later_fragment(const col_client_core *core, const col_header *header) {
    if (header->type != COL_REPLY) return COL_DROP_MALFORMED;
    for (uint32_t i = header->pillar; i < core->options.sessions; i += core->options.pillars) {
        const col_client_session *of = &core->sessions[i];
        if (!of->open || check_number(core, i, header->sequence) != COL_DROP_NONE) continue;
        const col_client_slot *at = col_client_slot_at(core, i, header->sequence + of->base);
        if (!has_answered(at, header->sender, COL_REPLY_RESULT)) return COL_DROP_NONE;
    }
    return COL_DROP_EXECUTED;
}

static col_drop check_opened(const col_client_core *core, const col_header *header,
                             const col_session_opened *opened) {
    if (opened->client != core->options.client) return COL_DROP_STALE;
    if (opened->pillar != header->pillar || opened->status > COL_OPEN_UNKNOWN_CLIENT) {
        return COL_DROP_MALFORMED;
    }
    return col_client_opening_check(&core->pillars[header->pillar].opening, opened);
}

static col_drop check_busy(const col_client_core *core, const col_header *header,
                           const col_busy *busy, uint64_t now_ns, uint32_t *index) {
    if (busy->client != core->options.client) return COL_DROP_NO_SESSION;
    if (busy->reason > COL_BUSY_SIGN) return COL_DROP_MALFORMED;
    const uint32_t place = col_client_find_session(core, busy->session);
    if (place == COL_CLIENT_NO_SESSION) return COL_DROP_NO_SESSION;
    if (header->pillar != place % core->options.pillars) return COL_DROP_WRONG_PILLAR;
    // Else one faulty replica makes every client send all that waits to all replicas for ever.
    const uint64_t view = core->pillars[header->pillar].view;
    if (header->sender != col_client_primary_of(core, header->pillar, view)) {
        return COL_DROP_NOT_PRIMARY;
    }
    const col_drop drop = check_number(core, place, busy->value);
    if (drop != COL_DROP_NONE) return drop;
    *index = col_client_slot_index(core, place, busy->value + core->sessions[place].base);
    return now_ns < core->slots[*index].busy_ns ? COL_DROP_RATE_LIMITED : COL_DROP_NONE;
}

static col_drop check_header(const col_client_core *core, const col_header *header) {
    if (header->role != COL_ROLE_REPLICA || header->sender >= core->options.replicas) {
        return COL_DROP_UNKNOWN_SENDER;
    }
    return header->pillar < core->options.pillars ? COL_DROP_NONE : COL_DROP_WRONG_PILLAR;
}

col_drop col_client_core_check_unverified(const col_client_core *core, const col_message *message,
                                          uint64_t now_ns) {
    const col_header *header = &message->header;
    const col_drop drop = check_header(core, header);
    if (drop != COL_DROP_NONE) return drop;
    if (header->fragment > 0) return check_later_fragment(core, header);

    uint32_t found;
    col_reply reply;
    col_session_opened opened;
    col_busy busy;
    switch (header->type) {
        case COL_REPLY:
            if (!col_reply_read(message->bytes, &reply)) return COL_DROP_MALFORMED;
            return check_reply(core, header, &reply, &found);
        case COL_SESSION_OPENED:
            if (!col_session_opened_read(message->bytes, &opened)) return COL_DROP_MALFORMED;
            return check_opened(core, header, &opened);
        case COL_BUSY:
            if (!col_busy_read(message->bytes, &busy)) return COL_DROP_MALFORMED;
            return check_busy(core, header, &busy, now_ns, &found);
        default:
            return COL_DROP_UNKNOWN_TYPE;
    }
}

// Receiving: verified messages.

static void show_view(col_client_core *core, const col_header *header) {
    col_client_pillar *of = &core->pillars[header->pillar];
    if (header->view <= of->shown[header->sender]) return;

    of->shown[header->sender] = header->view;
    uint64_t highest = of->view;
    for (uint32_t i = 0; i < core->options.replicas; i++) {
        uint32_t reached = 0;
        for (uint32_t j = 0; j < core->options.replicas; j++) {
            reached += of->shown[j] >= of->shown[i];
        }
        if (reached > core->options.faults && of->shown[i] > highest) highest = of->shown[i];
    }
    core->counts.primary_changes += col_client_primary_of(core, header->pillar, highest) !=
                                    col_client_primary_of(core, header->pillar, of->view);
    of->view = highest;
}

static void advance(col_client_core *core, uint32_t place) {
    col_client_session *of = &core->sessions[place];
    while (of->oldest < of->next &&
           col_client_slot_at(core, place, of->oldest)->state == COL_CLIENT_SLOT_FINISHED) {
        of->oldest++;
    }
}

/// Execution is in order: a result of `number` says that every lower one was executed.
static void release_abandoned(col_client_core *core, uint32_t place, uint64_t number) {
    col_client_session *of = &core->sessions[place];
    for (uint64_t lower = of->oldest; lower < number && of->abandoned > 0; lower++) {
        col_client_slot *at = col_client_slot_at(core, place, lower);
        if (at->state != COL_CLIENT_SLOT_ABANDONED) continue;
        at->state = COL_CLIENT_SLOT_FINISHED;
        of->abandoned--;
    }
}

static void finish(col_client_core *core, uint32_t place, uint64_t number, col_client_status status,
                   col_bytes result, uint64_t now_ns) {
    col_client_session *of = &core->sessions[place];
    col_client_slot *at = col_client_slot_at(core, place, number);
    const col_client_slot finished = *at;
    at->state = COL_CLIENT_SLOT_FINISHED;
    of->abandoned -= finished.state == COL_CLIENT_SLOT_ABANDONED;
    release_abandoned(core, place, number);
    advance(core, place);
    if (finished.state == COL_CLIENT_SLOT_WAITING)
        col_client_report(core, &finished, status, result, now_ns);
}

/// Another session takes the place of an expired one; `done` may already submit to it.
static void expire(col_client_core *core, uint32_t place, uint64_t now_ns) {
    col_client_session *of = &core->sessions[place];
    const uint64_t end = of->next;
    of->base = end - 1;
    of->abandoned = 0;
    col_client_forget_session(core, place);
    col_client_wait_for_opening(core, place);
    while (of->oldest < end) {
        col_client_slot *at = col_client_slot_at(core, place, of->oldest);
        const col_client_slot expired = *at;
        at->state = COL_CLIENT_SLOT_FINISHED;
        of->oldest++;
        if (expired.state != COL_CLIENT_SLOT_WAITING) continue;
        col_client_report(core, &expired, COL_CLIENT_EXPIRED, (col_bytes){NULL, 0}, now_ns);
    }
}

static col_drop on_reply(col_client_core *core, const col_message *message, uint64_t now_ns) {
    col_reply reply;
    if (!col_reply_read(message->bytes, &reply)) return COL_DROP_MALFORMED;
    uint32_t place;
    const col_drop drop = check_reply(core, &message->header, &reply, &place);
    if (drop != COL_DROP_NONE) return drop;

    const uint64_t number = reply.number + core->sessions[place].base;
    const uint32_t index = col_client_slot_index(core, place, number);
    const uint32_t sender = message->header.sender;
    col_client_slot *of = &core->slots[index];
    uint32_t *answered = reply.status == COL_REPLY_EXPIRED ? &of->expired : &of->voted;
    *answered |= UINT32_C(1) << sender;
    show_view(core, &message->header);
    const uint32_t equal = col_client_vote_add(
        col_client_votes_at(core, index), core->options.replicas, sender, &message->header.digest);
    if (equal <= core->options.faults) return COL_DROP_NONE;

    if (reply.status == COL_REPLY_EXPIRED) {
        expire(core, place, now_ns);
    } else if (reply.status == COL_REPLY_REFUSED) {
        finish(core, place, number, COL_CLIENT_REFUSED, (col_bytes){NULL, 0}, now_ns);
    } else {
        core->sessions[place].answered = true;
        finish(core, place, number, COL_CLIENT_RESULT, reply.result, now_ns);
    }
    return COL_DROP_NONE;
}

/// The opening of pillar k is done: give its first session the id and send what waits for it.
static void opened_session(col_client_core *core, uint32_t k, uint64_t id, uint64_t now_ns) {
    col_client_pillar *at = &core->pillars[k];
    const uint32_t place = at->first_to_open;
    col_client_session *of = &core->sessions[place];
    at->first_to_open = of->next_to_open;
    core->opens_to_send &= ~(UINT32_C(1) << k);
    col_client_remember_session(core, place, id);
    const col_client_links *links = &core->options.links;
    if (links->opened != NULL) links->opened(links->context, k, at->opening.opened, id);
    for (uint64_t number = of->oldest; number < of->next; number++) {
        const uint32_t index = col_client_slot_index(core, place, number);
        core->slots[index].resend_ns = now_ns + core->options.retransmit_ns;
        col_client_enqueue(core, index);
    }
    core->deadline_ns = 0;
}

static col_drop on_opened(col_client_core *core, const col_message *message, uint64_t now_ns) {
    col_session_opened opened;
    if (!col_session_opened_read(message->bytes, &opened)) return COL_DROP_MALFORMED;
    const col_drop drop = check_opened(core, &message->header, &opened);
    if (drop != COL_DROP_NONE) return drop;

    const uint32_t k = message->header.pillar;
    col_client_pillar *of = &core->pillars[k];
    core->answered |= UINT32_C(1) << message->header.sender;
    show_view(core, &message->header);
    switch (col_client_opening_answer(&of->opening, message->header.sender, &message->header.digest,
                                      &opened, now_ns)) {
        case COL_CLIENT_OPENING_DONE:
            opened_session(core, k, opened.session, now_ns);
            break;
        case COL_CLIENT_OPENING_UNKNOWN:
            core->unknown = true;
            col_client_due_at(core, of->opening.resend_ns);
            break;
        case COL_CLIENT_OPENING_WAITS:
            col_client_due_at(core, of->opening.resend_ns);
            break;
    }
    return COL_DROP_NONE;
}

/// The primary takes this client's requests signed only: all that wait go again.
static void sign_from_now(col_client_core *core, uint32_t place) {
    col_client_session *of = &core->sessions[place];
    if (of->signs) return;
    of->signs = true;
    for (uint64_t number = of->oldest; number < of->next; number++) {
        col_client_enqueue(core, col_client_slot_index(core, place, number));
    }
}

static col_drop on_busy(col_client_core *core, const col_message *message, uint64_t now_ns) {
    col_busy busy;
    if (!col_busy_read(message->bytes, &busy)) return COL_DROP_MALFORMED;
    uint32_t index;
    const col_drop drop = check_busy(core, &message->header, &busy, now_ns, &index);
    if (drop != COL_DROP_NONE) return drop;

    core->slots[index].busy_ns = now_ns + COL_CLIENT_BUSY_NS;
    if (busy.reason == COL_BUSY_SIGN) {
        sign_from_now(core, index / core->options.outstanding);
        return COL_DROP_NONE;
    }
    core->slots[index].to_all = true;
    core->counts.retransmits++;
    col_client_enqueue(core, index);
    return COL_DROP_NONE;
}

col_drop col_client_core_receive(col_client_core *core, const col_verified *verified,
                                 uint64_t now_ns) {
    const col_message *message = &verified->message;
    const col_drop drop = check_header(core, &message->header);
    if (drop != COL_DROP_NONE) return drop;
    switch (message->header.type) {
        case COL_REPLY:
            return on_reply(core, message, now_ns);
        case COL_SESSION_OPENED:
            return on_opened(core, message, now_ns);
        case COL_BUSY:
            return on_busy(core, message, now_ns);
        default:
            return COL_DROP_UNKNOWN_TYPE;
    }
}
