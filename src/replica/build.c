// SPDX-License-Identifier: Apache-2.0
#include "src/replica/build.h"

#include <stdio.h>

#include "src/base/assert.h"

// Places of the verified-root cache: the trees of a second under load, of 32 replicas.
#define ROOTS 1024

// Ring sizes in bytes. A full ring costs a retransmission, an oversized one memory.
#define INGRESS_BYTES (32 * 1024)    // more datagrams than the port has buffers
#define COMMITTED_BYTES (64 * 1024)  // more slots than a ring of slots holds
#define QUESTIONS_BYTES (64 * 1024)
#define FRAMES_BYTES (32 * 1024)  // more frames than the port has buffers

// Requests of one pillar that may wait: twice what all sessions of a well-filled cluster have
// outstanding, because one client alone gets half.
#define PENDING_MAX 8192

/// A pillar's signing ring holds the largest message three times: one always fits an empty ring.
static uint64_t pillar_signing_bytes(const col_genesis *genesis) {
    const uint64_t largest =
        COL_FETCHED_BYTES(genesis->replicas, COL_SIGNATURE_BYTES_MAX, genesis->batch_bytes_max);
    return 3 * col_ring_space(sizeof(col_seal_job) + largest);
}

/// The votes of one full tree may all be one pillar's: a vote whose seal is lost on the way back
/// is missing in every certificate that this replica could show.
static uint64_t sealed_bytes(const col_replica *replica) {
    const uint64_t vote = col_ring_space(sizeof(col_sealed_vote) +
                                         COL_SEAL_BYTES(col_key_signature_bytes(replica->key)));
    return COL_TREE_LEAVES_MAX * vote;
}

static uint64_t merge_signing_bytes(const col_genesis *genesis) {
    return col_merge_signing_bytes(genesis->batch_requests_max, genesis->result_bytes_max);
}

static uint64_t cluster_tag(const col_digest *id) {
    col_reader reader = col_reader_of((col_bytes){id->byte, sizeof id->byte});
    return col_read_u64(&reader);
}

static col_pbft_options pbft_options(const col_replica *replica, uint32_t pillar) {
    const col_genesis *genesis = &replica->cluster->genesis;
    const col_tunables *tunables = &replica->cluster->tunables;
    return (col_pbft_options){
        .replicas = genesis->replicas,
        .faults = genesis->faults,
        .self = replica->id,
        .pillar = pillar,
        .pillars = genesis->pillars,
        .single_leader = genesis->leaders == COL_LEADERS_SINGLE,
        .checkpoint_interval = genesis->checkpoint_interval,
        .window = genesis->window,
        .session_outstanding = genesis->session_outstanding,
        .sessions_max = genesis->sessions_max,
        .clients = genesis->clients,
        .pending_max = PENDING_MAX,
        .operation_bytes_max = genesis->operation_bytes_max,
        .batch_requests_max = genesis->batch_requests_max,
        .batch_bytes_max = genesis->batch_bytes_max,
        .signature_bytes_max = col_keyring_signature_bytes_max(replica->keyring),
        .time_ahead_max_ns = genesis->time_ahead_max_ns,
        .incarnation = replica->incarnation,
        .cluster_tag = cluster_tag(&replica->cluster->id),
        .batch_requests = tunables->batch_requests,
        .batch_bytes = tunables->batch_bytes,
        .status_interval_ns = tunables->status_interval_ns,
    };
}

static col_merge_options merge_options(const col_replica *replica) {
    const col_genesis *genesis = &replica->cluster->genesis;
    return (col_merge_options){
        .pillars = genesis->pillars,
        .checkpoint_interval = genesis->checkpoint_interval,
        .operation_bytes_max = genesis->operation_bytes_max,
        .sessions = {.pillars = genesis->pillars,
                     .clients = genesis->clients,
                     .sessions_max = genesis->sessions_max,
                     .client_sessions_max = genesis->client_sessions_max,
                     .outstanding = genesis->session_outstanding,
                     .result_bytes_max = genesis->result_bytes_max,
                     .time_ahead_max_ns = genesis->time_ahead_max_ns},
        .app = replica->app,
        .app_state = replica->app_state,
        .counters = &replica->page->merge,
    };
}

static uint64_t rings_footprint(const col_replica *replica) {
    const col_genesis *genesis = &replica->cluster->genesis;
    const uint64_t signers = replica->placement.signers;
    const uint64_t header = sizeof(col_ring) + 64;
    const uint64_t per_pillar =
        col_ring_footprint(INGRESS_BYTES) + col_ring_footprint(COMMITTED_BYTES) +
        col_ring_footprint(QUESTIONS_BYTES) +
        col_ring_footprint(col_merge_notes_bytes(genesis->batch_requests_max)) + 4 * header +
        signers * (col_ring_footprint(pillar_signing_bytes(genesis)) +
                   col_ring_footprint(sealed_bytes(replica)) + 2 * header);
    const uint64_t per_signer = col_ring_footprint(merge_signing_bytes(genesis)) +
                                col_ring_footprint(FRAMES_BYTES) + 2 * header;
    return genesis->pillars * per_pillar + signers * per_signer;
}

