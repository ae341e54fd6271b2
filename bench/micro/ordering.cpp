// SPDX-License-Identifier: Apache-2.0
// One ordering instance, stepped by hand through whole slots: what ordering itself costs, without
// the seals of its messages.
#include "bench/micro/ordering.hpp"

#include "bench/micro/measure.hpp"

extern "C" {
#include "src/pbft/votes.h"
}

namespace {

constexpr uint32_t INTERVAL = 32;
constexpr uint32_t WINDOW = 96;
constexpr uint64_t WALL_NS = 1700000000000000000;
constexpr uint32_t TREES = 4, EACH = 25, REQUESTS = TREES * EACH;

/// As long as the seal of a vote that was signed together with seven others.
const Bytes model_seal = [] {
    const Bytes signature(256, 's'), path(3 * 32, 'p');
    Bytes bytes(COL_SEAL_BYTES_MAX);
    const col_seal_view seal = {.key_version = COL_KEY_VERSION,
                                .leaves = 8,
                                .index = 0,
                                .scheme = COL_SCHEME_RSA,
                                .depth = 3,
                                .signature = view(signature),
                                .path = path.data()};
    bytes.resize(col_seal_write(&seal, bytes.data()));
    return bytes;
}();
}  // namespace

col_pbft_options instance_options(uint32_t self) {
    col_pbft_options options{};
    options.replicas = REPLICAS;
    options.faults = 1;
    options.self = self;
    options.pillars = 1;
    options.checkpoint_interval = INTERVAL;
    options.window = WINDOW;
    options.session_outstanding = 64;
    options.sessions_max = 64;
    options.clients = 1;
    options.pending_max = 4096;
    options.operation_bytes_max = 4096;
    options.batch_requests_max = 1024;
    options.batch_bytes_max = COL_BATCH_BYTES_MAX;
    options.signature_bytes_max = 256;
    options.time_ahead_max_ns = 1000000000;
    options.incarnation = 1;
    options.batch_requests = REQUESTS;
    options.batch_bytes = COL_BATCH_BYTES_MAX;
    options.status_interval_ns = 1000000000;
    options.hasher = hasher();
    const col_digest &cluster = keyring()->cluster;
    col_reader tag = col_reader_of({cluster.byte, sizeof cluster.byte});
    options.cluster_tag = col_read_u64(&tag);
    return options;
}

Instance::Instance(uint32_t id) : self(id) {
    col_pbft_options options = instance_options(id);
    options.sink.context = this;
    options.sink.send = [](void *context, const col_header *header, col_bytes body, uint32_t) {
        static_cast<Instance *>(context)->on_send(header, body);
    };
    options.sink.send_client = [](void *, const col_header *, col_bytes, col_endpoint) {};
    options.sink.answer = [](void *, const col_request *) {};
    options.sink.answer_open = [](void *, const col_session_open *) {};
    options.sink.check_batch = [](void *context, col_bytes, col_batch_check *verdict) {
        *verdict = static_cast<Instance *>(context)->check;
    };
    options.sink.check_seal = [](void *, const col_header *, col_seal) { return true; };
    arena = std::make_unique<Arena>(col_pbft_footprint(&options));
    pbft = col_pbft_create(arena->get(), &options);
    check.time_ns = WALL_NS;
    check.well_formed = check.authentic = true;
}

void Instance::on_send(const col_header *header, col_bytes body) {
    sent[header->type]++;
    if (header->type == COL_PRE_PREPARE) {
        proposed = header->digest;
        proposed_run = header->run;
    }
    if (header->type == COL_BATCH && keep_batches)
        last_batch.assign(body.at, body.at + body.length);
}

void Instance::step(col_pbft_event event) {
    event.now_ns = ++now_ns;
    event.wall_ns = WALL_NS + now_ns;
    (void)col_pbft_step(pbft, &event);
}

