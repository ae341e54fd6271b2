// SPDX-License-Identifier: Apache-2.0
// What one seed decides: the cluster, its load, its faults.
#include <stdio.h>

#include "tests/simulator/simulator.h"

static uint32_t pick(sim_random *random, const uint32_t *choice, uint32_t choices) {
    return choice[sim_below(random, choices)];
}

static void draw_cluster(sim_plan *plan, sim_random *random) {
    static const uint32_t intervals[] = {4, 4, 4, 4, 8, 8, 8, 16, 16, 32};
    static const uint32_t pillars[] = {1, 1, 1, 2, 2, 3, 3, 4, 5, 8};
    plan->replicas = sim_percent(random, 75) ? 4 : 7;
    plan->faults = (plan->replicas - 1) / 3;
    plan->pillars = pick(random, pillars, 10);
    plan->single_leader = sim_percent(random, 25);
    plan->interval = pick(random, intervals, 10);
    plan->window = plan->interval * (uint32_t)sim_between(random, 2, 4);
    plan->batch_requests_max = (uint32_t)sim_between(random, 1, 16);
    plan->batch_requests = (uint32_t)sim_between(random, 1, plan->batch_requests_max);
    plan->batch_bytes = (uint32_t)sim_between(random, 256, 8192);
    plan->status_interval_ns = sim_between(random, 5, 20) * SIM_MS;
    plan->app = sim_percent(random, 50) ? &col_app_counter : &col_app_log;
    plan->wakes_on_executed = sim_percent(random, 50);
    plan->hand_off = (uint32_t)sim_between(random, 1, 16);
}

static void draw_load(sim_plan *plan, sim_random *random) {
    static const uint32_t outstanding[] = {1, 2, 4, 8};
    plan->clients = (uint32_t)sim_between(random, 1, SIM_CLIENTS_MAX);
    plan->sessions = (uint32_t)sim_between(random, 1, 4);
    plan->outstanding = pick(random, outstanding, 4);
    plan->sessions_max = SIM_SESSIONS_MAX;
    plan->client_sessions_max = sim_percent(random, 10) ? 1 : 8;
    // Enough rounds for several checkpoints, and sometimes for several turns of the slot ring.
    const uint32_t rounds = plan->window * (uint32_t)sim_between(random, 1, 5);
    plan->requests = 4 + rounds / plan->clients;
    if (plan->requests > 250) plan->requests = 250;
    plan->requests_before = plan->requests - (uint32_t)sim_between(random, 1, 3);
    plan->think_ns = sim_percent(random, 30) ? sim_between(random, 1, 40) * SIM_MS
                                             : sim_between(random, 100, 4000) * SIM_US;
    plan->operation_bytes = sim_percent(random, 30) ? 240 : 8;
    plan->gap_client = plan->clients > 1 && sim_percent(random, 10);
}

static void draw_network(sim_plan *plan, sim_random *random) {
    plan->loss = sim_percent(random, 30) ? 0 : (uint32_t)sim_between(random, 1, 20);
    plan->duplicates = (uint32_t)sim_below(random, 10);
    plan->stragglers = sim_percent(random, 50) ? 0 : (uint32_t)sim_below(random, 5);
    plan->delay_ns = sim_between(random, 20, 500) * SIM_US;
    plan->jitter_ns = sim_percent(random, 20) ? 0 : sim_between(random, 10, 2000) * SIM_US;
    plan->seal_ns = sim_between(random, 10, 500) * SIM_US;
    plan->turn_ns = sim_between(random, 1, 200) * SIM_US;
    plan->heal_ns = sim_between(random, 100, 800) * SIM_MS;
}

static void draw_clocks(sim_plan *plan, sim_random *random) {
    plan->time_ahead_max_ns = sim_between(random, 30, 200) * SIM_MS;
    for (uint32_t node = 0; node < SIM_NODES_MAX; node++) {
        plan->skew_ns[node] = (int64_t)sim_below(random, 20 * SIM_MS) - (int64_t)(10 * SIM_MS);
    }
    if (!sim_percent(random, 20)) return;
    // One clock further ahead or behind than the cluster allows.
    const uint32_t node = (uint32_t)sim_below(random, plan->replicas + plan->clients);
    const int64_t far = (int64_t)(plan->time_ahead_max_ns + sim_below(random, 30 * SIM_MS));
    plan->skew_ns[node] = sim_percent(random, 50) ? far : -far;
}

