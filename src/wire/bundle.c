// SPDX-License-Identifier: Apache-2.0
#include "src/wire/bundle.h"

#include "src/base/assert.h"

/// Each sibling stands for a subtree without a leaf of ours beside one that has some: at most one
/// per pair of the lowest level, and one per level for what is left over.
#define SIBLINGS_MAX (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)

#define ENTRY_WHOLE 1

static_assert(COL_BUNDLE_HEADER_BYTES == 2 + 4 * 1 + 2 + 2 * 4 + 4 * 2 + 8, "as bundle.h lists");
static_assert(COL_ENTRY_HEADER_BYTES == 4 * 1 + 4 * 2 + 2 * 8 + 4, "as bundle.h lists");
static_assert(COL_TREE_LEAVES_MAX <= UINT16_MAX, "leaves, entries and indices are 16-bit");
static_assert(COL_FRAGMENTS_MAX <= UINT16_MAX, "fragments are 16-bit");
static_assert(COL_BUNDLE_HEADER_BYTES + COL_SIGNATURE_BYTES_MAX + 32 * COL_TREE_DEPTH_MAX +
                      COL_ENTRY_HEADER_BYTES + 32 + 600 <=
                  COL_DATAGRAM_BYTES_MIN,
              "a lone fragment of 600 bytes fits every datagram (limits.h counts on it)");

/// `leaves` is at least 1 because `entries` is.
static bool counts_fit(const col_bundle *bundle, size_t signature_bytes) {
    return bundle->pillar < COL_PILLARS_MAX && bundle->role <= COL_ROLE_CLIENT &&
           signature_bytes <= COL_SIGNATURE_BYTES_MAX && bundle->leaves <= COL_TREE_LEAVES_MAX &&
           bundle->entries >= 1 && bundle->entries <= bundle->leaves &&
           bundle->siblings <= SIBLINGS_MAX;
}

col_drop col_bundle_parse(col_bytes bytes, col_bundle *bundle) {
    if (bytes.length < COL_BUNDLE_HEADER_BYTES) return COL_DROP_TRUNCATED;

    col_reader reader = col_reader_of(bytes);
    const uint16_t magic = col_read_u16(&reader);
    const uint8_t version = col_read_u8(&reader);
    if (magic != COL_BUNDLE_MAGIC || version != COL_WIRE_VERSION) return COL_DROP_WRONG_VERSION;

    bundle->pillar = col_read_u8(&reader);
    bundle->role = col_read_u8(&reader);
    bundle->scheme = col_read_u8(&reader);
    const uint16_t signature_bytes = col_read_u16(&reader);
    bundle->signer = col_read_u32(&reader);
    bundle->key_version = col_read_u32(&reader);
    bundle->leaves = col_read_u16(&reader);
    bundle->entries = col_read_u16(&reader);
    bundle->siblings = col_read_u16(&reader);
    const uint16_t reserved = col_read_u16(&reader);
    bundle->cluster_tag = col_read_u64(&reader);
    if (reserved != 0 || !counts_fit(bundle, signature_bytes)) return COL_DROP_MALFORMED;

    bundle->signature = col_read_bytes(&reader, signature_bytes);
    bundle->sibling = col_read_bytes(&reader, (size_t)bundle->siblings * 32).at;
    bundle->body = col_read_bytes(&reader, col_reader_left(&reader));
    return reader.failed ? COL_DROP_TRUNCATED : COL_DROP_NONE;
}

static bool digest_is_carried(const col_header *header) {
    return col_type_digest_is_given(header->type) || header->fragments > 1;
}

/// Everything of an entry's fixed part that can be wrong by itself.
static col_drop entry_check(const col_header *header, uint8_t flags, uint32_t length) {
    if (header->type == 0 || header->type >= COL_TYPE_COUNT) return COL_DROP_UNKNOWN_TYPE;
    if (col_type_role(header->type) != header->role) return COL_DROP_WRONG_ROLE;
    if (header->pillar >= COL_PILLARS_MAX || header->run > COL_RUN_MAX) return COL_DROP_MALFORMED;
    if (header->fragments > COL_FRAGMENTS_MAX || header->fragment >= header->fragments) {
        return COL_DROP_MALFORMED;
    }
    if (col_type_digest_is_given(header->type) && (header->fragments != 1 || length != 0)) {
        return COL_DROP_MALFORMED;
    }
    if ((flags & ~ENTRY_WHOLE) != 0) return COL_DROP_MALFORMED;
    if (flags == ENTRY_WHOLE &&
        (header->role != COL_ROLE_CLIENT || header->fragments == 1 || header->fragment != 0)) {
        return COL_DROP_MALFORMED;
    }
    return COL_DROP_NONE;
}

