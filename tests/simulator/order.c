// SPDX-License-Identifier: Apache-2.0
// Order: all correct replicas execute the same things in the same order with the same results, and
// reach equal checkpoints.
#include <stdlib.h>

#include "src/base/quorum.h"
#include "tests/simulator/simulator.h"

/// One thing that execution did, and a digest of everything up to it.
typedef struct {
    uint64_t sequence;
    uint64_t sum;
} history_entry;

struct sim_order {
    history_entry *entry;  ///< as the first replica to get there did it
    uint64_t entries, room;
    uint64_t position[SIM_REPLICAS_MAX];
    uint64_t sum[SIM_REPLICAS_MAX];
    col_digest *checkpoint;
    uint64_t checkpoints, checkpoint_room;
};

void sim_order_init(sim_run *sim) {
    sim->order = calloc(1, sizeof *sim->order);
    COL_ASSERT(sim->order != NULL);
}

void sim_order_close(sim_run *sim) {
    free(sim->order->entry);
    free(sim->order->checkpoint);
    free(sim->order);
}

static uint64_t sum_bytes(const sim_run *sim, uint64_t sum, col_bytes bytes) {
    col_digest digest;
    col_hash(&sim->hasher, bytes, &digest);
    uint64_t word;
    memcpy(&word, digest.byte, sizeof word);
    return sim_mix(sum + word);
}

static void append(sim_run *sim, uint32_t replica, uint64_t sequence, uint64_t sum) {
    struct sim_order *order = sim->order;
    order->sum[replica] = sum = sim_mix(order->sum[replica] + sum);
    const uint64_t at = order->position[replica]++;
    if (at == order->entries) {
        if (order->entries == order->room) {
            order->room = 2 * order->room + 256;
            order->entry = realloc(order->entry, order->room * sizeof *order->entry);
            COL_ASSERT(order->entry != NULL);
        }
        order->entry[order->entries++] = (history_entry){sequence, sum};
    }
    const history_entry *expected = &order->entry[at];
    if (expected->sequence == sequence && expected->sum == sum) return;
    sim_fail(sim,
             "order: replica %u does something else than the others as its step %lu: at sequence "
             "number %lu, others at %lu",
             replica, at, sequence, expected->sequence);
}

void sim_order_executed(sim_run *sim, uint32_t replica, uint64_t sequence,
                        const col_app_request *request, col_bytes result) {
    if (!sim_is_correct(sim, replica)) return;
    uint64_t sum = sim_mix(sequence);
    const uint64_t field[] = {request->time_ns, request->client, request->session, request->number};
    for (uint32_t i = 0; i < sizeof field / sizeof *field; i++) sum = sim_mix(sum + field[i]);
    sum = sum_bytes(sim, sum, (col_bytes){request->operation, request->length});
    append(sim, replica, sequence, sum_bytes(sim, sum, result));
}

void sim_order_outcome(sim_run *sim, uint32_t replica, uint64_t sequence,
                       const col_outcome *outcome) {
    if (!sim_is_correct(sim, replica)) return;
    const uint64_t field[] = {sequence, outcome->kind, outcome->client, outcome->session,
                              outcome->number};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < sizeof field / sizeof *field; i++) sum = sim_mix(sum + field[i] + 1);
    append(sim, replica, sequence, sum);
}

void sim_order_checkpoint(sim_run *sim, uint32_t replica, uint64_t checkpoint,
                          const col_digest *digest) {
    if (!sim_is_correct(sim, replica)) return;
    struct sim_order *order = sim->order;
    if (checkpoint > order->checkpoints + 1) {
        sim_fail(sim, "order: replica %u skips a checkpoint and reaches %lu", replica, checkpoint);
    }
    if (checkpoint == order->checkpoints + 1) {
        if (order->checkpoints == order->checkpoint_room) {
            order->checkpoint_room = 2 * order->checkpoint_room + 64;
            order->checkpoint =
                realloc(order->checkpoint, order->checkpoint_room * sizeof *order->checkpoint);
            COL_ASSERT(order->checkpoint != NULL);
        }
        order->checkpoint[order->checkpoints++] = *digest;
    }
    if (col_digest_equal(&order->checkpoint[checkpoint - 1], digest)) return;
    sim_fail(sim, "order: replica %u reaches checkpoint %lu with another state than the others",
             replica, checkpoint);
}

void sim_order_even(const sim_run *sim) {
    const sim_replica *first = NULL;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (!sim_is_correct(sim, r)) continue;
        const sim_replica *replica = &sim->replica[r];
        if (first == NULL) first = replica;
        if (col_merge_sequence(replica->merge) == col_merge_sequence(first->merge)) continue;
        sim_fail(sim, "even: replica %u has executed up to %lu and replica %u up to %lu", first->id,
                 col_merge_sequence(first->merge), r, col_merge_sequence(replica->merge));
    }
}

static void check_proof(const sim_run *sim, const sim_replica *replica, uint32_t k) {
    const col_checkpoints *checkpoints = replica->pillar[k].pillar.checkpoints;
    const uint64_t stable = col_checkpoints_stable(checkpoints);
    if (stable == 0) return;
    col_digest digest;
    col_sealed_by seal[SIM_REPLICAS_MAX];
    const uint32_t count = col_checkpoints_proof(checkpoints, &digest, seal);
    for (uint32_t i = 0; i < count; i++) {
        const col_header header = {.type = COL_CHECKPOINT,
                                   .pillar = (uint8_t)k,
                                   .sender = seal[i].sender,
                                   .sequence = stable,
                                   .fragments = 1,
                                   .digest = digest};
        if (sim_seal_check(&header, seal[i].seal)) continue;
        sim_fail(sim, "proof: replica %u holds no seal of replica %u for checkpoint %lu",
                 replica->id, seal[i].sender, stable);
    }
    const uint32_t quorum = col_quorum(sim->plan.replicas, sim->plan.faults);
    if (count >= quorum) return;
    sim_fail(sim, "proof: replica %u shows %u votes for checkpoint %lu", replica->id, count,
             stable);
}

void sim_order_proofs(const sim_run *sim) {
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        if (!sim_is_correct(sim, r)) continue;
        for (uint32_t k = 0; k < sim->plan.pillars; k++) check_proof(sim, &sim->replica[r], k);
    }
}
