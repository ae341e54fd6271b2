// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/hasher.h"
#include "src/base/limits.h"

/// SHA-256 Merkle trees: node = H(0x01, left, right); an odd node is promoted, never duplicated.

#define COL_TREE_NODES_MAX (2 * COL_TREE_LEAVES_MAX)

/// All nodes of one tree, or those that a bundle's leaves and siblings give.
typedef struct {
    uint16_t leaves;
    uint8_t levels;                                ///< 1 for a single leaf
    uint16_t level_start[COL_TREE_DEPTH_MAX + 1];  ///< into node[], level 0 = leaves
    col_digest node[COL_TREE_NODES_MAX];
    uint64_t known[COL_TREE_NODES_MAX / 64];  ///< bit i: node[i] is set
} col_tree;

/// Compute the tree over `leaves` leaf hashes, 1 .. COL_TREE_LEAVES_MAX.
void col_tree_build(col_tree *tree, const col_hasher *hasher, const col_digest *leaf,
                    uint16_t leaves);

/// The root of a tree that is built or rebuilt.
const col_digest *col_tree_root(const col_tree *tree);

/// The siblings that a receiver of the leaves `index[0..count)` (ascending) lacks, level by level
/// from the leaves, left to right: none when it gets every leaf.
/// @param sibling out, room for COL_TREE_SIBLINGS_MAX @return how many
#define COL_TREE_SIBLINGS_MAX (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)
uint16_t col_tree_siblings(const col_tree *tree, const uint16_t *index, uint16_t count,
                           col_digest *sibling);

/// How the number of siblings changes when leaf `index` joins a set of leaves.
///
/// @param last the set's largest, -1 when it is empty; last < index < leaves
/// @return -1 .. COL_TREE_DEPTH_MAX
/// Cost: a few steps per level, so that packing a datagram is linear in its entries.
int col_tree_siblings_change(uint16_t leaves, int32_t last, uint16_t index);

/// A tree to be rebuilt from some of its leaves and the siblings that they lack.
typedef struct {
    col_tree *tree;
    uint16_t leaves;
    uint16_t count;           ///< of the leaves that are there
    const uint16_t *index;    ///< [count] of theirs
    const col_digest *leaf;   ///< [count]
    const uint8_t *siblings;  ///< 32 bytes each
    uint16_t sibling_count;
    bool complete;  ///< out: indices ascend below `leaves`, and there are exactly the siblings that
                    ///< this shape needs; else the tree is of no use
} col_rebuild;

/// Rebuild trees up to their roots, level by level together, so that paths of many are hashed as
/// fast as those of one full tree.
/// @param count at most COL_REBUILDS_MAX
#define COL_REBUILDS_MAX 32
void col_trees_rebuild(col_rebuild *job, uint32_t count, const col_hasher *hasher);

/// The same for one tree. @return whether it is complete
static inline bool col_tree_rebuild(col_tree *tree, const col_hasher *hasher, uint16_t leaves,
                                    const uint16_t *index, const col_digest *leaf, uint16_t count,
                                    const uint8_t *siblings, uint16_t sibling_count) {
    col_rebuild job = {.tree = tree,
                       .leaves = leaves,
                       .count = count,
                       .index = index,
                       .leaf = leaf,
                       .siblings = siblings,
                       .sibling_count = sibling_count};
    col_trees_rebuild(&job, 1, hasher);
    return job.complete;
}

/// The path of one leaf whose siblings the tree knows, leaf upwards; levels where the node is
/// promoted have none.
/// @param path out, room for COL_TREE_DEPTH_MAX @return its length
uint8_t col_tree_path(const col_tree *tree, uint16_t index, col_digest *path);

/// Root from one leaf and its path. @return false when the path's length does not fit.
bool col_tree_climb(const col_hasher *hasher, uint16_t leaves, uint16_t index,
                    const col_digest *leaf, const col_digest *path, uint8_t depth,
                    col_digest *root);
