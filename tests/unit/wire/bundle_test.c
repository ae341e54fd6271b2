// SPDX-License-Identifier: Apache-2.0
#include "src/wire/bundle.h"

#include "tests/unit/wire/random.h"

#define SIBLINGS_MAX (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)
#define ENTRY_BYTES_MAX 90
#define BUNDLE_BYTES_MAX                                                     \
    (COL_BUNDLE_HEADER_BYTES + COL_SIGNATURE_BYTES_MAX + 32 * SIBLINGS_MAX + \
     COL_TREE_LEAVES_MAX * (COL_ENTRY_HEADER_BYTES + 2 * 32 + ENTRY_BYTES_MAX))

static uint8_t payload[SIBLINGS_MAX * 32 + COL_SIGNATURE_BYTES_MAX];
static uint8_t encoded[BUNDLE_BYTES_MAX];
static uint8_t again[BUNDLE_BYTES_MAX];
static col_entry entries[COL_TREE_LEAVES_MAX];

/// Read all entries: what a receiver does before any cryptography.
static col_drop read_all(col_bytes bytes, col_bundle *bundle, col_entry *entry) {
    col_drop drop = col_bundle_parse(bytes, bundle);
    if (drop != COL_DROP_NONE) return drop;
    col_entries walk = col_entries_of(bundle);
    while (col_entries_next(&walk, entry)) entry++;
    return walk.drop;
}

static size_t write_all(const col_bundle *bundle, const col_entry *entry, uint8_t *bytes) {
    col_writer writer = col_writer_of(bytes, BUNDLE_BYTES_MAX);
    col_bundle_write(&writer, bundle);
    for (uint16_t i = 0; i < bundle->entries; i++) col_entry_write(&writer, &entry[i]);
    assert_false(writer.failed);
    return col_writer_used(&writer);
}

static col_entry random_entry(const col_bundle *bundle, uint16_t index) {
    col_entry entry = {.index = index};
    col_header *header = &entry.message.header;
    do {
        header->type = (uint8_t)(1 + random_below(COL_TYPE_COUNT - 1));
    } while (col_type_role(header->type) != bundle->role);
    header->role = bundle->role;
    header->sender = bundle->signer;
    header->pillar = (uint8_t)random_below(COL_PILLARS_MAX);
    header->run = (uint8_t)random_below(COL_RUN_MAX + 1);
    header->view = random_u64();
    header->sequence = random_u64();
    const bool given = col_type_digest_is_given(header->type);
    header->fragments = given ? 1 : (uint16_t)(1 + random_below(4));
    header->fragment = (uint16_t)random_below(header->fragments);
    if (given || header->fragments > 1) random_fill(&header->digest, 32);
    if (bundle->role == COL_ROLE_CLIENT && header->fragments > 1 && header->fragment == 0) {
        entry.whole = random_below(2) == 0;
        if (entry.whole) random_fill(&entry.fragment_digest, 32);
    }
    if (!given) entry.message.bytes = (col_bytes){payload, random_below(ENTRY_BYTES_MAX + 1)};
    return entry;
}

/// @param leaves_max 1 .. COL_TREE_LEAVES_MAX
static col_bundle random_bundle(uint32_t leaves_max, col_entry *entry) {
    random_fill(payload, sizeof payload);
    col_bundle bundle = {
        .pillar = (uint8_t)random_below(COL_PILLARS_MAX),
        .role = (uint8_t)random_below(2),
        .scheme = (uint8_t)random_u64(),
        .signer = (uint32_t)random_u64(),
        .key_version = (uint32_t)random_u64(),
        .leaves = (uint16_t)(1 + random_below(leaves_max)),
        .siblings = (uint16_t)random_below(leaves_max < 8 ? 4 : SIBLINGS_MAX + 1),
        .cluster_tag = random_u64(),
        .signature = {payload, random_below(leaves_max < 8 ? 20 : COL_SIGNATURE_BYTES_MAX + 1)},
        .sibling = payload + COL_SIGNATURE_BYTES_MAX,
    };
    for (uint16_t index = 0; index < bundle.leaves; index++) {
        const bool must = index == bundle.leaves - 1 && bundle.entries == 0;
        if (!must && random_below(2) == 0) continue;
        entry[bundle.entries++] = random_entry(&bundle, index);
    }
    return bundle;
}

