// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/pbft.h"

#include "src/base/quorum.h"
#include "src/pbft/internal.h"

/// Entries of the slot ring: the window, and the 2W rounds below stable whose batches and commit
/// certificates peers may still need.
static uint32_t ring_slots(const col_pbft_options *options) {
    return 3 * options->window;
}

static uint32_t seal_bytes(const col_pbft_options *options) {
    return COL_SEAL_BYTES(options->signature_bytes_max);
}

static uint32_t scratch_bytes(const col_pbft_options *options) {
    // The largest of FETCHED, STATUS and the input of a batch digest.
    return COL_FETCHED_BYTES(options->replicas, options->signature_bytes_max,
                             options->batch_bytes_max) +
           COL_WINDOW_ROUNDS_MAX * COL_STATUS_SLOT_BYTES +
           (uint32_t)COL_BATCH_DIGEST_BYTES(options->batch_requests_max);
}

size_t col_pbft_footprint(const col_pbft_options *options) {
    return sizeof(col_pbft) + scratch_bytes(options) + col_pendings_footprint(options) +
           col_slots_footprint(ring_slots(options), options->replicas, seal_bytes(options),
                               options->batch_bytes_max) +
           8 * 64;
}

col_pbft *col_pbft_create(col_arena *arena, const col_pbft_options *options) {
    COL_ASSERT(options->replicas >= 3 * options->faults + 1 && options->faults >= 1);
    COL_ASSERT(options->replicas <= COL_REPLICAS_MAX && options->self < options->replicas);
    COL_ASSERT(options->pillar < options->pillars && options->pillars <= COL_PILLARS_MAX);
    COL_ASSERT(options->window >= 2 * options->checkpoint_interval);
    COL_ASSERT(options->window <= COL_WINDOW_ROUNDS_MAX);
    COL_ASSERT(options->window % options->checkpoint_interval == 0);

    col_pbft *pbft = col_arena_take(arena, 1, sizeof *pbft);
    pbft->options = *options;
    pbft->quorum = col_quorum(options->replicas, options->faults);
    pbft->next_round = 1;
    pbft->idle_run = 1;
    pbft->held_until_ns = COL_NEVER;
    pbft->status_due_ns = 0;  // tell the peers that this replica is there
    pbft->status_wait_ns = options->status_interval_ns;
    pbft->fetch_peer = options->self;
    pbft->scratch_bytes = scratch_bytes(options);
    pbft->scratch = col_arena_take(arena, 1, pbft->scratch_bytes);
    col_slots_init(&pbft->slots, arena, ring_slots(options), options->replicas, seal_bytes(options),
                   options->batch_bytes_max);
    col_pendings_init(&pbft->pendings, arena, options);
    return pbft;
}

void col_pbft_tune(col_pbft *pbft, uint32_t batch_requests, uint32_t batch_bytes,
                   uint64_t status_interval_ns) {
    pbft->options.batch_requests = batch_requests;
    pbft->options.batch_bytes = batch_bytes;
    pbft->options.status_interval_ns = status_interval_ns;
}

uint32_t col_pbft_primary(const col_pbft *pbft) {
    const uint64_t offset = pbft->options.single_leader ? 0 : pbft->options.pillar;
    return (uint32_t)((pbft->view + offset) % pbft->options.replicas);
}

bool col_pbft_is_primary(const col_pbft *pbft) {
    return col_pbft_primary(pbft) == pbft->options.self;
}

uint64_t col_pbft_stable_round(const col_pbft *pbft) {
    return pbft->stable * pbft->options.checkpoint_interval;
}

bool col_pbft_in_window(const col_pbft *pbft, uint64_t round) {
    const uint64_t stable = col_pbft_stable_round(pbft);
    return round > stable && round - stable <= pbft->options.window;
}

bool col_pbft_hears_of(col_pbft *pbft, uint64_t round) {
    if (col_pbft_in_window(pbft, round)) return true;
    const bool above = round > col_pbft_stable_round(pbft);
    if (above && col_pbft_gave_up(pbft)) col_pbft_active(pbft);
    return false;
}

