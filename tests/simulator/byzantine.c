// SPDX-License-Identifier: Apache-2.0
// Faulty replicas. Each runs the correct code beneath; what it sends passes through here. They
// share what they know, and never forge another's seal.
#include <stdlib.h>

#include "src/pbft/votes.h"
#include "src/wire/bundle.h"
#include "src/wire/join.h"
#include "tests/simulator/byzantine.h"

bool sim_behaves(const sim_run *sim, uint32_t replica, uint32_t fault) {
    return sim->plan.behaviour[replica] & fault;
}

bool sim_chance(sim_run *sim, uint32_t chance) {
    return sim_percent(&sim->byzantine->random, chance);
}

uint64_t sim_draw_below(sim_run *sim, uint64_t bound) {
    return sim_below(&sim->byzantine->random, bound);
}

col_digest sim_random_digest(sim_run *sim) {
    col_digest digest;
    for (uint32_t i = 0; i < sizeof digest.byte; i++)
        digest.byte[i] = (uint8_t)sim_draw_below(sim, 256);
    return digest;
}

void sim_byzantine_observe(sim_run *sim, const col_header *header, col_bytes body) {
    struct sim_byzantine *self = sim->byzantine;
    if (sim->plan.faulty == 0) return;
    if (header->type == COL_PRE_PREPARE) self->seen[self->seen_count++ % SEEN] = *header;
    if (header->type != COL_BATCH || body.length > sizeof self->body->bytes) return;
    sim_known_body *known = &self->body[self->body_count++ % BODIES];
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

void sim_byzantine_send_one(sim_run *sim, uint32_t replica, const col_header *header,
                            col_bytes body, uint32_t to) {
    if (to == replica || sim_is_mute(sim, replica)) return;
    sim_packet *packet = sim_packet_seal(sim, replica, header, body);
    const uint64_t at_ns = sim->now_ns + sim_draw_below(sim, sim->plan.seal_ns + 1);
    sim_network_send(sim, replica, to, at_ns, packet);
    remember_sent(sim->byzantine, packet);
    sim_packet_release(packet);
}

// Altered proposals

static sim_alteration *find_alteration(sim_run *sim, const col_header *header) {
    sim_alteration *place = &sim->byzantine->alteration[header->sequence % ALTERATIONS];
    const bool same = place->used && place->header.sequence == header->sequence &&
                      place->header.pillar == header->pillar && place->header.view == header->view;
    return same ? place : NULL;
}

static sim_alteration *new_alteration(sim_run *sim, uint32_t leader, const col_header *header) {
    sim_alteration *place = &sim->byzantine->alteration[header->sequence % ALTERATIONS];
    free(place->body[0]);
    free(place->body[1]);
    *place = (sim_alteration){.used = true, .leader = leader, .header = *header};
    place->second = (uint32_t)sim_draw_below(sim, 1u << sim->plan.replicas);
    return place;
}

static void set_body(sim_run *sim, sim_alteration *altered, uint32_t variant, col_bytes body) {
    col_batch_check check;
    sim_batch_check(sim, altered->header.pillar, body, NULL, &check);
    altered->digest[variant] = check.digest;
    altered->length[variant] = (uint32_t)body.length;
    altered->body[variant] = malloc(body.length);
    COL_ASSERT(altered->body[variant] != NULL);
    memcpy(altered->body[variant], body.at, body.length);
}

/// The batch with another time, and the contents of an older one in front of its own when there is
/// room.
static col_bytes rewrite(sim_run *sim, col_bytes body, const sim_known_body *older,
                         uint64_t time_ahead) {
    struct sim_byzantine *self = sim->byzantine;
    col_batch batch, old = {0};
    COL_ASSERT(col_batch_read(body, &batch));
    if (older != NULL) COL_ASSERT(col_batch_read((col_bytes){older->bytes, older->length}, &old));
    const bool fits = batch.requests + old.requests <= sim->plan.batch_requests_max &&
                      body.length + old.content.length <= 8192;
    if (!fits) old = (col_batch){0};
    const col_batch made = {batch.time_ns + time_ahead,
                            (uint16_t)(batch.requests + old.requests),
                            (uint16_t)(batch.bundles + old.bundles),
                            {0}};
    col_writer writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_batch_write(&writer, &made);
    if (old.content.length > 0) col_write_bytes(&writer, old.content);
    col_write_bytes(&writer, batch.content);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

/// The batch with its bundles in reverse: where they are of one session, a higher number comes
/// first.
static col_bytes reverse(sim_run *sim, col_bytes body) {
    struct sim_byzantine *self = sim->byzantine;
    col_bytes bundle[64];
    col_batch batch;
    COL_ASSERT(col_batch_read(body, &batch) && batch.bundles <= 64);
    col_reader reader = col_reader_of(batch.content);
    for (uint16_t i = 0; i < batch.bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        bundle[i] = col_read_bytes(&reader, length);
    }
    col_writer writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_batch_write(&writer, &batch);
    for (uint16_t i = batch.bundles; i > 0; i--) {
        col_write_u32(&writer, (uint32_t)bundle[i - 1].length);
        col_write_bytes(&writer, bundle[i - 1]);
    }
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

const sim_known_body *sim_some_body(sim_run *sim, uint32_t pillar) {
    struct sim_byzantine *self = sim->byzantine;
    for (uint32_t i = 0; i < BODIES && self->body_count > 0; i++) {
        const sim_known_body *known = &self->body[sim_draw_below(sim, BODIES)];
        if (known->length > 0 && known->pillar == pillar) return known;
    }
    return NULL;
}

/// A batch of one request that its client never made, or that a client without sessions made for
/// another's.
static col_bytes forge(sim_run *sim, uint32_t pillar, uint64_t time_ns) {
    struct sim_byzantine *self = sim->byzantine;
    const uint64_t id = (1 + sim_draw_below(sim, 4)) * sim->plan.pillars + pillar;
    const uint8_t operation[8] = {0};
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const bool intrudes = sim_chance(sim, 50);
    const uint32_t client =
        intrudes ? sim->plan.clients : (uint32_t)sim_draw_below(sim, sim->plan.clients);
    const col_request request = {.client = client,
                                 .session = id,
                                 .number = 1 + sim_draw_below(sim, 20),
                                 .pillar = (uint8_t)pillar,
                                 .operation = {operation, sizeof operation}};
    col_request_write(&writer, &request);
    col_header header = {.role = COL_ROLE_CLIENT,
                         .type = COL_REQUEST,
                         .pillar = (uint8_t)pillar,
                         .sender = client,
                         .sequence = request.number,
                         .fragments = 1};
    col_hash(&sim->hasher, (col_bytes){bytes, col_writer_used(&writer)}, &header.digest);
    if (intrudes && self->intrusions++ < 100) sim_once_issued(sim, &header);
    const col_entry entry = {.message = {header, {bytes, col_writer_used(&writer)}}};
    const col_bundle bundle = {.pillar = (uint8_t)pillar,
                               .role = COL_ROLE_CLIENT,
                               .scheme = SIM_CLIENT_SCHEME,
                               .signer = client,
                               .leaves = 1,
                               .entries = 1,
                               .signature = {bytes, 8}};
    writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_batch_write(&writer, &(col_batch){time_ns, 1, 1, {0}});
    const size_t length =
        col_bundle_overhead(8, 0) + col_entry_size(&header, false, entry.message.bytes.length);
    col_write_u32(&writer, (uint32_t)length);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

static void vote_for_variants(sim_run *sim, const sim_alteration *altered) {
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (sim_is_correct(sim, r) || sim_is_mute(sim, r)) continue;
        for (uint32_t to = 0; to < sim->plan.replicas; to++) {
            for (uint32_t both = 0; both < 2; both++) {
                const uint32_t variant = (altered->second >> to & 1) ^ both;
                if (both && !sim_chance(sim, 30)) continue;
                col_header vote = altered->header;
                vote.digest = altered->digest[variant];
                vote.run = altered->run[variant];
                vote.type = COL_PREPARE;
                sim_byzantine_send_one(sim, r, &vote, (col_bytes){0}, to);
                vote.type = COL_COMMIT;
                sim_byzantine_send_one(sim, r, &vote, (col_bytes){0}, to);
            }
        }
    }
}

/// Decide what becomes of an own batch. @return NULL when it travels as it is
static sim_alteration *alter_batch(sim_run *sim, uint32_t leader, const col_header *header,
                                   col_bytes body) {
    sim_alteration *altered = find_alteration(sim, header);
    if (altered != NULL) return altered->plain ? NULL : altered;
    col_batch batch;
    COL_ASSERT(col_batch_read(body, &batch));
    altered = new_alteration(sim, leader, header);
    if (sim_behaves(sim, leader, SIM_EQUIVOCATES) && sim_chance(sim, 40)) {
        set_body(sim, altered, 0, body);
        set_body(sim, altered, 1, rewrite(sim, body, NULL, 1));
        altered->with_votes = true;
        vote_for_variants(sim, altered);
    } else if (sim_behaves(sim, leader, SIM_FORGES) && sim_chance(sim, 20)) {
        altered->second = 0;
        set_body(sim, altered, 0, forge(sim, header->pillar, batch.time_ns));
        set_body(sim, altered, 1, body);
        altered->with_votes = true;
        vote_for_variants(sim, altered);
    } else if (sim_behaves(sim, leader, SIM_REPEATS) && sim_chance(sim, 60)) {
        altered->second = 0;
        set_body(sim, altered, 0, rewrite(sim, body, sim_some_body(sim, header->pillar), 0));
        set_body(sim, altered, 1, body);
    } else if (sim_behaves(sim, leader, SIM_REORDERS) && batch.bundles > 1) {
        altered->second = 0;
        set_body(sim, altered, 0, reverse(sim, body));
        set_body(sim, altered, 1, body);
    } else {
        altered->plain = true;
        return NULL;
    }
    return altered;
}

static sim_alteration *alter_run(sim_run *sim, uint32_t leader, const col_header *header) {
    sim_alteration *altered = find_alteration(sim, header);
    if (altered != NULL) return altered->plain ? NULL : altered;
    if (header->run == 0) return NULL;
    altered = new_alteration(sim, leader, header);
    altered->plain = !sim_behaves(sim, leader, SIM_EQUIVOCATES) || !sim_chance(sim, 20);
    if (altered->plain) return NULL;
    for (uint32_t i = 0; i < 2; i++) altered->digest[i] = col_null_digest;
    altered->run[0] = header->run;
    altered->run[1] = header->run > 1 ? header->run - 1 : 2;
    altered->with_votes = true;
    vote_for_variants(sim, altered);
    return altered;
}

/// A copy with the same batch digest and a first bundle that does not verify, at all or for one
/// replica.
static col_bytes tamper(sim_run *sim, col_bytes body) {
    uint8_t *copy = sim->byzantine->scratch;
    memcpy(copy, body.at, body.length);
    uint8_t *bundle = copy + COL_BATCH_HEADER_BYTES + 4;
    uint8_t *scheme = bundle + 5;
    if (*scheme == COL_SCHEME_HMAC && sim_chance(sim, 50)) {
        bundle[COL_BUNDLE_HEADER_BYTES] |= (uint8_t)(1u << sim_draw_below(sim, sim->plan.replicas));
    } else {
        *scheme ^= 0x40;
    }
    return (col_bytes){copy, body.length};
}

static void send_batch(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                       uint32_t to, const sim_alteration *altered) {
    if (altered != NULL) {
        const uint32_t variant = altered->second >> to & 1;
        body = (col_bytes){altered->body[variant], altered->length[variant]};
    }
    if (sim_behaves(sim, replica, SIM_WITHHOLDS) && sim_chance(sim, 40)) return;
    if (sim_behaves(sim, replica, SIM_TAMPERS) && sim_chance(sim, 50)) body = tamper(sim, body);
    sim_byzantine_send_one(sim, replica, header, body, to);
}

static void send_proposal(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to,
                          const sim_alteration *altered) {
    col_header changed = *header;
    if (altered != NULL) {
        const uint32_t variant = altered->second >> to & 1;
        changed.digest = altered->digest[variant];
        changed.run = altered->run[variant];
    }
    if (sim_behaves(sim, replica, SIM_WITHHOLDS) && sim_chance(sim, 40)) return;
    sim_byzantine_send_one(sim, replica, &changed, (col_bytes){0}, to);
}

// Votes and the rest

static void send_vote(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to) {
    const sim_alteration *altered = find_alteration(sim, header);
    col_header vote = *header;
    if (altered != NULL && !altered->plain && altered->with_votes) {
        const uint32_t variant = altered->second >> to & 1;
        vote.digest = altered->digest[variant];
        vote.run = altered->run[variant];
    }
    if (sim_behaves(sim, replica, SIM_VOTES) && sim_chance(sim, 40)) {
        col_header wrong = vote;
        if (sim_chance(sim, 50)) {
            wrong.digest = sim_random_digest(sim);
        } else {
            wrong.run = (uint8_t)sim_draw_below(sim, 34);
        }
        if (sim_chance(sim, 20)) wrong.type = wrong.type == COL_COMMIT ? COL_PREPARE : COL_COMMIT;
        sim_byzantine_send_one(sim, replica, &wrong, (col_bytes){0}, to);
        if (sim_chance(sim, 30)) return;
    }
    sim_byzantine_send_one(sim, replica, &vote, (col_bytes){0}, to);
}

static void send_checkpoint(sim_run *sim, uint32_t replica, const col_header *header, uint32_t to) {
    col_header wrong = *header;
    if (sim_behaves(sim, replica, SIM_CHECKPOINTS)) {
        if (sim_chance(sim, 30)) wrong.digest = sim_random_digest(sim);
        if (sim_chance(sim, 30)) wrong.view = 1;  // a vote that would count and prove nothing
        if (sim_chance(sim, 20))
            wrong.sequence += (1 + sim_draw_below(sim, 40)) * sim->plan.pillars;
    }
    sim_byzantine_send_one(sim, replica, &wrong, (col_bytes){0}, to);
}

/// Everything was executed here, it says; and it never serves any of it.
static void send_status(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                        uint32_t to) {
    col_status status;
    if (!sim_behaves(sim, replica, SIM_ABSORBS) || !col_status_read(body, &status)) {
        sim_byzantine_send_one(sim, replica, header, body, to);
        return;
    }
    status.executed = sim_chance(sim, 50) ? UINT64_MAX : status.executed + 2 * sim->plan.window;
    status.count = 0;
    col_writer writer = col_writer_of(sim->byzantine->scratch, 64);
    col_status_write(&writer, &status);
    sim_byzantine_send_one(sim, replica, header,
                           (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)}, to);
}

/// The body of an altered proposal is the altered one; garbage comes with a true certificate, too.
static void send_fetched(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                         uint32_t to) {
    col_fetched fetched;
    COL_ASSERT(col_fetched_read(body, &fetched));
    const col_header proposal = {.pillar = header->pillar, .sequence = fetched.sequence};
    const sim_alteration *altered = find_alteration(sim, &proposal);
    if (sim_behaves(sim, replica, SIM_ABSORBS)) return;
    const bool batch = fetched.run == 0 && !fetched.checkpoint;
    if (altered != NULL && !altered->plain && altered->leader == replica && batch) {
        const uint32_t variant = altered->second >> to & 1;
        fetched.digest = altered->digest[variant];
        fetched.batch = (col_bytes){altered->body[variant], altered->length[variant]};
    }
    const sim_known_body *other = sim_some_body(sim, header->pillar);
    if (sim_behaves(sim, replica, SIM_GARBAGE) && batch && other != NULL && sim_chance(sim, 50)) {
        fetched.batch = (col_bytes){other->bytes, other->length};
    }
    col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
    col_fetched_write(&writer, &fetched);
    sim_byzantine_send_one(sim, replica, header,
                           (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)}, to);
}

static void replay(sim_run *sim, uint32_t replica) {
    struct sim_byzantine *self = sim->byzantine;
    sim_packet *packet = self->sent[sim_draw_below(sim, SENT)];
    if (packet == NULL || packet->header.sender != replica || sim_is_mute(sim, replica)) return;
    const uint32_t to = (uint32_t)sim_draw_below(sim, sim->plan.replicas);
    if (to != replica) sim_network_send(sim, replica, to, sim->now_ns, packet);
}

static void send_to(sim_run *sim, uint32_t replica, const col_header *header, col_bytes body,
                    uint32_t to, const sim_alteration *altered) {
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
            sim_byzantine_send_one(sim, replica, header, body, to);
            break;
    }
}

void sim_byzantine_send(sim_replica *replica, const col_header *header, col_bytes body,
                        uint32_t replicas) {
    sim_run *sim = replica->sim;
    if (sim_is_mute(sim, replica->id)) return;
    const sim_alteration *altered = NULL;
    if (header->type == COL_BATCH) altered = alter_batch(sim, replica->id, header, body);
    if (header->type == COL_PRE_PREPARE) altered = alter_run(sim, replica->id, header);
    for (uint32_t to = 0; to < sim->plan.replicas; to++) {
        if (to == replica->id || !(replicas >> to & 1)) continue;
        send_to(sim, replica->id, header, body, to, altered);
        if (sim_behaves(sim, replica->id, SIM_REPLAYS) && sim_chance(sim, 20))
            replay(sim, replica->id);
    }
}

void sim_byzantine_init(sim_run *sim) {
    sim->byzantine = calloc(1, sizeof *sim->byzantine);
    COL_ASSERT(sim->byzantine != NULL);
    sim->byzantine->random = sim_random_of(sim->plan.seed, 300);
    sim->byzantine->counter = 1000000;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (sim_behaves(sim, r, SIM_GARBAGE)) sim_garbage_start(sim, r);
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
