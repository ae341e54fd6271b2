// SPDX-License-Identifier: Apache-2.0
// Bundled applications: a snapshot restores to the same snapshot; hostile chunks are refused and
// change nothing, or are the state that they say.
#include "src/app/app.h"
#include "src/base/limits.h"
#include "tests/fuzz/fuzz.h"

#define OPERATION_BYTES 64
#define CHUNKS 64
#define RESULT_BYTES 64

typedef struct {
    uint32_t count;
    size_t length[CHUNKS];
    uint8_t chunk[CHUNKS][COL_APP_CHUNK_BYTES];
} snapshot;

static void take(const col_app *app, void *state, snapshot *taken) {
    taken->count = app->snapshot_begin(state);
    COL_ASSERT(taken->count >= 1 && taken->count <= CHUNKS);
    for (uint32_t i = 0; i < taken->count; i++) {
        taken->length[i] = app->snapshot_chunk(state, i, taken->chunk[i], COL_APP_CHUNK_BYTES);
        COL_ASSERT(taken->length[i] <= COL_APP_CHUNK_BYTES);
    }
    app->snapshot_end(state);
}

static bool equal(const snapshot *a, const snapshot *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!fuzz_equal((col_bytes){a->chunk[i], a->length[i]},
                        (col_bytes){b->chunk[i], b->length[i]})) {
            return false;
        }
    }
    return true;
}

/// @return the chunks were taken as a state
static bool give(const col_app *app, void *state, const snapshot *given) {
    for (uint32_t i = 0; i < given->count; i++) {
        if (app->restore(state, i, given->count, given->chunk[i], given->length[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void execute(const col_app *app, void *state, col_reader *input, uint64_t number) {
    uint8_t result[RESULT_BYTES];
    const uint64_t session = fuzz_number(input);
    const col_bytes operation = fuzz_bytes(input, OPERATION_BYTES);
    const col_app_request request = {.session = session,
                                     .number = number,
                                     .operation = operation.at,
                                     .length = operation.length};
    COL_ASSERT(app->execute(state, &request, result, sizeof result) <= sizeof result);
    COL_ASSERT(app->query(state, operation.at, operation.length, result, sizeof result) <=
               sizeof result);
}

/// A copy that is made by way of a snapshot has the same snapshot.
static void copy(const col_app *app, void *state, void *other) {
    static snapshot here, there;
    take(app, state, &here);
    COL_ASSERT(give(app, other, &here));
    take(app, other, &there);
    COL_ASSERT(equal(&here, &there));
}

/// Chunks as the input has them, or a real snapshot with some bytes changed.
static void make_hostile(const col_app *app, void *state, col_reader *input, snapshot *made) {
    take(app, state, made);
    if (fuzz_below(input, 2) == 0) {
        made->count = 1 + fuzz_below(input, 3);
        for (uint32_t i = 0; i < made->count; i++) {
            const col_bytes bytes = fuzz_bytes(input, COL_APP_CHUNK_BYTES);
            memset(made->chunk[i], 0, COL_APP_CHUNK_BYTES);
            if (bytes.length > 0) memcpy(made->chunk[i], bytes.at, bytes.length);
            made->length[i] = fuzz_below(input, 2) == 0 ? bytes.length : COL_APP_CHUNK_BYTES;
        }
    }
    for (uint32_t changes = fuzz_below(input, 4); changes > 0; changes--) {
        const uint32_t i = fuzz_below(input, 255) % made->count;
        if (made->length[i] == 0) continue;
        made->chunk[i][col_read_u16(input) % made->length[i]] = col_read_u8(input);
    }
}

/// Equal states have equal snapshots: sessions ascend, and each of them counted something.
static void check_tallies(const snapshot *taken) {
    uint64_t least = 0;
    for (uint32_t i = 1; i < taken->count; i++) {
        col_reader chunk = col_reader_of((col_bytes){taken->chunk[i], taken->length[i]});
        while (fuzz_more(&chunk)) {
            const uint64_t session = col_read_u64(&chunk);
            COL_ASSERT(session >= least);
            least = session + 1;
            COL_ASSERT(col_read_u64(&chunk) >= 1);
        }
    }
}

static void attack(const col_app *app, void *state, col_reader *input) {
    static snapshot before, after, hostile;
    make_hostile(app, state, input, &hostile);
    take(app, state, &before);
    const bool taken = give(app, state, &hostile);
    take(app, state, &after);
    COL_ASSERT(equal(&after, taken ? &hostile : &before));
    if (app == &col_app_counter) check_tallies(&after);
}

static void one_chunk(const col_app *app, void *state, col_reader *input) {
    const uint32_t index = (uint32_t)fuzz_number(input), count = (uint32_t)fuzz_number(input);
    const col_bytes bytes = fuzz_bytes(input, COL_APP_CHUNK_BYTES);
    (void)app->restore(state, index, count, bytes.at, bytes.length);
}

/// Two instances of each application, which take much memory: every input starts them from empty.
typedef struct {
    const col_app *app;
    void *state;
    void *other;
    snapshot empty;
} subject;

static subject *subject_of(uint32_t which) {
    static subject all[2] = {{.app = &col_app_counter}, {.app = &col_app_log}};
    subject *of = &all[which];
    if (of->state == NULL) {
        of->state = of->app->create("");
        of->other = of->app->create("");
        take(of->app, of->state, &of->empty);
    }
    COL_ASSERT(give(of->app, of->state, &of->empty));
    return of;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    col_reader input = fuzz_input(data, size);
    const subject *of = subject_of(fuzz_below(&input, 2));
    for (uint64_t number = 1; fuzz_more(&input); number++) {
        switch (fuzz_below(&input, 8)) {
            case 0:
                copy(of->app, of->state, of->other);
                break;
            case 1:
                attack(of->app, of->state, &input);
                break;
            case 2:
                one_chunk(of->app, of->state, &input);
                break;
            default:
                execute(of->app, of->state, &input, number);
        }
    }
    return 0;
}
