// SPDX-License-Identifier: Apache-2.0
#include "crypto/opener.h"

#include "crypto/merkle.h"
#include "crypto/root_text.h"
#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/wire/join.h"

#define ENTRIES_MAX (COL_OPEN_BURST_MAX * COL_TREE_LEAVES_MAX)

/// Messages hashed per call of the hasher: enough to keep all its lanes busy, small enough for the
/// first-level cache.
#define HASH_CHUNK 64

#define NO_JOB UINT32_MAX

/// One bundle of the burst. Meaningful while its drop is COL_DROP_NONE.
typedef struct {
    col_bundle bundle;
    const col_key *key;          ///< NULL: sealed with MACs
    const col_mac_key *mac_key;  ///< then
    const uint8_t *mac;          ///< of this process, in the signature
    uint32_t first;              ///< of its entries in the opener's arrays
    uint32_t job;  ///< that verifies its root, NO_JOB when the root was cached or has MACs
    col_root_key root_key;
} opened_bundle;

struct col_opener {
    const col_backend *backend;
    void *backend_context;
    const col_hasher *hasher;
    const col_keyring *keyring;
    col_root_cache *cache;
    col_opener_counters *counters;
    col_open_check_fn *check;  ///< NULL: none
    void *check_context;
    col_opener_links links;  ///< macs NULL: none
    uint64_t cluster_tag;
    bool opening;

    uint32_t entries;  ///< of the burst so far
    uint32_t jobs;
    opened_bundle bundle[COL_OPEN_BURST_MAX];
    col_verify_job job[COL_OPEN_BURST_MAX];
    uint8_t text[COL_OPEN_BURST_MAX][COL_ROOT_TEXT_BYTES];
    uint32_t job_bundle[COL_OPEN_BURST_MAX];  ///< the first bundle with that root
    bool job_done[COL_OPEN_BURST_MAX];
    uint8_t mac_text[COL_OPEN_BURST_MAX][COL_ROOT_TEXT_BYTES];
    uint8_t seal[COL_SEAL_BYTES_MAX];

    uint8_t leaf_input[HASH_CHUNK][COL_LEAF_BYTES_FRAGMENT];
    uint16_t index[ENTRIES_MAX];
    col_digest bytes_digest[ENTRIES_MAX];
    col_digest leaf[ENTRIES_MAX];
    col_entry entry[ENTRIES_MAX];
    col_tree tree[COL_OPEN_BURST_MAX];  ///< kept until its paths are handed out
};

col_opener *col_opener_create(col_arena *arena, const col_backend *backend,
                              const col_hasher *hasher, const col_keyring *keyring,
                              col_root_cache *cache, col_opener_counters *counters) {
    col_opener *opener = col_arena_take(arena, 1, sizeof *opener);
    opener->backend = backend;
    opener->backend_context = backend->context_create();
    opener->hasher = hasher;
    opener->keyring = keyring;
    opener->cache = cache;
    opener->counters = counters;
    col_reader tag = col_reader_of((col_bytes){keyring->cluster.byte, 8});
    opener->cluster_tag = col_read_u64(&tag);
    return opener;
}

void col_opener_check_by(col_opener *opener, col_open_check_fn *check, void *context) {
    opener->check = check;
    opener->check_context = context;
}

void col_opener_take_macs(col_opener *opener, const col_opener_links *links) {
    opener->links = *links;
}

void col_opener_destroy(col_opener *opener) {
    if (!opener) return;
    opener->backend->context_destroy(opener->backend_context);
    opener->backend_context = NULL;
}

size_t col_opener_footprint(void) {
    return sizeof(col_opener) + 64;
}

static col_drop find_key(const col_opener *opener, const col_root_key *key, size_t signature_bytes,
                         const col_key **found) {
    *found = col_keyring_find(opener->keyring, key->role, key->signer, key->key_version);
    if (!*found) return COL_DROP_UNKNOWN_SENDER;
    if (key->scheme != col_key_scheme(*found)) return COL_DROP_WRONG_SCHEME;
    if (signature_bytes != col_key_signature_bytes(*found)) return COL_DROP_BAD_SIGNATURE;
    return COL_DROP_NONE;
}

