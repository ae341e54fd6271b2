// SPDX-License-Identifier: Apache-2.0
// Garbage: STATUS, FETCH, FETCHED, CHECKPOINT and votes with absurd contents, well sealed.
#include "src/pbft/votes.h"
#include "tests/simulator/byzantine.h"

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
                             low + 1 + sim_draw_below(sim, sim->plan.window)};
    return edge[sim_draw_below(sim, sizeof edge / sizeof *edge)];
}

static uint64_t edge_sequence(sim_run *sim, uint32_t victim, uint32_t pillar) {
    if (sim_chance(sim, 10)) return UINT64_MAX - sim_draw_below(sim, 20);
    const uint64_t round = edge_round(sim, victim, pillar);
    return (round - 1) * sim->plan.pillars + (pillar == 0 ? sim->plan.pillars : pillar);
}

static col_bytes garbage_status(sim_run *sim, uint32_t victim, uint32_t pillar) {
    col_status status = {.view = sim_draw_below(sim, 3),
                         .executed = edge_round(sim, victim, pillar),
                         .stable = edge_round(sim, victim, pillar),
                         .pending = sim_chance(sim, 50),
                         .asks = sim_chance(sim, 70),
                         .count = (uint16_t)sim_draw_below(sim, COL_WINDOW_ROUNDS_MAX + 1)};
    col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
    if (sim_chance(sim, 5)) status.count = 60000;
    col_status_write(&writer, &status);
    for (uint32_t i = 0; i < status.count && i < 300; i++) {
        const col_status_slot slot = {(uint8_t)sim_draw_below(sim, 8),
                                      (uint32_t)sim_draw_below(sim, 1u << 31),
                                      (uint32_t)sim_draw_below(sim, 1u << 31)};
        col_status_slot_write(&writer, &slot);
    }
    return (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)};
}

static col_bytes garbage_fetch(sim_run *sim, uint32_t victim, uint32_t pillar) {
    col_fetch fetch = {.count = (uint16_t)(1 + sim_draw_below(sim, COL_FETCH_ROUNDS_MAX))};
    for (uint32_t i = 0; i < fetch.count; i++) fetch.round[i] = edge_round(sim, victim, pillar);
    if (sim_chance(sim, 20)) {
        for (uint32_t i = 1; i < fetch.count; i++) fetch.round[i] = fetch.round[0];
    }
    col_writer writer = col_writer_of(sim->byzantine->scratch, sizeof sim->byzantine->scratch);
    col_fetch_write(&writer, &fetch);
    return (col_bytes){sim->byzantine->scratch, col_writer_used(&writer)};
}

/// A certificate that names a real value, with seals that do not prove it: repeated senders,
/// senders that do not exist, the sender's own seal for others, noise.
static uint8_t garbage_seals(sim_run *sim, uint32_t replica, col_fetched *fetched, uint8_t *room) {
    const uint8_t count =
        (uint8_t)sim_draw_below(sim, sim_chance(sim, 80) ? sim->plan.replicas + 1 : 33);
    const bool distinct = sim_chance(sim, 50);
    for (uint8_t i = 0; i < count; i++) {
        uint8_t *seal = room + i * 32;
        col_header header = {.type = fetched->checkpoint ? COL_CHECKPOINT : COL_COMMIT,
                             .pillar = (uint8_t)(fetched->sequence % sim->plan.pillars),
                             .run = fetched->run,
                             .sender = replica,
                             .view = fetched->view,
                             .sequence = fetched->sequence,
                             .fragments = 1,
                             .digest = fetched->digest};
        fetched->seal[i].sender = distinct ? i : (uint32_t)sim_draw_below(sim, COL_REPLICAS_MAX);
        if (sim_chance(sim, 20)) fetched->seal[i].sender = replica;
        size_t length = sim_seal_write(&header, seal);
        if (sim_chance(sim, 20)) length = sim_draw_below(sim, 20);
        fetched->seal[i].seal = (col_seal){seal, length};
    }
    return count;
}

static col_bytes garbage_fetched(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    struct sim_byzantine *self = sim->byzantine;
    uint8_t room[33 * 32];
    col_fetched fetched = {.sequence = edge_sequence(sim, victim, pillar),
                           .run = (uint8_t)sim_draw_below(sim, COL_RUN_MAX + 1),
                           .digest = col_null_digest};
    const col_header *seen = &self->seen[sim_draw_below(sim, SEEN)];
    if (sim_chance(sim, 70) && seen->type == COL_PRE_PREPARE && seen->pillar == pillar) {
        fetched.sequence = seen->sequence;
        fetched.run = seen->run;
        fetched.digest = seen->digest;
    }
    if (sim_chance(sim, 10)) fetched.digest = sim_random_digest(sim);
    if (sim_chance(sim, 20)) {  // the proof of a checkpoint, of sorts
        const uint64_t stable = sim_figures(&sim->replica[victim], pillar).stable;
        const uint64_t next = stable - stable % sim->plan.pillars + pillar;
        fetched = (col_fetched){.checkpoint = true,
                                .sequence = next + sim_draw_below(sim, 4) * sim->plan.pillars,
                                .digest = sim_random_digest(sim)};
    }
    fetched.seals = garbage_seals(sim, replica, &fetched, room);
    const sim_known_body *known = sim_some_body(sim, pillar);
    if (fetched.run == 0 && !fetched.checkpoint && known != NULL)
        fetched.batch = (col_bytes){known->bytes, known->length};
    col_writer writer = col_writer_of(self->scratch, sizeof self->scratch);
    col_fetched_write(&writer, &fetched);
    return (col_bytes){self->scratch, col_writer_used(&writer)};
}

