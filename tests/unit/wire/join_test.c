// SPDX-License-Identifier: Apache-2.0
#include "src/wire/join.h"

#include "src/wire/message.h"
#include "tests/unit/wire/random.h"

#define SIBLINGS_MAX (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)
#define LEVELS_MAX (COL_TREE_DEPTH_MAX + 1)

/// A whole tree of random nodes: joining only moves them, so they need not be hashes.
typedef struct {
    uint16_t width[LEVELS_MAX];
    uint8_t levels;
    uint8_t node[LEVELS_MAX][COL_TREE_LEAVES_MAX][32];
} tree;

static tree example;
static uint8_t paths[COL_TREE_LEAVES_MAX][COL_TREE_DEPTH_MAX * 32];

static void grow(uint16_t leaves) {
    random_fill(example.node, sizeof example.node);
    example.width[0] = leaves;
    example.levels = 1;
    while (example.width[example.levels - 1] > 1) {
        const uint16_t below = example.width[example.levels - 1];
        example.width[example.levels++] = (uint16_t)(below / 2 + below % 2);
    }
}

/// The seal of one leaf, its path kept in `paths`.
static col_seal_view seal_of(uint16_t index) {
    uint8_t depth = 0;
    uint16_t node = index;
    for (uint8_t level = 0; level + 1 < example.levels; level++, node /= 2) {
        const uint16_t sibling = node % 2 == 0 ? node + 1 : node - 1;
        if (sibling == example.width[level]) continue;  // promoted
        memcpy(paths[index] + (size_t)32 * depth++, example.node[level][sibling], 32);
    }
    return (col_seal_view){
        .leaves = example.width[0], .index = index, .depth = depth, .path = paths[index]};
}

/// The siblings that bundle.h asks for, by marking nodes: known ones are those above a present
/// leaf.
static uint16_t expected_siblings(const bool *present, uint8_t (*siblings)[32]) {
    uint16_t count = 0;
    bool known[COL_TREE_LEAVES_MAX + 1];
    memcpy(known, present, example.width[0] * sizeof(bool));
    for (uint8_t level = 0; level + 1 < example.levels; level++) {
        const uint16_t width = example.width[level];
        known[width] = true;  // nobody needs a sibling of the promoted node
        for (uint16_t left = 0; left < width; left += 2) {
            if (known[left] && !known[left + 1]) {
                memcpy(siblings[count++], example.node[level][left + 1], 32);
            } else if (!known[left] && left + 1 < width && known[left + 1]) {
                memcpy(siblings[count++], example.node[level][left], 32);
            }
            known[left / 2] = known[left] || (left + 1 < width && known[left + 1]);
        }
    }
    return count;
}

static uint16_t assert_join_is_right(const bool *present) {
    static uint8_t expected[COL_TREE_LEAVES_MAX][32];
    col_seal_view seal[COL_TREE_LEAVES_MAX];
    uint16_t count = 0;
    for (uint16_t i = 0; i < example.width[0]; i++) {
        if (present[i]) seal[count++] = seal_of(i);
    }
    const uint16_t siblings = expected_siblings(present, expected);
    assert_in_range(siblings, 0, SIBLINGS_MAX);
    uint8_t *joined = guarded((size_t)32 * siblings);
    assert_int_equal(col_seals_join(seal, count, joined), siblings);
    assert_memory_equal(joined, expected, (size_t)32 * siblings);
    return siblings;
}

static void every_subset_of_every_small_tree_gets_the_siblings_it_lacks(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= 11; leaves++) {
        grow(leaves);
        for (uint32_t subset = 1; subset < 1u << leaves; subset++) {
            bool present[COL_TREE_LEAVES_MAX];
            for (uint16_t i = 0; i < leaves; i++) present[i] = subset >> i & 1;
            assert_join_is_right(present);
        }
    }
}

static void random_subsets_of_large_trees_get_the_siblings_they_lack(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 2000; run++) {
        grow(run % 4 == 0 ? COL_TREE_LEAVES_MAX
                          : (uint16_t)(1 + random_below(COL_TREE_LEAVES_MAX)));
        bool present[COL_TREE_LEAVES_MAX];
        const uint32_t rarity = 1 + random_below(20);
        for (uint16_t i = 0; i < example.width[0]; i++) present[i] = random_below(rarity) == 0;
        present[random_below(example.width[0])] = true;
        assert_join_is_right(present);
    }
}

