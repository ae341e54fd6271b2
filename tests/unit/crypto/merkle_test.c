// SPDX-License-Identifier: Apache-2.0
#include "crypto/merkle.h"

#include "src/wire/join.h"
#include "tests/unit/crypto/support.h"

static col_hasher *hasher;
static col_digest leaf[COL_TREE_LEAVES_MAX];
static col_tree tree;

static int set_up(void **state) {
    (void)state;
    hasher = col_hasher_openssl_create();
    random_fill(leaf, sizeof leaf);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_hasher_destroy(hasher);
    return 0;
}

/// The definition, as naively as it can be written.
static col_digest reference_root(const col_digest *level, uint32_t width) {
    if (width == 1) return level[0];
    col_digest above[COL_TREE_LEAVES_MAX];
    uint32_t parents = 0;
    for (uint32_t i = 0; i < width; i += 2) {
        if (i + 1 == width) {
            above[parents++] = level[i];
            continue;
        }
        uint8_t input[65] = {0x01};
        memcpy(input + 1, level[i].byte, 32);
        memcpy(input + 33, level[i + 1].byte, 32);
        col_hash(hasher, (col_bytes){input, sizeof input}, &above[parents++]);
    }
    return reference_root(above, parents);
}

static void a_tree_of_any_size_has_the_root_of_the_definition(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= COL_TREE_LEAVES_MAX; leaves++) {
        col_tree_build(&tree, hasher, leaf, leaves);
        const col_digest expected = reference_root(leaf, leaves);
        assert_memory_equal(col_tree_root(&tree)->byte, expected.byte, 32);
    }
}

/// A random subset of 0 .. leaves-1, at least one, ascending.
static uint16_t random_subset(uint16_t leaves, uint16_t *index) {
    const uint32_t density = 1 + random_below(10);
    uint16_t count = 0;
    for (uint16_t i = 0; i < leaves; i++) {
        if (random_below(10) < density) index[count++] = i;
    }
    if (count == 0) index[count++] = (uint16_t)random_below(leaves);
    return count;
}

static void check_subset(uint16_t leaves) {
    uint16_t index[COL_TREE_LEAVES_MAX];
    col_digest chosen[COL_TREE_LEAVES_MAX];
    col_digest sibling[COL_TREE_SIBLINGS_MAX + 1];
    const uint16_t count = random_subset(leaves, index);
    for (uint16_t i = 0; i < count; i++) chosen[i] = leaf[index[i]];

    const uint16_t siblings = col_tree_siblings(&tree, index, count, sibling);
    int by_change = 0;
    for (uint16_t i = 0; i < count; i++) {
        by_change += col_tree_siblings_change(leaves, i > 0 ? index[i - 1] : -1, index[i]);
    }
    assert_int_equal(by_change, siblings);

    static col_tree rebuilt;
    assert_true(col_tree_rebuild(&rebuilt, hasher, leaves, index, chosen, count, sibling[0].byte,
                                 siblings));
    assert_memory_equal(col_tree_root(&rebuilt)->byte, col_tree_root(&tree)->byte, 32);

    for (uint16_t i = 0; i < count; i++) {
        col_digest path[COL_TREE_DEPTH_MAX];
        col_digest expected[COL_TREE_DEPTH_MAX];
        const uint8_t length = col_tree_path(&rebuilt, index[i], path);
        assert_int_equal(length, col_tree_path(&tree, index[i], expected));
        assert_memory_equal(path, expected, 32 * (size_t)length);
    }

    assert_false(col_tree_rebuild(&rebuilt, hasher, leaves, index, chosen, count, sibling[0].byte,
                                  (uint16_t)(siblings + 1)));
    if (siblings > 0) {
        assert_false(col_tree_rebuild(&rebuilt, hasher, leaves, index, chosen, count,
                                      sibling[0].byte, (uint16_t)(siblings - 1)));
        sibling[random_below(siblings)].byte[random_below(32)] ^= 1;
        assert_true(col_tree_rebuild(&rebuilt, hasher, leaves, index, chosen, count,
                                     sibling[0].byte, siblings));
        assert_memory_not_equal(col_tree_root(&rebuilt)->byte, col_tree_root(&tree)->byte, 32);
    }
}

static void any_leaves_and_their_siblings_rebuild_the_tree_up_to_the_root(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= 71; leaves++) {
        const uint16_t size = leaves == 71 ? COL_TREE_LEAVES_MAX : leaves;
        col_tree_build(&tree, hasher, leaf, size);
        for (uint32_t round = 0; round < 20; round++) check_subset(size);
    }
}

