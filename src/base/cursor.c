// SPDX-License-Identifier: Apache-2.0
#include "src/base/cursor.h"

#include <endian.h>

col_reader col_reader_of(col_bytes bytes) {
    return (col_reader){.at = bytes.at, .end = bytes.at + bytes.length};
}

static const uint8_t *advance(col_reader *reader, size_t length) {
    if (reader->failed || length > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += length;
    return at;
}

uint8_t col_read_u8(col_reader *reader) {
    const uint8_t *at = advance(reader, 1);
    return at == NULL ? 0 : *at;
}

uint16_t col_read_u16(col_reader *reader) {
    uint16_t value = 0;
    const uint8_t *at = advance(reader, sizeof value);
    if (at != NULL) memcpy(&value, at, sizeof value);
    return le16toh(value);
}

uint32_t col_read_u32(col_reader *reader) {
    uint32_t value = 0;
    const uint8_t *at = advance(reader, sizeof value);
    if (at != NULL) memcpy(&value, at, sizeof value);
    return le32toh(value);
}

uint64_t col_read_u64(col_reader *reader) {
    uint64_t value = 0;
    const uint8_t *at = advance(reader, sizeof value);
    if (at != NULL) memcpy(&value, at, sizeof value);
    return le64toh(value);
}

col_bytes col_read_bytes(col_reader *reader, size_t length) {
    const uint8_t *at = advance(reader, length);
    if (at == NULL) return (col_bytes){.at = reader->at, .length = 0};
    return (col_bytes){.at = at, .length = length};
}

void col_read_digest(col_reader *reader, col_digest *digest) {
    const uint8_t *at = advance(reader, sizeof digest->byte);
    if (at == NULL) {
        memset(digest, 0, sizeof *digest);
    } else {
        memcpy(digest->byte, at, sizeof digest->byte);
    }
}

size_t col_reader_left(const col_reader *reader) {
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

bool col_reader_done(const col_reader *reader) {
    return !reader->failed && reader->at == reader->end;
}

col_writer col_writer_of(uint8_t *buffer, size_t capacity) {
    return (col_writer){.start = buffer, .at = buffer, .end = buffer + capacity};
}

static void append(col_writer *writer, const void *bytes, size_t length) {
    if (writer->failed || length > (size_t)(writer->end - writer->at)) {
        writer->failed = true;
        return;
    }
    if (length == 0) return;  // `bytes` may be NULL then, which memcpy does not allow
    memcpy(writer->at, bytes, length);
    writer->at += length;
}

void col_write_u8(col_writer *writer, uint8_t value) {
    append(writer, &value, sizeof value);
}

void col_write_u16(col_writer *writer, uint16_t value) {
    const uint16_t wire = htole16(value);
    append(writer, &wire, sizeof wire);
}

void col_write_u32(col_writer *writer, uint32_t value) {
    const uint32_t wire = htole32(value);
    append(writer, &wire, sizeof wire);
}

void col_write_u64(col_writer *writer, uint64_t value) {
    const uint64_t wire = htole64(value);
    append(writer, &wire, sizeof wire);
}

void col_write_bytes(col_writer *writer, col_bytes bytes) {
    append(writer, bytes.at, bytes.length);
}

void col_write_digest(col_writer *writer, const col_digest *digest) {
    append(writer, digest->byte, sizeof digest->byte);
}

size_t col_writer_used(const col_writer *writer) {
    return (size_t)(writer->at - writer->start);
}
