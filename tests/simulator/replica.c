// SPDX-License-Identifier: Apache-2.0
// One replica: the pure pillars and the merge of production, joined by queues that stand for its
// rings, its signing pool and its loops.
#include <stdlib.h>

#include "src/wire/bundle.h"
#include "src/wire/join.h"
#include "tests/simulator/simulator.h"

typedef struct {
    bool checkpoint;  ///< else an outcome
    uint64_t number;
    col_digest digest;
    col_outcome outcome;
} sim_note;

typedef struct {
    bool open;  ///< else a request
    col_request request;
    col_session_open session_open;
} sim_question;

// Queues

static void fifo_init(sim_fifo *fifo, uint32_t size) {
    *fifo = (sim_fifo){.size = size, .room = 16};
    fifo->item = malloc((size_t)fifo->room * size);
    COL_ASSERT(fifo->item != NULL);
}

static void fifo_put(sim_fifo *fifo, const void *item) {
    if (fifo->head + fifo->count == fifo->room) {
        memmove(fifo->item, fifo->item + (size_t)fifo->head * fifo->size,
                (size_t)fifo->count * fifo->size);
        fifo->head = 0;
        if (2 * fifo->count > fifo->room) {
            fifo->room *= 2;
            fifo->item = realloc(fifo->item, (size_t)fifo->room * fifo->size);
            COL_ASSERT(fifo->item != NULL);
        }
    }
    memcpy(fifo->item + (size_t)(fifo->head + fifo->count++) * fifo->size, item, fifo->size);
}

static bool fifo_take(sim_fifo *fifo, void *item) {
    if (fifo->count == 0) return false;
    memcpy(item, fifo->item + (size_t)fifo->head++ * fifo->size, fifo->size);
    fifo->count--;
    return true;
}

// Turns: each pillar and the merge are stages of loops that wake some time after there is work.

static void pillar_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);
static void merge_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);

static void wake_pillar_at(sim_pillar *pillar, uint64_t at_ns) {
    sim_run *sim = pillar->replica->sim;
    if (at_ns >= pillar->turn_ns) return;
    pillar->turn_ns = at_ns < sim->now_ns ? sim->now_ns : at_ns;
    sim_at(sim, pillar->turn_ns, pillar_turn, pillar->replica->id, pillar->index, NULL);
}

static uint64_t soon(sim_replica *replica) {
    return replica->sim->now_ns + sim_below(&replica->random, replica->sim->plan.turn_ns + 1);
}

static void wake_pillar(sim_pillar *pillar) {
    wake_pillar_at(pillar, soon(pillar->replica));
}

static void wake_merge(sim_replica *replica) {
    const uint64_t at_ns = soon(replica);
    if (at_ns >= replica->merge_turn_ns) return;
    replica->merge_turn_ns = at_ns;
    sim_at(replica->sim, at_ns, merge_turn, replica->id, 0, NULL);
}

void sim_replica_wake(sim_replica *replica) {
    for (uint32_t k = 0; k < replica->sim->plan.pillars; k++) wake_pillar(&replica->pillar[k]);
    wake_merge(replica);
}

/// Virtual monotonic clocks start differently on every machine.
static uint64_t monotonic_ns(const sim_replica *replica) {
    return replica->sim->now_ns + (replica->id + 1) * UINT64_C(77) * SIM_S;
}

// What the pure pillar asks of the world.

static void loop_back(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    sim->in_flight--;
    sim_replica *replica = &sim->replica[node];
    sim_packet_hold(packet);
    fifo_put(&replica->pillar[part].sealed, &packet);
    wake_pillar(&replica->pillar[part]);
}

static bool is_own_vote(uint8_t type) {
    return type == COL_PREPARE || type == COL_COMMIT || type == COL_CHECKPOINT;
}

static uint64_t sealed_at(sim_replica *replica) {
    const uint64_t seal_ns = replica->sim->plan.seal_ns;
    return replica->sim->now_ns + seal_ns / 4 + sim_below(&replica->random, seal_ns + 1);
}

