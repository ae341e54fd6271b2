// SPDX-License-Identifier: Apache-2.0
// Faulty replicas. Each runs the correct code beneath; what it sends passes through here. They share
// what they know, and never forge another's seal.
#include <stdlib.h>

#include "src/pbft/votes.h"
#include "src/wire/bundle.h"
#include "src/wire/join.h"
#include "tests/simulator/simulator.h"

#define SEEN 64         // proposals remembered
#define BODIES 16       // batch bodies remembered
#define SENT 64         // own messages remembered, to be replayed
#define ALTERATIONS 2048  // own proposals remembered, by sequence number

typedef struct {
    uint8_t pillar;
    uint32_t length;
    uint8_t bytes[8192];
} known_body;

/// What a faulty primary makes of one of its proposals: up to two variants, by receiver.
typedef struct {
    bool used;
    bool plain;       ///< decided: it travels as it is, however often
    bool with_votes;  ///< faulty replicas vote for either variant
    uint32_t leader;
    col_header header;  ///< the PRE-PREPARE that its correct code wanted
    uint32_t second;    ///< set of replicas that get variant 1
    col_digest digest[2];
    uint8_t run[2];
    uint32_t length[2];
    uint8_t *body[2];
} alteration;

struct sim_byzantine {
    sim_random random;
    col_header seen[SEEN];
    uint64_t seen_count;
    known_body body[BODIES];
    uint64_t body_count;
    sim_packet *sent[SEEN];
    uint64_t sent_count;
    alteration alteration[ALTERATIONS];
    uint64_t counter;
    uint8_t scratch[65536];
};

static bool behaves(const sim_run *sim, uint32_t replica, uint32_t fault) {
    return sim->plan.behaviour[replica] & fault;
}

static bool percent(sim_run *sim, uint32_t chance) {
    return sim_percent(&sim->byzantine->random, chance);
}

static uint64_t below(sim_run *sim, uint64_t bound) {
    return sim_below(&sim->byzantine->random, bound);
}

static col_digest random_digest(sim_run *sim) {
    col_digest digest;
    for (uint32_t i = 0; i < sizeof digest.byte; i++) digest.byte[i] = (uint8_t)below(sim, 256);
    return digest;
}

void sim_byzantine_observe(sim_run *sim, const col_header *header, col_bytes body) {
    struct sim_byzantine *self = sim->byzantine;
    if (sim->plan.faulty == 0) return;
    if (header->type == COL_PRE_PREPARE) self->seen[self->seen_count++ % SEEN] = *header;
    if (header->type != COL_BATCH || body.length > sizeof self->body->bytes) return;
    known_body *known = &self->body[self->body_count++ % BODIES];
    known->pillar = header->pillar;
    known->length = (uint32_t)body.length;
    memcpy(known->bytes, body.at, body.length);
}

static void remember_sent(struct sim_byzantine *self, sim_packet *packet) {
    sim_packet **place = &self->sent[self->sent_count++ % SENT];
    if (*place != NULL) sim_packet_release(*place);
    sim_packet_hold(packet);
    *place = packet;
}

static void send_one(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                     uint32_t to) {
    if (to == replica || sim->faulty_off) return;
    sim_packet *packet = sim_packet_seal(sim, replica, header, body);
    const uint64_t at_ns = sim->now_ns + below(sim, sim->plan.seal_ns + 1);
    sim_network_send(sim, replica, to, at_ns, packet);
    remember_sent(sim->byzantine, packet);
    sim_packet_release(packet);
}

// Altered proposals

static alteration *find_alteration(sim_run *sim, const col_header *header) {
    alteration *place =
        &sim->byzantine->alteration[header->sequence % ALTERATIONS];
    const bool same = place->used && place->header.sequence == header->sequence &&
                      place->header.pillar == header->pillar && place->header.view == header->view;
    return same ? place : NULL;
}

static alteration *new_alteration(sim_run *sim, uint32_t leader, const col_header *header) {
    alteration *place =
        &sim->byzantine->alteration[header->sequence % ALTERATIONS];
    free(place->body[0]);
    free(place->body[1]);
    *place = (alteration){.used = true, .leader = leader, .header = *header};
    place->second = (uint32_t)below(sim, 1u << sim->plan.replicas);
    return place;
}