uint64_t col_pbft_last_to_propose(const col_pbft *pbft) {
    const uint64_t window = pbft->options.window;
    const uint64_t interval = pbft->options.checkpoint_interval;
    // A batch must be possible beyond the next checkpoint's round: until then, idle pillars leave
    // slots of that round open, and the checkpoint that everybody waits for is never reached.
    const uint64_t ahead = window - interval > interval ? window - interval : interval + 1;
    const uint64_t by_window = col_pbft_stable_round(pbft) + ahead;
    const uint64_t by_execution = pbft->executed + window;
    return by_window < by_execution ? by_window : by_execution;
}

bool col_pbft_may_propose(const col_pbft *pbft, uint64_t round) {
    return round > col_pbft_stable_round(pbft) && round <= col_pbft_last_to_propose(pbft);
}

uint64_t col_pbft_round(const col_pbft *pbft, const col_header *header) {
    const uint32_t pillars = pbft->options.pillars;
    if (header->sequence == 0 || header->sequence > UINT64_MAX - pillars) return 0;
    if (header->sequence % pillars != pbft->options.pillar) return 0;
    return col_round_of(header->sequence, pillars);
}

uint64_t col_pbft_rounds_up_to(const col_pbft *pbft, uint64_t sequence) {
    // One per round; pillar 0's stands at the end of its round.
    const uint32_t pillars = pbft->options.pillars;
    const uint32_t place = pbft->options.pillar == 0 ? pillars : pbft->options.pillar;
    return sequence / pillars + (sequence % pillars >= place ? 1 : 0);
}

bool col_pbft_run_fits(const col_pbft *pbft, uint64_t start, uint32_t run) {
    if (!col_pbft_in_window(pbft, start)) return false;
    if (run == 0) return true;
    if (run > COL_RUN_MAX) return false;
    const uint64_t last = start + run - 1;
    const uint64_t interval = pbft->options.checkpoint_interval;
    return col_pbft_in_window(pbft, last) && (start - 1) / interval == (last - 1) / interval;
}

col_slot *col_pbft_slot(col_pbft *pbft, uint64_t round) {
    return col_slots_take(&pbft->slots, round, pbft->executed);
}

bool col_pbft_is_late(const col_slot *slot, const col_header *vote) {
    const bool of_prepare = vote->type == COL_PREPARE;
    if (!of_prepare && vote->type != COL_COMMIT) return false;
    const col_votes *votes = of_prepare ? &slot->prepares : &slot->commits;
    const bool enough = of_prepare ? slot->prepared : slot->decided;
    return enough && !(votes->voted >> vote->sender & 1);
}

uint32_t col_pbft_others(const col_pbft *pbft) {
    const uint32_t all = (uint32_t)((UINT64_C(1) << pbft->options.replicas) - 1);
    return all & ~(1u << pbft->options.self);
}

void col_pbft_send_vote(col_pbft *pbft, col_type type, uint64_t round, const col_value *value,
                        uint32_t replicas) {
    const col_pbft_options *options = &pbft->options;
    const col_header header = {
        .type = (uint8_t)type,
        .pillar = (uint8_t)options->pillar,
        .run = value->run,
        .view = pbft->view,
        .sequence = col_sequence_of(round, options->pillar, options->pillars),
        .digest = value->digest,
    };
    options->sink.send(options->sink.context, &header, (col_bytes){0}, replicas);
}

void col_pbft_send_numbered(col_pbft *pbft, col_type type, col_bytes body, uint32_t replicas) {
    const col_header header = {
        .type = (uint8_t)type,
        .pillar = (uint8_t)pbft->options.pillar,
        .view = pbft->options.incarnation,
        .sequence = ++pbft->counter,
    };
    pbft->options.sink.send(pbft->options.sink.context, &header, body, replicas);
}

void col_pbft_active(col_pbft *pbft) {
    pbft->status_told = false;
    pbft->status_count = 0;
    // A loaded machine is slow, not lossy: asking for what is on its way would make it slower.
    const uint64_t interval_ns = pbft->options.status_interval_ns;
    uint64_t patience_ns = 4 * col_recent_least_of(&pbft->latency);
    if (patience_ns < interval_ns) patience_ns = interval_ns;
    if (patience_ns > 8 * interval_ns) patience_ns = 8 * interval_ns;
    pbft->status_due_ns = pbft->now_ns + patience_ns;
    // Only the first wait is that patient: if it was loss after all, the doubling starts small.
    pbft->status_wait_ns = interval_ns;
}

void col_pbft_stir(col_pbft *pbft) {
    const uint64_t due_ns = pbft->status_due_ns;
    col_pbft_active(pbft);
    if (due_ns < pbft->status_due_ns) pbft->status_due_ns = due_ns;
}