static void draw_cuts(sim_plan *plan, sim_random *random) {
    if (!sim_percent(random, 50)) return;
    plan->cuts = (uint32_t)sim_between(random, 1, SIM_CUTS_MAX);
    for (uint32_t i = 0; i < plan->cuts; i++) {
        sim_cut *cut = &plan->cut[i];
        const bool longer = sim_percent(random, 15);  // than all STATUS that are sent meanwhile
        const uint64_t length_ms =
            longer ? 300 * plan->status_interval_ns / SIM_MS : sim_between(random, 5, 150);
        cut->from_ns = sim_below(random, plan->heal_ns);
        cut->until_ns = cut->from_ns + length_ms * SIM_MS;
        cut->nodes = 1u << sim_below(random, plan->replicas);
        if (sim_percent(random, 20)) cut->nodes |= 1u << sim_below(random, plan->replicas);
        cut->paused = sim_percent(random, 30);
        if (cut->until_ns > plan->heal_ns) plan->heal_ns = cut->until_ns;
    }
}

static bool leads(const sim_plan *plan, uint32_t replica) {
    if (plan->single_leader) return replica == 0;
    return replica < plan->pillars;  // view 0: pillar k is led by k mod n, and n > f
}

static void draw_faults(sim_plan *plan, sim_random *random) {
    plan->demands_progress = true;
    if (sim_percent(random, 45)) return;
    plan->stop_ns = sim_below(random, plan->heal_ns);
    const uint32_t count = (uint32_t)sim_between(random, 1, plan->faults);
    while ((uint32_t)__builtin_popcount(plan->faulty) < count) {
        plan->faulty |= 1u << sim_below(random, plan->replicas);
    }
    for (uint32_t r = 0; r < plan->replicas; r++) {
        if (!(plan->faulty >> r & 1)) continue;
        const uint32_t kinds = (uint32_t)sim_between(random, 1, 3);
        for (uint32_t i = 0; i < kinds; i++) {
            plan->behaviour[r] |= 1u << sim_below(random, SIM_FAULTS);
        }
        if ((plan->behaviour[r] & SIM_PRIMARY_FAULTS) && leads(plan, r)) {
            plan->demands_progress = false;
        }
    }
}

/// A client that spoils one replica's MACs holds up nobody: f+1 others verify its requests. Nor
/// does whoever alters datagrams: clients repeat signed what is not answered.
static void draw_macs(sim_plan *plan, sim_random *random) {
    plan->macs = sim_percent(random, 40);
    plan->spoilt = plan->replicas;
    if (sim_percent(random, 50)) plan->spoilt = (uint32_t)sim_below(random, plan->replicas);
    if (sim_percent(random, 50)) plan->altered = (uint32_t)sim_between(random, 1, 30);
}

void sim_draw(sim_plan *plan, uint64_t seed) {
    *plan = (sim_plan){.seed = seed};
    sim_random random = sim_random_of(seed, 1);
    draw_cluster(plan, &random);
    draw_load(plan, &random);
    draw_network(plan, &random);
    draw_clocks(plan, &random);
    draw_cuts(plan, &random);
    draw_faults(plan, &random);
    draw_macs(plan, &random);
}

void sim_print_plan(const sim_plan *plan) {
    printf("n %u f %u P %u %s C %u W %u batch %u of %u clients %u sessions %u M %u requests %u\n",
           plan->replicas, plan->faults, plan->pillars, plan->single_leader ? "single" : "rotating",
           plan->interval, plan->window, plan->batch_requests, plan->batch_requests_max,
           plan->clients, plan->sessions, plan->outstanding, plan->requests);
    printf(
        "loss %u%% duplicates %u%% stragglers %u%% delay %lu+%lu us seal %lu us think %lu us "
        "status %lu ms heal %lu ms%s\n",
        plan->loss, plan->duplicates, plan->stragglers, plan->delay_ns / SIM_US,
        plan->jitter_ns / SIM_US, plan->seal_ns / SIM_US, plan->think_ns / SIM_US,
        plan->status_interval_ns / SIM_MS, plan->heal_ns / SIM_MS, plan->gap_client ? " gaps" : "");
    for (uint32_t i = 0; i < plan->cuts; i++) {
        const sim_cut *cut = &plan->cut[i];
        printf("%s nodes %x from %lu to %lu ms\n", cut->paused ? "pause" : "cut", cut->nodes,
               cut->from_ns / SIM_MS, cut->until_ns / SIM_MS);
    }
    for (uint32_t r = 0; r < plan->replicas; r++) {
        if (plan->faulty >> r & 1) printf("faulty %u behaviour %x\n", r, plan->behaviour[r]);
    }
    if (plan->macs) {
        printf("MACs, of client 0 wrong for replica %u, %u%% altered\n", plan->spoilt,
               plan->altered);
    }
    printf("%s\n", plan->demands_progress ? "demands progress" : "demands safety only");
}
