// SPDX-License-Identifier: Apache-2.0
#include "src/wire/message.h"

#include "src/base/assert.h"
#include "src/base/cursor.h"

static_assert(
    COL_LEAF_BYTES == 1 + 32 + 4 * 1 + 4 + 2 * 8 + 2 * 2 + 32,
    "0x00, cluster, four bytes, sender, view and sequence, fragment and fragments, digest");

const char *col_type_name(uint8_t type) {
    static const char *const name[COL_TYPE_COUNT] = {
        [COL_SESSION_OPEN] = "SESSION-OPEN",
        [COL_SESSION_OPENED] = "SESSION-OPENED",
        [COL_REQUEST] = "REQUEST",
        [COL_REPLY] = "REPLY",
        [COL_BUSY] = "BUSY",
        [COL_FORWARD] = "FORWARD",
        [COL_BATCH] = "BATCH",
        [COL_PRE_PREPARE] = "PRE-PREPARE",
        [COL_PREPARE] = "PREPARE",
        [COL_COMMIT] = "COMMIT",
        [COL_CHECKPOINT] = "CHECKPOINT",
        [COL_VIEW_CHANGE] = "VIEW-CHANGE",
        [COL_NEW_VIEW] = "NEW-VIEW",
        [COL_STATUS] = "STATUS",
        [COL_FETCH] = "FETCH",
        [COL_FETCHED] = "FETCHED",
        [COL_STATE_FETCH] = "STATE-FETCH",
        [COL_STATE_CHUNK] = "STATE-CHUNK",
        [COL_RECOVER] = "RECOVER",
        [COL_RECOVERED] = "RECOVERED",
    };
    return type < COL_TYPE_COUNT && name[type] != NULL ? name[type] : "?";
}

size_t col_leaf_encode(const col_digest *cluster, const col_header *header,
                       const col_digest *fragment_digest, uint8_t *leaf) {
    COL_ASSERT((fragment_digest == NULL) == (header->fragments == 1));

    col_writer writer = col_writer_of(leaf, COL_LEAF_BYTES_FRAGMENT);
    col_write_u8(&writer, 0x00);
    col_write_digest(&writer, cluster);
    col_write_u8(&writer, header->role);
    col_write_u8(&writer, header->type);
    col_write_u8(&writer, header->pillar);
    col_write_u8(&writer, header->run);
    col_write_u32(&writer, header->sender);
    col_write_u64(&writer, header->view);
    col_write_u64(&writer, header->sequence);
    col_write_u16(&writer, header->fragment);
    col_write_u16(&writer, header->fragments);
    col_write_digest(&writer, &header->digest);
    if (fragment_digest != NULL) col_write_digest(&writer, fragment_digest);

    COL_ASSERT(!writer.failed);
    return col_writer_used(&writer);
}
