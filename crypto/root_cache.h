// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/bytes.h"

/// Roots whose signatures were verified, shared by all threads of a replica.
///
/// Key: signer, role, key version, leaves, root: all that differs between two signed root texts of
/// a cluster. Value: the verified signature. A hit needs equal signature bytes, so that no cached
/// root vouches for another signer, or lends itself to a garbage signature or another number of
/// leaves: a certificate made from such a hit would fail everywhere else. Bounded: four places per
/// bucket, the oldest makes room. Readers never lock: a sequence count per place tells when a
/// writer interfered, which counts as a miss.
typedef struct col_root_cache col_root_cache;

typedef struct {
    uint32_t signer;
    uint32_t key_version;
    uint8_t role;
    uint8_t scheme;
    uint16_t leaves;
    col_digest root;
} col_root_key;

/// @param roots places, a power of two
col_root_cache *col_root_cache_create(col_arena *arena, uint32_t roots);
size_t col_root_cache_footprint(uint32_t roots);

/// True when exactly this signature was verified for exactly this key. Any thread.
/// @param signature a multiple of 8 bytes long, as the signatures of every scheme are
bool col_root_cache_has(const col_root_cache *cache, const col_root_key *key, col_bytes signature);

/// Remember a verified signature. Any thread; gives up silently when another writes the place.
void col_root_cache_add(col_root_cache *cache, const col_root_key *key, col_bytes signature);
