// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/app/app.h"
#include "src/base/assert.h"
#include "src/base/cursor.h"
#include "src/base/limits.h"

// A snapshot: chunk 0 holds the number of sessions (u64); each further chunk up to 256 pairs of
// session and count (u64, u64), sessions ascending.

typedef struct {
    uint64_t session;
    uint64_t count;
} tally;

#define TALLIES_PER_CHUNK (COL_APP_CHUNK_BYTES / sizeof(tally))
#define REPLY_BYTES_MIN sizeof(uint64_t)

/// As many sessions as a cluster can have at a time. Only what is used is ever touched.
#define TALLIES_MAX COL_SESSIONS_MAX

/// Sessions ascending: the order of snapshots. A new session moves those above it, which is rare.
typedef struct {
    uint32_t used;
    tally tally[TALLIES_MAX];
} tally_table;

typedef struct {
    size_t reply_bytes;
    tally_table now;
    tally_table frozen;     ///< the snapshot being read
    tally_table restoring;  ///< what has arrived of a snapshot
    uint64_t restoring_sessions;
    bool is_frozen;
    bool is_restoring;
} counter;

/// Where a session stands, or would stand.
static uint32_t place_of(const tally_table *table, uint64_t session) {
    uint32_t low = 0, high = table->used;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (table->tally[middle].session < session) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const tally_table *table, uint32_t place, uint64_t session) {
    return place < table->used && table->tally[place].session == session;
}

static uint64_t count_of(const tally_table *table, uint64_t session) {
    const uint32_t place = place_of(table, session);
    return holds(table, place, session) ? table->tally[place].count : 0;
}

/// Count one operation. @return false when the session is new and there is no room for it.
static bool add(tally_table *table, uint64_t session, uint64_t *count) {
    const uint32_t place = place_of(table, session);
    tally *at = &table->tally[place];
    if (!holds(table, place, session)) {
        if (table->used == TALLIES_MAX) return false;
        memmove(at + 1, at, (table->used - place) * sizeof *at);
        *at = (tally){.session = session};
        table->used++;
    }
    *count = ++at->count;
    return true;
}

static void copy(tally_table *to, const tally_table *from) {
    to->used = from->used;
    memcpy(to->tally, from->tally, from->used * sizeof(tally));
}

/// Understand "" and "reply_bytes=N". @return false when `options` is something else.
static bool parse_options(const char *options, size_t *reply_bytes) {
    static const char key[] = "reply_bytes=";
    *reply_bytes = REPLY_BYTES_MIN;
    if (*options == '\0') return true;
    if (strncmp(options, key, sizeof key - 1) != 0) return false;

    const char *digits = options + sizeof key - 1;
    if (*digits < '0' || *digits > '9') return false;
    char *end;
    errno = 0;
    const unsigned long value = strtoul(digits, &end, 10);
    if (errno != 0 || *end != '\0') return false;
    *reply_bytes = value;
    return value >= REPLY_BYTES_MIN && value <= COL_RESULT_BYTES_MAX;
}

static void *create(const char *options) {
    size_t reply_bytes;
    if (!parse_options(options, &reply_bytes)) return NULL;
    counter *self = calloc(1, sizeof *self);
    COL_ASSERT(self != NULL);
    self->reply_bytes = reply_bytes;
    return self;
}

static void destroy(void *app) {
    free(app);
}

static size_t reply(const counter *self, uint64_t count, uint8_t *result, size_t capacity) {
    const size_t length = self->reply_bytes < capacity ? self->reply_bytes : capacity;
    memset(result, 0, length);
    col_writer writer = col_writer_of(result, length);
    col_write_u64(&writer, count);
    return length;
}

static size_t execute(void *app, const col_app_request *request, uint8_t *result, size_t capacity) {
    counter *self = app;
    uint64_t count;
    if (!add(&self->now, request->session, &count)) return 0;
    return reply(self, count, result, capacity);
}

static size_t query(const void *app, const uint8_t *operation, size_t length, uint8_t *result,
                    size_t capacity) {
    const counter *self = app;
    col_reader reader = col_reader_of((col_bytes){operation, length});
    const uint64_t session = col_read_u64(&reader);
    if (!col_reader_done(&reader)) return 0;
    return reply(self, count_of(&self->now, session), result, capacity);
}

static uint32_t chunks_of(uint64_t sessions) {
    return (uint32_t)(1 + (sessions + TALLIES_PER_CHUNK - 1) / TALLIES_PER_CHUNK);
}

static uint32_t snapshot_begin(void *app) {
    counter *self = app;
    COL_ASSERT(!self->is_frozen);
    self->is_frozen = true;
    copy(&self->frozen, &self->now);
    return chunks_of(self->frozen.used);
}

static size_t snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    const counter *self = app;
    const tally_table *frozen = &self->frozen;
    COL_ASSERT(self->is_frozen && index < chunks_of(frozen->used));
    COL_ASSERT(capacity >= COL_APP_CHUNK_BYTES);

    col_writer writer = col_writer_of(chunk, capacity);
    if (index == 0) {
        col_write_u64(&writer, frozen->used);
        return col_writer_used(&writer);
    }
    const uint64_t first = (index - 1) * TALLIES_PER_CHUNK;
    for (uint64_t i = first; i < first + TALLIES_PER_CHUNK && i < frozen->used; i++) {
        col_write_u64(&writer, frozen->tally[i].session);
        col_write_u64(&writer, frozen->tally[i].count);
    }
    return col_writer_used(&writer);
}

static void snapshot_end(void *app) {
    counter *self = app;
    self->is_frozen = false;
}

static bool restore_head(counter *self, uint32_t count, col_reader *reader) {
    self->restoring.used = 0;
    self->restoring_sessions = col_read_u64(reader);
    return col_reader_done(reader) && self->restoring_sessions <= TALLIES_MAX &&
           chunks_of(self->restoring_sessions) == count;
}

static bool restore_tallies(counter *self, uint32_t index, uint32_t count, col_reader *reader) {
    tally_table *table = &self->restoring;
    if (chunks_of(self->restoring_sessions) != count) return false;
    if (table->used != (index - 1) * TALLIES_PER_CHUNK) return false;
    const uint64_t left = self->restoring_sessions - table->used;
    const uint64_t here = left < TALLIES_PER_CHUNK ? left : TALLIES_PER_CHUNK;
    for (uint64_t i = 0; i < here; i++) {
        tally read;
        read.session = col_read_u64(reader);
        read.count = col_read_u64(reader);
        if (reader->failed || read.count == 0) return false;
        if (table->used > 0 && read.session <= table->tally[table->used - 1].session) return false;
        table->tally[table->used++] = read;
    }
    return col_reader_done(reader);
}

/// The present state stays until the last chunk has been found good.
static int restore(void *app, uint32_t index, uint32_t count, const uint8_t *chunk, size_t length) {
    counter *self = app;
    col_reader reader = col_reader_of((col_bytes){chunk, length});
    bool good = false;
    if (index == 0) {
        good = restore_head(self, count, &reader);
    } else if (index < count && self->is_restoring) {
        good = restore_tallies(self, index, count, &reader);
    }
    self->is_restoring = good && index + 1 < count;
    if (self->is_restoring) return 0;
    if (good) copy(&self->now, &self->restoring);
    return good ? 0 : -1;
}

const col_app col_app_counter = {
    .name = "counter",
    .create = create,
    .destroy = destroy,
    .execute = execute,
    .query = query,
    .snapshot_begin = snapshot_begin,
    .snapshot_chunk = snapshot_chunk,
    .snapshot_end = snapshot_end,
    .restore = restore,
};