static uint64_t footprint(const col_replica *replica) {
    const uint32_t pillars = replica->cluster->genesis.pillars;
    const col_pillar_stage_options pillar = {.pbft = pbft_options(replica, 0)};
    const col_merge_stage_options merge = {.merge = merge_options(replica)};
    return rings_footprint(replica) + col_root_cache_footprint(ROOTS) + sizeof(col_words) +
           pillars * (col_pillar_stage_footprint(&pillar) + 64) +
           col_merge_stage_footprint(&merge) +
           replica->placement.signers * (col_sealer_footprint(replica->signing) + 64) + 4096;
}

static col_ring *make_ring(col_replica *replica, uint64_t bytes, uint32_t consumer_loop) {
    col_ring *ring = col_arena_take(&replica->arena, 1, sizeof *ring);
    col_ring_init(ring, &replica->arena, bytes, &replica->loop[consumer_loop].waker);
    return ring;
}

static col_result open_loops(col_replica *replica) {
    for (uint32_t i = 0; i < replica->placement.loops; i++) {
        col_page_loop *shown = &replica->page->loop[i];
        snprintf(replica->loop_name[i], sizeof replica->loop_name[i], "loop %u", i);
        snprintf(shown->name, sizeof shown->name, "%s", replica->loop_name[i]);
        shown->core = replica->placement.loop[i].core;
        COL_TRY(col_loop_open(&replica->loop[i], replica->loop_name[i], replica->profile->idle,
                              &shown->counters));
        replica->loop[i].quiescent = col_config_quiescent;
        col_tuner_init(&replica->tuner[i]);
    }
    replica->page->loops = replica->placement.loops;
    return col_ok();
}

/// An own vote was sealed: back to its pillar. Thread: the signer's.
static void return_vote(void *context, const col_header *header, col_seal seal) {
    const struct col_vote_return *back = context;
    COL_ASSERT(header->pillar < back->pillars);
    col_ring *ring = back->ring[header->pillar];
    col_sealed_vote *vote =
        col_ring_reserve(ring, (uint32_t)(sizeof(col_sealed_vote) + seal.length));
    if (vote == NULL) return;  // other replicas show certificates of this slot
    vote->header = *header;
    vote->seal_length = (uint32_t)seal.length;
    memcpy(vote->seal, seal.at, seal.length);
    col_ring_publish(ring);
}

static void build_signer(col_replica *replica, uint32_t s) {
    const col_genesis *genesis = &replica->cluster->genesis;
    const col_placement *placement = &replica->placement;
    const uint32_t loop = placement->signer_loop[s];
    struct col_vote_return *back = &replica->vote_return[s];
    back->pillars = genesis->pillars;
    for (uint32_t k = 0; k < genesis->pillars; k++) {
        back->ring[k] = make_ring(replica, sealed_bytes(replica), placement->pillar_loop[k]);
    }
    col_ring *frames = loop == placement->transmit_loop
                           ? NULL
                           : make_ring(replica, FRAMES_BYTES, placement->transmit_loop);
    replica->signer_hasher[s] = col_hasher_create();
    if (replica->exchange != NULL) replica->signer_macs[s] = col_macs_create();
    col_sealer_options options = {
        .backend = replica->signing,
        .hasher = replica->signer_hasher[s],
        .key = replica->key,
        .macs = replica->signer_macs[s],
        .cluster = replica->cluster->id,
        .role = COL_ROLE_REPLICA,
        .signer = replica->id,
        .replicas = genesis->replicas,
        .egress = col_net_egress(replica->net, frames),
        .sealed = return_vote,
        .sealed_context = back,
        .counters = &replica->page->signer[s],
    };
    memcpy(options.replica, genesis->replica, sizeof options.replica);
    replica->sealer[s] = col_sealer_create(&replica->arena, &options);
    snprintf(replica->signer_name[s], sizeof replica->signer_name[s], "signer %u", s);
    col_signer_init(&replica->signer[s], replica->signer_name[s], replica->sealer[s]);
}

/// Signing rings of one more producer: one per signer.
static col_signing_rings producer_rings(col_replica *replica, uint64_t bytes) {
    col_signing_rings rings = {.rings = replica->placement.signers};
    for (uint32_t s = 0; s < rings.rings; s++) {
        rings.ring[s] = make_ring(replica, bytes, replica->placement.signer_loop[s]);
        col_signer_add(&replica->signer[s], rings.ring[s]);
    }
    return rings;
}

static void show_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest,
                            col_seal seal) {
    col_page_put_checkpoint(context, checkpoint, digest, seal);
}

/// The waker of each pillar that another loop runs.
static void neighbours(col_replica *replica, uint32_t loop, col_waker **waker) {
    for (uint32_t k = 0; k < replica->cluster->genesis.pillars; k++) {
        const uint32_t other = replica->placement.pillar_loop[k];
        waker[k] = other == loop ? NULL : &replica->loop[other].waker;
    }
}