static col_drop entry_parse(const col_bundle *bundle, col_reader *reader, uint16_t after,
                            col_entry *entry) {
    col_header *header = &entry->message.header;
    memset(entry, 0, sizeof *entry);
    header->role = bundle->role;
    header->sender = bundle->signer;
    header->type = col_read_u8(reader);
    header->pillar = col_read_u8(reader);
    header->run = col_read_u8(reader);
    const uint8_t flags = col_read_u8(reader);
    entry->index = col_read_u16(reader);
    header->fragment = col_read_u16(reader);
    header->fragments = col_read_u16(reader);
    const uint16_t reserved = col_read_u16(reader);
    header->view = col_read_u64(reader);
    header->sequence = col_read_u64(reader);
    const uint32_t length = col_read_u32(reader);
    if (reader->failed) return COL_DROP_TRUNCATED;

    const col_drop drop = entry_check(header, flags, length);
    if (drop != COL_DROP_NONE) return drop;
    if (reserved != 0 || entry->index < after || entry->index >= bundle->leaves) {
        return COL_DROP_MALFORMED;
    }

    entry->whole = flags == ENTRY_WHOLE;
    if (digest_is_carried(header)) col_read_digest(reader, &header->digest);
    if (entry->whole) col_read_digest(reader, &entry->fragment_digest);
    entry->message.bytes = col_read_bytes(reader, length);
    return reader->failed ? COL_DROP_TRUNCATED : COL_DROP_NONE;
}

col_entries col_entries_of(const col_bundle *bundle) {
    return (col_entries){.bundle = bundle, .reader = col_reader_of(bundle->body)};
}

bool col_entries_next(col_entries *entries, col_entry *entry) {
    if (entries->read == entries->bundle->entries) {
        entries->drop = col_reader_done(&entries->reader) ? COL_DROP_NONE : COL_DROP_MALFORMED;
        return false;
    }
    entries->drop = entry_parse(entries->bundle, &entries->reader, entries->after, entry);
    entries->after = (uint16_t)(entry->index + 1);
    entries->read++;
    return entries->drop == COL_DROP_NONE;
}

size_t col_entry_size(const col_header *header, bool whole, size_t length) {
    const size_t digests = (size_t)digest_is_carried(header) + whole;
    return COL_ENTRY_HEADER_BYTES + digests * sizeof(col_digest) + length;
}

void col_bundle_write(col_writer *writer, const col_bundle *bundle) {
    COL_ASSERT(counts_fit(bundle, bundle->signature.length));

    col_write_u16(writer, COL_BUNDLE_MAGIC);
    col_write_u8(writer, COL_WIRE_VERSION);
    col_write_u8(writer, bundle->pillar);
    col_write_u8(writer, bundle->role);
    col_write_u8(writer, bundle->scheme);
    col_write_u16(writer, (uint16_t)bundle->signature.length);
    col_write_u32(writer, bundle->signer);
    col_write_u32(writer, bundle->key_version);
    col_write_u16(writer, bundle->leaves);
    col_write_u16(writer, bundle->entries);
    col_write_u16(writer, bundle->siblings);
    col_write_u16(writer, 0);
    col_write_u64(writer, bundle->cluster_tag);
    col_write_bytes(writer, bundle->signature);
    col_write_bytes(writer, (col_bytes){bundle->sibling, (size_t)bundle->siblings * 32});
}

void col_entry_write(col_writer *writer, const col_entry *entry) {
    const col_header *header = &entry->message.header;
    const uint8_t flags = entry->whole ? ENTRY_WHOLE : 0;
    const uint32_t length = (uint32_t)entry->message.bytes.length;
    COL_ASSERT(entry->message.bytes.length <= COL_MESSAGE_BYTES_MAX);
    COL_ASSERT(entry_check(header, flags, length) == COL_DROP_NONE);

    col_write_u8(writer, header->type);
    col_write_u8(writer, header->pillar);
    col_write_u8(writer, header->run);
    col_write_u8(writer, flags);
    col_write_u16(writer, entry->index);
    col_write_u16(writer, header->fragment);
    col_write_u16(writer, header->fragments);
    col_write_u16(writer, 0);
    col_write_u64(writer, header->view);
    col_write_u64(writer, header->sequence);
    col_write_u32(writer, length);
    if (digest_is_carried(header)) col_write_digest(writer, &header->digest);
    if (entry->whole) col_write_digest(writer, &entry->fragment_digest);
    col_write_bytes(writer, entry->message.bytes);
}

size_t col_bundle_overhead(size_t signature_bytes, size_t siblings) {
    return COL_BUNDLE_HEADER_BYTES + signature_bytes + 32 * siblings;
}