static void all_leaves_together_lack_nothing(void **state) {
    (void)state;
    bool present[COL_TREE_LEAVES_MAX];
    memset(present, true, sizeof present);
    for (uint16_t leaves = 1; leaves <= COL_TREE_LEAVES_MAX; leaves++) {
        grow(leaves);
        assert_int_equal(assert_join_is_right(present), 0);
    }
}

static void a_lone_leaf_lacks_exactly_its_path(void **state) {
    (void)state;
    grow(200);
    for (uint16_t index = 0; index < 200; index++) {
        const col_seal_view seal = seal_of(index);
        uint8_t *joined = guarded((size_t)32 * seal.depth);
        assert_int_equal(col_seals_join(&seal, 1, joined), seal.depth);
        assert_memory_equal(joined, seal.path, (size_t)32 * seal.depth);
    }
}

static void leaves_spread_evenly_lack_the_most(void **state) {
    (void)state;
    grow(COL_TREE_LEAVES_MAX);
    for (uint32_t stride = 2; stride <= COL_TREE_LEAVES_MAX; stride *= 2) {
        bool present[COL_TREE_LEAVES_MAX] = {false};
        for (uint32_t i = 0; i < COL_TREE_LEAVES_MAX; i += stride) present[i] = true;
        const uint16_t siblings = assert_join_is_right(present);
        if (stride <= 4) assert_int_equal(siblings, COL_TREE_LEAVES_MAX / 2);
    }
}

static void a_path_is_as_long_as_the_levels_with_a_sibling(void **state) {
    (void)state;
    for (uint16_t leaves = 1; leaves <= COL_TREE_LEAVES_MAX; leaves++) {
        grow(leaves);
        for (uint16_t index = 0; index < leaves; index++) {
            assert_int_equal(col_path_length(leaves, index), seal_of(index).depth);
        }
    }
    assert_int_equal(col_path_length(1, 0), 0);
    assert_int_equal(col_path_length(5, 4), 1);
    assert_int_equal(col_path_length(5, 3), 3);
    assert_int_equal(col_path_length(COL_TREE_LEAVES_MAX, 0), COL_TREE_DEPTH_MAX);
}

static uint8_t signature[COL_SIGNATURE_BYTES_MAX];
static uint8_t encoded[COL_SEAL_BYTES_MAX + 1];

static col_seal_view random_seal(uint32_t leaves_max) {
    grow((uint16_t)(1 + random_below(leaves_max)));
    random_fill(signature, sizeof signature);
    col_seal_view seal = seal_of((uint16_t)random_below(example.width[0]));
    seal.key_version = (uint32_t)random_u64();
    seal.scheme = (uint8_t)random_u64();
    seal.signature = (col_bytes){signature, random_below(COL_SIGNATURE_BYTES_MAX + 1)};
    return seal;
}

static void a_seal_is_read_back_as_written(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 500; run++) {
        const col_seal_view seal = random_seal(COL_TREE_LEAVES_MAX);
        const size_t length = col_seal_write(&seal, encoded);
        assert_int_equal(length, 12 + seal.signature.length + (size_t)32 * seal.depth);
        col_seal_view read;
        assert_true(col_seal_read(guarded_copy(encoded, length), &read));
        assert_int_equal(read.key_version, seal.key_version);
        assert_int_equal(read.leaves, seal.leaves);
        assert_int_equal(read.index, seal.index);
        assert_int_equal(read.scheme, seal.scheme);
        assert_int_equal(read.depth, seal.depth);
        assert_int_equal(read.signature.length, seal.signature.length);
        assert_memory_equal(read.signature.at, signature, seal.signature.length);
        assert_memory_equal(read.path, seal.path, (size_t)32 * seal.depth);
    }
}

static void the_longest_seal_has_a_full_path_and_an_rsa_4096_signature(void **state) {
    (void)state;
    grow(COL_TREE_LEAVES_MAX);
    col_seal_view seal = seal_of(77);
    seal.signature = (col_bytes){signature, COL_SIGNATURE_BYTES_MAX};
    assert_int_equal(col_seal_write(&seal, guarded(COL_SEAL_BYTES_MAX)), COL_SEAL_BYTES_MAX);
}

