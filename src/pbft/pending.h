// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/map.h"
#include "src/pbft/pbft.h"

/// Requests that wait to be ordered, and what this pillar knows of its sessions: the part of the
/// executed session table that proposing needs, kept up to date by the merge's outcomes.

/// A verified client request, kept with its seal so that a batch can carry it.
typedef struct {
    col_header header;
    col_digest fragment_digest;
    uint64_t key;     ///< session of a REQUEST, client of a SESSION-OPEN
    uint64_t number;  ///< or nonce
    uint32_t length;
    uint32_t seal_length;
    uint32_t next;      ///< in the ready or free list
    uint32_t previous;  ///< in the ready list
    bool queued;        ///< in the ready list, or proposed
    bool proposed;
    uint8_t *bytes;
    uint8_t *seal;
} col_pending;

typedef struct {
    uint64_t id;
    uint64_t last;   ///< number executed last
    uint64_t next;   ///< number to queue next, > last
    uint64_t asked;  ///< number that the client was asked for
    uint32_t client;
    col_endpoint reply_to;
    uint32_t *waiting;  ///< [ahead] by number: index of the pending request, or COL_PENDING_NONE
} col_session_view;

typedef struct {
    uint64_t nonce;             ///< executed last
    uint64_t opened_ns;         ///< its openings are paid off at this time
    uint32_t waiting;           ///< pending SESSION-OPEN
    uint32_t held;              ///< requests waiting, proposed or held early
    uint32_t early;             ///< of them, held early
    uint64_t flagged_until_ns;  ///< a MAC of this client failed here: take its requests signed
} col_client_view;

#define COL_PENDING_NONE UINT32_MAX

/// A client believes f+1 replicas that its session is open, and its first requests may reach a
/// replica that has not executed the opening. That many are held, whosever they are.
#define COL_EARLY_MAX 256

typedef struct {
    uint32_t ahead;  ///< numbers above the executed one that a session may have here
    uint32_t clients;
    uint32_t count;  ///< requests waiting, proposed or held early
    uint32_t ready;  ///< of them, in the ready list
    uint32_t pending_max;
    uint32_t fresh;  ///< entries used so far; behind them nothing was touched
    uint32_t free_head;
    size_t stride;  ///< of `room`
    uint8_t *room;  ///< seals and bodies
    uint32_t ready_head, ready_tail;
    uint64_t sessions_end;  ///< no session with an id at or above it was opened yet
    col_pending *pending;
    col_map session_of;  ///< id -> index
    col_session_view *session;
    uint32_t *session_free;  ///< stack
    uint32_t session_free_count;
    col_client_view *client;
    uint32_t early_held;
    uint32_t early[COL_EARLY_MAX];  ///< requests of sessions that are not opened here, oldest first
} col_pendings;

size_t col_pendings_footprint(const col_pbft_options *options);
void col_pendings_init(col_pendings *pendings, col_arena *arena, const col_pbft_options *options);

col_session_view *col_pendings_session(const col_pendings *pendings, uint64_t id);

/// Keep a request. A client may hold as many as are free, so that whoever floods, or sends numbers
/// that wait for ever, leaves as much room as it takes.
/// @return its index, or COL_PENDING_NONE when there is no room for this client
uint32_t col_pendings_keep(col_pendings *pendings, const col_verified *verified, uint64_t key,
                           uint64_t number);

/// Give a request that waits another seal.
/// @param verified the same request
void col_pendings_reseal(col_pending *pending, const col_verified *verified);

/// Hold a request whose session may be opened soon. When all places are taken, the oldest one of
/// the client that has most makes room.
/// @return COL_DROP_NONE, _REPEATED (it is held already), _QUEUE_FULL (there is no room, or room
/// was
///         made by a client that had no more than this one has now: a request was lost for another)
col_drop col_pendings_keep_early(col_pendings *pendings, const col_verified *verified,
                                 uint64_t session, uint64_t number);

/// Append to the ready list.
void col_pendings_queue(col_pendings *pendings, uint32_t index);

/// The oldest ready request. @return its index, or COL_PENDING_NONE
uint32_t col_pendings_peek(const col_pendings *pendings);
/// Take it out of the ready list: it is proposed.
void col_pendings_pop(col_pendings *pendings);

/// Queue what follows in a session: numbers from `next` on that are here.
void col_pendings_queue_session(col_pendings *pendings, col_session_view *session);

/// The merge executed a request: forget it, advance the session.
void col_pendings_outcome(col_pendings *pendings, const col_outcome *outcome);
