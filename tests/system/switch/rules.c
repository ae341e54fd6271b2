// SPDX-License-Identifier: Apache-2.0
#include "tests/system/switch/rules.h"

#include "src/base/assert.h"
#include "tests/simulator/random.h"

#define MILLION 1000000u
#define ETHERNET_BYTES 14
#define CHANGED_BYTES_MAX 8

static void set(switch_rule *rule, const switch_event *event) {
    switch (event->action) {
        case SWITCH_LOSS:
            rule->loss = event->share;
            break;
        case SWITCH_DUPLICATE:
            rule->duplicate = event->share;
            break;
        case SWITCH_REORDER:
            rule->reorder = event->share;
            break;
        case SWITCH_CORRUPT:
            rule->corrupt = event->share;
            break;
        case SWITCH_DELAY:
            rule->delay_ns = event->delay_ns;
            rule->jitter_ns = event->jitter_ns;
            break;
        case SWITCH_PARTITION:
        case SWITCH_HEAL:
            break;
    }
}

void switch_rules_apply(switch_rules *rules, const switch_event *event) {
    const bool cuts = event->action == SWITCH_PARTITION || event->action == SWITCH_HEAL;
    for (uint32_t from = 0; from < SWITCH_NODES; from++) {
        for (uint32_t to = 0; to < SWITCH_NODES; to++) {
            switch_rule *rule = &rules->link[from][to];
            if (cuts) rule->cut = event->group[from] != event->group[to];
            if (event->from >> from & event->to >> to & 1) set(rule, event);
        }
    }
}

static bool meets(sim_random *random, uint32_t share) {
    return sim_below(random, MILLION) < share;
}

static uint64_t draw_delay(const switch_rule *rule, sim_random *random) {
    return rule->delay_ns + sim_below(random, rule->jitter_ns + 1);
}

switch_decision switch_decide(const switch_rules *rules, uint32_t from, uint32_t to,
                              uint64_t number) {
    COL_ASSERT(from < SWITCH_NODES && to < SWITCH_NODES);
    const switch_rule *rule = &rules->link[from][to];
    const uint64_t link = from * SWITCH_NODES + to;
    sim_random random = sim_random_of(sim_mix(rules->seed + link), number);
    switch_decision decision = {.cut = rule->cut};
    decision.lost = meets(&random, rule->loss);
    decision.corrupted = meets(&random, rule->corrupt);
    decision.reordered = meets(&random, rule->reorder);
    decision.copies = 1 + meets(&random, rule->duplicate);
    decision.delay_ns[0] = draw_delay(rule, &random);
    decision.delay_ns[1] = draw_delay(rule, &random);
    const uint64_t later_ns = sim_below(&random, SWITCH_REORDER_NS);
    if (decision.reordered) decision.delay_ns[0] += later_ns;
    decision.damage = sim_next(&random);
    return decision;
}

uint32_t switch_damage(uint64_t damage, uint8_t *frame, uint32_t length) {
    if (length <= ETHERNET_BYTES) return length;
    sim_random random = {damage};
    const uint32_t behind = length - ETHERNET_BYTES;
    const uint32_t first = ETHERNET_BYTES + (uint32_t)sim_below(&random, behind);
    if (sim_percent(&random, 25)) return first;
    const uint32_t count = (uint32_t)sim_between(&random, 1, CHANGED_BYTES_MAX);
    for (uint32_t i = first; i < first + count && i < length; i++) {
        frame[i] ^= (uint8_t)sim_between(&random, 1, 255);
    }
    return length;
}
