// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/limits.h"

/// A seal (message.h: col_seal), decoded. Borrowed.
typedef struct {
    uint32_t key_version;
    uint16_t leaves;
    uint16_t index;
    uint8_t scheme;
    uint8_t depth;  ///< siblings in `path`
    col_bytes signature;
    const uint8_t *path;  ///< depth * 32 bytes
} col_seal_view;

/// @return false when the bytes are not exactly one seal with 0 <= index < leaves <=
/// COL_TREE_LEAVES_MAX and a
///         path of the length that this leaf has (levels where the node is promoted have no
///         sibling)
bool col_seal_read(col_bytes seal, col_seal_view *view);

/// @param bytes out, COL_SEAL_BYTES_MAX of room @return bytes used
size_t col_seal_write(const col_seal_view *view, uint8_t *bytes);

/// Levels above leaf `index` of a tree of `leaves` at which it has a sibling.
uint8_t col_path_length(uint16_t leaves, uint16_t index);

/// Join the seals of several leaves of one tree into what a bundle carries: the siblings that the
/// leaves do not give (order of bundle.h).
///
/// @param seal [count], ascending by index, all of the same tree
/// @param siblings out, room for 32 * (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX) bytes
/// @return how many siblings
uint16_t col_seals_join(const col_seal_view *seal, uint16_t count, uint8_t *siblings);
