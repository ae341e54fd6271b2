// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/root_cache.h"
#include "src/base/cursor.h"

/// What a root signature covers: "colonnade root 1", cluster id, u8 role, u32 signer, u32 key
/// version, u16 leaves, root. A key signs nothing else (PROTOCOL, section 2).
#define COL_ROOT_TEXT_BYTES (16 + 32 + 1 + 4 + 4 + 2 + 32)

/// @param text out, COL_ROOT_TEXT_BYTES
static inline void col_root_text(const col_digest *cluster, const col_root_key *key,
                                 uint8_t *text) {
    col_writer writer = col_writer_of(text, COL_ROOT_TEXT_BYTES);
    col_write_bytes(&writer, (col_bytes){(const uint8_t *)"colonnade root 1", 16});
    col_write_digest(&writer, cluster);
    col_write_u8(&writer, key->role);
    col_write_u32(&writer, key->signer);
    col_write_u32(&writer, key->key_version);
    col_write_u16(&writer, key->leaves);
    col_write_digest(&writer, &key->root);
}
