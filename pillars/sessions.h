// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/cursor.h"
#include "src/base/hasher.h"
#include "src/wire/bodies.h"

/// The executed session table: part of the replicated state, so everything here is deterministic.
///
/// Sessions stand in order of execution, least recent first: that order decides evictions and is
/// the order of the checkpoint.
typedef struct col_sessions col_sessions;

typedef struct {
    uint32_t pillars;
    uint32_t clients;  ///< of the registry
    uint32_t sessions_max;
    uint32_t client_sessions_max;
    uint32_t outstanding;  ///< M: results kept
    uint32_t result_bytes_max;
    uint64_t time_ahead_max_ns;
} col_sessions_options;

typedef struct {
    uint64_t id;
    uint64_t last;  ///< number executed last
    uint32_t client;
    col_endpoint reply_to;
    col_exchange_key share;
    uint32_t previous, next;  ///< in order of execution
    bool changed;             ///< since its digest was computed
    col_digest digest;
    uint32_t *result_length;  ///< [M] by number mod M
    uint8_t *result_status;   ///< [M] col_reply_status
    uint8_t *result;          ///< [M][result_bytes_max]
} col_session;

size_t col_sessions_footprint(const col_sessions_options *options);
col_sessions *col_sessions_create(col_arena *arena, const col_sessions_options *options);

/// @return NULL when the id is unknown, or was closed or evicted
col_session *col_sessions_find(const col_sessions *sessions, uint64_t id);

/// Execute a SESSION-OPEN.
/// @param time_ns agreed time
/// @param answer out: what the client is told
/// @param evicted out: id of a session that made room, 0 for none
/// @return true when `answer->session` is new
bool col_sessions_open(col_sessions *sessions, const col_session_open *open, uint64_t time_ns,
                       col_session_opened *answer, uint64_t *evicted);

/// The stored answer for a SESSION-OPEN that came again, or "ahead" for one that a replica's clock
/// refuses; nothing changes.
void col_sessions_answer(const col_sessions *sessions, const col_session_open *open,
                         col_session_opened *answer);

/// Where a client's replies go, as its newest SESSION-OPEN on any pillar said. @return false before
/// the first
bool col_sessions_client_endpoint(const col_sessions *sessions, uint32_t client,
                                  col_endpoint *endpoint);

/// Room for the result of number last+1, result_bytes_max bytes.
uint8_t *col_session_result_room(const col_sessions *sessions, const col_session *session);

/// Number last+1 was executed with this result, which is in its room: store it, advance, move to
/// the end of the order.
void col_session_executed(col_sessions *sessions, col_session *session, col_reply_status status,
                          uint32_t length);

/// The stored result of `number`. @return false when it is older than the last M
bool col_session_result(const col_sessions *sessions, const col_session *session, uint64_t number,
                        col_reply_status *status, col_bytes *result);

uint32_t col_sessions_count(const col_sessions *sessions);

/// The digests of the table's chunks in canonical order: counters and clients first, then one per
/// session. Only what changed since the last call is hashed.
/// @param digest out, room for 1 + sessions_max @return how many
uint32_t col_sessions_digests(col_sessions *sessions, const col_hasher *hasher, col_digest *digest);