static void sink_send(void *context, const col_header *header, col_bytes body, uint32_t replicas) {
    sim_pillar *pillar = context;
    sim_replica *replica = pillar->replica;
    sim_run *sim = replica->sim;
    sim_quiet_sent(sim, replica->id, header);
    sim_byzantine_observe(sim, header, body);
    const uint64_t at_ns = sealed_at(replica);
    sim_packet *packet = sim_packet_seal(sim, replica->id, header, body);
    if (is_own_vote(header->type)) {
        sim_packet_hold(packet);
        sim->in_flight++;
        sim_at(sim, at_ns, loop_back, replica->id, pillar->index, packet);
    }
    if (!sim_is_correct(sim, replica->id)) {
        sim_byzantine_send(replica, header, body, replicas);
        sim_packet_release(packet);
        return;
    }
    sim_agreement_sent(sim, replica->id, &packet->header);
    for (uint32_t to = 0; to < sim->plan.replicas; to++) {
        if (to == replica->id || !(replicas >> to & 1)) continue;
        sim_network_send(sim, replica->id, to, at_ns, packet);
    }
    sim_packet_release(packet);
}

static void send_to_client(sim_replica *replica, const col_header *header, col_bytes body,
                           col_endpoint to) {
    sim_run *sim = replica->sim;
    const uint32_t client = to.address - sim_client_endpoint(0).address;
    COL_ASSERT(client < sim->plan.clients);
    uint8_t wrong[256];
    if (sim_is_mute(sim, replica->id)) return;
    if ((sim->plan.behaviour[replica->id] & SIM_REPLIES) && body.length <= sizeof wrong) {
        memcpy(wrong, body.at, body.length);
        wrong[body.length - 1] ^= 1;
        body.at = wrong;
    }
    sim_packet *packet = sim_packet_seal(sim, replica->id, header, body);
    sim_network_send(sim, replica->id, sim_client_node(sim, client), sealed_at(replica), packet);
    sim_packet_release(packet);
}

static void sink_send_client(void *context, const col_header *header, col_bytes body,
                             col_endpoint to) {
    send_to_client(((sim_pillar *)context)->replica, header, body, to);
}

static void ask_merge(sim_pillar *pillar, const sim_question *question) {
    fifo_put(&pillar->questions, question);
    wake_merge(pillar->replica);
}

static void sink_answer(void *context, const col_request *request) {
    sim_question question = {.request = *request};
    question.request.operation = (col_bytes){0};
    ask_merge(context, &question);
}

static void sink_answer_open(void *context, const col_session_open *open) {
    ask_merge(context, &(sim_question){.open = true, .session_open = *open});
}

/// Header and body of a batch's entry name the same thing, as pillars/batch_check.c demands.
static bool entry_fits(const sim_run *sim, uint32_t pillar, const col_message *message) {
    const col_header *header = &message->header;
    if (header->pillar != pillar) return false;
    col_request request;
    col_session_open open;
    if (header->type == COL_REQUEST) {
        return col_request_read(message->bytes, &request) && request.client == header->sender &&
               request.number == header->sequence && request.pillar == pillar &&
               request.session % sim->plan.pillars == pillar;
    }
    return header->type == COL_SESSION_OPEN && col_session_open_read(message->bytes, &open) &&
           open.client == header->sender && open.nonce == header->sequence && open.pillar == pillar;
}

// MACs: the first byte of the signature is the set of replicas that find theirs wrong.

static bool is_open(const sim_pillar *pillar, uint64_t session) {
    for (uint32_t i = 0; i < SIM_SESSIONS_MAX; i++) {
        if (pillar->session[i] == session) return true;
    }
    return false;
}

static void put_session(sim_pillar *pillar, uint64_t old, uint64_t session) {
    for (uint32_t i = 0; i < SIM_SESSIONS_MAX; i++) {
        if (pillar->session[i] != old) continue;
        pillar->session[i] = session;
        return;
    }
}

static col_drop check_macs(const sim_pillar *at, col_bytes signature, uint64_t session) {
    if (!is_open(at, session)) return COL_DROP_NO_SESSION;
    return signature.at[0] >> at->replica->id & 1 ? COL_DROP_BAD_MAC : COL_DROP_NONE;
}

/// A request's session stands in its body.
static col_drop check_request_macs(const sim_pillar *at, col_bytes signature, col_bytes body) {
    col_request request;
    if (!col_request_read(body, &request)) return COL_DROP_MALFORMED;
    return check_macs(at, signature, request.session);
}

static void judge_macs(const sim_pillar *at, const col_bundle *bundle, const col_message *message,
                       col_batch_check *check) {
    if (at == NULL || bundle->scheme != COL_SCHEME_HMAC) return;
    col_request request;
    if (message->header.type != COL_REQUEST || !col_request_read(message->bytes, &request)) {
        check->authentic = false;  // only requests may have MACs
        return;
    }
    const col_drop drop = check_macs(at, bundle->signature, request.session);
    if (drop == COL_DROP_NONE || col_pbft_knows(at->pillar.pbft, message)) return;
    col_batch_check_doubt(check, message->header.sender, drop == COL_DROP_BAD_MAC);
}

