// SPDX-License-Identifier: Apache-2.0
#include "crypto/merkle.h"

#include "src/base/assert.h"

#define NODE_INPUT_BYTES 65
/// Nodes hashed in one call: enough to keep all lanes of the hasher busy.
#define PAIRS_MAX 64

/// Nodes of one level that are known, as ascending positions within the level.
typedef struct {
    uint16_t at[COL_TREE_LEAVES_MAX];
    uint16_t count;
} positions;

static uint16_t width_above(uint16_t width) {
    return (uint16_t)((width + 1) / 2);
}

static void lay_out(col_tree *tree, uint16_t leaves) {
    COL_ASSERT(leaves >= 1 && leaves <= COL_TREE_LEAVES_MAX);

    tree->leaves = leaves;
    memset(tree->known, 0, sizeof tree->known);
    uint16_t start = 0;
    uint16_t width = leaves;
    uint8_t level = 0;
    for (;;) {
        tree->level_start[level++] = start;
        if (width == 1) break;
        start = (uint16_t)(start + width);
        width = width_above(width);
    }
    tree->levels = level;
}

static void know(col_tree *tree, uint32_t node) {
    tree->known[node / 64] |= UINT64_C(1) << (node % 64);
}

static bool is_known(const col_tree *tree, uint32_t node) {
    return tree->known[node / 64] >> (node % 64) & 1;
}

static void node_input(const col_digest *left, const col_digest *right, uint8_t *bytes) {
    bytes[0] = 0x01;
    memcpy(bytes + 1, left->byte, 32);
    memcpy(bytes + 33, right->byte, 32);
}

/// Nodes that wait to be hashed, of one level of one or more trees.
typedef struct {
    const col_hasher *hasher;
    uint32_t count;
    uint8_t input[PAIRS_MAX][NODE_INPUT_BYTES];
    col_digest *parent[PAIRS_MAX];
} pairs;

static void hash_pairs(pairs *waiting) {
    if (waiting->count == 0) return;
    col_bytes message[PAIRS_MAX];
    col_digest digest[PAIRS_MAX];
    for (uint32_t i = 0; i < waiting->count; i++) {
        message[i] = (col_bytes){waiting->input[i], NODE_INPUT_BYTES};
    }
    waiting->hasher->digest(waiting->hasher, message, waiting->count, digest);
    for (uint32_t i = 0; i < waiting->count; i++) *waiting->parent[i] = digest[i];
    waiting->count = 0;
}

/// Have the parents of `children` hashed (both children of each pair are known), and make
/// `children` the positions one level up.
static void ascend(col_tree *tree, pairs *waiting, uint8_t level, uint16_t width,
                   positions *children) {
    const uint32_t below = tree->level_start[level];
    const uint32_t above = tree->level_start[level + 1];
    uint16_t parents = 0;

    for (uint16_t i = 0; i < children->count; i++) {
        const uint16_t parent = children->at[i] / 2;
        if (parents > 0 && children->at[parents - 1] == parent) continue;
        children->at[parents++] = parent;
        know(tree, above + parent);
        if (2 * parent + 1 == width) {  // odd node out: promoted
            tree->node[above + parent] = tree->node[below + 2 * parent];
            continue;
        }
        node_input(&tree->node[below + 2 * parent], &tree->node[below + 2 * parent + 1],
                   waiting->input[waiting->count]);
        waiting->parent[waiting->count++] = &tree->node[above + parent];
        if (waiting->count == PAIRS_MAX) hash_pairs(waiting);
    }
    children->count = parents;
}

void col_tree_build(col_tree *tree, const col_hasher *hasher, const col_digest *leaf,
                    uint16_t leaves) {
    lay_out(tree, leaves);
    positions all = {.count = leaves};
    for (uint16_t i = 0; i < leaves; i++) {
        all.at[i] = i;
        tree->node[i] = leaf[i];
        know(tree, i);
    }
    pairs waiting = {.hasher = hasher};
    uint16_t width = leaves;
    for (uint8_t level = 0; level + 1 < tree->levels; level++) {
        ascend(tree, &waiting, level, width, &all);
        hash_pairs(&waiting);
        width = width_above(width);
    }
}

const col_digest *col_tree_root(const col_tree *tree) {
    return &tree->node[tree->level_start[tree->levels - 1]];
}

/// Whether entry `i` of `known` lacks its sibling in a level of `width` nodes.
static bool lacks_sibling(const positions *known, uint16_t i, uint16_t width) {
    const uint16_t sibling = known->at[i] ^ 1;
    if (sibling >= width) return false;
    const bool next_is = i + 1 < known->count && known->at[i + 1] == sibling;
    const bool previous_is = i > 0 && known->at[i - 1] == sibling;
    return !next_is && !previous_is;
}

static void halve(positions *known) {
    uint16_t parents = 0;
    for (uint16_t i = 0; i < known->count; i++) {
        const uint16_t parent = known->at[i] / 2;
        if (parents > 0 && known->at[parents - 1] == parent) continue;
        known->at[parents++] = parent;
    }
    known->count = parents;
}

