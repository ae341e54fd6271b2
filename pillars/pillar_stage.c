// SPDX-License-Identifier: Apache-2.0
#include "pillars/pillar_stage.h"

#include <sys/random.h>

#include "crypto/session_keys.h"
#include "pillars/batch_check.h"
#include "pillars/sources.h"
#include "src/base/assert.h"
#include "src/base/clock.h"

// Incomplete large messages of one peer: its proposals in flight and what it serves.
#define REASSEMBLY_PLACES 16

struct col_pillar_stage {
    col_stage stage;
    col_pillar_stage_options options;
    col_pillar pillar;
    col_hasher *hasher;
    col_macs *macs;  // NULL: sessions are signed
    col_session_keys request_keys;
    col_opener *opener;         // of datagrams
    col_batch_checker checker;  // of what stands inside messages
    col_reassembly *reassembly;
    col_endpoint replica[COL_REPLICAS_MAX];
    col_sources sources;
    struct {  // of the burst that is opened
        col_endpoint from[COL_OPEN_BURST_MAX];
        col_waste_budget budget[COL_OPEN_BURST_MAX];
        bool expected[COL_OPEN_BURST_MAX];
        bool used[COL_OPEN_BURST_MAX];
    } burst;
    uint64_t now_ns;
    uint64_t wall_ns;
};

static uint32_t message_bytes_max(const col_pbft_options *options) {
    return COL_FETCHED_BYTES(options->replicas, COL_SIGNATURE_BYTES_MAX, options->batch_bytes_max);
}

size_t col_pillar_stage_footprint(const col_pillar_stage_options *options) {
    const col_pbft_options *pbft = &options->pbft;
    return sizeof(col_pillar_stage) + col_pillar_footprint(pbft) + 2 * col_opener_footprint() +
           col_reassembly_footprint(pbft->replicas, REASSEMBLY_PLACES, message_bytes_max(pbft)) +
           col_session_keys_footprint(pbft->sessions_max, 1) + 8 * 64;
}

static void drop(col_pillar_stage *stage, col_drop reason) {
    if (reason != COL_DROP_NONE) col_count(&stage->options.counters->drops[reason], 1);
}

// What the pure pillar asks of the world: src/pbft/pbft.h, col_pbft_sink.

static void seal_and_send(col_pillar_stage *stage, const col_header *header, col_bytes body,
                          col_destination to) {
    if (!col_signing_rings_put(&stage->options.signing, header, body, to)) {
        drop(stage, COL_DROP_QUEUE_FULL);
    }
}

/// What goes to one peer, it may have asked for, again and again: that leaves half of the ring to
/// what all wait for.
static bool has_room_for(const col_pillar_stage *stage, uint32_t replicas) {
    const bool one_peer = (replicas & (replicas - 1)) == 0;
    const col_ring *ring = col_signing_ring_of_burst(&stage->options.signing);
    return !one_peer || col_ring_free(ring) >= ring->size / 2;
}

static void sink_send(void *context, const col_header *header, col_bytes body, uint32_t replicas) {
    if (!has_room_for(context, replicas)) {
        drop(context, COL_DROP_QUEUE_FULL);
        return;
    }
    seal_and_send(context, header, body, (col_destination){.replicas = replicas});
}

static void sink_send_client(void *context, const col_header *header, col_bytes body,
                             col_endpoint client) {
    seal_and_send(context, header, body, (col_destination){.client = client});
}

static void ask_merge(col_pillar_stage *stage, const col_pillar_question *question) {
    col_pillar_question *record = col_ring_reserve(stage->options.questions, sizeof *record);
    if (record == NULL) {
        drop(stage, COL_DROP_QUEUE_FULL);
        return;
    }
    *record = *question;
    col_ring_publish(stage->options.questions);
}

static void sink_answer(void *context, const col_request *request) {
    col_pillar_question question = {.kind = COL_ASK_REQUEST, .request = *request};
    question.request.operation = (col_bytes){0};
    ask_merge(context, &question);
}

static void sink_answer_open(void *context, const col_session_open *open) {
    ask_merge(context, &(col_pillar_question){.kind = COL_ASK_OPEN, .open = *open});
}

static void sink_check_batch(void *context, col_bytes body, col_batch_check *check) {
    col_pillar_stage *stage = context;
    col_batch_check_body(&stage->checker, body, check);
}

