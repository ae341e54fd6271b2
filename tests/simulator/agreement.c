// SPDX-License-Identifier: Apache-2.0
// Agreement: no two correct replicas commit different values at one slot, and none even votes
// COMMIT for different ones in one view. No correct replica votes outside its window.
#include <stdlib.h>

#include "src/pbft/votes.h"
#include "tests/simulator/simulator.h"

/// What stands at one slot: a batch, or the null run that starts at `start`.
typedef struct {
    bool known;
    uint32_t by;  ///< the replica that said so first
    uint32_t run;
    uint64_t start;
    col_digest digest;
} slot_value;

typedef struct {
    slot_value *slot;  ///< by round
    uint64_t rounds;
} slot_table;

struct sim_agreement {
    slot_table committed[COL_PILLARS_MAX];
    slot_table voted[COL_PILLARS_MAX];
};

void sim_agreement_init(sim_run *sim) {
    sim->agreement = calloc(1, sizeof *sim->agreement);
    COL_ASSERT(sim->agreement != NULL);
}

void sim_agreement_close(sim_run *sim) {
    for (uint32_t k = 0; k < COL_PILLARS_MAX; k++) {
        free(sim->agreement->committed[k].slot);
        free(sim->agreement->voted[k].slot);
    }
    free(sim->agreement);
}

static slot_value *slot_of(slot_table *table, uint64_t round) {
    if (round >= table->rounds) {
        const uint64_t rounds = 2 * round + 64;
        table->slot = realloc(table->slot, rounds * sizeof *table->slot);
        COL_ASSERT(table->slot != NULL);
        memset(table->slot + table->rounds, 0, (rounds - table->rounds) * sizeof *table->slot);
        table->rounds = rounds;
    }
    return &table->slot[round];
}

static bool equal(const slot_value *a, const slot_value *b) {
    return a->run == b->run && a->start == b->start && col_digest_equal(&a->digest, &b->digest);
}

static void expect(sim_run *sim, slot_table *table, uint64_t round, const slot_value *value,
                   const char *what, uint32_t pillar) {
    slot_value *seen = slot_of(table, round);
    if (!seen->known) {
        *seen = *value;
        return;
    }
    if (equal(seen, value)) return;
    sim_fail(sim,
             "agreement: replicas %u and %u %s different values at pillar %u, round %lu: run %u "
             "from %lu and run %u from %lu",
             seen->by, value->by, what, pillar, round, seen->run, seen->start, value->run,
             value->start);
}

void sim_agreement_committed(sim_run *sim, uint32_t replica, uint32_t pillar,
                             const col_committed *committed) {
    if (!sim_is_correct(sim, replica)) return;
    const uint32_t slots = committed->run == 0 ? 1 : committed->run;
    slot_value value = {.known = true, .by = replica, .digest = col_null_digest};
    if (committed->run == 0) {
        col_batch_check check;
        sim_batch_check(sim, pillar, (col_bytes){committed->body, committed->length}, NULL, &check);
        if (!check.well_formed) {
            sim_fail(sim, "agreement: replica %u commits no batch at pillar %u, round %lu", replica,
                     pillar, committed->round);
        }
        value.digest = check.digest;
    }
    // A run may reach the merge in pieces: per slot, only null or not matters.
    for (uint32_t i = 0; i < slots; i++) {
        expect(sim, &sim->agreement->committed[pillar], committed->round + i, &value, "commit",
               pillar);
    }
}

static void check_window(sim_run *sim, uint32_t replica, const col_header *header, uint64_t round) {
    const col_pbft_figures figures = sim_figures(&sim->replica[replica], header->pillar);
    const uint64_t stable = figures.stable * sim->plan.interval;
    if (round > stable && round <= stable + sim->plan.window) return;
    sim_fail(sim, "window: replica %u sends %s for round %lu with stable round %lu", replica,
             col_type_name(header->type), round, stable);
}

void sim_agreement_sent(sim_run *sim, uint32_t replica, const col_header *header) {
    if (header->type != COL_PREPARE && header->type != COL_COMMIT) return;
    const uint64_t round = col_round_of(header->sequence, sim->plan.pillars);
    check_window(sim, replica, header, round);
    if (header->type != COL_COMMIT) return;
    const slot_value value = {
        .known = true, .by = replica, .run = header->run, .start = round, .digest = header->digest};
    for (uint32_t i = 0; i < (header->run == 0 ? 1u : header->run); i++) {
        expect(sim, &sim->agreement->voted[header->pillar], round + i, &value, "vote COMMIT for",
               header->pillar);
    }
}
