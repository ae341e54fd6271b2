// SPDX-License-Identifier: Apache-2.0
// Seals, Merkle trees and the siblings of a bundle: what one side leaves out, the other finds
// again.
#include "crypto/merkle.h"
#include "src/wire/join.h"
#include "src/wire/message.h"
#include "tests/fuzz/fuzz.h"

#define SIGNATURE_BYTES 8

/// A tree, some of its leaves in ascending order, and the seals of those.
typedef struct {
    col_tree tree;
    col_digest leaf[COL_TREE_LEAVES_MAX];
    uint16_t count;
    uint16_t index[COL_TREE_LEAVES_MAX];
    col_digest chosen[COL_TREE_LEAVES_MAX];
    col_digest path[COL_TREE_LEAVES_MAX][COL_TREE_DEPTH_MAX];
    col_seal_view seal[COL_TREE_LEAVES_MAX];
} grown;

static void read_again(col_bytes bytes) {
    col_seal_view view;
    uint8_t written[COL_SEAL_BYTES_MAX];
    if (!col_seal_read(bytes, &view)) return;
    const size_t used = col_seal_write(&view, written);
    COL_ASSERT(fuzz_equal(bytes, (col_bytes){written, used}));
}

static void grow(grown *all, uint16_t leaves) {
    for (uint16_t i = 0; i < leaves; i++) {
        memset(&all->leaf[i], 0, sizeof all->leaf[i]);
        memcpy(all->leaf[i].byte, &i, sizeof i);
    }
    col_tree_build(&all->tree, &fuzz_hasher, all->leaf, leaves);
}

static void choose(grown *all, uint16_t index) {
    static const uint8_t signature[SIGNATURE_BYTES] = {1, 2, 3};
    const uint16_t i = all->count++;
    all->index[i] = index;
    all->chosen[i] = all->leaf[index];
    all->seal[i] = (col_seal_view){.key_version = 1,
                                   .leaves = all->tree.leaves,
                                   .index = index,
                                   .scheme = 1,
                                   .depth = col_tree_path(&all->tree, index, all->path[i]),
                                   .signature = {signature, sizeof signature},
                                   .path = all->path[i][0].byte};
}

static void check_seal(const grown *all, uint16_t i) {
    const col_seal_view *seal = &all->seal[i];
    uint8_t bytes[COL_SEAL_BYTES_MAX];
    col_seal_view view;
    col_digest root;
    const size_t used = col_seal_write(seal, bytes);
    COL_ASSERT(col_seal_read((col_bytes){bytes, used}, &view));
    COL_ASSERT(col_tree_climb(&fuzz_hasher, seal->leaves, seal->index, &all->chosen[i],
                              all->path[i], seal->depth, &root));
    COL_ASSERT(col_digest_equal(&root, col_tree_root(&all->tree)));
}

static int siblings_by_change(const grown *all) {
    int siblings = 0;
    int32_t last = -1;
    for (uint16_t i = 0; i < all->count; i++) {
        siblings += col_tree_siblings_change(all->tree.leaves, last, all->index[i]);
        last = all->index[i];
    }
    return siblings;
}

/// Three ways to the same siblings, and back to the root.
static void check_join(grown *all) {
    static uint8_t joined[32 * (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)];
    static col_digest listed[COL_TREE_SIBLINGS_MAX];
    static col_tree rebuilt;
    const uint16_t count = col_seals_join(all->seal, all->count, joined);
    COL_ASSERT(count == col_tree_siblings(&all->tree, all->index, all->count, listed));
    COL_ASSERT(memcmp(joined, listed, 32 * (size_t)count) == 0);
    COL_ASSERT(count == siblings_by_change(all));
    COL_ASSERT(col_tree_rebuild(&rebuilt, &fuzz_hasher, all->tree.leaves, all->index, all->chosen,
                                all->count, joined, count));
    COL_ASSERT(col_digest_equal(col_tree_root(&rebuilt), col_tree_root(&all->tree)));
    for (uint16_t i = 0; i < all->count; i++) {
        col_digest path[COL_TREE_DEPTH_MAX];
        COL_ASSERT(col_tree_path(&rebuilt, all->index[i], path) == all->seal[i].depth);
        COL_ASSERT(memcmp(path, all->path[i], 32 * (size_t)all->seal[i].depth) == 0);
    }
    if (count > 0) {
        COL_ASSERT(!col_tree_rebuild(&rebuilt, &fuzz_hasher, all->tree.leaves, all->index,
                                     all->chosen, all->count, joined, count - 1));
    }
}

static void join(col_reader *input) {
    static grown all;
    all.count = 0;
    const uint16_t leaves = (uint16_t)(col_read_u8(input) + 1);
    grow(&all, leaves);
    for (uint16_t i = 0; fuzz_more(input) && i < leaves; i++) {
        i = (uint16_t)(i + fuzz_below(input, 64));
        if (i < leaves) choose(&all, i);
    }
    if (all.count == 0) return;
    for (uint16_t i = 0; i < all.count; i++) check_seal(&all, i);
    check_join(&all);
}

/// Ascending leaves, and as many siblings as they need.
static bool fits(uint16_t leaves, const uint16_t *index, uint16_t count, int siblings) {
    int32_t last = -1;
    for (uint16_t i = 0; i < count; i++) {
        if (index[i] >= leaves || index[i] <= last) return false;
        siblings -= col_tree_siblings_change(leaves, last, index[i]);
        last = index[i];
    }
    return siblings == 0;
}

/// Any leaves, indices and siblings: a root when they fit each other, else refused.
static void rebuild(col_reader *input) {
    static col_tree tree;
    uint16_t index[COL_TREE_LEAVES_MAX];
    col_digest leaf[COL_TREE_LEAVES_MAX] = {0};
    const uint16_t leaves = (uint16_t)(col_read_u8(input) + 1);
    const uint16_t count = (uint16_t)(1 + fuzz_below(input, leaves > 255 ? 255 : leaves));
    for (uint16_t i = 0; i < count; i++) index[i] = col_read_u8(input);
    const col_bytes siblings = fuzz_bytes(input, 32 * COL_TREE_SIBLINGS_MAX);
    const uint16_t given = (uint16_t)(siblings.length / 32);
    const bool rebuilt =
        col_tree_rebuild(&tree, &fuzz_hasher, leaves, index, leaf, count, siblings.at, given);
    COL_ASSERT(rebuilt == fits(leaves, index, count, given));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    col_reader input = fuzz_input(data, size);
    switch (fuzz_below(&input, 3)) {
        case 0:
            read_again(col_read_bytes(&input, col_reader_left(&input)));
            break;
        case 1:
            join(&input);
            break;
        default:
            rebuild(&input);
    }
    return 0;
}