static bool check_bundle(const sim_run *sim, uint32_t pillar, col_bytes bytes, col_digest *digest,
                         uint32_t *requests, const sim_pillar *at, col_batch_check *check) {
    col_bundle bundle;
    if (col_bundle_parse(bytes, &bundle) != COL_DROP_NONE) return false;
    // What a faulty primary spoils.
    if (bundle.scheme != SIM_CLIENT_SCHEME && bundle.scheme != COL_SCHEME_HMAC)
        check->authentic = false;
    col_entries entries = col_entries_of(&bundle);
    col_entry entry;
    while (col_entries_next(&entries, &entry)) {
        if (*requests == sim->plan.batch_requests_max) return false;
        if (!entry_fits(sim, pillar, &entry.message)) return false;
        col_hash(&sim->hasher, entry.message.bytes, &entry.message.header.digest);
        digest[(*requests)++] = entry.message.header.digest;
        if (!sim_once_was_issued(sim, &entry.message.header)) check->authentic = false;
        judge_macs(at, &bundle, &entry.message, check);
    }
    return entries.drop == COL_DROP_NONE;
}

void sim_batch_check(const sim_run *sim, uint32_t pillar, col_bytes body, const sim_pillar *at,
                     col_batch_check *check) {
    *check = (col_batch_check){.authentic = true};
    col_digest digest[64];
    uint8_t input[COL_BATCH_DIGEST_BYTES(64)];
    col_batch batch;
    if (!col_batch_read(body, &batch) || batch.requests > sim->plan.batch_requests_max) return;
    col_reader reader = col_reader_of(batch.content);
    uint32_t requests = 0;
    for (uint16_t i = 0; i < batch.bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        const col_bytes bundle = col_read_bytes(&reader, length);
        if (reader.failed) return;
        if (!check_bundle(sim, pillar, bundle, digest, &requests, at, check)) return;
    }
    if (!col_reader_done(&reader) || requests != batch.requests) return;
    check->well_formed = true;
    if (!check->authentic) check->doubt = 0;
    check->authentic &= check->doubt == 0;
    check->time_ns = batch.time_ns;
    col_batch_digest_input(batch.time_ns, digest, requests, input);
    col_hash(&sim->hasher, (col_bytes){input, COL_BATCH_DIGEST_BYTES(requests)}, &check->digest);
}

static void sink_check_batch(void *context, col_bytes body, col_batch_check *check) {
    const sim_pillar *pillar = context;
    sim_batch_check(pillar->replica->sim, pillar->index, body, pillar, check);
}

static bool sink_check_seal(void *context, const col_header *header, col_seal seal) {
    (void)context;
    return sim_seal_check(header, seal);
}

// What comes out of execution.

static void sink_reply(void *context, const col_header *header, col_bytes body,
                       const col_session *session, col_endpoint to) {
    (void)session;
    send_to_client(context, header, body, to);
}

static void sink_outcome(void *context, uint32_t pillar, const col_outcome *outcome) {
    sim_replica *replica = context;
    const sim_note note = {.outcome = *outcome};
    sim_order_outcome(replica->sim, replica->id, col_merge_sequence(replica->merge) + 1, outcome);
    fifo_put(&replica->pillar[pillar].notes, &note);
    wake_pillar(&replica->pillar[pillar]);
}

static void sink_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest) {
    sim_replica *replica = context;
    const uint32_t pillar = (uint32_t)(checkpoint % replica->sim->plan.pillars);
    const sim_note note = {.checkpoint = true, .number = checkpoint, .digest = *digest};
    sim_order_checkpoint(replica->sim, replica->id, checkpoint, digest);
    fifo_put(&replica->pillar[pillar].notes, &note);
    wake_pillar(&replica->pillar[pillar]);
}

// The application with the checkers in front of it. Its state is the replica.

static size_t app_execute(void *app, const col_app_request *request, uint8_t *result,
                          size_t capacity) {
    sim_replica *replica = app;
    sim_run *sim = replica->sim;
    const size_t length = sim->plan.app->execute(replica->app, request, result, capacity);
    const uint64_t sequence = col_merge_sequence(replica->merge) + 1;
    sim_order_executed(sim, replica->id, sequence, request, (col_bytes){result, length});
    sim_once_executed(sim, replica->id, request, (col_bytes){result, length});
    return length;
}

