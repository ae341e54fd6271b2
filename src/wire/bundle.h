// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/cursor.h"
#include "src/wire/message.h"

/// Messages of one Merkle tree under one signature: the content of every datagram, and of a batch's
/// client requests.
///
///     u16 magic 0xC01A   u8 version   u8 pillar (where to dispatch; each entry names its own)
///     u8 role   u8 scheme   u16 signature bytes
///     u32 signer   u32 key version
///     u16 leaves of the tree   u16 entries   u16 siblings   u16 0
///     u64 first 8 bytes of the cluster id
///     signature, siblings (32 bytes each), entries
///
/// Entries stand in ascending order of their index in the tree. The siblings are those hashes that
/// the entries' leaves do not give, level by level from the leaves, left to right; none when every
/// leaf is present.
///
///     u8 type   u8 pillar   u8 run   u8 flags (1: whole message of several fragments)
///     u16 index   u16 fragment   u16 fragments   u16 0
///     u64 view   u64 sequence   u32 length
///     digest of the body: where the type gives it, or fragments > 1
///     digest of the bytes of fragment 0: where flags has 1
///     bytes
#define COL_BUNDLE_MAGIC 0xC01A
#define COL_WIRE_VERSION 1
#define COL_BUNDLE_HEADER_BYTES 32
#define COL_ENTRY_HEADER_BYTES 32
#define COL_BUNDLE_PILLAR_OFFSET 3

/// A parsed bundle: borrowed, not verified.
typedef struct {
    uint8_t pillar;
    uint8_t role;
    uint8_t scheme;
    uint32_t signer;
    uint32_t key_version;
    uint16_t leaves;   ///< 1 .. COL_TREE_LEAVES_MAX
    uint16_t entries;  ///< 1 .. leaves
    uint16_t siblings;
    uint64_t cluster_tag;
    col_bytes signature;
    const uint8_t *sibling;  ///< siblings * 32 bytes
    col_bytes body;          ///< the encoded entries
} col_bundle;

/// One entry. header.digest is set only where the entry carries it.
typedef struct {
    col_message message;
    uint16_t index;
    bool whole;  ///< all bytes of a message that was sealed in several fragments (only in batches)
    col_digest fragment_digest;  ///< of fragment 0's bytes, when `whole`
} col_entry;

/// Parse a bundle's header. Lengths and counts are checked, entries are not.
/// @return COL_DROP_NONE, _TRUNCATED, _WRONG_VERSION, _MALFORMED (a count out of its range)
col_drop col_bundle_parse(col_bytes bytes, col_bundle *bundle);

/// A walk over the entries of a parsed bundle, which is borrowed for as long.
typedef struct {
    const col_bundle *bundle;
    col_reader reader;
    uint16_t read;   ///< entries so far
    uint16_t after;  ///< smallest index that the next entry may have
    col_drop drop;   ///< why the walk ended: COL_DROP_NONE when all entries, and nothing else, were
                     ///< there; else _TRUNCATED, _MALFORMED, _UNKNOWN_TYPE, _WRONG_ROLE
} col_entries;
col_entries col_entries_of(const col_bundle *bundle);

/// Read the next entry. @return false at the end: then `entries->drop` is valid
bool col_entries_next(col_entries *entries, col_entry *entry);

/// Bytes that an entry takes in a bundle.
size_t col_entry_size(const col_header *header, bool whole, size_t length);

/// Write a bundle's header, signature and siblings. Entries follow by col_entry_write.
void col_bundle_write(col_writer *writer, const col_bundle *bundle);
void col_entry_write(col_writer *writer, const col_entry *entry);

/// Bytes of header, signature and siblings.
size_t col_bundle_overhead(size_t signature_bytes, size_t siblings);