uint16_t col_tree_siblings(const col_tree *tree, const uint16_t *index, uint16_t count,
                           col_digest *sibling) {
    COL_ASSERT(count >= 1 && count <= tree->leaves);

    positions known = {.count = count};
    memcpy(known.at, index, count * sizeof *index);
    uint16_t siblings = 0;
    uint16_t width = tree->leaves;
    for (uint8_t level = 0; level + 1 < tree->levels; level++) {
        for (uint16_t i = 0; i < known.count; i++) {
            if (!lacks_sibling(&known, i, width)) continue;
            sibling[siblings++] = tree->node[tree->level_start[level] + (known.at[i] ^ 1)];
        }
        halve(&known);
        width = width_above(width);
    }
    return siblings;
}

int col_tree_siblings_change(uint16_t leaves, int32_t last, uint16_t index) {
    COL_ASSERT(index < leaves && last < (int32_t)index);

    int change = 0;
    uint16_t width = leaves;
    uint16_t node = index;
    while (width > 1) {
        if (last == node) break;  // from here up the new leaf shares the path of the last one
        const uint16_t sibling = node ^ 1;
        if (sibling < width) change += sibling == last ? -1 : 1;
        node /= 2;
        if (last >= 0) last /= 2;
        width = width_above(width);
    }
    return change;
}

static bool ascending(const uint16_t *index, uint16_t count, uint16_t leaves) {
    for (uint16_t i = 0; i < count; i++) {
        if (index[i] >= leaves || (i > 0 && index[i] <= index[i - 1])) return false;
    }
    return true;
}

/// Take the siblings that one level lacks. @return how many, or -1 when fewer are `left`.
static int take_siblings(col_tree *tree, uint8_t level, uint16_t width, const positions *known,
                         const uint8_t *siblings, uint16_t left) {
    int taken = 0;
    for (uint16_t i = 0; i < known->count; i++) {
        if (!lacks_sibling(known, i, width)) continue;
        if (taken == left) return -1;
        const uint32_t node = tree->level_start[level] + (uint32_t)(known->at[i] ^ 1);
        memcpy(tree->node[node].byte, siblings + 32 * (size_t)taken++, 32);
        know(tree, node);
    }
    return taken;
}

/// What is left to do for one tree of a burst.
typedef struct {
    positions known;
    uint16_t width;
    const uint8_t *siblings;
    uint16_t left;
} progress;

static void begin(col_rebuild *job, progress *at) {
    job->complete = job->count >= 1 && ascending(job->index, job->count, job->leaves);
    if (!job->complete) return;
    lay_out(job->tree, job->leaves);
    at->width = job->leaves;
    at->siblings = job->siblings;
    at->left = job->sibling_count;
    at->known.count = job->count;
    for (uint16_t i = 0; i < job->count; i++) {
        at->known.at[i] = job->index[i];
        job->tree->node[job->index[i]] = job->leaf[i];
        know(job->tree, job->index[i]);
    }
}

/// @return whether the tree has a level above this one
static bool climb_level(col_rebuild *job, progress *at, uint8_t level, pairs *waiting) {
    if (!job->complete || level + 1 >= job->tree->levels) return false;
    const int taken =
        take_siblings(job->tree, level, at->width, &at->known, at->siblings, at->left);
    job->complete = taken >= 0;
    if (!job->complete) return false;
    at->siblings += 32 * (size_t)taken;
    at->left = (uint16_t)(at->left - taken);
    ascend(job->tree, waiting, level, at->width, &at->known);
    at->width = width_above(at->width);
    return true;
}

void col_trees_rebuild(col_rebuild *job, uint32_t count, const col_hasher *hasher) {
    COL_ASSERT(count <= COL_REBUILDS_MAX);

    progress at[COL_REBUILDS_MAX];
    for (uint32_t i = 0; i < count; i++) begin(&job[i], &at[i]);
    pairs waiting = {.hasher = hasher};
    bool goes_on = true;
    for (uint8_t level = 0; goes_on; level++) {
        goes_on = false;
        for (uint32_t i = 0; i < count; i++)
            goes_on |= climb_level(&job[i], &at[i], level, &waiting);
        hash_pairs(&waiting);
    }
    for (uint32_t i = 0; i < count; i++) job[i].complete = job[i].complete && at[i].left == 0;
}

uint8_t col_tree_path(const col_tree *tree, uint16_t index, col_digest *path) {
    COL_ASSERT(index < tree->leaves);

    uint8_t length = 0;
    uint16_t width = tree->leaves;
    for (uint8_t level = 0; level + 1 < tree->levels; level++) {
        const uint16_t sibling = index ^ 1;
        if (sibling < width) {
            const uint32_t node = (uint32_t)tree->level_start[level] + sibling;
            COL_ASSERT(is_known(tree, node));
            path[length++] = tree->node[node];
        }
        index /= 2;
        width = width_above(width);
    }
    return length;
}

bool col_tree_climb(const col_hasher *hasher, uint16_t leaves, uint16_t index,
                    const col_digest *leaf, const col_digest *path, uint8_t depth,
                    col_digest *root) {
    if (index >= leaves || leaves > COL_TREE_LEAVES_MAX) return false;

    col_digest node = *leaf;
    uint8_t used = 0;
    for (uint16_t width = leaves; width > 1; width = width_above(width)) {
        const uint16_t sibling = index ^ 1;
        if (sibling < width) {
            if (used == depth) return false;
            const col_digest *other = &path[used++];
            uint8_t input[NODE_INPUT_BYTES];
            node_input(index & 1 ? other : &node, index & 1 ? &node : other, input);
            col_hash(hasher, (col_bytes){input, sizeof input}, &node);
        }
        index /= 2;
    }
    *root = node;
    return used == depth;
}
