// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "src/app/app.h"
#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/base/limits.h"

// The digest after operation i is SHA-256(digest after operation i-1, operation i); before the
// first it is all zeros.
//
// A snapshot: number of operations (u64), digest, then the operations kept, oldest first, each with
// its length (u32); cut into chunks of COL_APP_CHUNK_BYTES.

#define KEPT_MAX 1024
#define HEAD_BYTES (sizeof(uint64_t) + sizeof(col_digest))
#define FRAMED_BYTES_MAX (sizeof(uint32_t) + COL_OPERATION_BYTES_MAX)
#define CHUNKS_MAX ((HEAD_BYTES + KEPT_MAX * FRAMED_BYTES_MAX) / COL_APP_CHUNK_BYTES + 1)

/// An operation as it stands in snapshots; the log and a frozen snapshot may both hold it.
typedef struct {
    uint32_t holders;
    uint32_t length;  ///< of `framed`
    uint8_t framed[];
} entry;

typedef struct {
    uint64_t count;  ///< operations since the beginning; the kept one of index i is at i % KEPT_MAX
    col_digest digest;
    entry *kept[KEPT_MAX];
} log_history;

typedef struct {
    EVP_MD *sha256;
    EVP_MD_CTX *hash;
    log_history now;
    log_history *frozen;  ///< the snapshot being read, NULL for none
    uint8_t *restoring;   ///< the chunks that have arrived of a snapshot, NULL for none
    size_t restoring_bytes;
    uint32_t restoring_next;
    uint32_t restoring_count;
} log_app;

/// A replica that cannot hold the agreed state must stop: it can only disagree from here on.
static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    COL_ASSERT(memory != NULL);
    return memory;
}

static entry *entry_of(const uint8_t *operation, uint32_t length) {
    const uint32_t framed = (uint32_t)sizeof length + length;
    entry *made = allocate(sizeof *made + framed);
    made->holders = 1;
    made->length = framed;
    col_writer writer = col_writer_of(made->framed, framed);
    col_write_u32(&writer, length);
    col_write_bytes(&writer, (col_bytes){operation, length});
    COL_ASSERT(!writer.failed);
    return made;
}

static void let_go(entry *held) {
    if (held != NULL && --held->holders == 0) free(held);
}

static void forget(log_history *history) {
    for (uint32_t i = 0; i < KEPT_MAX; i++) let_go(history->kept[i]);
}

/// Put the next operation, number `count` from 0, in the place of the one that is KEPT_MAX older.
static void keep(log_history *history, entry *made) {
    entry **place = &history->kept[history->count % KEPT_MAX];
    let_go(*place);
    *place = made;
    history->count++;
}

static uint64_t kept_count(const log_history *history) {
    return history->count < KEPT_MAX ? history->count : KEPT_MAX;
}

static void chain(log_app *self, const uint8_t *operation, size_t length) {
    col_digest *digest = &self->now.digest;
    const bool hashed = EVP_DigestInit_ex2(self->hash, self->sha256, NULL) == 1 &&
                        EVP_DigestUpdate(self->hash, digest->byte, sizeof digest->byte) == 1 &&
                        EVP_DigestUpdate(self->hash, operation, length) == 1 &&
                        EVP_DigestFinal_ex(self->hash, digest->byte, NULL) == 1;
    COL_ASSERT(hashed);
}

static void *create(const char *options) {
    if (*options != '\0') return NULL;
    log_app *self = allocate(sizeof *self);
    self->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->hash = EVP_MD_CTX_new();
    COL_ASSERT(self->sha256 != NULL && self->hash != NULL);
    return self;
}

static void snapshot_end(void *app) {
    log_app *self = app;
    if (self->frozen == NULL) return;
    forget(self->frozen);
    free(self->frozen);
    self->frozen = NULL;
}

static void destroy(void *app) {
    log_app *self = app;
    snapshot_end(self);
    forget(&self->now);
    free(self->restoring);
    EVP_MD_CTX_free(self->hash);
    EVP_MD_free(self->sha256);
    free(self);
}

static size_t write_head(const log_history *history, uint8_t *result, size_t capacity) {
    col_writer writer = col_writer_of(result, capacity);
    col_write_u64(&writer, history->count);
    col_write_digest(&writer, &history->digest);
    return col_writer_used(&writer);
}

static size_t execute(void *app, const col_app_request *request, uint8_t *result, size_t capacity) {
    log_app *self = app;
    COL_ASSERT(request->length <= COL_OPERATION_BYTES_MAX);
    chain(self, request->operation, request->length);
    keep(&self->now, entry_of(request->operation, (uint32_t)request->length));
    return write_head(&self->now, result, capacity);
}