static void a_receiver_of_every_leaf_needs_no_siblings(void **state) {
    (void)state;
    uint16_t index[COL_TREE_LEAVES_MAX];
    for (uint16_t i = 0; i < COL_TREE_LEAVES_MAX; i++) index[i] = i;
    for (uint16_t leaves = 1; leaves <= COL_TREE_LEAVES_MAX; leaves++) {
        col_digest sibling[COL_TREE_SIBLINGS_MAX];
        col_tree_build(&tree, hasher, leaf, leaves);
        assert_int_equal(col_tree_siblings(&tree, index, leaves, sibling), 0);
    }
}

static void every_path_climbs_to_the_root_and_no_other_path_does(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= 70; leaves++) {
        col_tree_build(&tree, hasher, leaf, leaves);
        for (uint16_t i = 0; i < leaves; i++) {
            col_digest path[COL_TREE_DEPTH_MAX + 1] = {0};
            col_digest root;
            const uint8_t length = col_tree_path(&tree, i, path);
            assert_int_equal(length, col_path_length(leaves, i));
            assert_true(col_tree_climb(hasher, leaves, i, &leaf[i], path, length, &root));
            assert_memory_equal(root.byte, col_tree_root(&tree)->byte, 32);
            assert_false(
                col_tree_climb(hasher, leaves, i, &leaf[i], path, (uint8_t)(length + 1), &root));
            if (length == 0) continue;
            assert_false(
                col_tree_climb(hasher, leaves, i, &leaf[i], path, (uint8_t)(length - 1), &root));
            path[random_below(length)].byte[0] ^= 1;
            assert_true(col_tree_climb(hasher, leaves, i, &leaf[i], path, length, &root));
            assert_memory_not_equal(root.byte, col_tree_root(&tree)->byte, 32);
        }
    }
}

static void leaves_out_of_order_twice_or_beyond_the_tree_are_refused(void **state) {
    (void)state;
    static col_tree rebuilt;
    const uint8_t none[32] = {0};
    const uint16_t backwards[] = {1, 0};
    const uint16_t twice[] = {1, 1};
    const uint16_t beyond[] = {0, 2};
    assert_false(col_tree_rebuild(&rebuilt, hasher, 2, backwards, leaf, 2, none, 0));
    assert_false(col_tree_rebuild(&rebuilt, hasher, 2, twice, leaf, 2, none, 0));
    assert_false(col_tree_rebuild(&rebuilt, hasher, 2, beyond, leaf, 2, none, 0));
    col_digest root;
    assert_false(col_tree_climb(hasher, 2, 2, leaf, leaf, 1, &root));
}

static void joined_seals_give_the_siblings_of_a_bundle(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= 70; leaves++) {
        static col_digest path[COL_TREE_LEAVES_MAX][COL_TREE_DEPTH_MAX];
        col_seal_view seal[COL_TREE_LEAVES_MAX];
        uint16_t index[COL_TREE_LEAVES_MAX];
        col_digest sibling[COL_TREE_SIBLINGS_MAX];
        uint8_t joined[COL_TREE_SIBLINGS_MAX * 32];
        col_tree_build(&tree, hasher, leaf, leaves);
        const uint16_t count = random_subset(leaves, index);
        for (uint16_t i = 0; i < count; i++) {
            seal[i] = (col_seal_view){.leaves = leaves,
                                      .index = index[i],
                                      .depth = col_tree_path(&tree, index[i], path[i]),
                                      .path = path[i][0].byte};
        }
        const uint16_t siblings = col_tree_siblings(&tree, index, count, sibling);
        assert_int_equal(col_seals_join(seal, count, joined), siblings);
        assert_memory_equal(joined, sibling, 32 * (size_t)siblings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_of_any_size_has_the_root_of_the_definition),
        cmocka_unit_test(any_leaves_and_their_siblings_rebuild_the_tree_up_to_the_root),
        cmocka_unit_test(a_receiver_of_every_leaf_needs_no_siblings),
        cmocka_unit_test(every_path_climbs_to_the_root_and_no_other_path_does),
        cmocka_unit_test(leaves_out_of_order_twice_or_beyond_the_tree_are_refused),
        cmocka_unit_test(joined_seals_give_the_siblings_of_a_bundle),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