static void set_body(sim_run *sim, alteration *altered, uint32_t variant, col_bytes body) {
    col_batch_check check;
    sim_batch_check(sim, altered->header.pillar, body, &check);
    altered->digest[variant] = check.digest;
    altered->length[variant] = (uint32_t)body.length;
    altered->body[variant] = malloc(body.length);
    COL_ASSERT(altered->body[variant] != NULL);
    memcpy(altered->body[variant], body.at, body.length);
}

/// The batch with another time, and the contents of an older one in front of its own when there is room.
static col_bytes rewrite(sim_run *sim, col_bytes body, const known_body *older, uint64_t time_ahead) {
    struct sim_byzantine *self = sim->byzantine;
    col_batch batch, old = {0};
    COL_ASSERT(col_batch_read(body, &batch));
    if (older != NULL) COL_ASSERT(col_batch_read((col_bytes){older->bytes, older->length}, &old));
    const bool fits = batch.requests + old.requests <= sim->plan.batch_requests_max &&
                      body.length + old.content.length <= 8192;
    if (!fits) old = (col_batch){0};
    const col_batch made = {batch.time_ns + time_ahead, (uint16_t)(batch.requests + old.requests),
                            (uint16_t)(batch.bundles + old.bundles), {0}};
    col_writer writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_batch_write(&writer, &made);
    if (old.content.length > 0) col_write_bytes(&writer, old.content);
    col_write_bytes(&writer, batch.content);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

static const known_body *some_body(sim_run *sim, uint32_t pillar) {
    struct sim_byzantine *self = sim->byzantine;
    for (uint32_t i = 0; i < BODIES && self->body_count > 0; i++) {
        const known_body *known = &self->body[below(sim, BODIES)];
        if (known->length > 0 && known->pillar == pillar) return known;
    }
    return NULL;
}

/// A batch of one request that its client never made, for a session that exists.
static col_bytes forge(sim_run *sim, uint32_t pillar, uint64_t time_ns) {
    struct sim_byzantine *self = sim->byzantine;
    const uint64_t id = (1 + below(sim, 4)) * sim->plan.pillars + pillar;
    const uint8_t operation[8] = {0};
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_request request = {.session = id,
                                 .number = 1 + below(sim, 20),
                                 .pillar = (uint8_t)pillar,
                                 .operation = {operation, sizeof operation}};
    col_request_write(&writer, &request);
    const col_header header = {.role = COL_ROLE_CLIENT,
                               .type = COL_REQUEST,
                               .pillar = (uint8_t)pillar,
                               .sequence = request.number,
                               .fragments = 1};
    const col_entry entry = {.message = {header, {bytes, col_writer_used(&writer)}}};
    const col_bundle bundle = {.pillar = (uint8_t)pillar,
                               .role = COL_ROLE_CLIENT,
                               .scheme = SIM_CLIENT_SCHEME,
                               .leaves = 1,
                               .entries = 1,
                               .signature = {bytes, 8}};
    writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_batch_write(&writer, &(col_batch){time_ns, 1, 1, {0}});
    const size_t length = col_bundle_overhead(8, 0) +
                          col_entry_size(&header, false, entry.message.bytes.length);
    col_write_u32(&writer, (uint32_t)length);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

static void vote_for_variants(sim_run *sim, const alteration *altered) {
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (sim_is_correct(sim, r) || behaves(sim, r, SIM_SILENT)) continue;
        for (uint32_t to = 0; to < sim->plan.replicas; to++) {
            for (uint32_t both = 0; both < 2; both++) {
                const uint32_t variant = (altered->second >> to & 1) ^ both;
                if (both && !percent(sim, 30)) continue;
                col_header vote = altered->header;
                vote.digest = altered->digest[variant];
                vote.run = altered->run[variant];
                vote.type = COL_PREPARE;
                send_one(sim, r, &vote, (col_bytes){0}, to);
                vote.type = COL_COMMIT;
                send_one(sim, r, &vote, (col_bytes){0}, to);
            }
        }
    }
}

/// Decide what becomes of an own batch. @return NULL when it travels as it is
static alteration *alter_batch(sim_run *sim, uint32_t leader, const col_header *header,
                               col_bytes body) {
    alteration *altered = find_alteration(sim, header);
    if (altered != NULL) return altered->plain ? NULL : altered;
    col_batch batch;
    COL_ASSERT(col_batch_read(body, &batch));
    altered = new_alteration(sim, leader, header);
    if (behaves(sim, leader, SIM_EQUIVOCATES) && percent(sim, 40)) {
        set_body(sim, altered, 0, body);
        set_body(sim, altered, 1, rewrite(sim, body, NULL, 1));
        altered->with_votes = true;
        vote_for_variants(sim, altered);
    } else if (behaves(sim, leader, SIM_FORGES) && percent(sim, 20)) {
        altered->second = 0;
        set_body(sim, altered, 0, forge(sim, header->pillar, batch.time_ns));
        set_body(sim, altered, 1, body);
        altered->with_votes = true;
        vote_for_variants(sim, altered);
    } else if (behaves(sim, leader, SIM_REPEATS) && percent(sim, 60)) {
        altered->second = 0;
        set_body(sim, altered, 0, rewrite(sim, body, some_body(sim, header->pillar), 0));
        set_body(sim, altered, 1, body);
    } else {
        altered->plain = true;
        return NULL;
    }
    return altered;
}

static alteration *alter_run(sim_run *sim, uint32_t leader, const col_header *header) {
    alteration *altered = find_alteration(sim, header);
    if (altered != NULL) return altered->plain ? NULL : altered;
    if (header->run == 0) return NULL;
    altered = new_alteration(sim, leader, header);
    altered->plain = !behaves(sim, leader, SIM_EQUIVOCATES) || !percent(sim, 20);
    if (altered->plain) return NULL;
    for (uint32_t i = 0; i < 2; i++) altered->digest[i] = col_null_digest;
    altered->run[0] = header->run;
    altered->run[1] = header->run > 1 ? header->run - 1 : 2;
    altered->with_votes = true;
    vote_for_variants(sim, altered);
    return altered;
}

/// A copy with the same batch digest and a first bundle that does not verify.
static col_bytes tamper(sim_run *sim, col_bytes body) {
    uint8_t *copy = sim->byzantine->scratch;
    memcpy(copy, body.at, body.length);
    copy[COL_BATCH_HEADER_BYTES + 4 + 5] ^= 0x40;  // the bundle's scheme
    return (col_bytes){copy, body.length};
}

static void send_batch(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                       uint32_t to, const alteration *altered) {
    if (altered != NULL) {
        const uint32_t variant = altered->second >> to & 1;
        body = (col_bytes){altered->body[variant], altered->length[variant]};
    }
    if (behaves(sim, replica, SIM_WITHHOLDS) && percent(sim, 40)) return;
    if (behaves(sim, replica, SIM_TAMPERS) && percent(sim, 50)) body = tamper(sim, body);
    send_one(sim, replica, header, body, to);
}

static void send_proposal(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to,
                          const alteration *altered) {
    col_header changed = *header;
    if (altered != NULL) {
        const uint32_t variant = altered->second >> to & 1;
        changed.digest = altered->digest[variant];
        changed.run = altered->run[variant];
    }
    if (behaves(sim, replica, SIM_WITHHOLDS) && percent(sim, 40)) return;
    send_one(sim, replica, &changed, (col_bytes){0}, to);
}

// Votes and the rest

static void send_vote(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to) {
    const alteration *altered = find_alteration(sim, header);
    col_header vote = *header;
    if (altered != NULL && !altered->plain && altered->with_votes) {
        const uint32_t variant = altered->second >> to & 1;
        vote.digest = altered->digest[variant];
        vote.run = altered->run[variant];
    }
    if (behaves(sim, replica, SIM_VOTES) && percent(sim, 40)) {
        col_header wrong = vote;
        if (percent(sim, 50)) {
            wrong.digest = random_digest(sim);
        } else {
            wrong.run = (uint8_t)below(sim, 34);
        }
        if (percent(sim, 20)) wrong.type = wrong.type == COL_COMMIT ? COL_PREPARE : COL_COMMIT;
        send_one(sim, replica, &wrong, (col_bytes){0}, to);
        if (percent(sim, 30)) return;
    }
    send_one(sim, replica, &vote, (col_bytes){0}, to);
}

static void send_checkpoint(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to) {
    col_header wrong = *header;
    if (behaves(sim, replica, SIM_CHECKPOINTS)) {
        if (percent(sim, 50)) wrong.digest = random_digest(sim);
        if (percent(sim, 20)) wrong.sequence += (1 + below(sim, 40)) * sim->plan.pillars;
    }
    send_one(sim, replica, &wrong, (col_bytes){0}, to);
}

/// Everything was executed here, it says; and it never serves any of it.
static void send_status(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                        uint32_t to) {
    col_status status;
    if (!behaves(sim, replica, SIM_ABSORBS) || !col_status_read(body, &status)) {
        send_one(sim, replica, header, body, to);
        return;
    }
    status.executed = percent(sim, 50) ? UINT64_MAX : status.executed + 2 * sim->plan.window;
    status.count = 0;
    col_writer writer = col_writer_of(sim->byzantine->scratch, 64);
    col_status_write(&writer, &status);
    send_one(sim, replica, header,
             (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)}, to);
}