static void assert_same_bundle(const col_bundle *a, const col_bundle *b) {
    assert_int_equal(a->pillar, b->pillar);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->scheme, b->scheme);
    assert_int_equal(a->signer, b->signer);
    assert_int_equal(a->key_version, b->key_version);
    assert_int_equal(a->leaves, b->leaves);
    assert_int_equal(a->entries, b->entries);
    assert_int_equal(a->siblings, b->siblings);
    assert_true(a->cluster_tag == b->cluster_tag);
    assert_int_equal(a->signature.length, b->signature.length);
    assert_memory_equal(a->signature.at, b->signature.at, a->signature.length);
    assert_memory_equal(a->sibling, b->sibling, (size_t)a->siblings * 32);
}

static void assert_same_entry(const col_entry *a, const col_entry *b) {
    const col_header *x = &a->message.header;
    const col_header *y = &b->message.header;
    assert_int_equal(x->role, y->role);
    assert_int_equal(x->type, y->type);
    assert_int_equal(x->pillar, y->pillar);
    assert_int_equal(x->run, y->run);
    assert_int_equal(x->sender, y->sender);
    assert_true(x->view == y->view);
    assert_true(x->sequence == y->sequence);
    assert_int_equal(x->fragment, y->fragment);
    assert_int_equal(x->fragments, y->fragments);
    assert_memory_equal(&x->digest, &y->digest, 32);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->whole, b->whole);
    assert_memory_equal(&a->fragment_digest, &b->fragment_digest, 32);
    assert_int_equal(a->message.bytes.length, b->message.bytes.length);
    assert_memory_equal(a->message.bytes.at, b->message.bytes.at, a->message.bytes.length);
}

static void what_was_written_is_read_back(void **state) {
    (void)state;
    static col_entry read[COL_TREE_LEAVES_MAX];
    for (uint32_t run = 0; run < 300; run++) {
        const col_bundle bundle = random_bundle(run % 2 ? 8 : COL_TREE_LEAVES_MAX, entries);
        const size_t length = write_all(&bundle, entries, encoded);
        size_t expected = col_bundle_overhead(bundle.signature.length, bundle.siblings);
        for (uint16_t i = 0; i < bundle.entries; i++) {
            const col_message *message = &entries[i].message;
            expected += col_entry_size(&message->header, entries[i].whole, message->bytes.length);
        }
        assert_int_equal(length, expected);

        col_bundle parsed;
        assert_int_equal(read_all(guarded_copy(encoded, length), &parsed, read), COL_DROP_NONE);
        assert_same_bundle(&bundle, &parsed);
        for (uint16_t i = 0; i < bundle.entries; i++) assert_same_entry(&entries[i], &read[i]);
    }
}

static void a_bundle_cut_short_anywhere_is_truncated(void **state) {
    (void)state;
    static col_entry read[COL_TREE_LEAVES_MAX];
    for (uint32_t run = 0; run < 20; run++) {
        const col_bundle bundle = random_bundle(run % 2 ? 5 : 40, entries);
        const size_t length = write_all(&bundle, entries, encoded);
        for (size_t cut = 0; cut < length; cut++) {
            col_bundle parsed;
            const col_drop drop = read_all(guarded_copy(encoded, cut), &parsed, read);
            assert_int_equal(drop, COL_DROP_TRUNCATED);
        }
        const size_t overhead = col_bundle_overhead(bundle.signature.length, bundle.siblings);
        for (size_t cut = 0; cut < overhead; cut++) {
            col_bundle parsed;
            const col_bytes bytes = guarded_copy(encoded, cut);
            assert_int_equal(col_bundle_parse(bytes, &parsed), COL_DROP_TRUNCATED);
        }
    }
}