col_drop Instance::message(const col_verified &verified) {
    col_pbft_event event{};
    event.kind = COL_PBFT_MESSAGE;
    event.verified = &verified;
    event.now_ns = ++now_ns;
    event.wall_ns = WALL_NS + now_ns;
    return col_pbft_step(pbft, &event);
}

col_header Instance::header_of(col_type type, uint32_t sender, uint64_t round,
                               const col_digest &digest, uint8_t run) const {
    col_header header{};
    header.role = COL_ROLE_REPLICA;
    header.type = static_cast<uint8_t>(type);
    header.run = run;
    header.sender = sender;
    header.sequence = col_sequence_of(round, 0, 1);
    header.fragments = 1;
    header.digest = digest;
    return header;
}

col_drop Instance::vote(col_type type, uint32_t sender, uint64_t round, const col_digest &digest,
                        uint8_t run) {
    col_verified verified{};
    verified.message.header = header_of(type, sender, round, digest, run);
    verified.seal = view(model_seal);
    return message(verified);
}

col_drop Instance::batch(uint32_t sender, uint64_t round, const Bytes &body) {
    col_verified verified{};
    verified.message = {header_of(COL_BATCH, sender, round, {}, 0), view(body)};
    return message(verified);
}

void Instance::sealed(col_type type, uint64_t round, const col_digest &digest, uint8_t run) {
    col_verified verified{};
    verified.message.header = header_of(type, self, round, digest, run);
    verified.seal = view(model_seal);
    col_pbft_event event{};
    event.kind = COL_PBFT_SEALED;
    event.verified = &verified;
    step(event);
}

void Instance::open_session(uint64_t session) {
    const col_outcome opened = {.kind = COL_OUTCOME_OPENED,
                                .client = 0,
                                .session = session,
                                .number = session,
                                .reply_to = CLIENT_ENDPOINT,
                                .share = {}};
    col_pbft_event event{};
    event.kind = COL_PBFT_OUTCOME;
    event.outcome = &opened;
    step(event);
}

void Instance::outcome(uint64_t session, uint64_t number) {
    const col_outcome done = {.kind = COL_OUTCOME_EXECUTED,
                              .client = 0,
                              .session = session,
                              .number = number,
                              .reply_to = {},
                              .share = {}};
    col_pbft_event event{};
    event.kind = COL_PBFT_OUTCOME;
    event.outcome = &done;
    step(event);
}

void Instance::target(uint64_t sequence) {
    col_pbft_event event{};
    event.kind = COL_PBFT_TARGET;
    event.sequence = sequence;
    step(event);
}

void Instance::executed(uint64_t round) {
    col_pbft_event event{};
    event.kind = COL_PBFT_EXECUTED;
    event.sequence = col_sequence_of(round, 0, 1);
    step(event);
    while (checkpoints < round / INTERVAL) {
        event.kind = COL_PBFT_STABLE;
        event.checkpoint = ++checkpoints;
        step(event);
    }
}

uint64_t Instance::take_committed() {
    uint64_t rounds = 0;
    col_committed committed;
    while (col_pbft_next_committed(pbft, &committed)) rounds += committed.run ? committed.run : 1;
    return rounds;
}

Bytes batch_body(uint32_t trees, uint32_t each, uint64_t first) {
    Instance primary(0);
    primary.keep_batches = true;
    for (uint32_t tree = 0; tree < trees; tree++) {
        primary.open_session(tree + 1);
        for (uint64_t number = 1; number < first; number++) primary.outcome(tree + 1, number);
    }
    for (const Kept &request : opened_requests(trees, each, first)) {
        must(primary.message(request.verified()) == COL_DROP_NONE, "the primary drops a request");
    }
    primary.propose();
    must(!primary.last_batch.empty(), "the primary does not propose");
    return primary.last_batch;
}