/// The body of an altered proposal is the altered one.
static void send_fetched(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                         uint32_t to) {
    col_fetched fetched;
    COL_ASSERT(col_fetched_read(body, &fetched));
    const col_header proposal = {.pillar = header->pillar, .sequence = fetched.sequence};
    const alteration *altered = find_alteration(sim, &proposal);
    if (behaves(sim, replica, SIM_ABSORBS)) return;
    if (altered != NULL && !altered->plain && altered->leader == replica && fetched.run == 0) {
        const uint32_t variant = altered->second >> to & 1;
        fetched.digest = altered->digest[variant];
        fetched.batch = (col_bytes){altered->body[variant], altered->length[variant]};
        col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
        col_fetched_write(&writer, &fetched);
        body = (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)};
    }
    send_one(sim, replica, header, body, to);
}

static void replay(sim_run *sim, uint32_t replica) {
    struct sim_byzantine *self = sim->byzantine;
    sim_packet *packet = self->sent[below(sim, SENT)];
    if (packet == NULL || packet->header.sender != replica) return;
    const uint32_t to = (uint32_t)below(sim, sim->plan.replicas);
    if (to != replica) sim_network_send(sim, replica, to, sim->now_ns, packet);
}

static void send_to(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                    uint32_t to, const alteration *altered) {
    switch (header->type) {
        case COL_BATCH:
            send_batch(sim, replica, header, body, to, altered);
            break;
        case COL_PRE_PREPARE:
            send_proposal(sim, replica, header, to, altered);
            break;
        case COL_PREPARE:
        case COL_COMMIT:
            send_vote(sim, replica, header, to);
            break;
        case COL_CHECKPOINT:
            send_checkpoint(sim, replica, header, to);
            break;
        case COL_STATUS:
            send_status(sim, replica, header, body, to);
            break;
        case COL_FETCHED:
            send_fetched(sim, replica, header, body, to);
            break;
        default:
            send_one(sim, replica, header, body, to);
            break;
    }
}