static void a_seal_cut_short_or_with_a_byte_behind_it_is_refused(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 20; run++) {
        const col_seal_view seal = random_seal(COL_TREE_LEAVES_MAX);
        const size_t length = col_seal_write(&seal, encoded);
        col_seal_view read;
        for (size_t cut = 0; cut < length; cut++) {
            assert_false(col_seal_read(guarded_copy(encoded, cut), &read));
        }
        assert_false(col_seal_read(guarded_copy(encoded, length + 1), &read));
    }
}

static void a_corrupted_byte_is_refused_or_means_what_it_says(void **state) {
    (void)state;
    for (uint32_t run = 0; run < 5; run++) {
        const col_seal_view seal = random_seal(9);
        const size_t length = col_seal_write(&seal, encoded);
        for (size_t i = 0; i < length; i++) {
            const uint8_t good = encoded[i];
            for (uint32_t change = 1; change <= UINT8_MAX; change++) {
                encoded[i] = (uint8_t)(good ^ change);
                col_seal_view read;
                if (!col_seal_read(guarded_copy(encoded, length), &read)) continue;
                uint8_t again[COL_SEAL_BYTES_MAX];
                assert_int_equal(col_seal_write(&read, again), length);
                assert_memory_equal(again, encoded, length);
            }
            encoded[i] = good;
        }
    }
}

/// A seal without a signature, its numbers as given and its path `depth` zeros long.
static bool seal_is_read(uint16_t leaves, uint16_t index, uint8_t depth) {
    uint8_t bytes[12 + 32 * 10] = {0};
    bytes[4] = (uint8_t)leaves;
    bytes[5] = (uint8_t)(leaves >> 8);
    bytes[6] = (uint8_t)index;
    bytes[7] = (uint8_t)(index >> 8);
    bytes[11] = depth;
    col_seal_view read;
    return col_seal_read(guarded_copy(bytes, 12 + (size_t)32 * depth), &read);
}

static void a_seal_names_a_leaf_of_its_tree_and_has_the_path_of_that_leaf(void **state) {
    (void)state;
    assert_false(seal_is_read(0, 0, 0));
    assert_true(seal_is_read(1, 0, 0));
    assert_false(seal_is_read(1, 1, 0));
    assert_true(seal_is_read(5, 4, 1));
    assert_false(seal_is_read(5, 4, 3));
    assert_false(seal_is_read(5, 5, 1));
    assert_true(seal_is_read(5, 3, 3));
    assert_false(seal_is_read(5, 3, 2));
    assert_false(seal_is_read(5, 3, 4));
    assert_true(seal_is_read(COL_TREE_LEAVES_MAX, COL_TREE_LEAVES_MAX - 1, 8));
    assert_false(seal_is_read(COL_TREE_LEAVES_MAX + 1, 0, 9));
    assert_false(seal_is_read(UINT16_MAX, UINT16_MAX, 0));
}

static void a_signature_longer_than_rsa_4096_is_refused(void **state) {
    (void)state;
    static uint8_t bytes[12 + COL_SIGNATURE_BYTES_MAX + 1];
    col_seal_view read;
    bytes[4] = 1;
    bytes[8] = (uint8_t)COL_SIGNATURE_BYTES_MAX;
    bytes[9] = COL_SIGNATURE_BYTES_MAX >> 8;
    assert_true(col_seal_read(guarded_copy(bytes, sizeof bytes - 1), &read));
    bytes[8]++;
    assert_false(col_seal_read(guarded_copy(bytes, sizeof bytes), &read));
}

int main(int argc, char **argv) {
    (void)argc;
    random_start(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_of_every_small_tree_gets_the_siblings_it_lacks),
        cmocka_unit_test(random_subsets_of_large_trees_get_the_siblings_they_lack),
        cmocka_unit_test(all_leaves_together_lack_nothing),
        cmocka_unit_test(a_lone_leaf_lacks_exactly_its_path),
        cmocka_unit_test(leaves_spread_evenly_lack_the_most),
        cmocka_unit_test(a_path_is_as_long_as_the_levels_with_a_sibling),
        cmocka_unit_test(a_seal_is_read_back_as_written),
        cmocka_unit_test(the_longest_seal_has_a_full_path_and_an_rsa_4096_signature),
        cmocka_unit_test(a_seal_cut_short_or_with_a_byte_behind_it_is_refused),
        cmocka_unit_test(a_corrupted_byte_is_refused_or_means_what_it_says),
        cmocka_unit_test(a_seal_names_a_leaf_of_its_tree_and_has_the_path_of_that_leaf),
        cmocka_unit_test(a_signature_longer_than_rsa_4096_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
