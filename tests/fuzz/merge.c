// SPDX-License-Identifier: Apache-2.0
// The execution merge: whatever q replicas agreed on, each number of a session runs exactly once
// and in order, outcomes tell the pillars what happened, and a second merge that is asked other
// questions in between reaches the same checkpoints.
#include "pillars/merge.h"
#include "src/wire/bundle.h"
#include "tests/fuzz/fuzz.h"

#define PILLARS 2
#define CLIENTS 4
#define SESSIONS 4
#define INTERVAL 4
#define BATCH_BYTES 4096
#define RESULT_BYTES 32
#define CHECKPOINTS 64
#define BUNDLES 6
#define SLOTS 160
#define EVER (SLOTS * BUNDLES + 1)  // sessions of one pillar that one input may open

/// One merge, its application and what came out of it.
typedef struct {
    col_arena arena;
    col_merge *merge;
    col_merge_counters counters;
    uint64_t executed[PILLARS * EVER];  ///< newest number, by session id
    uint64_t told[PILLARS * EVER];      ///< newest outcome, by session id
    uint64_t trace;                     ///< of all operations
    uint64_t operations;
    uint32_t checkpoints;
    col_digest checkpoint[CHECKPOINTS];
} executor;

// The application

static size_t execute(void *app, const col_app_request *request, uint8_t *result, size_t capacity) {
    executor *self = app;
    COL_ASSERT(request->session < PILLARS * EVER && capacity >= RESULT_BYTES);
    COL_ASSERT(request->number == self->executed[request->session] + 1);
    self->executed[request->session] = request->number;
    const col_bytes parts[] = {{(const uint8_t *)&self->trace, sizeof self->trace},
                               {request->operation, request->length}};
    col_digest digest[2];
    fuzz_digest(NULL, parts, 2, digest);
    memcpy(&self->trace, digest[0].byte, sizeof self->trace);
    self->trace ^= digest[1].byte[0] + request->session * 31 + request->number;
    self->operations++;
    memcpy(result, &self->trace, sizeof self->trace);
    return sizeof self->trace + request->length % 8;
}

static uint32_t snapshot_begin(void *app) {
    (void)app;
    return 1;
}

static size_t snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    const executor *self = app;
    COL_ASSERT(index == 0 && capacity >= sizeof self->trace);
    memcpy(chunk, &self->trace, sizeof self->trace);
    return sizeof self->trace;
}

static void snapshot_end(void *app) {
    (void)app;
}

static const col_app app = {.name = "trace",
                            .execute = execute,
                            .snapshot_begin = snapshot_begin,
                            .snapshot_chunk = snapshot_chunk,
                            .snapshot_end = snapshot_end};

// The merge's outputs

static void on_reply(void *context, const col_header *header, col_bytes body,
                     const col_session *session, col_endpoint to) {
    (void)session;
    (void)context;
    (void)to;
    col_session_opened opened;
    col_reply reply;
    if (header->type == COL_SESSION_OPENED) {
        COL_ASSERT(col_session_opened_read(body, &opened));
    } else {
        COL_ASSERT(header->type == COL_REPLY && col_reply_read(body, &reply));
        COL_ASSERT(reply.number == header->sequence);
    }
}

static void on_outcome(void *context, uint32_t pillar, const col_outcome *outcome) {
    executor *self = context;
    COL_ASSERT(pillar < PILLARS);
    if (outcome->kind == COL_OUTCOME_REFUSED) return;
    COL_ASSERT(outcome->session % PILLARS == pillar);
    if (outcome->kind != COL_OUTCOME_EXECUTED) return;
    COL_ASSERT(outcome->number == ++self->told[outcome->session]);
    COL_ASSERT(outcome->number == self->executed[outcome->session]);
}

static void on_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest) {
    executor *self = context;
    COL_ASSERT(checkpoint == self->checkpoints + 1);
    self->checkpoint[self->checkpoints++] = *digest;
}

static void executor_open(executor *self) {
    memset(self, 0, sizeof *self);
    const col_merge_options options = {
        .pillars = PILLARS,
        .checkpoint_interval = INTERVAL,
        .operation_bytes_max = COL_OPERATION_BYTES_MAX,
        .sessions = {.pillars = PILLARS,
                     .clients = CLIENTS,
                     .sessions_max = SESSIONS,
                     .client_sessions_max = SESSIONS - 1,
                     .outstanding = 2,
                     .result_bytes_max = RESULT_BYTES,
                     .time_ahead_max_ns = 1000},
        .app = &app,
        .app_state = self,
        .hasher = &fuzz_hasher,
        .sink = {self, on_reply, on_outcome, on_checkpoint},
        .counters = &self->counters,
    };
    const col_result opened = col_arena_open(&self->arena, col_merge_footprint(&options));
    COL_ASSERT(opened.ok);
    self->merge = col_merge_create(&self->arena, &options);
}

// Batches of the input

static void write_request(col_writer *body, col_reader *input, uint32_t pillar, uint32_t client,
                          col_header *header) {
    const col_request request = {.client = client,
                                 .session = fuzz_number(input),
                                 .number = 1 + col_read_u8(input),
                                 .pillar = (uint8_t)pillar,
                                 .operation = fuzz_bytes(input, 64)};
    header->type = COL_REQUEST;
    header->sequence = request.number;
    col_request_write(body, &request);
}