void sim_byzantine_send(sim_replica *replica, const col_header *header, col_bytes body,
                        uint32_t replicas) {
    sim_run *sim = replica->sim;
    if (sim->faulty_off || behaves(sim, replica->id, SIM_SILENT)) return;
    const alteration *altered = NULL;
    if (header->type == COL_BATCH) altered = alter_batch(sim, replica->id, header, body);
    if (header->type == COL_PRE_PREPARE) altered = alter_run(sim, replica->id, header);
    for (uint32_t to = 0; to < sim->plan.replicas; to++) {
        if (to == replica->id || !(replicas >> to & 1)) continue;
        send_to(sim, replica->id, header, body, to, altered);
        if (behaves(sim, replica->id, SIM_REPLAYS) && percent(sim, 20)) replay(sim, replica->id);
    }
}

// Garbage

/// Rounds at the edges of what a victim accepts, and beyond all reason.
static uint64_t edge_round(sim_run *sim, uint32_t victim, uint32_t pillar) {
    const col_pbft_figures figures = sim_figures(&sim->replica[victim], pillar);
    const uint64_t low = figures.stable * sim->plan.interval;
    const uint64_t high = low + sim->plan.window;
    const uint64_t edge[] = {0,
                             low - 1,
                             low,
                             low + 1,
                             high - 1,
                             high,
                             high + 1,
                             low - 2 * sim->plan.window,
                             figures.executed,
                             figures.executed + 1,
                             figures.highest,
                             figures.highest + 1,
                             UINT64_C(1) << 63,
                             UINT64_MAX - 1,
                             UINT64_MAX,
                             low + 1 + below(sim, sim->plan.window)};
    return edge[below(sim, sizeof edge / sizeof *edge)];
}

static uint64_t edge_sequence(sim_run *sim, uint32_t victim, uint32_t pillar) {
    if (percent(sim, 10)) return UINT64_MAX - below(sim, 20);
    const uint64_t round = edge_round(sim, victim, pillar);
    return (round - 1) * sim->plan.pillars + (pillar == 0 ? sim->plan.pillars : pillar);
}

