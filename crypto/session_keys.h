// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/sealer.h"
#include "src/base/arena.h"
#include "src/base/map.h"

/// The MAC keys of the open sessions that one thread deals with, `each` for every session.
///
/// What a seal calls its key version is the low half of the session's id. Two sessions of one half
/// are 2^32 ids apart: should both live, the newer has the keys, and the older one's client signs.
typedef struct {
    col_map place_of;
    uint32_t each;
    uint32_t unused_count;
    uint32_t *unused;   ///< stack of places
    uint64_t *session;  ///< [sessions] that has the place
    uint32_t *client;   ///< [sessions] its owner
    col_mac_key *key;   ///< [sessions][each]
} col_session_keys;

static inline uint32_t col_session_key_version(uint64_t session) {
    return (uint32_t)session;
}

size_t col_session_keys_footprint(uint32_t sessions, uint32_t each);
void col_session_keys_init(col_session_keys *keys, col_arena *arena, uint32_t sessions,
                           uint32_t each);

/// Room for the keys of a session that was opened. @return [each], for the caller to fill
col_mac_key *col_session_keys_add(col_session_keys *keys, uint64_t session, uint32_t client);

/// Forget and wipe a session's keys, if it has them.
void col_session_keys_remove(col_session_keys *keys, uint64_t session);

/// @return [each], or NULL when no session of this client has them
const col_mac_key *col_session_keys_find(const col_session_keys *keys, uint32_t key_version,
                                         uint32_t client);

/// How a message of this client's session is sealed, with the first `count` of its keys.
/// @return false when it has none here: sign it
bool col_session_keys_seal(const col_session_keys *keys, uint64_t session, uint32_t client,
                           uint32_t count, col_link_seal *seal);