static void measure_latency(col_pbft *pbft, uint64_t round) {
    const col_slot *slot = col_slots_find(&pbft->slots, round);
    if (slot == NULL || slot->proposed != round || slot->proposal.run > 0) return;
    col_recent_least_add(&pbft->latency, pbft->now_ns, pbft->now_ns - slot->begun_ns);
}

/// "All others" of PROTOCOL section 2: only a newer message of its sender is taken.
static col_drop check_newer(col_pbft *pbft, const col_header *header) {
    col_pbft_peer *peer = &pbft->peer[header->sender];
    if (header->view < peer->incarnation) return COL_DROP_STALE;
    if (header->view > peer->incarnation) {
        memset(peer->counter, 0, sizeof peer->counter);
        peer->incarnation = header->view;
    }
    if (header->sequence <= peer->counter[header->type]) return COL_DROP_STALE;
    peer->counter[header->type] = header->sequence;
    return COL_DROP_NONE;
}

static col_drop on_numbered(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->type == COL_FETCHED) return col_pbft_on_fetched(pbft, verified);
    const col_drop drop = check_newer(pbft, header);
    if (drop != COL_DROP_NONE) return drop;
    return header->type == COL_STATUS ? col_pbft_on_status(pbft, verified)
                                      : col_pbft_on_fetch(pbft, verified);
}

static col_drop on_replica_message(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->sender >= pbft->options.replicas) return COL_DROP_UNKNOWN_SENDER;
    if (header->sender == pbft->options.self) return COL_DROP_REPEATED;
    switch (header->type) {
        case COL_BATCH:
            return col_pbft_on_batch(pbft, verified);
        case COL_PRE_PREPARE:
            return col_pbft_on_pre_prepare(pbft, verified);
        case COL_PREPARE:
            return col_pbft_on_prepare(pbft, verified);
        case COL_COMMIT:
            return col_pbft_on_commit(pbft, verified);
        case COL_STATUS:
        case COL_FETCH:
        case COL_FETCHED:
            return on_numbered(pbft, verified);
        default:
            return COL_DROP_UNKNOWN_TYPE;
    }
}

static col_drop on_message(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->pillar != pbft->options.pillar) return COL_DROP_WRONG_PILLAR;
    if (header->role == COL_ROLE_REPLICA) return on_replica_message(pbft, verified);
    if (header->sender >= pbft->options.clients) return COL_DROP_UNKNOWN_SENDER;
    if (header->type == COL_REQUEST) return col_pbft_on_request(pbft, verified);
    if (header->type == COL_SESSION_OPEN) return col_pbft_on_session_open(pbft, verified);
    return COL_DROP_UNKNOWN_TYPE;
}

/// An own COMMIT was sealed: keep its seal, for certificates that need it.
static void on_sealed(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->type != COL_COMMIT || header->view != pbft->view) return;
    const uint64_t round = col_pbft_round(pbft, header);
    col_slot *slot = col_slots_find(&pbft->slots, round);
    if (slot == NULL || !(slot->commits.voted >> pbft->options.self & 1)) return;
    col_slot_keep_seal(&pbft->slots, slot, pbft->options.self, verified->seal);
}

static void on_outcome(col_pbft *pbft, const col_outcome *outcome) {
    col_pendings_outcome(&pbft->pendings, outcome);
    // MACs of a session that was opened may verify, those of what was executed or is gone need not.
    const bool anybody = outcome->kind == COL_OUTCOME_EVICTED;
    pbft->news |= anybody ? UINT64_MAX : col_client_bit(outcome->client);
}

static void on_executed(col_pbft *pbft, uint64_t sequence) {
    const uint64_t executed = col_pbft_rounds_up_to(pbft, sequence);
    if (executed <= pbft->executed) return;
    pbft->executed = executed;
    measure_latency(pbft, executed);
    col_pbft_active(pbft);
    // A replica that is behind asks for the next slots as soon as it has executed the last ones.
    if (pbft->fetch_last != 0 && executed >= pbft->fetch_last) {
        pbft->fetch_last = 0;
        col_pbft_fetch_missing(pbft);
    }
}

static void on_target(col_pbft *pbft, uint64_t sequence) {
    const uint64_t target = sequence == 0 ? 0 : col_pbft_rounds_up_to(pbft, sequence - 1);
    if (target <= pbft->target) return;
    pbft->target = target;
    if (target > pbft->executed) col_pbft_stir(pbft);
}

