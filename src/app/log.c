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
#define FRAME_BYTES sizeof(uint32_t)
#define KEPT_BYTES_MAX ((size_t)KEPT_MAX * (FRAME_BYTES + COL_OPERATION_BYTES_MAX))
#define SNAPSHOT_BYTES_MAX (HEAD_BYTES + KEPT_BYTES_MAX)
#define CHUNKS_MAX (SNAPSHOT_BYTES_MAX / COL_APP_CHUNK_BYTES + 1)

/// The operations kept, as they stand in snapshots, from `begin` to `end`.
typedef struct {
    uint64_t count;  ///< operations since the beginning
    col_digest digest;
    size_t begin, end;
    /// Twice what can be kept: the text goes back to the front when less than itself is free there,
    /// so that each byte is moved once on average.
    uint8_t text[2 * KEPT_BYTES_MAX];
} log_history;

/// Head and text, one after the other.
typedef struct {
    size_t bytes;
    uint8_t text[SNAPSHOT_BYTES_MAX + COL_APP_CHUNK_BYTES];
} log_snapshot;

/// All memory of the log. Only what is used is ever touched.
typedef struct {
    EVP_MD *sha256;
    EVP_MD_CTX *hash;
    log_history now;
    log_snapshot frozen;     ///< the snapshot being read
    log_snapshot restoring;  ///< the chunks that have arrived of a snapshot
    uint32_t restoring_next;
    uint32_t restoring_count;  ///< 0: no snapshot is arriving
    bool is_frozen;
} log_app;

static uint64_t kept_count(const log_history *history) {
    return history->count < KEPT_MAX ? history->count : KEPT_MAX;
}

/// The operation whose length stands at `at`.
static col_bytes operation_at(const log_history *history, size_t at) {
    col_reader reader = col_reader_of((col_bytes){&history->text[at], history->end - at});
    const uint32_t length = col_read_u32(&reader);
    return col_read_bytes(&reader, length);
}

static void forget_oldest(log_history *history) {
    history->begin += FRAME_BYTES + operation_at(history, history->begin).length;
    const size_t kept = history->end - history->begin;
    if (history->begin < kept) return;
    memcpy(history->text, &history->text[history->begin], kept);
    history->begin = 0;
    history->end = kept;
}

static void keep(log_history *history, col_bytes operation) {
    if (history->count >= KEPT_MAX) forget_oldest(history);
    col_writer writer = col_writer_of(&history->text[history->end], FRAME_BYTES + operation.length);
    col_write_u32(&writer, (uint32_t)operation.length);
    col_write_bytes(&writer, operation);
    history->end += col_writer_used(&writer);
    history->count++;
}

static void chain(log_app *self, col_bytes operation) {
    col_digest *digest = &self->now.digest;
    const bool hashed = EVP_DigestInit_ex2(self->hash, self->sha256, NULL) == 1 &&
                        EVP_DigestUpdate(self->hash, digest->byte, sizeof digest->byte) == 1 &&
                        EVP_DigestUpdate(self->hash, operation.at, operation.length) == 1 &&
                        EVP_DigestFinal_ex(self->hash, digest->byte, NULL) == 1;
    COL_ASSERT(hashed);
}

static void *create(const char *options) {
    if (*options != '\0') return NULL;
    log_app *self = calloc(1, sizeof *self);
    COL_ASSERT(self != NULL);
    self->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->hash = EVP_MD_CTX_new();
    COL_ASSERT(self->sha256 != NULL && self->hash != NULL);
    return self;
}

static void destroy(void *app) {
    log_app *self = app;
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
    const col_bytes operation = {request->operation, request->length};
    chain(self, operation);
    keep(&self->now, operation);
    return write_head(&self->now, result, capacity);
}