/// A client's bundle has a MAC for each replica, a replica's one for the client.
static col_drop find_mac_key(const col_opener *opener, opened_bundle *opened) {
    const col_bundle *bundle = &opened->bundle;
    const col_opener_links *links = &opener->links;
    if (links->macs == NULL) return COL_DROP_WRONG_SCHEME;
    const bool of_client = bundle->role == COL_ROLE_CLIENT;
    const uint32_t macs = of_client ? opener->keyring->replicas : 1;
    if (bundle->signature.length != macs * COL_MAC_BYTES) return COL_DROP_BAD_MAC;
    opened->mac = bundle->signature.at + (of_client ? links->self * COL_MAC_BYTES : 0);
    opened->mac_key =
        links->find(links->context, bundle->role, bundle->signer, bundle->key_version);
    return opened->mac_key == NULL ? COL_DROP_NO_SESSION : COL_DROP_NONE;
}

static col_drop find_bundle_key(const col_opener *opener, opened_bundle *opened) {
    const col_bundle *bundle = &opened->bundle;
    opened->root_key = (col_root_key){.signer = bundle->signer,
                                      .key_version = bundle->key_version,
                                      .role = bundle->role,
                                      .scheme = bundle->scheme,
                                      .leaves = bundle->leaves};
    opened->key = NULL;
    if (bundle->scheme == COL_SCHEME_HMAC) return find_mac_key(opener, opened);
    return find_key(opener, &opened->root_key, bundle->signature.length, &opened->key);
}

/// What others have to believe, too, is signed.
static bool may_have_macs(uint8_t type) {
    return type == COL_REQUEST || type == COL_REPLY;
}

static col_drop check(const col_opener *opener, uint32_t which) {
    if (opener->check == NULL) return COL_DROP_NONE;
    const opened_bundle *opened = &opener->bundle[which];
    return opener->check(opener->check_context, which, &opened->bundle,
                         &opener->entry[opened->first]);
}

/// Read the entries to where the next ones of the burst go. They stay if there is no drop.
static col_drop parse_entries(col_opener *opener, uint32_t which) {
    opened_bundle *opened = &opener->bundle[which];
    opened->first = opener->entries;
    col_entries entries = col_entries_of(&opened->bundle);
    for (uint32_t i = opened->first; col_entries_next(&entries, &opener->entry[i]); i++) {
        opener->index[i] = opener->entry[i].index;
        const uint8_t type = opener->entry[i].message.header.type;
        if (opened->key == NULL && !may_have_macs(type)) return COL_DROP_WRONG_SCHEME;
    }
    return entries.drop != COL_DROP_NONE ? entries.drop : check(opener, which);
}

static col_drop parse(col_opener *opener, col_bytes bytes, uint32_t which) {
    opened_bundle *opened = &opener->bundle[which];
    col_bundle *bundle = &opened->bundle;
    const col_drop drop = col_bundle_parse(bytes, bundle);
    if (drop != COL_DROP_NONE) return drop;
    if (bundle->cluster_tag != opener->cluster_tag) return COL_DROP_OTHER_CLUSTER;

    const col_drop no_key = find_bundle_key(opener, opened);
    if (no_key != COL_DROP_NONE) return no_key;

    const col_drop no_entries = parse_entries(opener, which);
    if (no_entries == COL_DROP_NONE) opener->entries = opened->first + bundle->entries;
    return no_entries;
}

/// Votes name a digest and have no bytes; everything else is covered through the hash of its bytes.
static bool bytes_are_hashed(const col_entry *entry) {
    return !col_type_digest_is_given(entry->message.header.type);
}

static void hash_bytes(col_opener *opener) {
    col_bytes message[HASH_CHUNK];
    uint32_t owner[HASH_CHUNK];
    col_digest digest[HASH_CHUNK];
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < opener->entries; i++) {
        if (bytes_are_hashed(&opener->entry[i])) {
            message[waiting] = opener->entry[i].message.bytes;
            owner[waiting++] = i;
        }
        if (waiting == HASH_CHUNK || (waiting > 0 && i + 1 == opener->entries)) {
            opener->hasher->digest(opener->hasher, message, waiting, digest);
            for (uint32_t k = 0; k < waiting; k++) opener->bytes_digest[owner[k]] = digest[k];
            waiting = 0;
        }
    }
}

