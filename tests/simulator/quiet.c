// SPDX-License-Identifier: Apache-2.0
// Quiet: after activity, replicas tell each other what they have a bounded number of times, and
// then an idle cluster sends nothing and waits for nothing.
#include <stdlib.h>

#include "tests/simulator/simulator.h"

/// STATUS that one pillar of one replica may send after the last progress anywhere: its own, and an
/// answer to each of each peer. Where a faulty primary holds up a batch for good, replicas go on
/// asking for it at the longest interval.
#define STATUS_MAX 20
#define STATUS_BLOCKED_MAX 40

/// The 8 STATUS take 255 waits, each of up to 8 intervals where batches took long.
#define INTERVALS_MAX 2400

struct sim_quiet {
    uint64_t progress_ns;
    uint32_t status[SIM_REPLICAS_MAX][COL_PILLARS_MAX];
};

void sim_quiet_init(sim_run *sim) {
    sim->quiet = calloc(1, sizeof *sim->quiet);
    COL_ASSERT(sim->quiet != NULL);
}

void sim_quiet_close(sim_run *sim) {
    free(sim->quiet);
}

void sim_quiet_progress(sim_run *sim) {
    *sim->quiet = (struct sim_quiet){.progress_ns = sim->now_ns};
}

void sim_quiet_sent(sim_run *sim, uint32_t replica, const col_header *header) {
    if (header->type != COL_STATUS) return;
    const uint32_t sent = ++sim->quiet->status[replica][header->pillar];
    if (!sim->load_off || !sim_is_correct(sim, replica)) return;
    const uint32_t each = sim_expects_progress(sim) ? STATUS_MAX : STATUS_BLOCKED_MAX;
    const uint32_t bound = each * sim->plan.replicas;
    if (sent <= bound) return;
    sim_fail(sim, "quiet: replica %u, pillar %u sends more than %u STATUS after the last progress",
             replica, header->pillar, bound);
}

static bool is_quiet(const sim_run *sim) {
    if (sim->in_flight > 0) return false;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (!sim_is_correct(sim, r)) continue;
        if (sim->replica[r].merge_turn_ns != COL_NEVER) return false;
        for (uint32_t k = 0; k < sim->plan.pillars; k++) {
            if (sim->replica[r].pillar[k].turn_ns != COL_NEVER) return false;
        }
    }
    return true;
}

bool sim_quiet_check(sim_run *sim) {
    const uint64_t bound_ns = INTERVALS_MAX * sim->plan.status_interval_ns + SIM_S;
    if (is_quiet(sim)) return true;
    if (sim->now_ns - sim->quiet->progress_ns <= bound_ns) return false;
    if (!sim_expects_progress(sim)) return true;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        for (uint32_t k = 0; sim_is_correct(sim, r) && k < sim->plan.pillars; k++) {
            if (sim->replica[r].pillar[k].turn_ns == COL_NEVER) continue;
            sim_fail(sim,
                     "quiet: replica %u, pillar %u is not silent %lu ms after the last progress", r,
                     k, (sim->now_ns - sim->quiet->progress_ns) / SIM_MS);
        }
    }
    sim_fail(sim, "quiet: messages are in flight %lu ms after the last progress",
             (sim->now_ns - sim->quiet->progress_ns) / SIM_MS);
}