static void on_stable(col_pbft *pbft, uint64_t checkpoint) {
    if (checkpoint <= pbft->stable) return;
    pbft->stable = checkpoint;
    const uint64_t round = col_pbft_stable_round(pbft);
    if (pbft->next_round <= round) pbft->next_round = round + 1;
    if (pbft->highest < round) pbft->highest = round;
    col_pbft_active(pbft);
    // q replicas are a whole interval ahead: what is missing here is lost, not on its way.
    const col_slot *head = col_slots_find(&pbft->slots, pbft->executed + 1);
    const bool waits = head == NULL || !head->committed;
    if (waits && pbft->executed + pbft->options.checkpoint_interval <= round) {
        col_pbft_fetch_missing(pbft);
    }
}

static void on_tick(col_pbft *pbft) {
    if (pbft->held_until_ns <= pbft->now_ns) {
        pbft->held_until_ns = COL_NEVER;
        for (uint64_t r = col_pbft_stable_round(pbft) + 1; r <= pbft->highest; r++) {
            col_slot *slot = col_slots_find(&pbft->slots, r);
            if (slot != NULL) col_pbft_try_prepare(pbft, slot);
        }
    }
    if (pbft->status_due_ns <= pbft->now_ns) col_pbft_status_due(pbft);
}

col_drop col_pbft_step(col_pbft *pbft, const col_pbft_event *event) {
    col_drop drop = COL_DROP_NONE;
    pbft->now_ns = event->now_ns;
    pbft->wall_ns = event->wall_ns;
    switch (event->kind) {
        case COL_PBFT_MESSAGE:
            drop = on_message(pbft, event->verified);
            break;
        case COL_PBFT_SEALED:
            on_sealed(pbft, event->verified);
            break;
        case COL_PBFT_OUTCOME:
            on_outcome(pbft, event->outcome);
            break;
        case COL_PBFT_EXECUTED:
            on_executed(pbft, event->sequence);
            break;
        case COL_PBFT_STABLE:
            on_stable(pbft, event->checkpoint);
            break;
        case COL_PBFT_TARGET:
            on_target(pbft, event->sequence);
            break;
        case COL_PBFT_STIRRED:
            if (col_pbft_gave_up(pbft)) col_pbft_active(pbft);
            break;
        case COL_PBFT_TICK:
            on_tick(pbft);
            break;
    }
    return drop;
}

uint64_t col_pbft_deadline(const col_pbft *pbft) {
    return pbft->held_until_ns < pbft->status_due_ns ? pbft->held_until_ns : pbft->status_due_ns;
}

bool col_pbft_next_committed(col_pbft *pbft, col_committed *committed) {
    const col_slot *slot = col_slots_find(&pbft->slots, pbft->delivered + 1);
    if (slot == NULL || !slot->committed) return false;
    const col_slot *start = col_slots_find(&pbft->slots, slot->committed_start);
    COL_ASSERT(start != NULL && start->decided);
    *committed = (col_committed){.round = slot->round, .view = pbft->view};
    if (start->decided_value.run == 0) {
        committed->body = slot->bytes;
        committed->length = slot->length;
        pbft->delivered++;
    } else {
        committed->run = (uint32_t)(start->round + start->decided_value.run - slot->round);
        pbft->delivered += committed->run;
    }
    return true;
}

uint64_t col_pbft_passing(const col_pbft *pbft) {
    if (pbft->passing == 0) return 0;
    return col_sequence_of(pbft->passing, pbft->options.pillar, pbft->options.pillars);
}

void col_pbft_settle(col_pbft *pbft) {
    if (col_pbft_is_primary(pbft)) {
        col_pbft_propose(pbft);
    } else {
        col_pbft_check_doubtful(pbft);
    }
}

uint64_t col_pbft_stirs(const col_pbft *pbft) {
    return pbft->stirs;
}

void col_pbft_figures_read(const col_pbft *pbft, col_pbft_figures *figures) {
    *figures = pbft->figures;
    figures->view = pbft->view;
    figures->primary = col_pbft_primary(pbft);
    figures->highest = pbft->highest;
    figures->executed = pbft->executed;
    figures->stable = pbft->stable;
    figures->pending = pbft->pendings.count;
}
