// SPDX-License-Identifier: Apache-2.0
#include "pillars/merge.h"

#include "src/base/assert.h"
#include "src/wire/bundle.h"

#define CHUNKS_MAX 65536  // application chunks of 4 KiB that one checkpoint may have: 256 MiB

struct col_merge {
    col_merge_options options;
    col_sessions *sessions;
    uint64_t sequence;                  // executed
    uint64_t time_ns;                   // agreed, of the newest batch executed
    uint64_t covered[COL_PILLARS_MAX];  // null slots of each pillar are known up to this round
    uint64_t view[COL_PILLARS_MAX];     // hint for replies
    col_digest *chunk;                  // digests of the state's chunks
    uint8_t *scratch;
    size_t scratch_bytes;
};

static size_t chunks_max(const col_merge_options *options) {
    return 2 + options->sessions.sessions_max + CHUNKS_MAX;
}

static size_t scratch_bytes(const col_merge_options *options) {
    const size_t reply = COL_REPLY_OVERHEAD + options->sessions.result_bytes_max;
    return reply > COL_APP_CHUNK_BYTES ? reply : COL_APP_CHUNK_BYTES;
}

size_t col_merge_footprint(const col_merge_options *options) {
    return sizeof(col_merge) + col_sessions_footprint(&options->sessions) +
           chunks_max(options) * sizeof(col_digest) + scratch_bytes(options) + 4 * 64;
}

col_merge *col_merge_create(col_arena *arena, const col_merge_options *options) {
    col_merge *merge = col_arena_take(arena, 1, sizeof *merge);
    merge->options = *options;
    merge->sessions = col_sessions_create(arena, &options->sessions);
    merge->chunk = col_arena_take(arena, chunks_max(options), sizeof(col_digest));
    merge->scratch_bytes = scratch_bytes(options);
    merge->scratch = col_arena_take(arena, 1, merge->scratch_bytes);
    return merge;
}

uint64_t col_merge_sequence(const col_merge *merge) {
    return merge->sequence;
}

uint32_t col_merge_next_pillar(const col_merge *merge) {
    return (uint32_t)((merge->sequence + 1) % merge->options.pillars);
}

/// @param session NULL when it is gone
static void send_reply(col_merge *merge, uint32_t pillar, const col_reply *reply,
                       const col_session *session, col_endpoint to) {
    const col_header header = {.type = COL_REPLY,
                               .pillar = (uint8_t)pillar,
                               .view = merge->view[pillar],
                               .sequence = reply->number};
    col_writer writer = col_writer_of(merge->scratch, merge->scratch_bytes);
    col_reply_write(&writer, reply);
    COL_ASSERT(!writer.failed);
    merge->options.sink.reply(merge->options.sink.context, &header,
                              (col_bytes){merge->scratch, col_writer_used(&writer)}, session, to);
    col_count(&merge->options.counters->replies, 1);
}

static void send_opened(col_merge *merge, const col_session_opened *answer, col_endpoint to) {
    const col_header header = {.type = COL_SESSION_OPENED,
                               .pillar = answer->pillar,
                               .view = merge->view[answer->pillar],
                               .sequence = answer->nonce};
    col_writer writer = col_writer_of(merge->scratch, merge->scratch_bytes);
    col_session_opened_write(&writer, answer);
    merge->options.sink.reply(merge->options.sink.context, &header,
                              (col_bytes){merge->scratch, col_writer_used(&writer)}, NULL, to);
}

static void tell(col_merge *merge, uint32_t pillar, const col_outcome *outcome) {
    merge->options.sink.outcome(merge->options.sink.context, pillar, outcome);
}

/// Send the stored result of an executed number to the session's client.
static void send_stored(col_merge *merge, const col_session *session, uint64_t number) {
    col_reply_status status;
    col_reply reply = {.client = session->client, .session = session->id, .number = number};
    if (!col_session_result(merge->sessions, session, number, &status, &reply.result)) return;
    reply.status = (uint8_t)status;
    send_reply(merge, (uint32_t)(session->id % merge->options.pillars), &reply, session,
               session->reply_to);
}

