// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/mac.h"
#include "src/base/arena.h"
#include "src/base/map.h"

/// The MAC keys of the open sessions that one thread deals with, `each` for every session.
///
/// What a seal calls its key version is the low half of the session's id. Ids are never used again,
/// so that sessions with the same half do not live at the same time.
typedef struct {
    col_map place_of;
    uint32_t each;
    uint32_t unused_count;
    uint32_t *unused;  ///< stack of places
    uint32_t *client;  ///< [sessions] owner
    col_mac_key *key;  ///< [sessions][each]
} col_session_keys;

size_t col_session_keys_footprint(uint32_t sessions, uint32_t each);
void col_session_keys_init(col_session_keys *keys, col_arena *arena, uint32_t sessions,
                           uint32_t each);

/// Room for the keys of a session that was opened. @return [each], for the caller to fill
col_mac_key *col_session_keys_add(col_session_keys *keys, uint64_t session, uint32_t client);

/// Forget and wipe a session's keys, if there are any.
void col_session_keys_remove(col_session_keys *keys, uint64_t session);

/// @return [each], or NULL when no session of this client has them
const col_mac_key *col_session_keys_find(const col_session_keys *keys, uint32_t key_version,
                                         uint32_t client);
