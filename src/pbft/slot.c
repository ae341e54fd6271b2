// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/slot.h"

#include "src/base/assert.h"

size_t col_slots_footprint(uint32_t count, uint32_t replicas, uint32_t seal_bytes,
                           uint32_t batch_bytes) {
    const size_t votes = 2 * replicas * sizeof(col_value);
    const size_t seals = replicas * (sizeof(uint16_t) + seal_bytes);
    return count * (sizeof(col_slot) + votes + seals + batch_bytes) + 8 * 64;
}

void col_slots_init(col_slots *slots, col_arena *arena, uint32_t count, uint32_t replicas,
                    uint32_t seal_bytes, uint32_t batch_bytes) {
    *slots = (col_slots){.count = count,
                         .replicas = replicas,
                         .seal_bytes = seal_bytes,
                         .batch_bytes = batch_bytes,
                         .slot = col_arena_take(arena, count, sizeof(col_slot))};
    col_value *values = col_arena_take(arena, 2 * (size_t)count * replicas, sizeof(col_value));
    uint16_t *lengths = col_arena_take(arena, (size_t)count * replicas, sizeof(uint16_t));
    uint8_t *seals = col_arena_take(arena, (size_t)count * replicas, seal_bytes);
    uint8_t *bodies = col_arena_take(arena, count, batch_bytes);
    for (uint32_t i = 0; i < count; i++) {
        col_slot *slot = &slots->slot[i];
        slot->prepares = (col_votes){.replicas = replicas, .value = values + 2 * i * replicas};
        slot->commits = (col_votes){.replicas = replicas, .value = values + (2 * i + 1) * replicas};
        slot->seal_length = lengths + (size_t)i * replicas;
        slot->seal = seals + (size_t)i * replicas * seal_bytes;
        slot->bytes = bodies + (size_t)i * batch_bytes;
    }
}

col_slot *col_slots_find(const col_slots *slots, uint64_t round) {
    col_slot *slot = &slots->slot[round % slots->count];
    return round != 0 && slot->round == round ? slot : NULL;
}

static void slot_reset(col_slot *slot, uint64_t round) {
    const col_slot kept = *slot;
    *slot = (col_slot){.round = round,
                       .prepares = kept.prepares,
                       .commits = kept.commits,
                       .seal_length = kept.seal_length,
                       .seal = kept.seal,
                       .bytes = kept.bytes};
    col_votes_clear(&slot->prepares);
    col_votes_clear(&slot->commits);
}

col_slot *col_slots_take(col_slots *slots, uint64_t round, uint64_t executed) {
    COL_ASSERT(round != 0);
    col_slot *slot = &slots->slot[round % slots->count];
    if (slot->round == round) return slot;
    if (slot->round > executed || slot->round > round) return NULL;
    slot_reset(slot, round);
    return slot;
}

void col_slot_keep_seal(const col_slots *slots, col_slot *slot, uint32_t sender, col_seal seal) {
    if (seal.length == 0 || seal.length > slots->seal_bytes) return;
    memcpy(slot->seal + (size_t)sender * slots->seal_bytes, seal.at, seal.length);
    slot->seal_length[sender] = (uint16_t)seal.length;
    slot->sealed |= 1u << sender;
}

col_seal col_slot_seal(const col_slots *slots, const col_slot *slot, uint32_t sender) {
    COL_ASSERT(slot->sealed >> sender & 1);
    return (col_seal){slot->seal + (size_t)sender * slots->seal_bytes, slot->seal_length[sender]};
}

void col_slot_keep_body(const col_slots *slots, col_slot *slot, col_bytes body,
                        const col_batch_check *check) {
    COL_ASSERT(body.length <= slots->batch_bytes);
    COL_ASSERT(!slot->committed);  // the merge may be reading it
    memmove(slot->bytes, body.at, body.length);
    slot->length = (uint32_t)body.length;
    slot->body = true;
    slot->authentic = check->authentic;
    slot->doubt = check->doubt;
    slot->time_ns = check->time_ns;
    slot->body_digest = check->digest;
}

bool col_slot_has_body(const col_slot *slot, const col_value *value) {
    return value->run > 0 || (slot->body && col_digest_equal(&slot->body_digest, &value->digest));
}

const col_value *col_slot_wanted(const col_slot *slot) {
    if (slot->decided) return &slot->decided_value;
    if (slot->prepared) return &slot->prepared_value;
    if (slot->proposed == slot->round) return &slot->proposal;
    return NULL;
}
