// SPDX-License-Identifier: Apache-2.0
#include "src/wire/bodies.h"

#include "src/base/assert.h"

static_assert(COL_REQUEST_OVERHEAD == 4 + 2 * 8 + 2 * 1, "as bodies.h lists");
static_assert(COL_REPLY_OVERHEAD == 4 + 2 * 8 + 1, "as bodies.h lists");
static_assert(COL_BATCH_HEADER_BYTES == 8 + 2 * 2, "as bodies.h lists");
static_assert(COL_STATUS_SLOT_BYTES == 1 + 2 * 4, "as bodies.h lists");
static_assert(COL_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX <= COL_MESSAGE_BYTES_MAX,
              "the longest operation fits a message");
static_assert(COL_REPLY_OVERHEAD + COL_RESULT_BYTES_MAX <= COL_MESSAGE_BYTES_MAX,
              "the longest result fits a message");
static_assert(28 + COL_WINDOW_ROUNDS_MAX * COL_STATUS_SLOT_BYTES <= COL_MESSAGE_BYTES_MAX,
              "a STATUS of the whole window fits a message");
static_assert(COL_BATCH_REQUESTS_MAX <= UINT16_MAX, "requests of a batch are 16-bit");

#define SLOT_FLAGS (COL_SLOT_PROPOSAL | COL_SLOT_BODY | COL_SLOT_COMMITTED)

static col_bytes read_rest(col_reader *reader) {
    return col_read_bytes(reader, col_reader_left(reader));
}

bool col_session_open_read(col_bytes bytes, col_session_open *body) {
    col_reader reader = col_reader_of(bytes);
    body->client = col_read_u32(&reader);
    body->pillar = col_read_u8(&reader);
    body->nonce = col_read_u64(&reader);
    body->reply_to.address = col_read_u32(&reader);
    body->reply_to.port = col_read_u16(&reader);
    const col_bytes share = col_read_bytes(&reader, sizeof body->share.byte);
    if (!reader.failed) memcpy(body->share.byte, share.at, share.length);
    return col_reader_done(&reader) && body->pillar < COL_PILLARS_MAX;
}

void col_session_open_write(col_writer *writer, const col_session_open *body) {
    col_write_u32(writer, body->client);
    col_write_u8(writer, body->pillar);
    col_write_u64(writer, body->nonce);
    col_write_u32(writer, body->reply_to.address);
    col_write_u16(writer, body->reply_to.port);
    col_write_bytes(writer, (col_bytes){body->share.byte, sizeof body->share.byte});
}

bool col_session_opened_read(col_bytes bytes, col_session_opened *body) {
    col_reader reader = col_reader_of(bytes);
    body->client = col_read_u32(&reader);
    body->pillar = col_read_u8(&reader);
    body->status = col_read_u8(&reader);
    body->nonce = col_read_u64(&reader);
    body->session = col_read_u64(&reader);
    body->floor = col_read_u64(&reader);
    return col_reader_done(&reader) && body->pillar < COL_PILLARS_MAX &&
           body->status <= COL_OPEN_UNKNOWN_CLIENT;
}

void col_session_opened_write(col_writer *writer, const col_session_opened *body) {
    col_write_u32(writer, body->client);
    col_write_u8(writer, body->pillar);
    col_write_u8(writer, body->status);
    col_write_u64(writer, body->nonce);
    col_write_u64(writer, body->session);
    col_write_u64(writer, body->floor);
}

bool col_request_read(col_bytes bytes, col_request *body) {
    col_reader reader = col_reader_of(bytes);
    body->client = col_read_u32(&reader);
    body->session = col_read_u64(&reader);
    body->number = col_read_u64(&reader);
    body->pillar = col_read_u8(&reader);
    body->flags = col_read_u8(&reader);
    body->operation = read_rest(&reader);
    return col_reader_done(&reader) && body->number >= 1 && body->pillar < COL_PILLARS_MAX &&
           body->flags == 0 && body->operation.length <= COL_OPERATION_BYTES_MAX;
}

