// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/assert.h"
#include "src/base/map.h"
#include "src/base/recent_least.h"
#include "src/base/stage.h"
#include "src/client/core.h"
#include "src/client/opening.h"
#include "src/client/votes.h"
#include "src/wire/bodies.h"

/// The state of the core, shared by core.c (submit, time, send) and receive.c.

#define COL_CLIENT_NO_SESSION COL_MAP_NONE

typedef enum {
    COL_CLIENT_SLOT_FINISHED = 0,  ///< free, or answered while an older number is not
    COL_CLIENT_SLOT_WAITING,
    COL_CLIENT_SLOT_ABANDONED,  ///< reported as timed out, still sent: later numbers wait for it
} col_client_slot_state;

/// One number of one session.
typedef struct {
    uint64_t tag;
    uint64_t submitted_ns;
    uint64_t resend_ns;
    uint64_t interval_ns;  ///< pause after the next sending
    uint64_t busy_ns;      ///< a BUSY is heeded from then on
    uint32_t length;       ///< of the operation
    uint32_t voted;        ///< bit i: replica i sent a result
    uint32_t expired;      ///< bit i: replica i said that the session is gone
    uint8_t state;         ///< col_client_slot_state
    bool queued;           ///< stands in the send queue
    bool to_all;           ///< not to the primary alone
} col_client_slot;

/// Numbers are counted for the life of the client, over all sessions that follow each other in one
/// place; on the wire a session's first number is 1, that is base + 1 here.
typedef struct {
    uint64_t id;
    bool open;
    bool answered;  ///< had a result: its primary has its keys
    bool signs;     ///< its primary wants signatures
    uint64_t base;
    uint64_t oldest;  ///< unfinished numbers lie in oldest .. next-1
    uint64_t next;
    uint32_t abandoned;     ///< slots in COL_CLIENT_SLOT_ABANDONED
    uint32_t next_to_open;  ///< chain of sessions that wait for their pillar's opening
} col_client_session;

/// What belongs to one pillar.
typedef struct {
    col_client_opening opening;
    uint32_t first_to_open;  ///< sessions without an id, in order; the opening is for the first
    uint32_t last_to_open;
    uint64_t view;         ///< highest that f+1 replicas have shown
    uint64_t *shown;       ///< [replicas], highest view in each one's replies
    uint64_t share_nonce;  ///< that `share` was made for, 0 before the first
    col_exchange_key share;
    uint8_t body[COL_SESSION_OPEN_BYTES];
} col_client_pillar;

struct col_client_core {
    col_client_core_options options;
    col_client_session *sessions;
    col_client_pillar pillars[COL_PILLARS_MAX];
    col_client_slot *slots;  ///< [sessions * M], number x of session i at i * M + x mod M
    col_client_vote *votes;  ///< [sessions * M * replicas]
    uint8_t *bodies;         ///< [sessions * M * body_bytes]
    size_t body_bytes;
    uint32_t *queue;  ///< slots to send; a slot stands in it once at most
    uint32_t queue_size;
    uint32_t queue_head;
    uint32_t queue_length;
    uint32_t opens_to_send;  ///< bit k: pillar k's SESSION-OPEN
    col_map by_id;           ///< session id -> place
    uint32_t open_sessions;
    uint32_t outstanding;
    uint32_t answered;
    bool unknown;
    col_recent_least latency;  ///< from submission to result
    uint64_t deadline_ns;      ///< not above the earliest deadline
    col_client_core_counts counts;
};

static_assert(COL_PILLARS_MAX <= 32, "`opens_to_send` is a 32-bit set");

static inline col_client_pillar *col_client_pillar_of(col_client_core *core, uint32_t place) {
    return &core->pillars[place % core->options.pillars];
}

static inline uint32_t col_client_slot_index(const col_client_core *core, uint32_t place,
                                             uint64_t number) {
    const uint32_t outstanding = core->options.outstanding;
    return place * outstanding + (uint32_t)(number % outstanding);
}

static inline col_client_slot *col_client_slot_at(const col_client_core *core, uint32_t place,
                                                  uint64_t number) {
    return &core->slots[col_client_slot_index(core, place, number)];
}

static inline col_client_vote *col_client_votes_at(const col_client_core *core, uint32_t index) {
    return &core->votes[(size_t)index * core->options.replicas];
}

static inline void col_client_due_at(col_client_core *core, uint64_t at_ns) {
    if (at_ns < core->deadline_ns) core->deadline_ns = at_ns;
}

static inline uint32_t col_client_primary_of(const col_client_core *core, uint32_t k,
                                             uint64_t view) {
    const uint32_t replicas = core->options.replicas;
    const uint32_t first = core->options.rotating ? k % replicas : 0;
    return (uint32_t)((view % replicas + first) % replicas);
}

/// Put a slot into the send queue unless it stands there.
void col_client_enqueue(col_client_core *core, uint32_t index);

/// Let a session without an id wait for its pillar's opening; the next tick asks for one.
void col_client_wait_for_opening(col_client_core *core, uint32_t place);

/// Tell the user; the slot's state was changed before.
void col_client_report(col_client_core *core, const col_client_slot *finished,
                       col_client_status status, col_bytes result, uint64_t now_ns);

/// The place of an open session, or COL_CLIENT_NO_SESSION.
uint32_t col_client_find_session(const col_client_core *core, uint64_t id);

/// The session in `place` is open and has this id.
void col_client_remember_session(col_client_core *core, uint32_t place, uint64_t id);

/// The session in `place` is not open any more.
void col_client_forget_session(col_client_core *core, uint32_t place);