static void send_expired(col_merge *merge, const col_request *request) {
    col_endpoint to;
    if (!col_sessions_client_endpoint(merge->sessions, request->client, &to)) return;
    const col_reply reply = {.client = request->client,
                             .session = request->session,
                             .number = request->number,
                             .status = COL_REPLY_EXPIRED};
    send_reply(merge, request->pillar, &reply, NULL, to);
}

void col_merge_answer(col_merge *merge, const col_request *request) {
    const col_session *session = col_sessions_find(merge->sessions, request->session);
    if (session == NULL) {
        send_expired(merge, request);
    } else if (session->client == request->client && request->number <= session->last) {
        send_stored(merge, session, request->number);
    }
}

void col_merge_answer_open(col_merge *merge, const col_session_open *open) {
    col_session_opened answer;
    col_sessions_answer(merge->sessions, open, &answer);
    send_opened(merge, &answer, open->reply_to);
}

static void apply(col_merge *merge, col_session *session, const col_request *request) {
    const col_merge_options *options = &merge->options;
    const col_app_request operation = {.time_ns = merge->time_ns,
                                       .session = session->id,
                                       .number = request->number,
                                       .client = session->client,
                                       .operation = request->operation.at,
                                       .length = request->operation.length};
    const size_t capacity = options->sessions.result_bytes_max;
    uint8_t *room = col_session_result_room(merge->sessions, session);
    const size_t length = options->app->execute(options->app_state, &operation, room, capacity);
    COL_ASSERT(length <= capacity);
    col_session_executed(merge->sessions, session, COL_REPLY_RESULT, (uint32_t)length);

    const uint32_t pillar = (uint32_t)(session->id % options->pillars);
    const col_outcome outcome = {.kind = COL_OUTCOME_EXECUTED,
                                 .client = session->client,
                                 .session = session->id,
                                 .number = request->number};
    tell(merge, pillar, &outcome);
    col_count(&options->counters->requests, 1);
    col_count(&options->counters->requests_of[pillar], 1);
    send_stored(merge, session, request->number);
}

/// PROTOCOL section 5: only (owner, session, last+1) runs.
static void execute_request(col_merge *merge, const col_request *request) {
    col_session *session = col_sessions_find(merge->sessions, request->session);
    if (session == NULL) {
        send_expired(merge, request);
        return;
    }
    if (session->client != request->client || request->number > session->last + 1) return;
    if (request->number == session->last + 1) {
        apply(merge, session, request);
        return;
    }
    col_count(&merge->options.counters->duplicates, 1);
    send_stored(merge, session, request->number);
}

static void execute_open(col_merge *merge, const col_session_open *open) {
    col_session_opened answer;
    uint64_t evicted;
    const bool opened = col_sessions_open(merge->sessions, open, merge->time_ns, &answer, &evicted);
    if (evicted != 0) {
        const col_outcome outcome = {.kind = COL_OUTCOME_EVICTED, .session = evicted};
        tell(merge, (uint32_t)(evicted % merge->options.pillars), &outcome);
    }
    const col_outcome outcome = {.kind = opened ? COL_OUTCOME_OPENED : COL_OUTCOME_REFUSED,
                                 .client = open->client,
                                 .session = answer.session,
                                 .number = open->nonce,
                                 .reply_to = open->reply_to,
                                 .share = open->share};
    tell(merge, open->pillar, &outcome);
    send_opened(merge, &answer, open->reply_to);
}

static void execute_entry(col_merge *merge, uint32_t pillar, const col_message *message) {
    // The batch was checked when it was accepted, or q replicas vouch for it: a body that does not
    // parse is the same no-op everywhere.
    if (message->header.type == COL_REQUEST) {
        col_request request;
        if (!col_request_read(message->bytes, &request)) return;
        if (request.client != message->header.sender || request.pillar != pillar) return;
        execute_request(merge, &request);
    } else if (message->header.type == COL_SESSION_OPEN) {
        col_session_open open;
        if (!col_session_open_read(message->bytes, &open)) return;
        if (open.client != message->header.sender || open.pillar != pillar) return;
        execute_open(merge, &open);
    }
}