/// Give each header its body digest. @return false when a `whole` message is not what it names.
static bool set_digests(col_opener *opener, const opened_bundle *opened) {
    for (uint32_t i = opened->first; i < opened->first + opened->bundle.entries; i++) {
        col_entry *entry = &opener->entry[i];
        if (!bytes_are_hashed(entry)) continue;
        const col_digest *digest = &opener->bytes_digest[i];
        if (entry->whole) {
            if (!col_digest_equal(&entry->message.header.digest, digest)) return false;
        } else if (entry->message.header.fragments > 1) {
            entry->fragment_digest = *digest;
        } else {
            entry->message.header.digest = *digest;
        }
    }
    return true;
}

static void hash_leaves(col_opener *opener) {
    col_bytes message[HASH_CHUNK];
    for (uint32_t first = 0; first < opener->entries; first += HASH_CHUNK) {
        const uint32_t left = opener->entries - first;
        const uint32_t count = left < HASH_CHUNK ? left : HASH_CHUNK;
        for (uint32_t i = 0; i < count; i++) {
            const col_entry *entry = &opener->entry[first + i];
            const col_header *header = &entry->message.header;
            const col_digest *fragment = header->fragments > 1 ? &entry->fragment_digest : NULL;
            uint8_t *input = opener->leaf_input[i];
            message[i].length = col_leaf_encode(&opener->keyring->cluster, header, fragment, input);
            message[i].at = input;
        }
        opener->hasher->digest(opener->hasher, message, count, &opener->leaf[first]);
    }
}

/// The job that verifies this root: another bundle's of the burst when it has the same root and
/// signature.
static uint32_t job_for(col_opener *opener, uint32_t which) {
    const opened_bundle *opened = &opener->bundle[which];
    const col_bytes signature = opened->bundle.signature;
    for (uint32_t i = 0; i < opener->jobs; i++) {
        const col_root_key *other = &opener->bundle[opener->job_bundle[i]].root_key;
        if (opener->job[i].key == opened->key && other->leaves == opened->root_key.leaves &&
            col_digest_equal(&other->root, &opened->root_key.root) &&
            memcmp(opener->job[i].signature.at, signature.at, signature.length) == 0) {
            return i;
        }
    }
    const uint32_t job = opener->jobs++;
    col_root_text(&opener->keyring->cluster, &opened->root_key, opener->text[job]);
    opener->job[job] = (col_verify_job){.key = opened->key,
                                        .message = {opener->text[job], COL_ROOT_TEXT_BYTES},
                                        .signature = signature};
    opener->job_bundle[job] = which;
    opener->job_done[job] = false;
    return job;
}

static_assert(COL_OPEN_BURST_MAX <= COL_REBUILDS_MAX, "trees of a burst are rebuilt together");

/// From leaves to roots.
static void rebuild_trees(col_opener *opener, uint32_t count, col_drop *drop) {
    col_rebuild job[COL_OPEN_BURST_MAX];
    uint32_t which[COL_OPEN_BURST_MAX];
    uint32_t jobs = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (drop[i] != COL_DROP_NONE) continue;
        const opened_bundle *opened = &opener->bundle[i];
        which[jobs] = i;
        job[jobs++] = (col_rebuild){.tree = &opener->tree[i],
                                    .leaves = opened->bundle.leaves,
                                    .count = opened->bundle.entries,
                                    .index = &opener->index[opened->first],
                                    .leaf = &opener->leaf[opened->first],
                                    .siblings = opened->bundle.sibling,
                                    .sibling_count = opened->bundle.siblings};
    }
    col_trees_rebuild(job, jobs, opener->hasher);
    for (uint32_t i = 0; i < jobs; i++) {
        if (!job[i].complete) drop[which[i]] = COL_DROP_BAD_PROOF;
    }
}

/// A root goes to the cache or a verification job; one with MACs waits for check_macs.
static void find_root(col_opener *opener, uint32_t which) {
    opened_bundle *opened = &opener->bundle[which];
    opened->root_key.root = *col_tree_root(&opener->tree[which]);
    opened->job = NO_JOB;
    if (opened->key == NULL) return;
    if (col_root_cache_has(opener->cache, &opened->root_key, opened->bundle.signature)) {
        col_count(&opener->counters->cached, 1);
    } else {
        opened->job = job_for(opener, which);
    }
}