/// Any bytes that are accepted are the one encoding of what was read.
static void assert_refused_or_canonical(size_t length) {
    static col_entry read[COL_TREE_LEAVES_MAX];
    col_bundle parsed;
    const col_bytes bytes = guarded_copy(encoded, length);
    if (read_all(bytes, &parsed, read) != COL_DROP_NONE) return;
    assert_int_equal(write_all(&parsed, read, again), length);
    assert_memory_equal(again, encoded, length);
}

static void a_corrupted_byte_is_refused_or_means_what_it_says(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 3; run++) {
        const col_bundle bundle = random_bundle(5, entries);
        const size_t length = write_all(&bundle, entries, encoded);
        for (size_t i = 0; i < length; i++) {
            const uint8_t good = encoded[i];
            for (uint32_t change = 1; change <= UINT8_MAX; change++) {
                encoded[i] = (uint8_t)(good ^ change);
                assert_refused_or_canonical(length);
            }
            encoded[i] = good;
        }
    }
}

static void random_bytes_behind_a_good_header_are_refused_or_canonical(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 20000; run++) {
        const col_bundle bundle = random_bundle(5, entries);
        const size_t length = write_all(&bundle, entries, encoded);
        for (uint32_t i = 0; i < 3; i++)
            encoded[random_below((uint32_t)length)] = (uint8_t)random_u64();
        assert_refused_or_canonical(length);
    }
}

/// The one-entry bundle that the boundary tests vary. Offsets are those of bundle.h.
static size_t small_bundle(uint8_t role, uint8_t type, uint16_t fragments) {
    const bool given = col_type_digest_is_given(type);
    const col_bundle bundle = {.role = role,
                               .signer = 3,
                               .leaves = 4,
                               .entries = 1,
                               .signature = {payload, 8},
                               .siblings = 2,
                               .sibling = payload};
    const col_entry entry = {
        .message = {.header = {.role = role, .type = type, .sender = 3, .fragments = fragments},
                    .bytes = {payload, given ? 0 : 5}},
        .index = 1,
    };
    return write_all(&bundle, &entry, encoded);
}

#define ENTRY_OFFSET (COL_BUNDLE_HEADER_BYTES + 8 + 2 * 32)

static col_drop drop_of(size_t length) {
    col_bundle bundle;
    col_entry entry[4];
    return read_all(guarded_copy(encoded, length), &bundle, entry);
}

/// Set one byte or u16 of a fresh small bundle and read it.
static col_drop with_u8(size_t offset, uint8_t value) {
    const size_t length = small_bundle(COL_ROLE_REPLICA, COL_STATUS, 1);
    encoded[offset] = value;
    return drop_of(length);
}

static col_drop with_u16(size_t offset, uint16_t value) {
    const size_t length = small_bundle(COL_ROLE_REPLICA, COL_STATUS, 1);
    encoded[offset] = (uint8_t)value;
    encoded[offset + 1] = (uint8_t)(value >> 8);
    return drop_of(length);
}

static void another_magic_or_version_is_the_wrong_version(void **state) {
    (void)state;
    assert_int_equal(with_u16(0, COL_BUNDLE_MAGIC), COL_DROP_NONE);
    assert_int_equal(with_u16(0, COL_BUNDLE_MAGIC + 1), COL_DROP_WRONG_VERSION);
    assert_int_equal(with_u8(2, COL_WIRE_VERSION + 1), COL_DROP_WRONG_VERSION);
}