namespace {

/// BATCH, PRE-PREPARE, two PREPAREs, three COMMITs, the own votes' seals, execution.
void backup_slot(benchmark::State &state) {
    const Bytes body = batch_body(TREES, EACH, 1);
    const col_digest digest = {{7}};
    Instance backup(2);
    backup.check.digest = digest;
    uint64_t round = 0, committed = 0;
    measure(state, "slot", 1, [&] {
        round++;
        backup.vote(COL_PRE_PREPARE, 0, round, digest);
        backup.batch(0, round, body);
        backup.sealed(COL_PREPARE, round, digest);
        for (const uint32_t sender : {1u, 3u}) backup.vote(COL_PREPARE, sender, round, digest);
        for (const uint32_t sender : {0u, 1u, 3u}) backup.vote(COL_COMMIT, sender, round, digest);
        backup.sealed(COL_COMMIT, round, digest);
        committed += backup.take_committed();
        backup.executed(round);
    });
    require(state, round > 0 && committed == round, "not every slot was committed");
    require(state, backup.sent[COL_PREPARE] == round && backup.sent[COL_COMMIT] == round,
            "the backup did not vote for every slot");
}
BENCHMARK(backup_slot)->Name("ordering/backup, batch of 100");

/// The requests of the next slot: the same sessions' next numbers.
void renumber(std::vector<Kept> &requests, uint64_t first) {
    for (size_t i = 0; i < requests.size(); i++) {
        requests[i].header.sequence = first + i % EACH;
        put_u64(&requests[i].bytes[REQUEST_NUMBER_AT], requests[i].header.sequence);
    }
}

/// 100 REQUESTs, the proposal, three PREPAREs, three COMMITs, the own vote's seal, execution.
void primary_slot(benchmark::State &state) {
    std::vector<Kept> requests = opened_requests(TREES, EACH, 1);
    Instance primary(0);
    for (uint32_t tree = 0; tree < TREES; tree++) primary.open_session(tree + 1);
    uint64_t round = 0, committed = 0, taken = 0;
    measure(state, "slot", 1, [&] {
        renumber(requests, round++ * EACH + 1);
        for (const Kept &request : requests) {
            taken += primary.message(request.verified()) == COL_DROP_NONE;
        }
        primary.propose();
        const col_digest digest = primary.proposed;
        for (const uint32_t sender : {1u, 2u, 3u}) primary.vote(COL_PREPARE, sender, round, digest);
        for (const uint32_t sender : {1u, 2u, 3u}) primary.vote(COL_COMMIT, sender, round, digest);
        primary.sealed(COL_COMMIT, round, digest);
        committed += primary.take_committed();
        for (uint32_t i = 0; i < REQUESTS; i++) {
            primary.outcome(i / EACH + 1, requests[i].header.sequence);
        }
        primary.executed(round);
    });
    require(state, round > 0 && committed == round, "not every slot was committed");
    require(state, taken == round * REQUESTS && primary.sent[COL_BATCH] == round,
            "not every request was proposed");
}
BENCHMARK(primary_slot)->Name("ordering/primary, batch of 100");

/// An idle pillar's null slots, voted on together.
void null_run(benchmark::State &state) {
    constexpr uint8_t run = 8;
    Instance backup(2);
    uint64_t round = 1, committed = 0;
    measure(state, "slot", run, [&] {
        backup.vote(COL_PRE_PREPARE, 0, round, col_null_digest, run);
        backup.sealed(COL_PREPARE, round, col_null_digest, run);
        for (const uint32_t sender : {1u, 3u}) {
            backup.vote(COL_PREPARE, sender, round, col_null_digest, run);
        }
        for (const uint32_t sender : {0u, 1u, 3u}) {
            backup.vote(COL_COMMIT, sender, round, col_null_digest, run);
        }
        backup.sealed(COL_COMMIT, round, col_null_digest, run);
        committed += backup.take_committed();
        round += run;
        backup.executed(round - 1);
    });
    require(state, round > run && committed == round - 1, "not every null slot was committed");
}
BENCHMARK(null_run)->Name("ordering/backup, null run of 8");

}  // namespace
