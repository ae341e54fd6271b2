// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// The one way to read and write wire bytes: bounded, little-endian, with a sticky failure.
///
/// After a read or write beyond the end, `failed` is set and stays; reads return zeros and empty
/// ranges, writes do nothing. Callers check once, at the end.
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} col_reader;

typedef struct {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
} col_writer;

col_reader col_reader_of(col_bytes bytes);
uint8_t col_read_u8(col_reader *reader);
uint16_t col_read_u16(col_reader *reader);
uint32_t col_read_u32(col_reader *reader);
uint64_t col_read_u64(col_reader *reader);
/// The next `length` bytes, borrowed from the reader's buffer.
col_bytes col_read_bytes(col_reader *reader, size_t length);
void col_read_digest(col_reader *reader, col_digest *digest);
size_t col_reader_left(const col_reader *reader);
/// Everything was read and nothing was missing.
bool col_reader_done(const col_reader *reader);

col_writer col_writer_of(uint8_t *buffer, size_t capacity);
void col_write_u8(col_writer *writer, uint8_t value);
void col_write_u16(col_writer *writer, uint16_t value);
void col_write_u32(col_writer *writer, uint32_t value);
void col_write_u64(col_writer *writer, uint64_t value);
void col_write_bytes(col_writer *writer, col_bytes bytes);
void col_write_digest(col_writer *writer, const col_digest *digest);
size_t col_writer_used(const col_writer *writer);