static void build_pillar(col_replica *replica, uint32_t k, col_merge_stage_options *merge) {
    const uint32_t loop = replica->placement.pillar_loop[k];
    const uint32_t merge_loop = replica->placement.merge_loop;
    const uint64_t notes = col_merge_notes_bytes(merge->batch_requests_max);
    snprintf(replica->pillar_name[k], sizeof replica->pillar_name[k], "pillar %u", k);
    replica->ingress[k] = make_ring(replica, INGRESS_BYTES, loop);
    merge->committed[k] = make_ring(replica, COMMITTED_BYTES, merge_loop);
    merge->questions[k] = make_ring(replica, QUESTIONS_BYTES, merge_loop);
    merge->notes[k] = make_ring(replica, notes, loop);

    col_pillar_stage_options options = {
        .name = replica->pillar_name[k],
        .pbft = pbft_options(replica, k),
        .backend = replica->backend,
        .keyring = replica->keyring,
        .roots = replica->roots,
        .words = replica->words,
        .replica = replica->cluster->genesis.replica,
        .ingress = replica->ingress[k],
        .release = col_net_release,
        .notes = merge->notes[k],
        .sealers = replica->placement.signers,
        .committed = merge->committed[k],
        .questions = merge->questions[k],
        .signing = producer_rings(replica, pillar_signing_bytes(&replica->cluster->genesis)),
        .checkpoint_sealed = show_checkpoint,
        .checkpoint_context = replica->page,
        .counters = &replica->page->pillar[k],
        .opener_counters = &replica->page->opener[k],
    };
    for (uint32_t s = 0; s < options.sealers; s++) {
        options.sealed[s] = replica->vote_return[s].ring[k];
    }
    neighbours(replica, loop, options.loop);
    replica->pillar[k] = col_pillar_stage_create(&replica->arena, &options);
    col_tuner_add(&replica->tuner[loop], replica->pillar[k]);
}

static void add_stage(col_replica *replica, uint32_t loop, col_stage *stage) {
    col_page_loop *shown = &replica->page->loop[loop];
    col_loop_add(&replica->loop[loop], stage);
    snprintf(shown->stage[shown->stage_count], sizeof shown->stage[0], "%s", stage->name);
    shown->stage_count++;
}

/// In the order in which a datagram passes them, so that one turn of a shared loop carries it
/// through.
static void place_stages(col_replica *replica) {
    const col_placement *placement = &replica->placement;
    add_stage(replica, placement->receiver_loop, col_net_receiver(replica->net, replica->ingress));
    for (uint32_t i = 0; i < placement->loops; i++) {
        if (placement->loop[i].pillars != 0) add_stage(replica, i, &replica->tuner[i].stage);
    }
    for (uint32_t k = 0; k < replica->cluster->genesis.pillars; k++) {
        add_stage(replica, placement->pillar_loop[k], col_pillar_stage_of(replica->pillar[k]));
    }
    add_stage(replica, placement->merge_loop, col_merge_stage_of(replica->merge));
    for (uint32_t s = 0; s < placement->signers; s++) {
        add_stage(replica, placement->signer_loop[s], &replica->signer[s].stage);
    }
    add_stage(replica, placement->transmit_loop, col_net_transmit(replica->net));
}

col_result col_replica_build(col_replica *replica) {
    const col_genesis *genesis = &replica->cluster->genesis;
    COL_TRY(open_loops(replica));
    COL_TRY(col_arena_open(&replica->arena, footprint(replica)));
    replica->words = col_arena_take(&replica->arena, 1, sizeof(col_words));
    replica->roots = col_root_cache_create(&replica->arena, ROOTS);
    for (uint32_t s = 0; s < replica->placement.signers; s++) build_signer(replica, s);

    col_merge_stage_options merge = {.merge = merge_options(replica),
                                     .batch_requests_max = genesis->batch_requests_max,
                                     .exchange = replica->exchange,
                                     .cluster = replica->cluster->id,
                                     .self = replica->id,
                                     .words = replica->words};
    for (uint32_t k = 0; k < genesis->pillars; k++) build_pillar(replica, k, &merge);
    merge.signing = producer_rings(replica, merge_signing_bytes(genesis));
    replica->merge = col_merge_stage_create(&replica->arena, &merge);
    place_stages(replica);
    return col_ok();
}

void col_replica_unbuild(col_replica *replica) {
    col_merge_stage_destroy(replica->merge);
    for (uint32_t k = 0; k < replica->cluster->genesis.pillars; k++) {
        col_pillar_stage_destroy(replica->pillar[k]);
    }
    for (uint32_t s = 0; s < replica->placement.signers; s++) {
        col_sealer_destroy(replica->sealer[s]);
        col_macs_destroy(replica->signer_macs[s]);
        col_hasher_destroy(replica->signer_hasher[s]);
    }
    for (uint32_t i = 0; i < replica->placement.loops; i++) col_loop_close(&replica->loop[i]);
    col_arena_close(&replica->arena);
}
