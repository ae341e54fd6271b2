// SPDX-License-Identifier: Apache-2.0
// What reading and writing each body costs, and a bundle of them.
#include <string>

#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint16_t STATUS_SLOTS = 32;
constexpr uint16_t BUNDLES = 4;
constexpr uint32_t BUNDLE_BYTES = 3700;
constexpr uint8_t SEALS = 3;

uint8_t slots[STATUS_SLOTS * COL_STATUS_SLOT_BYTES];
uint8_t seal[COL_SEAL_BYTES(256)];
const Bytes batch_content = [] {
    Bytes content(BUNDLES * (4 + BUNDLE_BYTES));
    col_writer writer = col_writer_of(content.data(), content.size());
    const Bytes bundle(BUNDLE_BYTES, 'b');
    for (uint16_t i = 0; i < BUNDLES; i++) {
        col_write_u32(&writer, BUNDLE_BYTES);
        col_write_bytes(&writer, view(bundle));
    }
    return content;
}();
const Bytes operation(OPERATION_BYTES, 'o');

template <typename Body>
using Write = void (*)(col_writer *, const Body *);
template <typename Body>
using Read = bool (*)(col_bytes, Body *);

/// A STATUS' slots and a BATCH's bundles are written by whoever has them, after the fixed part.
template <typename Body>
void write_rest(col_writer *, const Body &) {}
template <>
void write_rest(col_writer *writer, const col_status &status) {
    for (uint16_t i = 0; i < status.count; i++) {
        const col_status_slot slot = col_status_slot_read(&status, i);
        col_status_slot_write(writer, &slot);
    }
}
template <>
void write_rest(col_writer *writer, const col_batch &batch) {
    col_write_bytes(writer, batch.content);
}

template <typename Body>
size_t write_whole(uint8_t *room, size_t size, Write<Body> write, const Body &body) {
    col_writer writer = col_writer_of(room, size);
    write(&writer, &body);
    write_rest(&writer, body);
    return writer.failed ? 0 : col_writer_used(&writer);
}

template <typename Body>
void add(const std::string &name, Write<Body> write, Read<Body> read, Body body) {
    const auto writing = [=](benchmark::State &state) {
        Bytes room(COL_MESSAGE_BYTES_MAX);
        size_t used = 0;
        measure(state, "message", 1, [&] {
            used = write_whole(room.data(), room.size(), write, body);
            benchmark::DoNotOptimize(room.data());
            benchmark::ClobberMemory();
        });
        require(state, used > 0, "the body does not fit");
    };
    const auto reading = [=](benchmark::State &state) {
        Bytes room(COL_MESSAGE_BYTES_MAX), again(COL_MESSAGE_BYTES_MAX);
        const size_t used = write_whole(room.data(), room.size(), write, body);
        Body parsed{};
        bool good = true;
        measure(state, "message", 1, [&] {
            good &= read({room.data(), used}, &parsed);
            benchmark::DoNotOptimize(parsed);
        });
        const size_t rewritten = write_whole(again.data(), again.size(), write, parsed);
        require(state, good && rewritten == used && room == again, "what was read is different");
    };
    benchmark::RegisterBenchmark(("codec/write/" + name).c_str(), writing);
    benchmark::RegisterBenchmark(("codec/read/" + name).c_str(), reading);
}

col_fetched fetched() {
    col_fetched body{};
    body.sequence = 7;
    body.digest = {{1}};
    body.seals = SEALS;
    for (uint8_t i = 0; i < SEALS; i++) body.seal[i] = {i, {seal, sizeof seal}};
    body.batch = view(batch_content);
    return body;
}

col_fetch fetch() {
    col_fetch body{};
    body.count = 8;
    for (uint16_t i = 0; i < body.count; i++) body.round[i] = i + 1;
    return body;
}

const bool bodies_added = [] {
    add<col_session_open>("SESSION-OPEN", col_session_open_write, col_session_open_read,
                          {0, 1, 7, CLIENT_ENDPOINT, {}});
    add<col_session_opened>("SESSION-OPENED", col_session_opened_write, col_session_opened_read,
                            {0, 1, COL_OPENED, 7, 1, 6});
    add<col_request>("REQUEST", col_request_write, col_request_read,
                     {0, 1, 7, 1, 0, view(operation)});
    add<col_reply>("REPLY", col_reply_write, col_reply_read,
                   {0, 1, 7, COL_REPLY_RESULT, view(operation)});
    add<col_busy>("BUSY", col_busy_write, col_busy_read, {0, 1, COL_BUSY_MISSING, 7});
    add<col_batch>("BATCH", col_batch_write, col_batch_read,
                   {7, 100, BUNDLES, view(batch_content)});
    add<col_status>("STATUS", col_status_write, col_status_read,
                    {0, 7, 1, true, true, STATUS_SLOTS, slots});
    add<col_fetch>("FETCH", col_fetch_write, col_fetch_read, fetch());
    add<col_fetched>("FETCHED", col_fetched_write, col_fetched_read, fetched());
    return true;
}();

void write_bundle(benchmark::State &state) {
    const std::vector<Kept> request = opened_requests(1, 32, 1);
    const Bytes signature(256, 's');
    col_bundle bundle{};
    bundle.role = COL_ROLE_CLIENT;
    bundle.scheme = COL_SCHEME_RSA;
    bundle.key_version = COL_KEY_VERSION;
    bundle.leaves = bundle.entries = static_cast<uint16_t>(request.size());
    bundle.signature = view(signature);
    uint8_t room[COL_DATAGRAM_BYTES_MAX];
    bool good = true;
    measure(state, "message", static_cast<double>(request.size()), [&] {
        col_writer writer = col_writer_of(room, sizeof room);
        col_bundle_write(&writer, &bundle);
        for (uint16_t i = 0; i < bundle.entries; i++) {
            col_entry entry{};
            entry.message = request[i].verified().message;
            entry.index = i;
            col_entry_write(&writer, &entry);
        }
        good &= !writer.failed;
        benchmark::ClobberMemory();
    });
    require(state, good, "the bundle does not fit");
}
BENCHMARK(write_bundle)->Name("codec/write/bundle of 32 requests");

void parse_bundle(benchmark::State &state) {
    Sealer client(COL_ROLE_CLIENT, 0, true);
    col_header header{};
    header.type = COL_REQUEST;
    for (header.sequence = 1; header.sequence <= 32; header.sequence++) {
        client.add(header, request_body(1, header.sequence),
                   {.replicas = 1, .client = {}, .link = nullptr});
    }
    client.flush();
    uint64_t read = 0, bundles = 0;
    measure(state, "message", 32, [&] {
        col_bundle bundle;
        col_entry entry;
        if (col_bundle_parse(view(client.sent[0]), &bundle) != COL_DROP_NONE) return;
        col_entries entries = col_entries_of(&bundle);
        while (col_entries_next(&entries, &entry)) read++;
        bundles += entries.drop == COL_DROP_NONE;
    });
    require(state, bundles > 0 && read == 32 * bundles, "the bundle does not parse");
}
BENCHMARK(parse_bundle)->Name("codec/read/bundle of 32 requests");

}  // namespace
