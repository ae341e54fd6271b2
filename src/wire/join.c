// SPDX-License-Identifier: Apache-2.0
#include "src/wire/join.h"

#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/wire/message.h"

static_assert(COL_SEAL_BYTES_MAX ==
                  4 + 3 * 2 + 2 * 1 + COL_SIGNATURE_BYTES_MAX + 32 * COL_TREE_DEPTH_MAX,
              "as message.h lists");

/// Nodes of the level above one of `width` nodes: pairs, and the odd one promoted.
static uint32_t width_above(uint32_t width) {
    return (width + 1) / 2;
}

uint8_t col_path_length(uint16_t leaves, uint16_t index) {
    COL_ASSERT(leaves <= COL_TREE_LEAVES_MAX && index < leaves);

    uint8_t length = 0;
    uint32_t node = index;
    for (uint32_t width = leaves; width > 1; width = width_above(width)) {
        length += (node ^ 1) < width;
        node /= 2;
    }
    return length;
}

bool col_seal_read(col_bytes seal, col_seal_view *view) {
    col_reader reader = col_reader_of(seal);
    view->key_version = col_read_u32(&reader);
    view->leaves = col_read_u16(&reader);
    view->index = col_read_u16(&reader);
    const uint16_t signature_bytes = col_read_u16(&reader);
    view->scheme = col_read_u8(&reader);
    view->depth = col_read_u8(&reader);
    if (reader.failed || signature_bytes > COL_SIGNATURE_BYTES_MAX) return false;
    if (view->leaves > COL_TREE_LEAVES_MAX || view->index >= view->leaves) return false;
    if (view->depth != col_path_length(view->leaves, view->index)) return false;

    view->signature = col_read_bytes(&reader, signature_bytes);
    view->path = col_read_bytes(&reader, (size_t)view->depth * 32).at;
    return col_reader_done(&reader);
}

size_t col_seal_write(const col_seal_view *view, uint8_t *bytes) {
    COL_ASSERT(view->signature.length <= COL_SIGNATURE_BYTES_MAX);
    COL_ASSERT(view->depth == col_path_length(view->leaves, view->index));

    col_writer writer = col_writer_of(bytes, COL_SEAL_BYTES_MAX);
    col_write_u32(&writer, view->key_version);
    col_write_u16(&writer, view->leaves);
    col_write_u16(&writer, view->index);
    col_write_u16(&writer, (uint16_t)view->signature.length);
    col_write_u8(&writer, view->scheme);
    col_write_u8(&writer, view->depth);
    col_write_bytes(&writer, view->signature);
    col_write_bytes(&writer, (col_bytes){view->path, (size_t)view->depth * 32});
    COL_ASSERT(!writer.failed);
    return col_writer_used(&writer);
}

static void check_same_tree(const col_seal_view *seal, uint16_t count) {
    COL_ASSERT(count >= 1);
    for (uint16_t i = 0; i < count; i++) {
        COL_ASSERT(seal[i].leaves == seal[0].leaves);
        COL_ASSERT(i == 0 || seal[i].index > seal[i - 1].index);
        COL_ASSERT(seal[i].depth == col_path_length(seal[i].leaves, seal[i].index));
    }
}

#define NO_NODE UINT32_MAX

/// At every level the known nodes are the ancestors of the leaves at hand; what a pair lacks stands
/// in the path of any leaf under the other half.
uint16_t col_seals_join(const col_seal_view *seal, uint16_t count, uint8_t *siblings) {
    check_same_tree(seal, count);

    uint16_t used = 0;
    uint8_t climbed[COL_TREE_LEAVES_MAX] = {0};  // elements of each leaf's path below this level
    uint32_t shift = 0;
    for (uint32_t width = seal[0].leaves; width > 1; width = width_above(width), shift++) {
        uint32_t previous = NO_NODE;
        for (uint16_t i = 0; i < count; i++) {
            const uint32_t node = seal[i].index >> shift;
            const uint32_t sibling = node ^ 1;
            if (sibling >= width) continue;  // promoted: the last node, so no other is its sibling

            const uint8_t *bytes = seal[i].path + 32 * (size_t)climbed[i]++;
            const uint32_t next = i + 1 < count ? (uint32_t)seal[i + 1].index >> shift : NO_NODE;
            if (next == node) continue;
            if (previous != sibling && next != sibling) {
                memcpy(siblings + 32 * (size_t)used++, bytes, 32);
            }
            previous = node;
        }
    }
    return used;
}