static bool sink_check_seal(void *context, const col_header *header, col_seal seal) {
    col_pillar_stage *stage = context;
    return col_seal_check(stage->checker.opener, header, seal) == COL_DROP_NONE;
}

// Inputs

/// Replicas send from their own addresses only, so that no other address can overdraw their
/// budgets, nor replay what they once sent.
static bool comes_from_signer(const col_pillar_stage *stage, const col_bundle *bundle,
                              col_endpoint from) {
    if (bundle->role != COL_ROLE_REPLICA) return true;
    const col_endpoint *replica = &stage->replica[bundle->signer];
    return replica->address == from.address && replica->port == from.port;
}

/// Is a bundle worth its hashes and its verification? The cheapest reasons come first.
static col_drop check_bundle(void *context, uint32_t which, const col_bundle *bundle,
                             const col_entry *entry) {
    col_pillar_stage *stage = context;
    const col_endpoint from = stage->burst.from[which];
    if (!comes_from_signer(stage, bundle, from)) return COL_DROP_WRONG_SOURCE;

    bool useful = false, awaited = false;
    col_drop reason = COL_DROP_NONE;
    for (uint16_t i = 0; i < bundle->entries; i++) {
        bool expected;
        reason = col_pillar_expect(&stage->pillar, &entry[i].message, &expected);
        useful |= reason == COL_DROP_NONE;
        awaited |= expected;
    }
    const col_waste_budget budget =
        useful ? col_sources_admit(&stage->sources, from, awaited, stage->now_ns)
               : COL_WASTE_REFUSED;
    stage->burst.budget[which] = budget;
    stage->burst.expected[which] = awaited;
    if (!useful) return reason;
    return budget == COL_WASTE_REFUSED ? COL_DROP_RATE_LIMITED : COL_DROP_NONE;
}

static col_drop deliver(col_pillar_stage *stage, const col_verified *verified) {
    col_verified whole;
    if (verified->message.header.fragments > 1) {
        bool complete = false;
        const col_drop reason =
            col_reassembly_add(stage->reassembly, stage->hasher, verified, &whole, &complete);
        if (!complete) return reason;
        verified = &whole;
    }
    return col_pillar_deliver(&stage->pillar, stage->now_ns, stage->wall_ns, verified);
}

/// Deliver one verified entry; large messages once they are whole.
static void on_opened(void *context, const col_opened *opened) {
    col_pillar_stage *stage = context;
    // A whole message stands only in batches: here it would pass for its own first fragment.
    const col_drop reason = opened->whole ? COL_DROP_MALFORMED : deliver(stage, &opened->verified);
    drop(stage, reason);
    // What a replica sealed is never in vain: it repeats what it cannot know to have arrived.
    stage->burst.used[opened->bundle] |=
        reason == COL_DROP_NONE || opened->verified.message.header.role == COL_ROLE_REPLICA;
}

/// Keep the account of a datagram's sender. What was refused before it cost anything is no waste.
static void settle(col_pillar_stage *stage, uint32_t which, col_drop reason) {
    const col_endpoint from = stage->burst.from[which];
    const col_waste_budget budget = stage->burst.budget[which];
    const bool opened = reason == COL_DROP_NONE;
    if (budget == COL_WASTE_REFUSED) return;
    if (opened && stage->burst.used[which]) {
        col_sources_useful(&stage->sources, from, stage->now_ns);
    } else {
        const bool forged = !opened && !stage->burst.expected[which];
        col_sources_wasted(&stage->sources, from, budget, forged, stage->now_ns);
    }
}

/// @return work done: what was refused is none, so that a flood keeps no loop from going to sleep
static uint32_t take_datagrams(col_pillar_stage *stage) {
    void *buffer[COL_OPEN_BURST_MAX];
    col_bytes payload[COL_OPEN_BURST_MAX];
    col_drop reason[COL_OPEN_BURST_MAX];
    uint32_t count = 0, bytes;
    const col_datagram *datagram;
    while (count < COL_OPEN_BURST_MAX &&
           (datagram = col_ring_front(stage->options.ingress, &bytes)) != NULL) {
        payload[count] = datagram->payload;
        stage->burst.from[count] = datagram->from;
        stage->burst.budget[count] = COL_WASTE_REFUSED;
        stage->burst.used[count] = false;
        buffer[count++] = datagram->buffer;
        col_ring_release(stage->options.ingress);
    }
    if (count == 0) return 0;
    col_open_burst(stage->opener, payload, count, reason, on_opened, stage);
    uint32_t work = count == COL_OPEN_BURST_MAX;  // there may be more
    for (uint32_t i = 0; i < count; i++) {
        work += reason[i] == COL_DROP_NONE;
        drop(stage, reason[i]);
        settle(stage, i, reason[i]);
        stage->options.release(buffer[i]);
    }
    return work;
}

