// SPDX-License-Identifier: Apache-2.0
#include "crypto/root_cache.h"

#include <stdatomic.h>

#include "src/base/assert.h"
#include "src/base/limits.h"

#define WAYS 4

/// All that is compared, as words: signer and key version; role, scheme, leaves and signature
/// bytes; root; signature.
#define KEY_WORDS 6
#define SIGNATURE_WORDS (COL_SIGNATURE_BYTES_MAX / 8)
#define WORDS_MAX (KEY_WORDS + SIGNATURE_WORDS)

static_assert(COL_SIGNATURE_BYTES_MAX % 8 == 0, "signatures are compared in words");

/// One remembered root, under a sequence lock.
///
/// The words are stored with release and loaded with acquire order, both plain moves on x86: a
/// reader that loads a word of a write has that write's odd `sequence` before its own second look
/// at it. So no fence is needed, and every race is between atomics.
typedef struct {
    atomic_uint_fast32_t sequence;  ///< odd while a writer is in; pairs with itself
    atomic_uint_fast64_t age;       ///< when it was added, 0 for an empty place
    atomic_uint_fast64_t word[WORDS_MAX];
} place;

struct col_root_cache {
    atomic_uint_fast64_t clock;  ///< counts additions
    uint32_t bucket_mask;
    place *place;
};

col_root_cache *col_root_cache_create(col_arena *arena, uint32_t roots) {
    COL_ASSERT(roots >= WAYS && (roots & (roots - 1)) == 0);

    col_root_cache *cache = col_arena_take(arena, 1, sizeof *cache);
    cache->bucket_mask = roots / WAYS - 1;
    cache->place = col_arena_take(arena, roots, sizeof *cache->place);
    return cache;
}

size_t col_root_cache_footprint(uint32_t roots) {
    return sizeof(col_root_cache) + roots * sizeof(place) + 2 * (size_t)64;
}

/// @return words in use: the key's and the signature's
static size_t words_of(const col_root_key *key, col_bytes signature, uint64_t *word) {
    COL_ASSERT(signature.length <= COL_SIGNATURE_BYTES_MAX && signature.length % 8 == 0);

    word[0] = (uint64_t)key->signer << 32 | key->key_version;
    word[1] = (uint64_t)signature.length << 32 | (uint64_t)key->leaves << 16 |
              (uint64_t)key->scheme << 8 | key->role;
    memcpy(&word[2], key->root.byte, sizeof key->root.byte);
    memcpy(&word[KEY_WORDS], signature.at, signature.length);
    return KEY_WORDS + signature.length / 8;
}

static place *bucket_of(const col_root_cache *cache, const uint64_t *word) {
    return &cache->place[(size_t)(word[2] & cache->bucket_mask) * WAYS];
}

static bool place_holds(const place *at, const uint64_t *word, size_t words) {
    const uint_fast32_t before = atomic_load_explicit(&at->sequence, memory_order_acquire);
    if (before & 1) return false;
    for (size_t i = 0; i < words; i++) {
        if (atomic_load_explicit(&at->word[i], memory_order_acquire) != word[i]) return false;
    }
    return atomic_load_explicit(&at->sequence, memory_order_relaxed) == before;
}

bool col_root_cache_has(const col_root_cache *cache, const col_root_key *key, col_bytes signature) {
    uint64_t word[WORDS_MAX];
    const size_t words = words_of(key, signature, word);
    const place *bucket = bucket_of(cache, word);
    for (size_t way = 0; way < WAYS; way++) {
        if (place_holds(&bucket[way], word, words)) return true;
    }
    return false;
}

static place *oldest_of(place *bucket) {
    place *oldest = bucket;
    for (size_t way = 1; way < WAYS; way++) {
        const uint64_t age = atomic_load_explicit(&bucket[way].age, memory_order_relaxed);
        if (age < atomic_load_explicit(&oldest->age, memory_order_relaxed)) oldest = &bucket[way];
    }
    return oldest;
}

void col_root_cache_add(col_root_cache *cache, const col_root_key *key, col_bytes signature) {
    uint64_t word[WORDS_MAX];
    const size_t words = words_of(key, signature, word);
    place *at = oldest_of(bucket_of(cache, word));

    uint_fast32_t sequence = atomic_load_explicit(&at->sequence, memory_order_relaxed);
    if (sequence & 1) return;
    if (!atomic_compare_exchange_strong_explicit(&at->sequence, &sequence, sequence + 1,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return;
    }
    const uint64_t now = atomic_fetch_add_explicit(&cache->clock, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&at->age, now, memory_order_relaxed);
    for (size_t i = 0; i < words; i++) {
        atomic_store_explicit(&at->word[i], word[i], memory_order_release);
    }
    atomic_store_explicit(&at->sequence, sequence + 2, memory_order_release);
}
