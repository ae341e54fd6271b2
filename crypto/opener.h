// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "crypto/mac.h"
#include "crypto/root_cache.h"
#include "src/base/arena.h"
#include "src/base/counter.h"
#include "src/base/hasher.h"
#include "src/wire/bundle.h"

/// Verification of bundles in bursts: leaf hashes in bulk, root from leaves and siblings, cached
/// roots by comparison, the other roots by the back end, as far as they are needed.
///
/// Thread: one opener per thread; root cache and keyring are shared.
typedef struct col_opener col_opener;

typedef struct {
    col_counter bundles;       ///< opened successfully
    col_counter messages;      ///< verified
    col_counter cached;        ///< bundles whose root was in the cache
    col_counter verifies;      ///< public-key operations
    col_counter verify_calls;  ///< calls of the back end
    col_counter macs;          ///< computed
} col_opener_counters;

/// @param hasher,keyring,cache,counters borrowed for the opener's life
col_opener *col_opener_create(col_arena *arena, const col_backend *backend,
                              const col_hasher *hasher, const col_keyring *keyring,
                              col_root_cache *cache, col_opener_counters *counters);
void col_opener_destroy(col_opener *opener);  ///< the back end's context; memory is the arena's
size_t col_opener_footprint(void);

/// What an opener needs to verify MACs, too.
typedef struct {
    col_macs *macs;
    uint32_t self;  ///< which of the MACs of a client's bundle is for this replica

    /// The key that this process shares with a session for messages of that role.
    /// @param signer replica or client @param key_version low half of the session's id
    /// @return NULL when there is no such session here
    const col_mac_key *(*find)(void *context, uint8_t role, uint32_t signer, uint32_t key_version);
    void *context;
} col_opener_links;

/// Take MACs from now on, for REQUEST and REPLY; without this, they are of the wrong scheme.
/// @param links copied; what it points to is borrowed
void col_opener_take_macs(col_opener *opener, const col_opener_links *links);

/// Bundles of one burst.
#define COL_OPEN_BURST_MAX 32

/// Asked about each bundle of a burst before anything of it is hashed, and once more before its
/// root is verified: what was handed over meanwhile may have made it useless.
/// @param bundle which of the burst
/// @param parsed,entry borrowed and not verified; `entry` has parsed->entries
/// @return COL_DROP_NONE to go on, or why the bundle is dropped
typedef col_drop col_open_check_fn(void *context, uint32_t bundle, const col_bundle *parsed,
                                   const col_entry *entry);

/// Have bundles checked from now on. The checks of the opener that cost no hash come first.
void col_opener_check_by(col_opener *opener, col_open_check_fn *check, void *context);

/// One verified entry as handed to the caller: borrowed until col_open_fn returns.
typedef struct {
    uint32_t bundle;  ///< which of the burst
    uint16_t entry;   ///< its position in the bundle
    uint16_t entries;
    bool whole;  ///< of a bundle in a batch: all fragments' bytes
    col_verified verified;
} col_opened;

/// Called for each verified entry, bundle by bundle in order of the burst, entries in their order.
typedef void col_open_fn(void *context, const col_opened *opened);

/// Verify a burst and hand over every message of the bundles that pass.
///
/// The body digest in each handed-over header is set (computed, or as given and covered by the
/// seal). Seals are complete: signature and path are encoded for every entry of types PREPARE,
/// COMMIT, CHECKPOINT, VIEW_CHANGE, NEW_VIEW, REQUEST and SESSION_OPEN; empty for others.
///
/// @param count 1 .. COL_OPEN_BURST_MAX
/// @param drop out, [count]: COL_DROP_NONE, or why the whole bundle was dropped: _TRUNCATED,
///             _WRONG_VERSION, _MALFORMED, _OTHER_CLUSTER, _UNKNOWN_SENDER, _WRONG_SCHEME,
///             _WRONG_ROLE, _UNKNOWN_TYPE, _BAD_DIGEST (of a `whole` entry), _BAD_PROOF,
///             _BAD_SIGNATURE, _BAD_MAC, _NO_SESSION (a MAC, and no key); what
///             col_opener_check_by's function said
/// @param handle may call col_seal_check, and not col_open_burst of the same opener
/// Cost: per bundle its hashes; per new root one public operation.
void col_open_burst(col_opener *opener, const col_bytes *bundle, uint32_t count, col_drop *drop,
                    col_open_fn *handle, void *context);

/// An own vote that the sealer just sealed: verified by its making.
col_verified col_opener_own(const col_header *header, col_seal seal);

/// Check that `seal` proves `header`, its digest included: for certificates that peers send.
///
/// @param header of an unfragmented message
/// @return COL_DROP_NONE, _MALFORMED, _WRONG_ROLE, _UNKNOWN_SENDER, _WRONG_SCHEME, _BAD_PROOF,
///         _BAD_SIGNATURE
col_drop col_seal_check(col_opener *opener, const col_header *header, col_seal seal);