static bool execute_bundle(col_merge *merge, uint32_t pillar, col_bytes bytes) {
    col_bundle bundle;
    if (col_bundle_parse(bytes, &bundle) != COL_DROP_NONE) return false;
    col_entries entries = col_entries_of(&bundle);
    col_entry entry;
    while (col_entries_next(&entries, &entry)) execute_entry(merge, pillar, &entry.message);
    return entries.drop == COL_DROP_NONE;
}

static void execute_batch(col_merge *merge, uint32_t pillar, col_bytes body) {
    col_batch batch;
    if (!col_batch_read(body, &batch)) return;
    if (batch.time_ns > merge->time_ns) merge->time_ns = batch.time_ns;
    col_reader reader = col_reader_of(batch.content);
    for (uint16_t i = 0; i < batch.bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        const col_bytes bundle = col_read_bytes(&reader, length);
        if (reader.failed || !execute_bundle(merge, pillar, bundle)) return;
    }
}

/// Digests of the application's frozen chunks. @return how many
static uint32_t app_digests(col_merge *merge, col_digest *digest) {
    const col_merge_options *options = &merge->options;
    const uint32_t chunks = options->app->snapshot_begin(options->app_state);
    COL_ASSERT(chunks <= CHUNKS_MAX);
    for (uint32_t i = 0; i < chunks; i++) {
        const size_t length = options->app->snapshot_chunk(options->app_state, i, merge->scratch,
                                                           merge->scratch_bytes);
        col_hash(options->hasher, (col_bytes){merge->scratch, length}, &digest[i]);
    }
    options->app->snapshot_end(options->app_state);
    return chunks;
}

/// PROTOCOL section 6: the digest covers the list of chunk digests, so that each chunk can be
/// fetched and checked alone. First chunk: where the state stands.
static void reach_checkpoint(col_merge *merge) {
    const col_merge_options *options = &merge->options;
    const uint64_t rounds = merge->sequence / options->pillars;
    const uint64_t checkpoint = rounds / options->checkpoint_interval;
    uint32_t count = 1 + col_sessions_digests(merge->sessions, options->hasher, merge->chunk + 1);
    const uint32_t table = count;
    count += app_digests(merge, merge->chunk + count);

    uint8_t head[24];
    col_writer writer = col_writer_of(head, sizeof head);
    col_write_u64(&writer, checkpoint);
    col_write_u64(&writer, merge->time_ns);
    col_write_u32(&writer, table);
    col_write_u32(&writer, count);
    col_hash(options->hasher, (col_bytes){head, sizeof head}, &merge->chunk[0]);

    col_digest digest;
    const col_bytes list = {merge->chunk[0].byte, count * sizeof(col_digest)};
    col_hash(options->hasher, list, &digest);
    col_counter_set(&options->counters->checkpoints, checkpoint);
    options->sink.checkpoint(options->sink.context, checkpoint, &digest);
}

static void pass_slot(col_merge *merge) {
    merge->sequence++;
    const uint64_t slots = (uint64_t)merge->options.checkpoint_interval * merge->options.pillars;
    if (merge->sequence % slots == 0) reach_checkpoint(merge);
}

/// The next slots that earlier null runs cover.
static void pass_covered(col_merge *merge) {
    for (;;) {
        const uint32_t pillar = col_merge_next_pillar(merge);
        const uint64_t round = col_round_of(merge->sequence + 1, merge->options.pillars);
        if (merge->covered[pillar] < round) return;
        pass_slot(merge);
    }
}

void col_merge_execute(col_merge *merge, const col_committed *committed) {
    const uint32_t pillar = col_merge_next_pillar(merge);
    const uint64_t round = col_round_of(merge->sequence + 1, merge->options.pillars);
    COL_ASSERT(committed->round == round);  // the pillar hands over every slot, in order
    merge->view[pillar] = committed->view;
    if (committed->run == 0) {
        execute_batch(merge, pillar, (col_bytes){committed->body, committed->length});
        col_count(&merge->options.counters->batches, 1);
        merge->covered[pillar] = round;
    } else {
        merge->covered[pillar] = round + committed->run - 1;
    }
    pass_covered(merge);
    col_counter_set(&merge->options.counters->sequence, merge->sequence);
    col_counter_set(&merge->options.counters->sessions, col_sessions_count(merge->sessions));
}