static uint32_t app_snapshot_begin(void *app) {
    sim_replica *replica = app;
    return replica->sim->plan.app->snapshot_begin(replica->app);
}

static size_t app_snapshot_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    sim_replica *replica = app;
    return replica->sim->plan.app->snapshot_chunk(replica->app, index, chunk, capacity);
}

static void app_snapshot_end(void *app) {
    sim_replica *replica = app;
    replica->sim->plan.app->snapshot_end(replica->app);
}

// Turns

/// What the opener does before the pillar sees a client's message.
static col_drop open_message(const sim_pillar *pillar, const col_verified *verified) {
    col_seal_view seal;
    if (verified->message.header.type != COL_REQUEST) return COL_DROP_NONE;
    if (!col_seal_read(verified->seal, &seal) || seal.scheme != COL_SCHEME_HMAC) {
        return COL_DROP_NONE;
    }
    return check_request_macs(pillar, seal.signature, verified->message.bytes);
}

static void deliver_all(sim_pillar *pillar, uint64_t now_ns, uint64_t wall_ns) {
    sim_packet *packet;
    while (fifo_take(&pillar->inbox, &packet)) {
        const col_verified verified = sim_packet_verified(packet);
        bool expected;
        col_drop drop = open_message(pillar, &verified);
        if (drop == COL_DROP_NONE) {
            drop = col_pillar_expect(&pillar->pillar, &verified.message, &expected);
        }
        if (drop == COL_DROP_NONE) {
            drop = col_pillar_deliver(&pillar->pillar, now_ns, wall_ns, &verified);
        }
        sim_trace(pillar->replica->sim, "%u.%u takes %s view %lu sequence %lu run %u from %u: %s",
                  pillar->replica->id, pillar->index, col_type_name(packet->header.type),
                  packet->header.view, packet->header.sequence, packet->header.run,
                  packet->header.sender, col_drop_name(drop));
        sim_packet_release(packet);
    }
}

static void take_sealed(sim_pillar *pillar, uint64_t now_ns, uint64_t wall_ns) {
    sim_packet *packet;
    while (fifo_take(&pillar->sealed, &packet)) {
        const col_verified verified = sim_packet_verified(packet);
        col_pillar_sealed(&pillar->pillar, now_ns, wall_ns, &verified);
        sim_packet_release(packet);
    }
}

static void take_notes(sim_pillar *pillar, uint64_t now_ns, uint64_t wall_ns) {
    sim_note note;
    while (fifo_take(&pillar->notes, &note)) {
        if (note.checkpoint) {
            col_pillar_reached(&pillar->pillar, note.number, &note.digest);
        } else {
            const col_outcome *outcome = &note.outcome;
            if (outcome->kind == COL_OUTCOME_OPENED) put_session(pillar, 0, outcome->session);
            if (outcome->kind == COL_OUTCOME_EVICTED) put_session(pillar, outcome->session, 0);
            col_pillar_outcome(&pillar->pillar, now_ns, wall_ns, outcome);
        }
    }
}

static void give_committed(sim_pillar *pillar) {
    sim_run *sim = pillar->replica->sim;
    col_committed committed;
    while (pillar->committed.count < sim->plan.hand_off &&
           col_pillar_next_committed(&pillar->pillar, &committed)) {
        sim_trace(sim, "%u.%u committed round %lu run %u", pillar->replica->id, pillar->index,
                  committed.round, committed.run);
        sim_agreement_committed(sim, pillar->replica->id, pillar->index, &committed);
        fifo_put(&pillar->committed, &committed);
        wake_merge(pillar->replica);
    }
}

/// Peers keep the last 2W rounds; who needs older ones needs a state transfer.
static void watch_for_left_behind(sim_run *sim) {
    uint64_t stable = 0, executed = UINT64_MAX;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        // A faulty one runs the same code beneath, and may lead a pillar.
        if (sim_is_mute(sim, r)) continue;
        const uint64_t checkpoint = col_word_read(&sim->replica[r].words.stable);
        const uint64_t rounds = col_merge_sequence(sim->replica[r].merge) / sim->plan.pillars;
        if (checkpoint * sim->plan.interval > stable) stable = checkpoint * sim->plan.interval;
        if (rounds < executed) executed = rounds;
    }
    if (executed + 2 * sim->plan.window < stable) sim->left_behind = true;
}