void col_request_write(col_writer *writer, const col_request *body) {
    col_write_u32(writer, body->client);
    col_write_u64(writer, body->session);
    col_write_u64(writer, body->number);
    col_write_u8(writer, body->pillar);
    col_write_u8(writer, body->flags);
    col_write_bytes(writer, body->operation);
}

bool col_reply_read(col_bytes bytes, col_reply *body) {
    col_reader reader = col_reader_of(bytes);
    body->client = col_read_u32(&reader);
    body->session = col_read_u64(&reader);
    body->number = col_read_u64(&reader);
    body->status = col_read_u8(&reader);
    body->result = read_rest(&reader);
    return col_reader_done(&reader) && body->status <= COL_REPLY_REFUSED &&
           body->result.length <= COL_RESULT_BYTES_MAX;
}

void col_reply_write(col_writer *writer, const col_reply *body) {
    col_write_u32(writer, body->client);
    col_write_u64(writer, body->session);
    col_write_u64(writer, body->number);
    col_write_u8(writer, body->status);
    col_write_bytes(writer, body->result);
}

bool col_busy_read(col_bytes bytes, col_busy *body) {
    col_reader reader = col_reader_of(bytes);
    body->client = col_read_u32(&reader);
    body->session = col_read_u64(&reader);
    body->reason = col_read_u8(&reader);
    body->value = col_read_u64(&reader);
    return col_reader_done(&reader) && body->reason <= COL_BUSY_SIGN;
}

void col_busy_write(col_writer *writer, const col_busy *body) {
    col_write_u32(writer, body->client);
    col_write_u64(writer, body->session);
    col_write_u8(writer, body->reason);
    col_write_u64(writer, body->value);
}

bool col_status_read(col_bytes bytes, col_status *body) {
    col_reader reader = col_reader_of(bytes);
    body->view = col_read_u64(&reader);
    body->executed = col_read_u64(&reader);
    body->stable = col_read_u64(&reader);
    const uint8_t pending = col_read_u8(&reader);
    const uint8_t asks = col_read_u8(&reader);
    body->pending = pending != 0;
    body->asks = asks != 0;
    body->count = col_read_u16(&reader);
    body->slot = col_read_bytes(&reader, (size_t)body->count * COL_STATUS_SLOT_BYTES).at;
    if (!col_reader_done(&reader) || pending > 1 || asks > 1 ||
        body->count > COL_WINDOW_ROUNDS_MAX) {
        return false;
    }
    for (uint16_t i = 0; i < body->count; i++) {
        if ((col_status_slot_read(body, i).flags & ~SLOT_FLAGS) != 0) return false;
    }
    return true;
}

void col_status_write(col_writer *writer, const col_status *body) {
    col_write_u64(writer, body->view);
    col_write_u64(writer, body->executed);
    col_write_u64(writer, body->stable);
    col_write_u8(writer, body->pending);
    col_write_u8(writer, body->asks);
    col_write_u16(writer, body->count);
}

col_status_slot col_status_slot_read(const col_status *body, uint16_t index) {
    COL_ASSERT(index < body->count);
    col_reader reader = col_reader_of(
        (col_bytes){body->slot + (size_t)index * COL_STATUS_SLOT_BYTES, COL_STATUS_SLOT_BYTES});
    col_status_slot slot;
    slot.flags = col_read_u8(&reader);
    slot.prepares = col_read_u32(&reader);
    slot.commits = col_read_u32(&reader);
    return slot;
}

void col_status_slot_write(col_writer *writer, const col_status_slot *slot) {
    col_write_u8(writer, slot->flags);
    col_write_u32(writer, slot->prepares);
    col_write_u32(writer, slot->commits);
}

bool col_fetch_read(col_bytes bytes, col_fetch *body) {
    col_reader reader = col_reader_of(bytes);
    body->count = col_read_u16(&reader);
    if (body->count < 1 || body->count > COL_FETCH_ROUNDS_MAX) return false;
    for (uint16_t i = 0; i < body->count; i++) body->round[i] = col_read_u64(&reader);
    return col_reader_done(&reader);
}

