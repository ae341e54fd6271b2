// SPDX-License-Identifier: Apache-2.0
#include "crypto/session_keys.h"

#include "src/base/assert.h"

size_t col_session_keys_footprint(uint32_t sessions, uint32_t each) {
    return col_map_footprint(sessions) + sessions * (16 + each * sizeof(col_mac_key)) + 5 * 64;
}

void col_session_keys_init(col_session_keys *keys, col_arena *arena, uint32_t sessions,
                           uint32_t each) {
    *keys = (col_session_keys){.each = each};
    col_map_init(&keys->place_of, arena, sessions);
    keys->unused = col_arena_take(arena, sessions, sizeof *keys->unused);
    keys->session = col_arena_take(arena, sessions, sizeof *keys->session);
    keys->client = col_arena_take(arena, sessions, sizeof *keys->client);
    keys->key = col_arena_take(arena, (size_t)sessions * each, sizeof *keys->key);
    while (keys->unused_count < sessions) {
        keys->unused[keys->unused_count] = sessions - 1 - keys->unused_count;
        keys->unused_count++;
    }
}

static void remove_place(col_session_keys *keys, uint32_t place) {
    col_map_remove(&keys->place_of, col_session_key_version(keys->session[place]));
    for (uint32_t i = 0; i < keys->each; i++) {
        col_mac_key_wipe(&keys->key[(size_t)place * keys->each + i]);
    }
    keys->unused[keys->unused_count++] = place;
}

col_mac_key *col_session_keys_add(col_session_keys *keys, uint64_t session, uint32_t client) {
    const uint32_t taken = col_map_find(&keys->place_of, col_session_key_version(session));
    if (taken != COL_MAP_NONE) remove_place(keys, taken);
    COL_ASSERT(keys->unused_count > 0);
    const uint32_t place = keys->unused[--keys->unused_count];
    col_map_add(&keys->place_of, col_session_key_version(session), place);
    keys->session[place] = session;
    keys->client[place] = client;
    return &keys->key[(size_t)place * keys->each];
}

void col_session_keys_remove(col_session_keys *keys, uint64_t session) {
    const uint32_t place = col_map_find(&keys->place_of, col_session_key_version(session));
    if (place != COL_MAP_NONE && keys->session[place] == session) remove_place(keys, place);
}

const col_mac_key *col_session_keys_find(const col_session_keys *keys, uint32_t key_version,
                                         uint32_t client) {
    const uint32_t place = col_map_find(&keys->place_of, key_version);
    if (place == COL_MAP_NONE || keys->client[place] != client) return NULL;
    return &keys->key[(size_t)place * keys->each];
}

bool col_session_keys_seal(const col_session_keys *keys, uint64_t session, uint32_t client,
                           uint32_t count, col_link_seal *seal) {
    const uint32_t version = col_session_key_version(session);
    *seal = (col_link_seal){version, count, col_session_keys_find(keys, version, client)};
    return seal->key != NULL;
}