static col_bytes garbage_status(sim_run *sim, uint32_t victim, uint32_t pillar) {
    col_status status = {.view = below(sim, 3),
                         .executed = edge_round(sim, victim, pillar),
                         .stable = edge_round(sim, victim, pillar),
                         .pending = percent(sim, 50),
                         .asks = percent(sim, 70),
                         .count = (uint16_t)below(sim, COL_WINDOW_ROUNDS_MAX + 1)};
    col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
    if (percent(sim, 5)) status.count = 60000;
    col_status_write(&writer, &status);
    for (uint32_t i = 0; i < status.count && i < 300; i++) {
        const col_status_slot slot = {(uint8_t)below(sim, 8), (uint32_t)below(sim, 1u << 31),
                                      (uint32_t)below(sim, 1u << 31)};
        col_status_slot_write(&writer, &slot);
    }
    return (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)};
}

static col_bytes garbage_fetch(sim_run *sim, uint32_t victim, uint32_t pillar) {
    col_fetch fetch = {.count = (uint16_t)(1 + below(sim, COL_FETCH_ROUNDS_MAX))};
    for (uint32_t i = 0; i < fetch.count; i++) fetch.round[i] = edge_round(sim, victim, pillar);
    if (percent(sim, 20)) {
        for (uint32_t i = 1; i < fetch.count; i++) fetch.round[i] = fetch.round[0];
    }
    col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
    col_fetch_write(&writer, &fetch);
    return (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)};
}

/// A certificate that names a real value, with seals that do not prove it: repeated senders, senders
/// that do not exist, the sender's own seal for others, noise.
static uint8_t garbage_seals(sim_run *sim, uint32_t replica, col_fetched *fetched, uint8_t *room) {
    const uint8_t count = (uint8_t)below(sim, percent(sim, 80) ? sim->plan.replicas + 1 : 33);
    const bool distinct = percent(sim, 50);
    for (uint8_t i = 0; i < count; i++) {
        uint8_t *seal = room + i * 32;
        col_header header = {.type = COL_COMMIT,
                             .pillar = (uint8_t)(fetched->sequence % sim->plan.pillars),
                             .run = fetched->run,
                             .sender = replica,
                             .view = fetched->view,
                             .sequence = fetched->sequence,
                             .fragments = 1,
                             .digest = fetched->digest};
        fetched->seal[i].sender = distinct ? i : (uint32_t)below(sim, COL_REPLICAS_MAX);
        if (percent(sim, 20)) fetched->seal[i].sender = replica;
        size_t length = sim_seal_write(&header, seal);
        if (percent(sim, 20)) length = below(sim, 20);
        fetched->seal[i].seal = (col_seal){seal, length};
    }
    return count;
}

