// SPDX-License-Identifier: Apache-2.0
// Bodies of the messages: what parses is within the bounds that a replica relies on, and is written
// again as the same bytes.
#include "src/wire/bodies.h"
#include "tests/fuzz/fuzz.h"

typedef bool again_fn(col_bytes bytes, col_writer *writer);

#define AGAIN(name, bounds)                                         \
    static bool name##_again(col_bytes bytes, col_writer *writer) { \
        col_##name body;                                            \
        if (!col_##name##_read(bytes, &body)) return false;         \
        COL_ASSERT(bounds);                                         \
        col_##name##_write(writer, &body);                          \
        return true;                                                \
    }

AGAIN(session_open, body.pillar < COL_PILLARS_MAX)
AGAIN(session_opened, body.pillar < COL_PILLARS_MAX && body.status <= COL_OPEN_UNKNOWN_CLIENT)
AGAIN(request, body.number >= 1 && body.pillar < COL_PILLARS_MAX && body.flags == 0 &&
                   body.operation.length <= COL_OPERATION_BYTES_MAX)
AGAIN(reply, body.status <= COL_REPLY_REFUSED && body.result.length <= COL_RESULT_BYTES_MAX)
AGAIN(busy, body.reason <= COL_BUSY_SIGN)
AGAIN(fetch, body.count >= 1 && body.count <= COL_FETCH_ROUNDS_MAX)
AGAIN(fetched, body.run <= COL_RUN_MAX && body.seals <= COL_REPLICAS_MAX &&
                   (body.batch.length == 0 || (body.run == 0 && !body.checkpoint)))

static bool status_again(col_bytes bytes, col_writer *writer) {
    col_status body;
    if (!col_status_read(bytes, &body)) return false;
    COL_ASSERT(body.count <= COL_WINDOW_ROUNDS_MAX);
    col_status_write(writer, &body);
    for (uint16_t i = 0; i < body.count; i++) {
        const col_status_slot slot = col_status_slot_read(&body, i);
        COL_ASSERT(slot.flags <= (COL_SLOT_PROPOSAL | COL_SLOT_BODY | COL_SLOT_COMMITTED));
        col_status_slot_write(writer, &slot);
    }
    return true;
}

/// Pieces behind their length, nothing behind the last.
static uint32_t pieces(col_bytes content) {
    uint32_t count = 0;
    for (col_reader reader = col_reader_of(content); fuzz_more(&reader); count++) {
        const uint32_t length = col_read_u32(&reader);
        col_read_bytes(&reader, length);
        COL_ASSERT(!reader.failed);
    }
    return count;
}

static bool batch_again(col_bytes bytes, col_writer *writer) {
    col_batch body;
    if (!col_batch_read(bytes, &body)) return false;
    COL_ASSERT(body.bundles >= 1 && body.bundles <= body.requests);
    COL_ASSERT(body.requests <= COL_BATCH_REQUESTS_MAX && pieces(body.content) == body.bundles);
    col_batch_write(writer, &body);
    col_write_bytes(writer, body.content);
    return true;
}

static again_fn *const again[] = {session_open_again, session_opened_again, request_again,
                                  reply_again,        busy_again,           status_again,
                                  fetch_again,        fetched_again,        batch_again};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const col_bytes body = {data + 1, size - 1};
    uint8_t *written = malloc(size);
    col_writer writer = col_writer_of(written, body.length);
    if (again[data[0] % (sizeof again / sizeof *again)](body, &writer)) {
        COL_ASSERT(!writer.failed);
        COL_ASSERT(fuzz_equal(body, (col_bytes){written, col_writer_used(&writer)}));
    }
    free(written);
    return 0;
}
