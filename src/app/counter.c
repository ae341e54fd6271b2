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
    uint64_t count;  ///< 0: the place is free
} tally;

#define TALLIES_PER_CHUNK (COL_APP_CHUNK_BYTES / sizeof(tally))
#define PLACES_MIN 64
#define REPLY_BYTES_MIN sizeof(uint64_t)

typedef struct {
    tally *place;     ///< open addressing, at most half full
    uint64_t places;  ///< a power of two
    uint64_t sessions;
} tally_table;

typedef struct {
    size_t reply_bytes;
    tally_table table;
    tally *frozen;  ///< the snapshot being read, by session; NULL for none
    uint64_t frozen_sessions;
    tally_table restoring;  ///< what has arrived of a snapshot; no places when none is arriving
    uint64_t restoring_sessions;
    uint64_t restoring_session;  ///< the newest
} counter;

/// A replica that cannot hold the agreed state must stop: it can only disagree from here on.
static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    COL_ASSERT(memory != NULL);
    return memory;
}

static tally_table table_of(uint64_t places) {
    return (tally_table){.place = allocate(places, sizeof(tally)), .places = places};
}

/// The session's place, or the free place where it would go.
static tally *place_of(const tally_table *table, uint64_t session) {
    uint64_t key = (session ^ (session >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    key ^= key >> 32;
    for (uint64_t at = key;; at++) {
        tally *place = &table->place[at & (table->places - 1)];
        if (place->count == 0 || place->session == session) return place;
    }
}

static void grow(tally_table *table) {
    tally_table grown = table_of(2 * table->places);
    grown.sessions = table->sessions;
    for (uint64_t i = 0; i < table->places; i++) {
        const tally *old = &table->place[i];
        if (old->count > 0) *place_of(&grown, old->session) = *old;
    }
    free(table->place);
    *table = grown;
}

static uint64_t add(tally_table *table, uint64_t session, uint64_t amount) {
    tally *place = place_of(table, session);
    if (place->count == 0) {
        if (2 * (table->sessions + 1) > table->places) {
            grow(table);
            place = place_of(table, session);
        }
        place->session = session;
        table->sessions++;
    }
    place->count += amount;
    return place->count;
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
    counter *self = allocate(1, sizeof *self);
    self->reply_bytes = reply_bytes;
    self->table = table_of(PLACES_MIN);
    return self;
}

static void destroy(void *app) {
    counter *self = app;
    free(self->table.place);
    free(self->restoring.place);
    free(self->frozen);
    free(self);
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
    return reply(self, add(&self->table, request->session, 1), result, capacity);
}

static size_t query(const void *app, const uint8_t *operation, size_t length, uint8_t *result,
                    size_t capacity) {
    const counter *self = app;
    col_reader reader = col_reader_of((col_bytes){operation, length});
    const uint64_t session = col_read_u64(&reader);
    if (!col_reader_done(&reader)) return 0;
    return reply(self, place_of(&self->table, session)->count, result, capacity);
}

static int by_session(const void *left, const void *right) {
    const uint64_t a = ((const tally *)left)->session;
    const uint64_t b = ((const tally *)right)->session;
    return (a > b) - (a < b);
}

static uint64_t chunks_of(uint64_t sessions) {
    return 1 + sessions / TALLIES_PER_CHUNK + (sessions % TALLIES_PER_CHUNK > 0);
}

static uint32_t snapshot_begin(void *app) {
    counter *self = app;
    COL_ASSERT(self->frozen == NULL);
    const uint64_t chunks = chunks_of(self->table.sessions);
    COL_ASSERT(chunks <= UINT32_MAX);

    self->frozen_sessions = self->table.sessions;
    self->frozen = allocate(self->frozen_sessions + 1, sizeof(tally));
    uint64_t used = 0;
    for (uint64_t i = 0; i < self->table.places; i++) {
        if (self->table.place[i].count > 0) self->frozen[used++] = self->table.place[i];
    }
    qsort(self->frozen, used, sizeof(tally), by_session);
    return (uint32_t)chunks;
}

static size_t snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    const counter *self = app;
    COL_ASSERT(self->frozen != NULL && index < chunks_of(self->frozen_sessions));
    COL_ASSERT(capacity >= COL_APP_CHUNK_BYTES);

    col_writer writer = col_writer_of(chunk, capacity);
    if (index == 0) {
        col_write_u64(&writer, self->frozen_sessions);
        return col_writer_used(&writer);
    }
    const uint64_t first = (index - 1) * TALLIES_PER_CHUNK;
    for (uint64_t i = first; i < first + TALLIES_PER_CHUNK && i < self->frozen_sessions; i++) {
        col_write_u64(&writer, self->frozen[i].session);
        col_write_u64(&writer, self->frozen[i].count);
    }
    return col_writer_used(&writer);
}

static void snapshot_end(void *app) {
    counter *self = app;
    free(self->frozen);
    self->frozen = NULL;
}

static bool restore_head(counter *self, uint32_t count, col_reader *reader) {
    free(self->restoring.place);
    self->restoring = table_of(PLACES_MIN);
    self->restoring_sessions = col_read_u64(reader);
    return col_reader_done(reader) && chunks_of(self->restoring_sessions) == count;
}

static bool restore_tallies(counter *self, uint32_t index, uint32_t count, col_reader *reader) {
    if (chunks_of(self->restoring_sessions) != count) return false;
    if (self->restoring.sessions != (index - 1) * TALLIES_PER_CHUNK) return false;
    const uint64_t left = self->restoring_sessions - self->restoring.sessions;
    const uint64_t here = left < TALLIES_PER_CHUNK ? left : TALLIES_PER_CHUNK;
    for (uint64_t i = 0; i < here; i++) {
        const uint64_t session = col_read_u64(reader);
        const uint64_t operations = col_read_u64(reader);
        if (reader->failed || operations == 0) return false;
        const bool first = self->restoring.sessions == 0;
        if (!first && session <= self->restoring_session) return false;
        add(&self->restoring, session, operations);
        self->restoring_session = session;
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
    } else if (index < count && self->restoring.place != NULL) {
        good = restore_tallies(self, index, count, &reader);
    }
    if (good && index + 1 < count) return 0;

    if (good) {
        free(self->table.place);
        self->table = self->restoring;
    } else {
        free(self->restoring.place);
    }
    self->restoring = (tally_table){0};
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