static void garbage_slot_message(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    static const uint8_t type[] = {COL_PRE_PREPARE, COL_PREPARE, COL_COMMIT, COL_BATCH};
    col_header header = {.type = type[sim_draw_below(sim, sizeof type)],
                         .pillar = (uint8_t)pillar,
                         .run = (uint8_t)sim_draw_below(sim, sim_chance(sim, 90) ? 34 : 256),
                         .view = sim_chance(sim, 90) ? 0 : sim_draw_below(sim, 4),
                         .sequence = edge_sequence(sim, victim, pillar),
                         .digest = sim_chance(sim, 50) ? col_null_digest : sim_random_digest(sim)};
    const uint32_t first = sim->plan.single_leader ? 0 : pillar % sim->plan.replicas;
    // As primary it would stop its pillar: that is another fault.
    if (first == replica && header.type == COL_PRE_PREPARE) header.type = COL_PREPARE;
    col_bytes body = {0};
    const sim_known_body *known = sim_some_body(sim, pillar);
    if (header.type == COL_BATCH && known != NULL) {
        body = (col_bytes){known->bytes, sim_draw_below(sim, known->length + 1)};
        header.run = 0;
    }
    sim_byzantine_send_one(sim, replica, &header, body, victim);
}

static void garbage_checkpoint(sim_run *sim, uint32_t replica, uint32_t victim, uint32_t pillar) {
    const col_pbft_figures figures = sim_figures(&sim->replica[victim], pillar);
    const uint64_t number[] = {0,
                               figures.stable,
                               figures.stable + 1,
                               figures.stable + sim_draw_below(sim, 9),
                               UINT64_C(1) << 63,
                               UINT64_MAX};
    uint64_t checkpoint = number[sim_draw_below(sim, 6)];
    if (sim_chance(sim, 70)) checkpoint = checkpoint - checkpoint % sim->plan.pillars + pillar;
    const col_header header = {.type = COL_CHECKPOINT,
                               .pillar = (uint8_t)pillar,
                               .view = sim_chance(sim, 80) ? 0 : sim_draw_below(sim, 5),
                               .run = sim_chance(sim, 90) ? 0 : (uint8_t)sim_draw_below(sim, 33),
                               .sequence = checkpoint,
                               .digest = sim_random_digest(sim)};
    sim_byzantine_send_one(sim, replica, &header, (col_bytes){0}, victim);
}

static void send_garbage(sim_run *sim, uint32_t replica) {
    const uint32_t victim = (uint32_t)sim_draw_below(sim, sim->plan.replicas);
    const uint32_t pillar = (uint32_t)sim_draw_below(sim, sim->plan.pillars);
    if (!sim_is_correct(sim, victim)) return;
    // Numbers of its own correct messages are small: these never hide behind them.
    col_header header = {.pillar = (uint8_t)pillar,
                         .view = 1000 + replica + (sim_chance(sim, 2) ? sim_draw_below(sim, 3) : 0),
                         .sequence = sim_chance(sim, 95) ? ++sim->byzantine->counter
                                                         : UINT64_MAX - sim_draw_below(sim, 1000)};
    col_bytes body = {0};
    switch (sim_draw_below(sim, 6)) {
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
            header.type = (uint8_t)sim_draw_below(sim, COL_TYPE_COUNT + 2);
            if (header.type == COL_PRE_PREPARE || header.type == COL_BATCH) return;
            for (uint32_t i = 0; i < 64; i++)
                sim->byzantine->scratch[i] = (uint8_t)sim_draw_below(sim, 256);
            body = (col_bytes){sim->byzantine->scratch, sim_draw_below(sim, 65)};
            break;
    }
    sim_byzantine_send_one(sim, replica, &header, body, victim);
}

static void garbage_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)part;
    (void)packet;
    if (sim->faulty_off) return;
    const uint64_t messages = 1 + sim_draw_below(sim, 6);
    for (uint64_t i = 0; i < messages; i++) send_garbage(sim, node);
    sim_at(sim,
           sim->now_ns + SIM_MS + sim_draw_below(sim, sim->healed ? 200 * SIM_MS : 10 * SIM_MS),
           garbage_turn, node, 0, NULL);
}

void sim_garbage_start(sim_run *sim, uint32_t replica) {
    sim_at(sim, 5 * SIM_MS, garbage_turn, replica, 0, NULL);
}
