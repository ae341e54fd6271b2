// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/simulator/simulator.h"

/// What byzantine.c (altered messages) and garbage.c (invented ones) share.

#define SEEN 64           // proposals remembered
#define BODIES 16         // batch bodies remembered
#define SENT 64           // own messages remembered, to be replayed
#define ALTERATIONS 2048  // own proposals remembered, by sequence number

typedef struct {
    uint8_t pillar;
    uint32_t length;
    uint8_t bytes[8192];
} sim_known_body;

/// What a faulty primary makes of one of its proposals: up to two variants, by receiver.
typedef struct {
    bool used;
    bool plain;       ///< decided: it travels as it is, however often
    bool with_votes;  ///< faulty replicas vote for either variant
    uint32_t leader;
    col_header header;  ///< the PRE-PREPARE that its correct code wanted
    uint32_t second;    ///< set of replicas that get variant 1
    col_digest digest[2];
    uint8_t run[2];
    uint32_t length[2];
    uint8_t *body[2];
} sim_alteration;

struct sim_byzantine {
    sim_random random;
    col_header seen[SEEN];
    uint64_t seen_count;
    sim_known_body body[BODIES];
    uint64_t body_count;
    sim_packet *sent[SEEN];
    uint64_t sent_count;
    sim_alteration alteration[ALTERATIONS];
    uint64_t counter;
    uint32_t intrusions;
    uint8_t scratch[65536];
};

/// Does a replica have one of these faults?
bool sim_behaves(const sim_run *sim, uint32_t replica, uint32_t fault);
bool sim_chance(sim_run *sim, uint32_t percent);
uint64_t sim_draw_below(sim_run *sim, uint64_t bound);
col_digest sim_random_digest(sim_run *sim);
/// Seal and send to one receiver, unless the sender is mute.
void sim_byzantine_send_one(sim_run *sim, uint32_t replica, const col_header *header,
                            col_bytes body, uint32_t to);
/// A batch body of this pillar that travelled lately, NULL when none comes to mind.
const sim_known_body *sim_some_body(sim_run *sim, uint32_t pillar);

/// Let a replica send garbage from now on, again and again. (garbage.c)
void sim_garbage_start(sim_run *sim, uint32_t replica);
