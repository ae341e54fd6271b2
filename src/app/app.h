// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/// The application interface: what a replicated service implements. Public header, installed as
/// <colonnade/app.h>.
///
/// All functions of one instance are called from one thread. They must be deterministic: equal
/// histories give equal results and equal snapshots on every replica, so no clock (use the agreed
/// time), no randomness, no iteration over addresses or hash order. `execute` and the functions of
/// snapshots run on the replica's hot path: they should take no memory that `create` did not take.

/// One ordered operation, borrowed for the call.
typedef struct {
    uint64_t time_ns;  ///< agreed wall-clock time, never decreasing
    uint64_t session;
    uint64_t number;  ///< within the session
    uint32_t client;
    const uint8_t *operation;
    size_t length;
} col_app_request;

typedef struct {
    const char *name;  ///< as in the cluster file: "counter"

    /// A new, empty state. @param options text of the cluster file's `application_options`, may be
    /// empty. @return NULL when options are not understood.
    void *(*create)(const char *options);
    void (*destroy)(void *app);

    /// Apply one operation. @param result room for `capacity` bytes @return the result's length, at
    /// most `capacity`. Every operation has a result; errors are results too.
    size_t (*execute)(void *app, const col_app_request *request, uint8_t *result, size_t capacity);

    /// Answer a read without changing anything.
    size_t (*query)(const void *app, const uint8_t *operation, size_t length, uint8_t *result,
                    size_t capacity);

    /// Freeze the present state for reading in chunks, while `execute` goes on. One at a time.
    /// @return number of chunks; canonical: equal states give equal chunks
    uint32_t (*snapshot_begin)(void *app);
    /// Chunk `index` of the frozen state. @param capacity at least COL_APP_CHUNK_BYTES @return its
    /// length
    size_t (*snapshot_chunk)(void *app, uint32_t index, uint8_t *chunk, size_t capacity);
    void (*snapshot_end)(void *app);

    /// Replace the state by a snapshot's chunks, given in order. @return 0, or -1 when they are not
    /// a state.
    int (*restore)(void *app, uint32_t index, uint32_t count, const uint8_t *chunk, size_t length);
} col_app;

/// Largest chunk of a snapshot, bytes.
#define COL_APP_CHUNK_BYTES 4096

/// Per-session counters of the first 65536 sessions; for any other session the result is empty.
/// Operation: any bytes. Result: u64 little-endian count of the session's operations, then zeros up
/// to the size given by the option `reply_bytes=N` (default 8): the benchmark application. Query: a
/// session (u64 little-endian). Result: the same for its count; empty for any other query.
extern const col_app col_app_counter;

/// An append-only log that keeps a running SHA-256 of all operations in order and the last 1024 of
/// them. Result: u64 little-endian index (the first is 1), then the digest after this operation (32
/// bytes), which is SHA-256 of the digest before it (zeros at first) and the operation. Query:
/// nothing, answered by the newest result; or an index, answered by that operation, empty when it
/// is not kept.
extern const col_app col_app_log;

/// Find a built-in application by name. @return NULL when there is none.
const col_app *col_app_find(const char *name);