static void check_macs(col_opener *opener, uint32_t count, col_drop *drop) {
    col_mac_job job[COL_OPEN_BURST_MAX];
    uint8_t mac[COL_OPEN_BURST_MAX][COL_MAC_BYTES];
    uint32_t which[COL_OPEN_BURST_MAX];
    uint32_t jobs = 0;
    for (uint32_t i = 0; i < count; i++) {
        const opened_bundle *opened = &opener->bundle[i];
        if (drop[i] != COL_DROP_NONE || opened->key != NULL) continue;
        uint8_t *text = opener->mac_text[jobs];
        col_root_text(&opener->keyring->cluster, &opened->root_key, text);
        which[jobs] = i;
        job[jobs] = (col_mac_job){opened->mac_key, {text, COL_ROOT_TEXT_BYTES}, mac[jobs]};
        jobs++;
    }
    if (jobs == 0) return;
    col_macs_compute(opener->links.macs, job, jobs);
    col_count(&opener->counters->macs, jobs);
    for (uint32_t i = 0; i < jobs; i++) {
        if (!col_mac_equal(mac[i], opener->bundle[which[i]].mac)) drop[which[i]] = COL_DROP_BAD_MAC;
    }
}

/// Roots that are verified in one call. Where what is handed over may make others useless, that is
/// as many as cost little more than one.
static uint32_t roots_at_once(const col_opener *opener, const col_key *key) {
    if (opener->check == NULL) return COL_OPEN_BURST_MAX;
    return col_key_scheme(key) == COL_SCHEME_RSA ? opener->backend->lanes : 1;
}

/// Verify a job, and with it those after it that were not done.
static void verify_from(col_opener *opener, uint32_t first) {
    col_verify_job *job = &opener->job[first];
    const uint32_t most = roots_at_once(opener, job->key);
    uint32_t count = 0;
    while (count < most && first + count < opener->jobs && !opener->job_done[first + count]) {
        opener->job_done[first + count++] = true;
    }
    opener->backend->verify_variable_time(opener->backend_context, job, count);
    col_count(&opener->counters->verifies, count);
    col_count(&opener->counters->verify_calls, 1);
    for (uint32_t i = 0; i < count; i++) {
        if (!job[i].valid) continue;
        const opened_bundle *opened = &opener->bundle[opener->job_bundle[first + i]];
        col_root_cache_add(opener->cache, &opened->root_key, opened->bundle.signature);
    }
}

/// Verify a bundle's root, unless what was handed over before it made the bundle useless.
static col_drop verify(col_opener *opener, uint32_t which) {
    const opened_bundle *opened = &opener->bundle[which];
    if (opened->job == NO_JOB) return COL_DROP_NONE;
    if (!opener->job_done[opened->job]) {
        const col_drop useless = check(opener, which);
        if (useless != COL_DROP_NONE) return useless;
        verify_from(opener, opened->job);
    }
    return opener->job[opened->job].valid ? COL_DROP_NONE : COL_DROP_BAD_SIGNATURE;
}

/// Types whose seals go into certificates, or into a batch.
static bool seal_is_kept(uint8_t type) {
    return type == COL_PREPARE || type == COL_COMMIT || type == COL_CHECKPOINT ||
           type == COL_VIEW_CHANGE || type == COL_NEW_VIEW || type == COL_REQUEST ||
           type == COL_SESSION_OPEN;
}

static col_seal encode_seal(col_opener *opener, uint32_t which, uint16_t index) {
    const col_bundle *bundle = &opener->bundle[which].bundle;
    col_digest path[COL_TREE_DEPTH_MAX];
    const col_seal_view view = {.key_version = bundle->key_version,
                                .leaves = bundle->leaves,
                                .index = index,
                                .scheme = bundle->scheme,
                                .depth = col_tree_path(&opener->tree[which], index, path),
                                .signature = bundle->signature,
                                .path = path[0].byte};
    return (col_seal){opener->seal, col_seal_write(&view, opener->seal)};
}