static size_t query(const void *app, const uint8_t *operation, size_t length, uint8_t *result,
                    size_t capacity) {
    const log_history *now = &((const log_app *)app)->now;
    if (length == 0) return write_head(now, result, capacity);

    col_reader reader = col_reader_of((col_bytes){operation, length});
    const uint64_t index = col_read_u64(&reader);
    if (!col_reader_done(&reader) || index == 0 || index > now->count) return 0;
    const uint64_t newer = now->count - index;
    if (newer >= kept_count(now)) return 0;

    size_t at = now->begin;
    for (uint64_t older = kept_count(now) - 1 - newer; older > 0; older--) {
        at += FRAME_BYTES + operation_at(now, at).length;
    }
    col_writer writer = col_writer_of(result, capacity);
    col_write_bytes(&writer, operation_at(now, at));
    return col_writer_used(&writer);
}

static uint32_t snapshot_begin(void *app) {
    log_app *self = app;
    log_snapshot *frozen = &self->frozen;
    COL_ASSERT(!self->is_frozen);
    self->is_frozen = true;
    const size_t kept = self->now.end - self->now.begin;
    frozen->bytes = write_head(&self->now, frozen->text, HEAD_BYTES) + kept;
    memcpy(frozen->text + HEAD_BYTES, &self->now.text[self->now.begin], kept);
    return (uint32_t)((frozen->bytes + COL_APP_CHUNK_BYTES - 1) / COL_APP_CHUNK_BYTES);
}

static size_t snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    const log_app *self = app;
    const size_t before = (size_t)index * COL_APP_CHUNK_BYTES;
    COL_ASSERT(self->is_frozen && before < self->frozen.bytes && capacity >= COL_APP_CHUNK_BYTES);
    const size_t left = self->frozen.bytes - before;
    const size_t length = left < COL_APP_CHUNK_BYTES ? left : COL_APP_CHUNK_BYTES;
    memcpy(chunk, self->frozen.text + before, length);
    return length;
}

static void snapshot_end(void *app) {
    log_app *self = app;
    self->is_frozen = false;
}

/// Whether a snapshot is as many whole operations as its head says. @return their text, else NULL
static const uint8_t *check(const log_snapshot *snapshot, uint64_t *count, col_digest *digest) {
    col_reader reader = col_reader_of((col_bytes){snapshot->text, snapshot->bytes});
    *count = col_read_u64(&reader);
    col_read_digest(&reader, digest);
    const uint64_t kept = *count < KEPT_MAX ? *count : KEPT_MAX;
    for (uint64_t i = 0; i < kept; i++) {
        const uint32_t length = col_read_u32(&reader);
        (void)col_read_bytes(&reader, length);
        if (reader.failed || length > COL_OPERATION_BYTES_MAX) return NULL;
    }
    return col_reader_done(&reader) ? snapshot->text + HEAD_BYTES : NULL;
}

static bool take_restored(log_app *self) {
    uint64_t count;
    col_digest digest;
    const uint8_t *text = check(&self->restoring, &count, &digest);
    if (text == NULL) return false;
    self->now.count = count;
    self->now.digest = digest;
    self->now.begin = 0;
    self->now.end = self->restoring.bytes - HEAD_BYTES;
    memcpy(self->now.text, text, self->now.end);
    return true;
}

/// Add a chunk to those that have arrived. @return false when it cannot be the next one.
static bool gather(log_app *self, uint32_t index, uint32_t count, const uint8_t *chunk,
                   size_t length) {
    if (index == 0) {
        if (count > CHUNKS_MAX) return false;
        self->restoring.bytes = 0;
        self->restoring_next = 0;
        self->restoring_count = count;
    }
    if (count == 0 || count != self->restoring_count) return false;
    if (index != self->restoring_next) return false;
    const bool whole = length == COL_APP_CHUNK_BYTES;
    const bool last = index + 1 == count;
    if (!whole && !(last && length > 0 && length < COL_APP_CHUNK_BYTES)) return false;
    memcpy(self->restoring.text + self->restoring.bytes, chunk, length);
    self->restoring.bytes += length;
    self->restoring_next++;
    return true;
}

/// The present state stays until the last chunk has been found good.
static int restore(void *app, uint32_t index, uint32_t count, const uint8_t *chunk, size_t length) {
    log_app *self = app;
    bool good = gather(self, index, count, chunk, length);
    if (good && index + 1 < count) return 0;
    if (good) good = take_restored(self);
    self->restoring_count = 0;
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
