// SPDX-License-Identifier: Apache-2.0
// Clients: the core of the client library, with a load that pauses between requests.
#include "src/wire/join.h"
#include "tests/simulator/simulator.h"

#define TREE_MESSAGES_MAX 16

static void client_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);

static void wake_at(sim_client *client, uint64_t at_ns) {
    sim_run *sim = client->sim;
    if (at_ns >= client->turn_ns) return;
    client->turn_ns = at_ns < sim->now_ns ? sim->now_ns : at_ns;
    sim_at(sim, client->turn_ns, client_turn, client->id, 0, NULL);
}

static bool has_gaps(const sim_client *client) {
    return client->sim->plan.gap_client && client->id + 1 == client->sim->plan.clients;
}

/// A request of a session with MACs: in a tree of its own, its signature the set of replicas whose
/// MAC is wrong, for its client made it so or on its way, and chance.
static void seal_with_macs(sim_client *client, uint64_t session, sim_packet *packet) {
    const sim_plan *plan = &client->sim->plan;
    const uint64_t chance = sim_mix(plan->seed + client->id * 1000003 + client->trees++);
    // Not always: each that is wrong for the primary costs the client a time-out.
    const bool spoils = client->id == 0 && plan->spoilt < plan->replicas && chance % 4 == 0;
    uint64_t signature = chance << 8;
    if (spoils) signature |= UINT64_C(1) << plan->spoilt;
    if (chance % 100 < plan->altered) signature |= chance >> 56;
    const col_seal_view view = {.key_version = (uint32_t)session,
                                .leaves = 1,
                                .scheme = COL_SCHEME_HMAC,
                                .signature = {(const uint8_t *)&signature, sizeof signature}};
    packet->seal_length = (uint32_t)col_seal_write(&view, packet->seal);
}

/// All messages of one turn under one signature, as the library does it.
static void seal(sim_client *client, sim_packet **packet, uint32_t count) {
    static const uint8_t path[32 * COL_TREE_DEPTH_MAX];
    uint64_t signature = sim_mix(client->sim->plan.seed + client->id * 1000003 + client->trees++);
    for (uint32_t i = 0; i < count; i++) {
        const col_seal_view view = {.leaves = (uint16_t)count,
                                    .index = (uint16_t)i,
                                    .scheme = SIM_CLIENT_SCHEME,
                                    .depth = col_path_length((uint16_t)count, (uint16_t)i),
                                    .signature = {(const uint8_t *)&signature, sizeof signature},
                                    .path = path};
        packet[i]->seal_length = (uint32_t)col_seal_write(&view, packet[i]->seal);
    }
}

static sim_packet *make(sim_client *client, const col_client_message *message) {
    col_header header = message->header;
    header.fragments = 1;
    col_hash(&client->sim->hasher, message->body, &header.digest);
    sim_once_issued(client->sim, &header);
    return sim_packet_make(&header, message->body);
}

static void send_sealed(sim_client *client, sim_packet **packet, const uint32_t *replicas,
                        uint32_t count) {
    sim_run *sim = client->sim;
    for (uint32_t i = 0; i < count; i++) {
        const col_header *header = &packet[i]->header;
        const bool gap = has_gaps(client) && header->type == COL_REQUEST && header->sequence == 1;
        for (uint32_t to = 0; to < sim->plan.replicas && !gap; to++) {
            if (!(replicas[i] >> to & 1)) continue;
            sim_network_send(sim, sim_client_node(sim, client->id), to, sim->now_ns, packet[i]);
        }
        sim_packet_release(packet[i]);
    }
}

static void send_tree(sim_client *client, sim_packet **packet, const uint32_t *replicas,
                      uint32_t count) {
    seal(client, packet, count);
    send_sealed(client, packet, replicas, count);
}

static void send_all(sim_client *client) {
    sim_packet *packet[TREE_MESSAGES_MAX];
    uint32_t replicas[TREE_MESSAGES_MAX];
    uint32_t count = 0;
    col_client_message message;
    while (col_client_core_next(client->core, &message)) {
        replicas[count] = message.replicas;
        packet[count] = make(client, &message);
        if (message.session != 0) {
            seal_with_macs(client, message.session, packet[count]);
            send_sealed(client, &packet[count], &replicas[count], 1);
            continue;
        }
        count++;
        if (count < TREE_MESSAGES_MAX) continue;
        send_tree(client, packet, replicas, count);
        count = 0;
    }
    if (count > 0) send_tree(client, packet, replicas, count);
}