static void hand_over(col_opener *opener, uint32_t which, col_open_fn *handle, void *context) {
    const opened_bundle *opened = &opener->bundle[which];
    col_opened handed = {.bundle = which, .entries = opened->bundle.entries};
    for (uint16_t i = 0; i < opened->bundle.entries; i++) {
        const col_entry *entry = &opener->entry[opened->first + i];
        handed.entry = i;
        handed.whole = entry->whole;
        handed.verified.message = entry->message;
        handed.verified.fragment_digest = entry->fragment_digest;
        handed.verified.seal = (col_seal){0};
        if (seal_is_kept(entry->message.header.type)) {
            handed.verified.seal = encode_seal(opener, which, entry->index);
        }
        handle(context, &handed);
    }
    col_count(&opener->counters->bundles, 1);
    col_count(&opener->counters->messages, opened->bundle.entries);
}

col_verified col_opener_own(const col_header *header, col_seal seal) {
    return (col_verified){.message = {.header = *header}, .seal = seal};
}

void col_open_burst(col_opener *opener, const col_bytes *bundle, uint32_t count, col_drop *drop,
                    col_open_fn *handle, void *context) {
    COL_ASSERT(count >= 1 && count <= COL_OPEN_BURST_MAX);
    COL_ASSERT(!opener->opening);
    opener->opening = true;

    opener->entries = 0;
    opener->jobs = 0;
    for (uint32_t i = 0; i < count; i++) drop[i] = parse(opener, bundle[i], i);
    hash_bytes(opener);
    for (uint32_t i = 0; i < count; i++) {
        if (drop[i] == COL_DROP_NONE && !set_digests(opener, &opener->bundle[i])) {
            drop[i] = COL_DROP_BAD_DIGEST;
        }
    }
    hash_leaves(opener);
    rebuild_trees(opener, count, drop);
    for (uint32_t i = 0; i < count; i++) {
        if (drop[i] == COL_DROP_NONE) find_root(opener, i);
    }
    check_macs(opener, count, drop);
    for (uint32_t i = 0; i < count; i++) {
        if (drop[i] == COL_DROP_NONE) drop[i] = verify(opener, i);
        if (drop[i] == COL_DROP_NONE) hand_over(opener, i, handle, context);
    }
    opener->opening = false;
}

static bool root_is_signed(col_opener *opener, const col_root_key *root_key, const col_key *key,
                           col_bytes signature) {
    if (col_root_cache_has(opener->cache, root_key, signature)) return true;

    uint8_t text[COL_ROOT_TEXT_BYTES];
    col_root_text(&opener->keyring->cluster, root_key, text);
    col_verify_job job = {.key = key, .message = {text, sizeof text}, .signature = signature};
    opener->backend->verify_variable_time(opener->backend_context, &job, 1);
    col_count(&opener->counters->verifies, 1);
    col_count(&opener->counters->verify_calls, 1);
    if (job.valid) col_root_cache_add(opener->cache, root_key, signature);
    return job.valid;
}

col_drop col_seal_check(col_opener *opener, const col_header *header, col_seal seal) {
    col_seal_view view;
    if (header->fragments != 1 || !col_seal_read(seal, &view)) return COL_DROP_MALFORMED;
    if (col_type_role(header->type) != header->role) return COL_DROP_WRONG_ROLE;

    col_root_key root_key = {.signer = header->sender,
                             .key_version = view.key_version,
                             .role = header->role,
                             .scheme = view.scheme,
                             .leaves = view.leaves};
    const col_key *key;
    const col_drop no_key = find_key(opener, &root_key, view.signature.length, &key);
    if (no_key != COL_DROP_NONE) return no_key;

    uint8_t input[COL_LEAF_BYTES_FRAGMENT];
    const size_t used = col_leaf_encode(&opener->keyring->cluster, header, NULL, input);
    col_digest leaf;
    col_hash(opener->hasher, (col_bytes){input, used}, &leaf);
    col_digest path[COL_TREE_DEPTH_MAX];
    memcpy(path, view.path, 32 * (size_t)view.depth);
    if (!col_tree_climb(opener->hasher, view.leaves, view.index, &leaf, path, view.depth,
                        &root_key.root)) {
        return COL_DROP_BAD_PROOF;
    }
    const bool is_signed = root_is_signed(opener, &root_key, key, view.signature);
    return is_signed ? COL_DROP_NONE : COL_DROP_BAD_SIGNATURE;
}