/// Keys first: what the instance then looks at may need them.
static void take_outcome(col_pillar_stage *stage, const col_merge_note *note) {
    const col_outcome *outcome = &note->outcome;
    if (outcome->kind == COL_OUTCOME_EVICTED) {
        col_session_keys_remove(&stage->request_keys, outcome->session);
    } else if (note->has_key) {
        *col_session_keys_add(&stage->request_keys, outcome->session, outcome->client) =
            note->request_key;
    }
    col_pillar_outcome(&stage->pillar, stage->now_ns, stage->wall_ns, outcome);
}

static uint32_t take_notes(col_pillar_stage *stage) {
    uint32_t count = 0, bytes;
    const col_merge_note *note;
    while ((note = col_ring_front(stage->options.notes, &bytes)) != NULL) {
        if (note->kind == COL_NOTE_OUTCOME) {
            take_outcome(stage, note);
        } else {
            col_pillar_reached(&stage->pillar, note->checkpoint, &note->digest);
        }
        col_ring_release(stage->options.notes);
        count++;
    }
    return count;
}

static void on_sealed(col_pillar_stage *stage, const col_sealed_vote *vote) {
    const col_pillar_stage_options *options = &stage->options;
    const col_seal seal = {vote->seal, vote->seal_length};
    const col_verified verified = col_opener_own(&vote->header, seal);
    col_pillar_sealed(&stage->pillar, stage->now_ns, stage->wall_ns, &verified);
    if (vote->header.type == COL_CHECKPOINT && options->checkpoint_sealed != NULL) {
        options->checkpoint_sealed(options->checkpoint_context, vote->header.sequence,
                                   &vote->header.digest, seal);
    }
}

static uint32_t take_sealed(col_pillar_stage *stage) {
    uint32_t count = 0, bytes;
    for (uint32_t i = 0; i < stage->options.sealers; i++) {
        const col_sealed_vote *vote;
        while ((vote = col_ring_front(stage->options.sealed[i], &bytes)) != NULL) {
            on_sealed(stage, vote);
            col_ring_release(stage->options.sealed[i]);
            count++;
        }
    }
    return count;
}

// Outputs

static uint32_t give_committed(col_pillar_stage *stage) {
    uint32_t count = 0;
    for (;;) {
        // Reserve first: what col_pillar_next_committed hands over must reach the merge.
        col_committed *record = col_ring_reserve(stage->options.committed, sizeof *record);
        if (record == NULL || !col_pillar_next_committed(&stage->pillar, record)) return count;
        col_ring_publish(stage->options.committed);
        count++;
    }
}

static void wake_neighbours(col_pillar_stage *stage, uint32_t news) {
    for (uint32_t k = 0; k < stage->options.pbft.pillars; k++) {
        col_waker *loop = stage->options.loop[k];
        if (loop != NULL && col_pillar_is_news_for(&stage->pillar, news, k)) col_waker_signal(loop);
    }
}

static void show_figures(col_pillar_stage *stage) {
    col_pillar_counters *counters = stage->options.counters;
    col_pbft_figures figures;
    col_pbft_figures_read(stage->pillar.pbft, &figures);
    col_counter_set(&counters->view, figures.view);
    col_counter_set(&counters->primary, figures.primary);
    col_counter_set(&counters->proposed, figures.proposed);
    col_counter_set(&counters->null_runs, figures.null_runs);
    col_counter_set(&counters->committed, figures.committed);
    col_counter_set(&counters->batches, figures.batches);
    col_counter_set(&counters->highest, figures.highest);
    col_counter_set(&counters->executed, figures.executed);
    col_counter_set(&counters->stable, figures.stable);
    col_counter_set(&counters->pending, figures.pending);
    col_counter_set(&counters->status_sent, figures.status_sent);
    col_counter_set(&counters->resent, figures.resent);
    col_counter_set(&counters->fetch_sent, figures.fetch_sent);
    col_counter_set(&counters->fetched_served, figures.fetched_served);
    col_counter_set(&counters->diverged, col_checkpoints_diverged(stage->pillar.checkpoints));
}