static void write_open(col_writer *body, col_reader *input, uint32_t pillar, uint32_t client,
                       col_header *header) {
    const col_session_open open = {.client = client,
                                   .pillar = (uint8_t)pillar,
                                   .nonce = fuzz_number(input),
                                   .reply_to = {1 + client, 9}};
    header->type = COL_SESSION_OPEN;
    header->sequence = open.nonce;
    col_session_open_write(body, &open);
}

/// A bundle with one entry, or what the input has instead.
static void write_bundle(col_writer *batch, col_reader *input, uint32_t pillar) {
    const uint8_t what = col_read_u8(input);
    if (what == 0xff) {
        const col_bytes any = fuzz_bytes(input, 200);
        col_write_u32(batch, (uint32_t)any.length);
        col_write_bytes(batch, any);
        return;
    }
    uint8_t body[128];
    col_writer writer = col_writer_of(body, sizeof body);
    const uint32_t client = what % CLIENTS;
    const uint32_t named = what >> 7 ? (pillar + 1) % PILLARS : pillar;
    col_header header = {
        .role = COL_ROLE_CLIENT, .pillar = (uint8_t)named, .sender = client, .fragments = 1};
    if (what & 4) {
        write_open(&writer, input, named, client, &header);
    } else {
        write_request(&writer, input, named, client, &header);
    }
    const size_t length = col_writer_used(&writer);
    const col_bundle bundle = {.pillar = (uint8_t)pillar,
                               .role = COL_ROLE_CLIENT,
                               .signer = client,
                               .leaves = 1,
                               .entries = 1};
    const col_entry entry = {.message = {header, {body, length}}};
    col_write_u32(batch,
                  (uint32_t)(col_bundle_overhead(0, 0) + col_entry_size(&header, false, length)));
    col_bundle_write(batch, &bundle);
    col_entry_write(batch, &entry);
}

static uint32_t write_batch(uint8_t *bytes, col_reader *input, uint32_t pillar) {
    col_writer batch = col_writer_of(bytes, BATCH_BYTES);
    const uint16_t bundles = (uint16_t)(1 + fuzz_below(input, BUNDLES));
    const uint64_t time_ns = fuzz_number(input);
    col_batch_write(&batch,
                    &(col_batch){.time_ns = time_ns, .requests = bundles, .bundles = bundles});
    for (uint16_t i = 0; i < bundles; i++) write_bundle(&batch, input, pillar);
    COL_ASSERT(!batch.failed);
    return (uint32_t)col_writer_used(&batch);
}

static void ask(executor *asked, col_reader *input) {
    const col_request request = {.client = fuzz_below(input, CLIENTS + 1),
                                 .session = fuzz_number(input),
                                 .number = 1 + fuzz_number(input) % 1000,
                                 .pillar = (uint8_t)fuzz_below(input, PILLARS)};
    const col_session_open open = {
        .client = request.client, .pillar = request.pillar, .nonce = request.session};
    if (fuzz_below(input, 2) == 0) {
        col_merge_answer(asked->merge, &request);
    } else {
        col_merge_answer_open(asked->merge, &open);
    }
}

/// The next slot in order, or the start of a null run there, for both.
static void slot(executor *both, col_reader *input) {
    static uint8_t bytes[BATCH_BYTES];
    const uint32_t pillar = col_merge_next_pillar(both[0].merge);
    const uint64_t next = col_merge_sequence(both[0].merge) + 1;
    col_committed committed = {.round = col_round_of(next, PILLARS), .view = fuzz_below(input, 3)};
    const uint8_t run = col_read_u8(input);
    if (run < 40) {
        committed.run = 1 + run % COL_RUN_MAX;
    } else {
        committed.body = bytes;
        committed.length = write_batch(bytes, input, pillar);
        if (run == 0xff && committed.length > 1)
            committed.length -= 1;  // agreed, and does not parse
    }
    for (uint32_t i = 0; i < 2; i++) col_merge_execute(both[i].merge, &committed);
}

static void compare(const executor *both) {
    COL_ASSERT(both[0].operations == both[1].operations && both[0].trace == both[1].trace);
    COL_ASSERT(both[0].checkpoints == both[1].checkpoints);
    COL_ASSERT(col_merge_sequence(both[0].merge) == col_merge_sequence(both[1].merge));
    COL_ASSERT(memcmp(both[0].checkpoint, both[1].checkpoint, sizeof both[0].checkpoint) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static executor both[2];
    col_reader input = fuzz_input(data, size);
    for (uint32_t i = 0; i < 2; i++) executor_open(&both[i]);
    for (uint32_t i = 0; i < SLOTS && fuzz_more(&input); i++) {
        if (both[0].checkpoints + COL_RUN_MAX >= CHECKPOINTS) break;
        if (fuzz_below(&input, 8) == 0) ask(&both[1], &input);
        slot(both, &input);
    }
    compare(both);
    for (uint32_t i = 0; i < 2; i++) col_arena_close(&both[i].arena);
    return 0;
}
