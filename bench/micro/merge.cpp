// SPDX-License-Identifier: Apache-2.0
// Execution: a batch of 100 requests through merge, session table and the counter application.
#include "bench/micro/measure.hpp"
#include "bench/micro/ordering.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint32_t TREES = 4, EACH = 25, REQUESTS = TREES * EACH;
constexpr uint32_t NEVER = 1 << 30;  // rounds until the first checkpoint

/// What comes out of the merge, counted.
struct Told {
    uint64_t replies, outcomes, checkpoints;
};

col_merge_options options_of(uint32_t interval, void *app, col_merge_counters *counters,
                             Told *told) {
    col_merge_options options{};
    options.pillars = 1;
    options.checkpoint_interval = interval;
    options.operation_bytes_max = 4096;
    options.sessions = {.pillars = 1,
                        .clients = 1,
                        .sessions_max = 64,
                        .client_sessions_max = 64,
                        .outstanding = 64,
                        .result_bytes_max = 4096,
                        .time_ahead_max_ns = UINT64_MAX / 2};
    options.app = &col_app_counter;
    options.app_state = app;
    options.hasher = hasher();
    options.counters = counters;
    options.sink.context = told;
    options.sink.reply = [](void *context, const col_header *, col_bytes, const col_session *,
                            col_endpoint) { static_cast<Told *>(context)->replies++; };
    options.sink.outcome = [](void *context, uint32_t, const col_outcome *) {
        static_cast<Told *>(context)->outcomes++;
    };
    options.sink.checkpoint = [](void *context, uint64_t, const col_digest *) {
        static_cast<Told *>(context)->checkpoints++;
    };
    return options;
}

/// The numbers of a batch's requests, to be moved on from slot to slot.
class Batch {
   public:
    explicit Batch(Bytes made) : body(std::move(made)) {
        col_batch batch;
        must(col_batch_read(view(body), &batch), "the batch does not parse");
        col_reader reader = col_reader_of(batch.content);
        for (uint16_t i = 0; i < batch.bundles; i++) {
            const uint32_t length = col_read_u32(&reader);
            find_numbers(col_read_bytes(&reader, length));
        }
    }
    void renumber(uint64_t first) {
        for (size_t i = 0; i < number.size(); i++) put_u64(number[i], first + i % EACH);
    }
    size_t requests() const {
        return number.size();
    }
    col_committed at(uint64_t round) const {
        return {.round = round,
                .view = 0,
                .run = 0,
                .length = static_cast<uint32_t>(body.size()),
                .body = body.data()};
    }

   private:
    void find_numbers(col_bytes bytes) {
        col_bundle bundle;
        col_entry entry;
        must(col_bundle_parse(bytes, &bundle) == COL_DROP_NONE, "the batch does not parse");
        col_entries entries = col_entries_of(&bundle);
        while (col_entries_next(&entries, &entry)) {
            const size_t at = static_cast<size_t>(entry.message.bytes.at - body.data());
            number.push_back(&body[at + REQUEST_NUMBER_AT]);
        }
    }
    Bytes body;
    std::vector<uint8_t *> number;
};

Bytes session_opens() {
    Sealer client(COL_ROLE_CLIENT, 0, true);
    for (uint32_t i = 1; i <= TREES; i++) {
        const col_session_open open = {
            .client = 0, .pillar = 0, .nonce = i, .reply_to = CLIENT_ENDPOINT, .share = {}};
        Bytes body(64);
        col_writer writer = col_writer_of(body.data(), body.size());
        col_session_open_write(&writer, &open);
        body.resize(col_writer_used(&writer));
        col_header header{};
        header.type = COL_SESSION_OPEN;
        header.sequence = i;
        client.add(header, body, {.replicas = 1, .client = {}, .link = nullptr});
    }
    client.flush();
    const Bytes &bundle = client.sent[0];
    Bytes body(COL_BATCH_HEADER_BYTES + 4 + bundle.size());
    const col_batch batch = {.time_ns = 1, .requests = TREES, .bundles = 1, .content = {}};
    col_writer writer = col_writer_of(body.data(), body.size());
    col_batch_write(&writer, &batch);
    col_write_u32(&writer, static_cast<uint32_t>(bundle.size()));
    col_write_bytes(&writer, view(bundle));
    must(!writer.failed, "the batch does not fit");
    return body;
}

void execute(benchmark::State &state, uint32_t interval) {
    Told told{};
    col_merge_counters counters{};
    void *app = col_app_counter.create("reply_bytes=100");
    const col_merge_options options = options_of(interval, app, &counters, &told);
    Arena arena(col_merge_footprint(&options));
    col_merge *merge = col_merge_create(arena.get(), &options);
    const Bytes opening = session_opens();
    const col_committed first = {.round = 1,
                                 .view = 0,
                                 .run = 0,
                                 .length = static_cast<uint32_t>(opening.size()),
                                 .body = opening.data()};
    col_merge_execute(merge, &first);
    Batch batch(batch_body(TREES, EACH, 1));
    uint64_t slots = 0;
    told = {};
    measure(state, "slot", 1, [&] {
        batch.renumber(slots++ * EACH + 1);
        const col_committed committed = batch.at(slots + 1);
        col_merge_execute(merge, &committed);
    });
    require(state, slots > 0 && col_counter_read(&counters.requests) == slots * REQUESTS,
            "not every request was executed");
    require(state, told.replies == slots * REQUESTS && told.outcomes == slots * REQUESTS,
            "not every request was answered");
    require(state, told.checkpoints == (interval == NEVER ? 0 : slots), "checkpoints are missing");
    col_app_counter.destroy(app);
}
BENCHMARK_CAPTURE(execute, batch, NEVER)->Name("merge/batch of 100");
BENCHMARK_CAPTURE(execute, checkpoint, 1u)->Name("merge/batch of 100 and checkpoint");

}  // namespace
