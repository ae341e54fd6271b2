// SPDX-License-Identifier: Apache-2.0
// Bodies of the messages: what parses is written again as the same bytes.
#include "src/wire/bodies.h"
#include "tests/fuzz/fuzz.h"

typedef bool again_fn(col_bytes bytes, col_writer *writer);

#define AGAIN(name)                                                 \
    static bool name##_again(col_bytes bytes, col_writer *writer) { \
        col_##name body;                                            \
        if (!col_##name##_read(bytes, &body)) return false;         \
        col_##name##_write(writer, &body);                          \
        return true;                                                \
    }

AGAIN(session_open)
AGAIN(session_opened)
AGAIN(request)
AGAIN(reply)
AGAIN(busy)
AGAIN(fetch)
AGAIN(fetched)

static bool status_again(col_bytes bytes, col_writer *writer) {
    col_status body;
    if (!col_status_read(bytes, &body)) return false;
    col_status_write(writer, &body);
    for (uint16_t i = 0; i < body.count; i++) {
        const col_status_slot slot = col_status_slot_read(&body, i);
        col_status_slot_write(writer, &slot);
    }
    return true;
}

static bool batch_again(col_bytes bytes, col_writer *writer) {
    col_batch body;
    if (!col_batch_read(bytes, &body)) return false;
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