static void pillar_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)packet;
    sim_replica *replica = &sim->replica[node];
    sim_pillar *pillar = &replica->pillar[part];
    if (sim->now_ns != pillar->turn_ns) return;  // an earlier turn has taken its place
    pillar->turn_ns = COL_NEVER;
    const uint64_t paused_until = sim_network_paused_until(sim, node);
    if (paused_until != 0) {
        wake_pillar_at(pillar, paused_until);
        return;
    }
    const uint64_t now_ns = monotonic_ns(replica);
    const uint64_t wall_ns = sim_wall_ns(sim, node);
    uint32_t news = col_pillar_settle(&pillar->pillar, now_ns, wall_ns);
    take_notes(pillar, now_ns, wall_ns);
    take_sealed(pillar, now_ns, wall_ns);
    deliver_all(pillar, now_ns, wall_ns);
    news |= col_pillar_settle(&pillar->pillar, now_ns, wall_ns);
    give_committed(pillar);
    for (uint32_t k = 0; k < sim->plan.pillars; k++) {
        if (k != part && col_pillar_is_news_for(&pillar->pillar, news, k)) {
            wake_pillar(&replica->pillar[k]);
        }
    }
    if (news != 0) {
        sim_quiet_progress(sim);
        watch_for_left_behind(sim);
    }
    const uint64_t deadline_ns = col_pillar_deadline(&pillar->pillar);
    if (deadline_ns == COL_NEVER) return;
    const uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1;
    wake_pillar_at(pillar, sim->now_ns + wait_ns);
}

static void answer_questions(sim_replica *replica, sim_pillar *pillar) {
    sim_question question;
    while (fifo_take(&pillar->questions, &question)) {
        if (question.open) {
            col_merge_answer_open(replica->merge, &question.session_open);
        } else {
            col_merge_answer(replica->merge, &question.request);
        }
    }
}

static void execute_all(sim_replica *replica) {
    const uint64_t before = col_merge_sequence(replica->merge);
    for (;;) {
        sim_pillar *pillar = &replica->pillar[col_merge_next_pillar(replica->merge)];
        col_committed committed;
        const bool was_full = pillar->committed.count == replica->sim->plan.hand_off;
        if (!fifo_take(&pillar->committed, &committed)) break;
        col_merge_execute(replica->merge, &committed);
        if (was_full) wake_pillar(pillar);  // it may have more to hand over
    }
    const uint64_t after = col_merge_sequence(replica->merge);
    if (after == before) return;
    atomic_store_explicit(&replica->words.executed, after, memory_order_release);
    sim_quiet_progress(replica->sim);
    for (uint32_t k = 0; k < replica->sim->plan.pillars; k++) {
        if (replica->sim->plan.wakes_on_executed) wake_pillar(&replica->pillar[k]);
    }
}

static void merge_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)packet;
    (void)part;
    sim_replica *replica = &sim->replica[node];
    if (sim->now_ns != replica->merge_turn_ns) return;
    replica->merge_turn_ns = COL_NEVER;
    const uint64_t paused_until = sim_network_paused_until(sim, node);
    if (paused_until != 0) {
        replica->merge_turn_ns = paused_until;
        sim_at(sim, paused_until, merge_turn, node, 0, NULL);
        return;
    }
    execute_all(replica);
    for (uint32_t k = 0; k < sim->plan.pillars; k++) {
        answer_questions(replica, &replica->pillar[k]);
    }
}

void sim_replica_deliver(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    if (part >= sim->plan.pillars) return;
    sim_pillar *pillar = &sim->replica[node].pillar[part];
    sim_packet_hold(packet);
    fifo_put(&pillar->inbox, &packet);
    wake_pillar(pillar);
}

col_pbft_figures sim_figures(const sim_replica *replica, uint32_t pillar) {
    col_pbft_figures figures;
    col_pbft_figures_read(replica->pillar[pillar].pillar.pbft, &figures);
    return figures;
}

// Life