void col_fetch_write(col_writer *writer, const col_fetch *body) {
    col_write_u16(writer, body->count);
    for (uint16_t i = 0; i < body->count; i++) col_write_u64(writer, body->round[i]);
}

bool col_fetched_read(col_bytes bytes, col_fetched *body) {
    col_reader reader = col_reader_of(bytes);
    const uint8_t checkpoint = col_read_u8(&reader);
    body->checkpoint = checkpoint != 0;
    body->sequence = col_read_u64(&reader);
    body->run = col_read_u8(&reader);
    body->view = col_read_u64(&reader);
    col_read_digest(&reader, &body->digest);
    body->seals = col_read_u8(&reader);
    if (reader.failed || body->run > COL_RUN_MAX || body->seals > COL_REPLICAS_MAX) return false;

    for (uint8_t i = 0; i < body->seals; i++) {
        body->seal[i].sender = col_read_u32(&reader);
        const uint16_t length = col_read_u16(&reader);
        if (body->seal[i].sender >= COL_REPLICAS_MAX || length > COL_SEAL_BYTES_MAX) return false;
        body->seal[i].seal = col_read_bytes(&reader, length);
    }
    body->batch = read_rest(&reader);
    if (!col_reader_done(&reader) || checkpoint > 1) return false;
    if (body->checkpoint) return body->run == 0 && body->view == 0 && body->batch.length == 0;
    return body->run == 0 || body->batch.length == 0;
}

void col_fetched_write(col_writer *writer, const col_fetched *body) {
    col_write_u8(writer, body->checkpoint);
    col_write_u64(writer, body->sequence);
    col_write_u8(writer, body->run);
    col_write_u64(writer, body->view);
    col_write_digest(writer, &body->digest);
    col_write_u8(writer, body->seals);
    for (uint8_t i = 0; i < body->seals; i++) {
        col_write_u32(writer, body->seal[i].sender);
        col_write_u16(writer, (uint16_t)body->seal[i].seal.length);
        col_write_bytes(writer, body->seal[i].seal);
    }
    col_write_bytes(writer, body->batch);
}

/// `content` is exactly `bundles` length-framed pieces; what is in them is for col_bundle_parse.
static bool bundles_are_framed(const col_batch *body) {
    col_reader reader = col_reader_of(body->content);
    for (uint16_t i = 0; i < body->bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        col_read_bytes(&reader, length);
        if (reader.failed) return false;
    }
    return col_reader_done(&reader);
}

bool col_batch_read(col_bytes bytes, col_batch *body) {
    col_reader reader = col_reader_of(bytes);
    body->time_ns = col_read_u64(&reader);
    body->requests = col_read_u16(&reader);
    body->bundles = col_read_u16(&reader);
    body->content = read_rest(&reader);
    return col_reader_done(&reader) && body->requests <= COL_BATCH_REQUESTS_MAX &&
           body->bundles >= 1 && body->bundles <= body->requests && bundles_are_framed(body);
}

void col_batch_write(col_writer *writer, const col_batch *body) {
    col_write_u64(writer, body->time_ns);
    col_write_u16(writer, body->requests);
    col_write_u16(writer, body->bundles);
}

void col_batch_digest_input(uint64_t time_ns, const col_digest *request, uint32_t count,
                            uint8_t *bytes) {
    static const uint8_t domain[5] = {'b', 'a', 't', 'c', 'h'};
    col_writer writer = col_writer_of(bytes, COL_BATCH_DIGEST_BYTES(count));
    col_write_bytes(&writer, (col_bytes){domain, sizeof domain});
    col_write_u64(&writer, time_ns);
    col_write_u32(&writer, count);
    for (uint32_t i = 0; i < count; i++) col_write_digest(&writer, &request[i]);
    COL_ASSERT(!writer.failed && col_writer_used(&writer) == COL_BATCH_DIGEST_BYTES(count));
}