static uint32_t poll(col_stage *self, uint64_t now_ns, uint32_t budget) {
    col_pillar_stage *stage = (col_pillar_stage *)self;
    (void)budget;  // a burst is bounded by COL_OPEN_BURST_MAX, notes by what one batch causes
    stage->now_ns = now_ns;
    stage->wall_ns = col_clock_wall_ns();
    stage->options.signing.turn++;

    uint32_t news = col_pillar_settle(&stage->pillar, now_ns, stage->wall_ns);
    uint32_t work = take_notes(stage) + take_sealed(stage) + take_datagrams(stage);
    if (work > 0) news |= col_pillar_settle(&stage->pillar, now_ns, stage->wall_ns);
    work += give_committed(stage);
    if (news != 0) wake_neighbours(stage, news);
    if (work > 0 || news != 0) show_figures(stage);
    return work + (news != 0);
}

static uint64_t deadline_ns(const col_stage *self) {
    return col_pillar_deadline(&((const col_pillar_stage *)self)->pillar);
}

static const col_mac_key *find_request_key(void *context, uint8_t role, uint32_t signer,
                                           uint32_t key_version) {
    const col_pillar_stage *stage = context;
    if (role != COL_ROLE_CLIENT) return NULL;
    return col_session_keys_find(&stage->request_keys, key_version, signer);
}

static void take_macs(col_pillar_stage *stage) {
    stage->macs = col_macs_create();
    const col_opener_links links = {.macs = stage->macs,
                                    .self = stage->options.pbft.self,
                                    .find = find_request_key,
                                    .context = stage};
    col_opener_take_macs(stage->opener, &links);
    col_opener_take_macs(stage->checker.opener, &links);
}

col_pillar_stage *col_pillar_stage_create(col_arena *arena,
                                          const col_pillar_stage_options *options) {
    col_pillar_stage *stage = col_arena_take(arena, 1, sizeof *stage);
    stage->options = *options;
    stage->hasher = col_hasher_create();
    stage->opener = col_opener_create(arena, options->backend, stage->hasher, options->keyring,
                                      options->roots, options->opener_counters);
    col_opener_check_by(stage->opener, check_bundle, stage);
    memcpy(stage->replica, options->replica, options->pbft.replicas * sizeof *options->replica);
    uint64_t salt;
    COL_ASSERT(getrandom(&salt, sizeof salt, 0) == sizeof salt);
    col_sources_init(&stage->sources, salt);
    stage->checker = (col_batch_checker){
        .opener = col_opener_create(arena, options->backend, stage->hasher, options->keyring,
                                    options->roots, options->opener_counters),
        .hasher = stage->hasher,
        .pillar = options->pbft.pillar,
        .requests_max = options->pbft.batch_requests_max,
        .operation_bytes_max = options->pbft.operation_bytes_max,
        .pillars = options->pbft.pillars,
    };
    stage->reassembly = col_reassembly_create(arena, options->pbft.replicas, REASSEMBLY_PLACES,
                                              message_bytes_max(&options->pbft));
    stage->options.pbft.hasher = stage->hasher;
    stage->options.pbft.sink = (col_pbft_sink){
        .context = stage,
        .send = sink_send,
        .send_client = sink_send_client,
        .answer = sink_answer,
        .answer_open = sink_answer_open,
        .check_batch = sink_check_batch,
        .check_seal = sink_check_seal,
    };
    col_pillar_init(&stage->pillar, arena, &stage->options.pbft, options->words);
    stage->checker.pbft = stage->pillar.pbft;
    col_session_keys_init(&stage->request_keys, arena, options->pbft.sessions_max, 1);
    if (options->keyring->macs) take_macs(stage);
    stage->stage = (col_stage){
        .name = options->name, .poll = poll, .deadline_ns = deadline_ns, .wait_descriptor = -1};
    return stage;
}

void col_pillar_stage_destroy(col_pillar_stage *stage) {
    col_macs_destroy(stage->macs);
    col_opener_destroy(stage->checker.opener);
    col_opener_destroy(stage->opener);
    col_hasher_destroy(stage->hasher);
}

void col_pillar_stage_tune(col_pillar_stage *stage, uint32_t batch_requests, uint32_t batch_bytes,
                           uint64_t status_interval_ns) {
    col_pbft_tune(stage->pillar.pbft, batch_requests, batch_bytes, status_interval_ns);
}

col_stage *col_pillar_stage_of(col_pillar_stage *stage) {
    return &stage->stage;
}