static void client_turn(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)part;
    (void)packet;
    sim_client *client = &sim->client[node];
    if (sim->now_ns != client->turn_ns) return;
    client->turn_ns = COL_NEVER;
    if (sim->load_off) return;
    col_client_core_tick(client->core, sim->now_ns,
                         sim_wall_ns(sim, sim_client_node(sim, client->id)));
    send_all(client);
    const uint64_t deadline_ns = col_client_core_deadline(client->core);
    if (deadline_ns != COL_NEVER) wake_at(client, deadline_ns);
}

/// An operation names its client and number, so that its result can be found again.
static void submit(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)part;
    (void)packet;
    sim_client *client = &sim->client[node];
    if (sim->load_off || client->submitted == sim->plan.requests) return;
    const uint64_t think_ns = sim->plan.think_ns;
    const uint64_t next_ns = sim->now_ns + 1 + sim_below(&client->random, 2 * think_ns + 1);
    sim_at(sim, next_ns, submit, node, 0, NULL);
    if (!sim->healed && client->submitted == sim->plan.requests_before) return;
    uint8_t operation[256] = {0};
    memcpy(operation, &client->id, sizeof client->id);
    memcpy(operation + 4, &client->submitted, sizeof client->submitted);
    const uint32_t length = 8 + (uint32_t)sim_below(&client->random, sim->plan.operation_bytes + 1);
    const uint32_t session = (uint32_t)sim_below(&client->random, sim->plan.sessions);
    const col_client_submission submission = col_client_core_submit(
        client->core, session, (col_bytes){operation, length}, client->submitted, sim->now_ns);
    if (submission != COL_CLIENT_SUBMITTED) return;
    client->submitted++;
    wake_at(client, sim->now_ns);
}

static void on_done(void *context, const col_client_outcome *outcome) {
    sim_client *client = context;
    client->finished++;
    sim_once_finished(client->sim, client->id, outcome->tag, outcome->status,
                      (col_bytes){outcome->result, outcome->length});
}

void sim_client_deliver(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet) {
    (void)part;
    sim_client *client = &sim->client[node - sim->plan.replicas];
    if (sim->load_off) return;
    const col_verified verified = sim_packet_verified(packet);
    if (col_client_core_check_unverified(client->core, &verified.message, sim->now_ns) !=
        COL_DROP_NONE) {
        return;
    }
    (void)col_client_core_receive(client->core, &verified, sim->now_ns);
    send_all(client);
    wake_at(client, sim->now_ns + COL_CLIENT_TICK_NS);
}

// Keys are nothing here: who knows a session has them.

static void begin(void *context, uint32_t pillar, col_exchange_key *share) {
    (void)context, (void)pillar;
    *share = (col_exchange_key){{1}};
}

static void opened(void *context, uint32_t pillar, uint64_t nonce, uint64_t session) {
    (void)context, (void)pillar, (void)nonce, (void)session;
}

static void closed(void *context, uint64_t session) {
    (void)context, (void)session;
}

void sim_client_init(sim_run *sim, uint32_t id) {
    sim_client *client = &sim->client[id];
    const sim_plan *plan = &sim->plan;
    *client = (sim_client){.sim = sim, .id = id, .turn_ns = COL_NEVER};
    client->random = sim_random_of(plan->seed, 200 + id);
    const col_client_core_options options = {
        .client = id,
        .sessions = plan->sessions,
        .replicas = plan->replicas,
        .faults = plan->faults,
        .pillars = plan->pillars,
        .rotating = !plan->single_leader,
        .outstanding = plan->outstanding,
        .operation_bytes_max = 256,
        .timeout_ns = 1000000 * SIM_S,  // a request that is never answered must show
        .retransmit_ns = 5 * (plan->delay_ns + plan->jitter_ns) + 20 * SIM_MS,
        .reply_to = sim_client_endpoint(id),
        .links =
            plan->macs ? (col_client_links){client, begin, opened, closed} : (col_client_links){0},
        .done = on_done,
        .context = client,
    };
    const col_result opened =
        col_arena_open(&client->arena, col_client_core_footprint(&options) + 4096);
    COL_ASSERT(opened.ok);
    client->core = col_client_core_create(&client->arena, &options);
    wake_at(client, sim_below(&client->random, 5 * SIM_MS));
    sim_at(sim, sim_below(&client->random, 20 * SIM_MS), submit, id, 0, NULL);
}

void sim_client_close(sim_client *client) {
    col_arena_close(&client->arena);
}
