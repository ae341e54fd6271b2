// SPDX-License-Identifier: Apache-2.0
// The network: loses, delays, repeats and reorders, each link by its own stream of draws.
#include "tests/simulator/simulator.h"

col_endpoint sim_client_endpoint(uint32_t client) {
    return (col_endpoint){UINT32_C(0x0a000001) + client, (uint16_t)(5000 + client)};
}

void sim_network_init(sim_run *sim) {
    for (uint32_t a = 0; a < SIM_NODES_MAX; a++) {
        for (uint32_t b = 0; b < SIM_NODES_MAX; b++) {
            sim->network[a][b] = sim_random_of(sim->plan.seed, 1000 + a * SIM_NODES_MAX + b);
        }
    }
}

static bool is_cut(const sim_run *sim, uint32_t node, uint64_t at_ns) {
    for (uint32_t i = 0; i < sim->plan.cuts; i++) {
        const sim_cut *cut = &sim->plan.cut[i];
        if (cut->paused || !(cut->nodes >> node & 1)) continue;
        if (at_ns >= cut->from_ns && at_ns < cut->until_ns) return true;
    }
    return false;
}

uint64_t sim_network_paused_until(const sim_run *sim, uint32_t node) {
    for (uint32_t i = 0; i < sim->plan.cuts; i++) {
        const sim_cut *cut = &sim->plan.cut[i];
        if (!cut->paused || !(cut->nodes >> node & 1)) continue;
        if (sim->now_ns >= cut->from_ns && sim->now_ns < cut->until_ns) return cut->until_ns;
    }
    return 0;
}

static uint64_t draw_delay(const sim_plan *plan, sim_random *random, bool healed) {
    uint64_t delay = plan->delay_ns + sim_below(random, plan->jitter_ns + 1);
    if (!healed && sim_percent(random, plan->stragglers)) {
        delay += sim_below(random, 20 * plan->jitter_ns + SIM_MS);
    }
    return delay;
}

static void arrive(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    sim->in_flight--;
    if (node < sim->plan.replicas) {
        sim_replica_deliver(sim, node, part, packet);
    } else {
        sim_client_deliver(sim, node, part, packet);
    }
}

void sim_network_send(sim_run *sim, uint32_t from, uint32_t to, uint64_t sealed_ns,
                      sim_packet *packet) {
    sim_random *random = &sim->network[from][to];
    const uint64_t at_ns = sealed_ns + draw_delay(&sim->plan, random, sim->healed);
    const bool lost = sim_percent(random, sim->plan.loss);
    const bool repeated = sim_percent(random, sim->plan.duplicates);
    const uint64_t again_ns = sealed_ns + 2 * draw_delay(&sim->plan, random, sim->healed);
    if (is_cut(sim, from, sealed_ns) || is_cut(sim, to, at_ns)) return;
    if (!sim->healed && lost) return;
    sim_packet_hold(packet);
    sim->in_flight++;
    sim_at(sim, at_ns, arrive, to, packet->header.pillar, packet);
    if (sim->healed || !repeated) return;
    sim_packet_hold(packet);
    sim->in_flight++;
    sim_at(sim, again_ns, arrive, to, packet->header.pillar, packet);
}