static size_t query(const void *app, const uint8_t *operation, size_t length, uint8_t *result,
                    size_t capacity) {
    const log_app *self = app;
    if (length == 0) return write_head(&self->now, result, capacity);

    col_reader reader = col_reader_of((col_bytes){operation, length});
    const uint64_t index = col_read_u64(&reader);
    if (!col_reader_done(&reader) || index == 0 || index > self->now.count) return 0;
    if (self->now.count - index >= KEPT_MAX) return 0;

    const entry *found = self->now.kept[(index - 1) % KEPT_MAX];
    col_writer writer = col_writer_of(result, capacity);
    col_write_bytes(
        &writer, (col_bytes){found->framed + sizeof(uint32_t), found->length - sizeof(uint32_t)});
    return col_writer_used(&writer);
}

static uint32_t snapshot_begin(void *app) {
    log_app *self = app;
    COL_ASSERT(self->frozen == NULL);
    self->frozen = allocate(sizeof *self->frozen);
    *self->frozen = self->now;
    uint64_t bytes = HEAD_BYTES;
    for (uint64_t i = 0; i < kept_count(&self->now); i++) {
        self->now.kept[i]->holders++;
        bytes += self->now.kept[i]->length;
    }
    return (uint32_t)((bytes + COL_APP_CHUNK_BYTES - 1) / COL_APP_CHUNK_BYTES);
}

/// A window on a longer text: passes over `before` bytes, then lets through what `writer` holds.
typedef struct {
    uint64_t before;
    col_writer writer;
} text_window;

static void show(text_window *window, const uint8_t *piece, size_t length) {
    const size_t passed = window->before < length ? (size_t)window->before : length;
    window->before -= passed;
    const size_t room = (size_t)(window->writer.end - window->writer.at);
    const size_t left = length - passed;
    col_write_bytes(&window->writer, (col_bytes){piece + passed, left < room ? left : room});
}

static size_t snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    const log_app *self = app;
    const log_history *frozen = self->frozen;
    COL_ASSERT(frozen != NULL && capacity >= COL_APP_CHUNK_BYTES);

    text_window window = {.before = (uint64_t)index * COL_APP_CHUNK_BYTES,
                          .writer = col_writer_of(chunk, COL_APP_CHUNK_BYTES)};
    uint8_t head[HEAD_BYTES];
    show(&window, head, write_head(frozen, head, sizeof head));
    for (uint64_t i = frozen->count - kept_count(frozen); i < frozen->count; i++) {
        const entry *shown = frozen->kept[i % KEPT_MAX];
        show(&window, shown->framed, shown->length);
    }
    COL_ASSERT(col_writer_used(&window.writer) > 0);  // `index` is of this snapshot
    return col_writer_used(&window.writer);
}

/// Make `read` what a snapshot says. @return false, with `read` to be forgotten, when it is none.
static bool parse(log_history *read, col_bytes snapshot) {
    col_reader reader = col_reader_of(snapshot);
    const uint64_t count = col_read_u64(&reader);
    col_read_digest(&reader, &read->digest);

    read->count = count - (count < KEPT_MAX ? count : KEPT_MAX);
    while (read->count < count) {
        const uint32_t length = col_read_u32(&reader);
        const col_bytes operation = col_read_bytes(&reader, length);
        if (reader.failed || length > COL_OPERATION_BYTES_MAX) return false;
        keep(read, entry_of(operation.at, length));
    }
    return col_reader_done(&reader);
}

/// Add a chunk to those that have arrived. @return false when it cannot be the next one.
static bool gather(log_app *self, uint32_t index, uint32_t count, const uint8_t *chunk,
                   size_t length) {
    if (index == 0) {
        if (count == 0 || count > CHUNKS_MAX) return false;
        free(self->restoring);
        self->restoring = allocate((size_t)count * COL_APP_CHUNK_BYTES);
        self->restoring_bytes = 0;
        self->restoring_next = 0;
        self->restoring_count = count;
    }
    if (self->restoring == NULL || count != self->restoring_count) return false;
    if (index != self->restoring_next) return false;
    const bool whole = length == COL_APP_CHUNK_BYTES;
    const bool last = index + 1 == count;
    if (!whole && !(last && length > 0 && length < COL_APP_CHUNK_BYTES)) return false;
    memcpy(self->restoring + self->restoring_bytes, chunk, length);
    self->restoring_bytes += length;
    self->restoring_next++;
    return true;
}

static void end_restoring(log_app *self) {
    free(self->restoring);
    self->restoring = NULL;
}

/// The present state stays until the last chunk has been found good.
static int restore(void *app, uint32_t index, uint32_t count, const uint8_t *chunk, size_t length) {
    log_app *self = app;
    bool good = gather(self, index, count, chunk, length);
    if (good && index + 1 < count) return 0;

    if (good) {
        log_history *read = allocate(sizeof *read);
        good = parse(read, (col_bytes){self->restoring, self->restoring_bytes});
        forget(good ? &self->now : read);
        if (good) self->now = *read;
        free(read);
    }
    end_restoring(self);
    return good ? 0 : -1;
}

const col_app col_app_log = {
    .name = "log",
    .create = create,
    .destroy = destroy,
    .execute = execute,
    .query = query,
    .snapshot_begin = snapshot_begin,
    .snapshot_chunk = snapshot_chunk,
    .snapshot_end = snapshot_end,
    .restore = restore,
};
