// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/pbft/pbft.h"
#include "src/pbft/votes.h"
#include "src/wire/message.h"

/// One round's slot of a pillar: what was proposed, voted and decided there.
///
/// A null run keeps its votes in the slot where it starts; the slots it covers only refer to it.
typedef struct {
    uint64_t round;      ///< that this entry of the ring holds now, 0 before the first
    uint64_t proposed;   ///< start of the accepted proposal that covers this slot, 0 for none
    col_value proposal;  ///< meaningful in the slot where the proposal starts
    uint64_t begun_ns;   ///< when the proposal was accepted here
    bool own_batch;      ///< proposed here and not committed yet: counts as in flight
    bool prepare_sent;
    bool prepared;  ///< q-1 PREPAREs of backups are for `prepared_value`
    bool commit_sent;
    bool decided;              ///< q COMMITs are for `decided_value`
    bool committed;            ///< decided, and the body is in hand
    uint64_t committed_start;  ///< start of the committed value that covers this slot
    col_value prepared_value;
    col_value decided_value;
    col_votes prepares;
    col_votes commits;
    uint32_t sealed;        ///< set of replicas whose COMMIT seal is kept
    uint16_t *seal_length;  ///< [n]
    uint8_t *seal;          ///< [n][seal_bytes]
    bool body;              ///< a well-formed batch body is in hand
    bool authentic;         ///< and all its requests verify
    uint64_t doubt;         ///< or only MACs of these clients fail, which others may have right
    uint32_t length;
    uint64_t time_ns;
    col_digest body_digest;  ///< its batch digest
    uint8_t *bytes;          ///< room for the largest batch; untouched room costs nothing
} col_slot;

/// The slots of one pillar: a ring by round.
typedef struct {
    uint32_t count;
    uint32_t replicas;
    uint32_t seal_bytes;  ///< of one kept seal
    uint32_t batch_bytes;
    col_slot *slot;
} col_slots;

void col_slots_init(col_slots *slots, col_arena *arena, uint32_t count, uint32_t replicas,
                    uint32_t seal_bytes, uint32_t batch_bytes);
size_t col_slots_footprint(uint32_t count, uint32_t replicas, uint32_t seal_bytes,
                           uint32_t batch_bytes);

/// The slot of `round` if the ring holds it now, else NULL.
col_slot *col_slots_find(const col_slots *slots, uint64_t round);

/// The slot of `round`, taking over the entry of an older round that was executed.
/// @return NULL when the entry still holds an older round above `executed`, or a newer one
col_slot *col_slots_take(col_slots *slots, uint64_t round, uint64_t executed);

/// Keep a COMMIT's seal; ignored when it is longer than a seal of this cluster can be.
void col_slot_keep_seal(const col_slots *slots, col_slot *slot, uint32_t sender, col_seal seal);
col_seal col_slot_seal(const col_slots *slots, const col_slot *slot, uint32_t sender);

/// Put a checked body into the slot, replacing another one.
void col_slot_keep_body(const col_slots *slots, col_slot *slot, col_bytes body,
                        const col_batch_check *check);

/// The body in hand is `value`'s, or `value` needs none.
bool col_slot_has_body(const col_slot *slot, const col_value *value);

/// The value whose body this slot waits for: decided, prepared or proposed, in this order.
/// @return NULL when nothing is known here
const col_value *col_slot_wanted(const col_slot *slot);