static void counts_of_the_header_have_bounds(void **state) {
    (void)state;
    assert_int_equal(with_u8(COL_BUNDLE_PILLAR_OFFSET, COL_PILLARS_MAX - 1), COL_DROP_NONE);
    assert_int_equal(with_u8(COL_BUNDLE_PILLAR_OFFSET, COL_PILLARS_MAX), COL_DROP_MALFORMED);
    assert_int_equal(with_u8(4, COL_ROLE_CLIENT), COL_DROP_WRONG_ROLE);
    assert_int_equal(with_u8(4, COL_ROLE_CLIENT + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(6, COL_SIGNATURE_BYTES_MAX), COL_DROP_TRUNCATED);
    assert_int_equal(with_u16(6, COL_SIGNATURE_BYTES_MAX + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(16, 0), COL_DROP_MALFORMED);  // leaves
    assert_int_equal(with_u16(16, 2), COL_DROP_NONE);
    assert_int_equal(with_u16(16, COL_TREE_LEAVES_MAX), COL_DROP_NONE);
    assert_int_equal(with_u16(16, COL_TREE_LEAVES_MAX + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(18, 4), COL_DROP_TRUNCATED);
    assert_int_equal(with_u16(18, 5), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(20, SIBLINGS_MAX), COL_DROP_TRUNCATED);
    assert_int_equal(with_u16(20, SIBLINGS_MAX + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(22, 1), COL_DROP_MALFORMED);  // reserved
}

static void a_bundle_without_entries_is_malformed(void **state) {
    (void)state;
    small_bundle(COL_ROLE_REPLICA, COL_STATUS, 1);
    encoded[18] = 0;
    assert_int_equal(drop_of(ENTRY_OFFSET), COL_DROP_MALFORMED);
}

static void fields_of_an_entry_have_bounds(void **state) {
    (void)state;
    assert_int_equal(with_u8(ENTRY_OFFSET, 0), COL_DROP_UNKNOWN_TYPE);
    assert_int_equal(with_u8(ENTRY_OFFSET, COL_TYPE_COUNT), COL_DROP_UNKNOWN_TYPE);
    assert_int_equal(with_u8(ENTRY_OFFSET, COL_RECOVERED), COL_DROP_NONE);
    assert_int_equal(with_u8(ENTRY_OFFSET, COL_REQUEST), COL_DROP_WRONG_ROLE);
    assert_int_equal(with_u8(ENTRY_OFFSET + 1, COL_PILLARS_MAX - 1), COL_DROP_NONE);
    assert_int_equal(with_u8(ENTRY_OFFSET + 1, COL_PILLARS_MAX), COL_DROP_MALFORMED);
    assert_int_equal(with_u8(ENTRY_OFFSET + 2, COL_RUN_MAX), COL_DROP_NONE);
    assert_int_equal(with_u8(ENTRY_OFFSET + 2, COL_RUN_MAX + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(ENTRY_OFFSET + 4, 3), COL_DROP_NONE);  // index
    assert_int_equal(with_u16(ENTRY_OFFSET + 4, 4), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(ENTRY_OFFSET + 6, 1), COL_DROP_MALFORMED);  // fragment 1 of 1
    assert_int_equal(with_u16(ENTRY_OFFSET + 8, 0), COL_DROP_MALFORMED);  // fragments
    assert_int_equal(with_u16(ENTRY_OFFSET + 8, COL_FRAGMENTS_MAX), COL_DROP_TRUNCATED);
    assert_int_equal(with_u16(ENTRY_OFFSET + 8, COL_FRAGMENTS_MAX + 1), COL_DROP_MALFORMED);
    assert_int_equal(with_u16(ENTRY_OFFSET + 10, 1), COL_DROP_MALFORMED);  // reserved
    assert_int_equal(with_u8(ENTRY_OFFSET + 28, 4), COL_DROP_MALFORMED);   // a byte is left over
    assert_int_equal(with_u8(ENTRY_OFFSET + 28, 6), COL_DROP_TRUNCATED);
    assert_int_equal(with_u8(ENTRY_OFFSET + 31, 0xff), COL_DROP_TRUNCATED);  // 4 GB
}

static void only_fragment_0_of_a_fragmented_client_message_can_be_whole(void **state) {
    (void)state;
    size_t length = small_bundle(COL_ROLE_CLIENT, COL_REQUEST, 2);
    assert_int_equal(drop_of(length), COL_DROP_NONE);
    encoded[ENTRY_OFFSET + 3] = 1;
    assert_int_equal(drop_of(length), COL_DROP_TRUNCATED);  // the fragment's digest is missing
    assert_int_equal(drop_of(length + 32), COL_DROP_NONE);
    encoded[ENTRY_OFFSET + 6] = 1;
    assert_int_equal(drop_of(length + 32), COL_DROP_MALFORMED);

    length = small_bundle(COL_ROLE_CLIENT, COL_REQUEST, 2);
    encoded[ENTRY_OFFSET + 3] = 2;
    assert_int_equal(drop_of(length), COL_DROP_MALFORMED);
    length = small_bundle(COL_ROLE_CLIENT, COL_REQUEST, 1);
    encoded[ENTRY_OFFSET + 3] = 1;
    assert_int_equal(drop_of(length + 32), COL_DROP_MALFORMED);
    length = small_bundle(COL_ROLE_REPLICA, COL_STATUS, 2);
    encoded[ENTRY_OFFSET + 3] = 1;
    assert_int_equal(drop_of(length + 32), COL_DROP_MALFORMED);
}

static void votes_have_no_bytes_and_no_fragments(void **state) {
    (void)state;
    static const uint8_t votes[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT, COL_CHECKPOINT};
    for (size_t i = 0; i < sizeof votes; i++) {
        const size_t length = small_bundle(COL_ROLE_REPLICA, votes[i], 1);
        assert_int_equal(drop_of(length), COL_DROP_NONE);
        encoded[ENTRY_OFFSET + 28] = 1;
        assert_int_equal(drop_of(length + 1), COL_DROP_MALFORMED);
        encoded[ENTRY_OFFSET + 28] = 0;
        encoded[ENTRY_OFFSET + 8] = 2;
        assert_int_equal(drop_of(length), COL_DROP_MALFORMED);
    }
}

static void indices_must_not_repeat_or_go_back(void **state) {
    (void)state;
    const col_bundle bundle = {
        .leaves = 9, .entries = 2, .signature = {payload, 0}, .sibling = payload};
    col_entry pair[2] = {{.message = {.header = {.type = COL_STATUS, .fragments = 1}}, .index = 5},
                         {.message = {.header = {.type = COL_FETCH, .fragments = 1}}, .index = 6}};
    assert_int_equal(drop_of(write_all(&bundle, pair, encoded)), COL_DROP_NONE);
    pair[1].index = 5;
    assert_int_equal(drop_of(write_all(&bundle, pair, encoded)), COL_DROP_MALFORMED);
    pair[1].index = 4;
    assert_int_equal(drop_of(write_all(&bundle, pair, encoded)), COL_DROP_MALFORMED);
}

static void a_writer_without_room_fails(void **state) {
    (void)state;
    const col_bundle bundle = random_bundle(5, entries);
    const size_t length = write_all(&bundle, entries, encoded);
    for (size_t room = 0; room < length; room++) {
        col_writer writer = col_writer_of(guarded(room), room);
        col_bundle_write(&writer, &bundle);
        for (uint16_t i = 0; i < bundle.entries; i++) col_entry_write(&writer, &entries[i]);
        assert_true(writer.failed);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    random_start(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(a_bundle_cut_short_anywhere_is_truncated),
        cmocka_unit_test(a_corrupted_byte_is_refused_or_means_what_it_says),
        cmocka_unit_test(random_bytes_behind_a_good_header_are_refused_or_canonical),
        cmocka_unit_test(another_magic_or_version_is_the_wrong_version),
        cmocka_unit_test(counts_of_the_header_have_bounds),
        cmocka_unit_test(a_bundle_without_entries_is_malformed),
        cmocka_unit_test(fields_of_an_entry_have_bounds),
        cmocka_unit_test(only_fragment_0_of_a_fragmented_client_message_can_be_whole),
        cmocka_unit_test(votes_have_no_bytes_and_no_fragments),
        cmocka_unit_test(indices_must_not_repeat_or_go_back),
        cmocka_unit_test(a_writer_without_room_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