static col_bytes garbage_fetched(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    struct sim_byzantine *self = sim->byzantine;
    uint8_t room[33 * 32];
    col_fetched fetched = {.sequence = edge_sequence(sim, victim, pillar),
                           .run = (uint8_t)below(sim, COL_RUN_MAX + 1),
                           .digest = col_null_digest};
    const col_header *seen = &self->seen[below(sim, SEEN)];
    if (percent(sim, 70) && seen->type == COL_PRE_PREPARE && seen->pillar == pillar) {
        fetched.sequence = seen->sequence;
        fetched.run = seen->run;
        fetched.digest = seen->digest;
    }
    if (percent(sim, 10)) fetched.digest = random_digest(sim);
    fetched.seals = garbage_seals(sim, replica, &fetched, room);
    const known_body *known = some_body(sim, pillar);
    if (fetched.run == 0 && known != NULL) fetched.batch = (col_bytes){known->bytes, known->length};
    col_writer writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_fetched_write(&writer, &fetched);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

static void garbage_slot_message(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    static const uint8_t type[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT, COL_BATCH};
    col_header header = {.type = type[below(sim, sizeof type)],
                         .pillar = (uint8_t)pillar,
                         .run = (uint8_t)below(sim, percent(sim, 90) ? 34 : 256),
                         .view = percent(sim, 90) ? 0 : below(sim, 4),
                         .sequence = edge_sequence(sim, victim, pillar),
                         .digest = percent(sim, 50) ? col_null_digest : random_digest(sim)};
    const uint32_t first = sim->plan.single_leader ? 0 : pillar % sim->plan.replicas;
    // As primary it would stop its pillar: that is another fault.
    if (first == replica && header.type == COL_PRE_PREPARE) header.type = COL_PREPARE;
    col_bytes body = {0};
    const known_body *known = some_body(sim, pillar);
    if (header.type == COL_BATCH && known != NULL) {
        body = (col_bytes){known->bytes, below(sim, known->length + 1)};
        header.run = 0;
    }
    send_one(sim, replica, &header, body, victim);
}

static void garbage_checkpoint(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    const col_pbft_figures figures = sim_figures(&sim->replica[victim], pillar);
    const uint64_t number[] = {0, figures.stable, figures.stable + 1, figures.stable + below(sim, 9),
                               UINT64_C(1) << 63, UINT64_MAX};
    uint64_t checkpoint = number[below(sim, 6)];
    if (percent(sim, 70)) checkpoint = checkpoint - checkpoint % sim->plan.pillars + pillar;
    const col_header header = {.type = COL_CHECKPOINT,
                               .pillar = (uint8_t)pillar,
                               .view = percent(sim, 80) ? 0 : below(sim, 5),
                               .run = percent(sim, 90) ? 0 : (uint8_t)below(sim, 33),
                               .sequence = checkpoint,
                               .digest = random_digest(sim)};
    send_one(sim, replica, &header, (col_bytes){0}, victim);
}

static void send_garbage(sim_run *sim, uint32_t replica) {
    const uint32_t victim = (uint32_t)below(sim, sim->plan.replicas);
    const uint32_t pillar = (uint32_t)below(sim, sim->plan.pillars);
    if (!sim_is_correct(sim, victim)) return;
    // Numbers of its own correct messages are small: these never hide behind them.
    col_header header = {.pillar = (uint8_t)pillar,
                         .view = 1000 + replica + (percent(sim, 2) ? below(sim, 3) : 0),
                         .sequence = percent(sim, 95) ? ++sim->byzantine->counter
                                                      : UINT64_MAX - below(sim, 1000)};
    col_bytes body = {0};
    switch (below(sim, 6)) {
        case 0:
            header.type = COL_STATUS;
            body = garbage_status(sim, victim, pillar);
            break;
        case 1:
            header.type = COL_FETCH;
            body = garbage_fetch(sim, victim, pillar);
            break;
        case 2:
            header.type = COL_FETCHED;
            body = garbage_fetched(sim, replica, victim, pillar);
            break;
        case 3:
            garbage_slot_message(sim, replica, victim, pillar);
            return;
        case 4:
            garbage_checkpoint(sim, replica, victim, pillar);
            return;
        default:
            header.type = (uint8_t)below(sim, COL_TYPE_COUNT + 2);
            if (header.type == COL_PRE_PREPARE || header.type == COL_BATCH) return;
            for (uint32_t i = 0; i < 64; i++) sim->byzantine->scratch[i] = (uint8_t)below(sim, 256);
            body = (col_bytes){sim->byzantine->scratch, below(sim, 65)};
            break;
    }
    send_one(sim, replica, &header, body, victim);
}

static void garbage_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)part;
    (void)packet;
    if (sim->faulty_off) return;
    const uint64_t messages = 1 + below(sim, 6);
    for (uint64_t i = 0; i < messages; i++) send_garbage(sim, node);
    sim_at(sim, sim->now_ns + SIM_MS + below(sim, sim->healed ? 200 * SIM_MS : 10 * SIM_MS),
           garbage_turn, node, 0, NULL);
}

void sim_byzantine_init(sim_run *sim) {
    sim->byzantine = calloc(1, sizeof *sim->byzantine);
    COL_ASSERT(sim->byzantine != NULL);
    sim->byzantine->random = sim_random_of(sim->plan.seed, 300);
    sim->byzantine->counter = 1000000;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (behaves(sim, r, SIM_GARBAGE)) sim_at(sim, 5 * SIM_MS, garbage_turn, r, 0, NULL);
    }
}

void sim_byzantine_close(sim_run *sim) {
    struct sim_byzantine *self = sim->byzantine;
    for (uint32_t i = 0; i < SENT; i++) {
        if (self->sent[i] != NULL) sim_packet_release(self->sent[i]);
    }
    for (uint32_t i = 0; i < ALTERATIONS; i++) {
        free(self->alteration[i].body[0]);
        free(self->alteration[i].body[1]);
    }
    free(self);
}