static col_pbft_options pbft_options(const sim_run *sim, const sim_pillar *pillar) {
    const sim_plan *plan = &sim->plan;
    return (col_pbft_options){
        .replicas = plan->replicas,
        .faults = plan->faults,
        .self = pillar->replica->id,
        .pillar = pillar->index,
        .pillars = plan->pillars,
        .single_leader = plan->single_leader,
        .checkpoint_interval = plan->interval,
        .window = plan->window,
        .session_outstanding = plan->outstanding,
        .sessions_max = plan->sessions_max,
        .clients = plan->clients + 1,  // one that only intrudes: byzantine.c
        .pending_max = 256,
        .operation_bytes_max = 256,
        .batch_requests_max = plan->batch_requests_max,
        .batch_bytes_max = 8192,
        .signature_bytes_max = 64,
        .time_ahead_max_ns = plan->time_ahead_max_ns,
        .incarnation = 1000 + pillar->replica->id,
        .cluster_tag = plan->seed,
        .batch_requests = plan->batch_requests,
        .batch_bytes = plan->batch_bytes,
        .status_interval_ns = plan->status_interval_ns,
        .hasher = &sim->hasher,
        .sink = {.context = (void *)pillar,
                 .send = sink_send,
                 .send_client = sink_send_client,
                 .answer = sink_answer,
                 .answer_open = sink_answer_open,
                 .check_batch = sink_check_batch,
                 .check_seal = sink_check_seal},
    };
}

static col_merge_options merge_options(sim_replica *replica) {
    const sim_plan *plan = &replica->sim->plan;
    return (col_merge_options){
        .pillars = plan->pillars,
        .checkpoint_interval = plan->interval,
        .operation_bytes_max = 256,
        .sessions = {.pillars = plan->pillars,
                     .clients = plan->clients + 1,
                     .sessions_max = plan->sessions_max,
                     .client_sessions_max = plan->client_sessions_max,
                     .outstanding = plan->outstanding,
                     .result_bytes_max = 64,
                     .time_ahead_max_ns = plan->time_ahead_max_ns},
        .app = &replica->checked_app,
        .app_state = replica,
        .hasher = &replica->sim->hasher,
        .sink = {.context = replica,
                 .reply = sink_reply,
                 .outcome = sink_outcome,
                 .checkpoint = sink_checkpoint},
        .counters = &replica->counters,
    };
}

static void open_memory(sim_replica *replica) {
    size_t bytes = 1 << 20;
    const col_merge_options merge = merge_options(replica);
    bytes += col_merge_footprint(&merge);
    const sim_pillar any = {.replica = replica};
    const col_pbft_options pbft = pbft_options(replica->sim, &any);
    bytes += replica->sim->plan.pillars * col_pillar_footprint(&pbft);
    const col_result opened = col_arena_open(&replica->arena, bytes);
    COL_ASSERT(opened.ok);
}

static void init_pillar(sim_replica *replica, uint32_t k) {
    sim_pillar *pillar = &replica->pillar[k];
    pillar->replica = replica;
    pillar->index = k;
    pillar->turn_ns = COL_NEVER;
    fifo_init(&pillar->inbox, sizeof(sim_packet *));
    fifo_init(&pillar->sealed, sizeof(sim_packet *));
    fifo_init(&pillar->notes, sizeof(sim_note));
    fifo_init(&pillar->committed, sizeof(col_committed));
    fifo_init(&pillar->questions, sizeof(sim_question));
    const col_pbft_options options = pbft_options(replica->sim, pillar);
    col_pillar_init(&pillar->pillar, &replica->arena, &options, &replica->words);
    wake_pillar(pillar);
}

void sim_replica_init(sim_run *sim, uint32_t id) {
    sim_replica *replica = &sim->replica[id];
    replica->sim = sim;
    replica->id = id;
    replica->merge_turn_ns = COL_NEVER;
    replica->random = sim_random_of(sim->plan.seed, 100 + id);
    replica->app = sim->plan.app->create("");
    replica->checked_app = (col_app){.name = "checked",
                                     .execute = app_execute,
                                     .snapshot_begin = app_snapshot_begin,
                                     .snapshot_chunk = app_snapshot_chunk,
                                     .snapshot_end = app_snapshot_end};
    open_memory(replica);
    const col_merge_options options = merge_options(replica);
    replica->merge = col_merge_create(&replica->arena, &options);
    for (uint32_t k = 0; k < sim->plan.pillars; k++) init_pillar(replica, k);
}

static void close_fifo(sim_fifo *fifo, bool packets) {
    sim_packet *packet;
    while (packets && fifo_take(fifo, &packet)) sim_packet_release(packet);
    free(fifo->item);
}

void sim_replica_close(sim_replica *replica) {
    for (uint32_t k = 0; k < replica->sim->plan.pillars; k++) {
        sim_pillar *pillar = &replica->pillar[k];
        close_fifo(&pillar->inbox, true);
        close_fifo(&pillar->sealed, true);
        close_fifo(&pillar->notes, false);
        close_fifo(&pillar->committed, false);
        close_fifo(&pillar->questions, false);
    }
    replica->sim->plan.app->destroy(replica->app);
    col_arena_close(&replica->arena);
}
