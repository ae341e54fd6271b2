// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pillars/merge.h"
#include "pillars/pillar.h"
#include "src/app/app.h"
#include "src/base/arena.h"
#include "src/base/assert.h"
#include "src/base/scheme.h"
#include "src/base/stage.h"
#include "src/client/core.h"
#include "tests/simulator/random.h"

/// The simulator: a whole cluster and its clients in one process, in virtual time, from one seed.
///
/// Replicas and clients are the very code of production (src/pbft, the pure part of pillars,
/// src/app, src/client/core.h); the network, the signing pool and the rings between stages are
/// models. A run draws a cluster, its load and its faults, lets them rage, heals, demands progress,
/// then silence.

#define SIM_REPLICAS_MAX 7
#define SIM_CLIENTS_MAX 4
#define SIM_SESSIONS_MAX 64
#define SIM_NODES_MAX (SIM_REPLICAS_MAX + SIM_CLIENTS_MAX)
#define SIM_CLIENT_SCHEME 1  // what clients write into their seals
#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

/// What a faulty replica does. It runs the correct code beneath; these change what it sends.
typedef enum {
    SIM_SILENT = 1 << 0,       ///< nothing at all
    SIM_VOTES = 1 << 1,        ///< votes for other digests and runs, several per slot
    SIM_REPLAYS = 1 << 2,      ///< sends what it sealed earlier again
    SIM_GARBAGE = 1 << 3,      ///< STATUS, FETCH, FETCHED, CHECKPOINT, votes with absurd contents
    SIM_CHECKPOINTS = 1 << 4,  ///< wrong checkpoint digests and huge numbers
    SIM_REPLIES = 1 << 5,      ///< wrong results
    SIM_REPEATS = 1 << 6,      ///< as primary: executed requests again, beside new ones
    // From here on the pillars that it leads may stand still.
    SIM_ABSORBS = 1 << 7,      ///< claims to have executed everything and serves nothing
    SIM_EQUIVOCATES = 1 << 8,  ///< as primary: two batches for one slot, with votes to match
    SIM_TAMPERS = 1 << 9,      ///< as primary: a copy of the same digest with other entry headers
    SIM_FORGES = 1 << 10,      ///< as primary: requests that no client made
    SIM_WITHHOLDS = 1 << 11,   ///< as primary: proposals or bodies to some backups only
    SIM_REORDERS = 1 << 12,    ///< as primary: a session's requests in another order
    SIM_STOPS = 1 << 13,       ///< nothing at all from some moment on
} sim_fault;
#define SIM_FAULTS 14
/// Garbage with high numbers hides its sender's own STATUS and FETCH: nobody helps it up.
#define SIM_PRIMARY_FAULTS                                                                 \
    (SIM_SILENT | SIM_GARBAGE | SIM_ABSORBS | SIM_EQUIVOCATES | SIM_TAMPERS | SIM_FORGES | \
     SIM_WITHHOLDS | SIM_REORDERS | SIM_STOPS)

/// A stretch of time during which some nodes hear nobody and are heard by nobody.
typedef struct {
    uint64_t from_ns, until_ns;
    uint32_t nodes;  ///< set
    bool paused;  ///< the process stands still and finds its messages later, instead of losing them
} sim_cut;
#define SIM_CUTS_MAX 3

/// Everything that a seed decides before the run starts.
typedef struct {
    uint64_t seed;
    uint32_t replicas, faults, pillars;
    bool single_leader;
    uint32_t interval, window;
    uint32_t batch_requests_max, batch_requests, batch_bytes;
    uint32_t outstanding;
    uint32_t clients, sessions;  ///< sessions of each client
    uint32_t sessions_max, client_sessions_max;
    uint32_t requests;         ///< of each client
    uint32_t requests_before;  ///< of them, before healing; the others show who is still behind
    uint64_t think_ns;         ///< mean pause between two requests of one client
    uint32_t operation_bytes;
    bool gap_client;  ///< the last client never sends number 1 of its sessions
    const col_app *app;
    uint32_t loss, duplicates, stragglers;  ///< percent
    uint64_t delay_ns, jitter_ns, seal_ns, turn_ns;
    bool wakes_on_executed;  ///< the merge wakes the pillars for null slots too
    uint32_t hand_off;       ///< committed slots that a hand-off holds
    uint64_t status_interval_ns, time_ahead_max_ns;
    int64_t skew_ns[SIM_NODES_MAX];
    uint32_t cuts;
    sim_cut cut[SIM_CUTS_MAX];
    uint64_t heal_ns;
    uint32_t faulty;  ///< set of replicas
    uint32_t behaviour[SIM_REPLICAS_MAX];
    uint64_t stop_ns;  ///< of those that stop
    bool macs;         ///< sessions have MACs
    uint32_t spoilt;   ///< replica whose MACs client 0 makes wrong; n for none
    uint32_t altered;  ///< percent of datagrams with MACs in which some become wrong on their way
    bool demands_progress;
} sim_plan;

/// A sealed message in flight; several events may hold it.
typedef struct {
    uint32_t holders;
    col_header header;
    uint32_t seal_length;
    uint32_t length;
    uint8_t seal[COL_SEAL_BYTES_MAX];
    uint8_t bytes[];
} sim_packet;

typedef struct sim_run sim_run;

typedef struct {
    uint64_t at_ns;
    uint64_t serial;
    void (*handle)(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);
    uint32_t node, part;
    sim_packet *packet;
} sim_event;

/// A plain queue of fixed-size items: the model of a ring.
typedef struct {
    uint8_t *item;
    uint32_t size, head, count, room;
} sim_fifo;

typedef struct sim_replica sim_replica;

typedef struct {
    sim_replica *replica;
    uint32_t index;
    col_pillar pillar;
    uint64_t turn_ns;                    ///< scheduled, COL_NEVER for none
    uint64_t session[SIM_SESSIONS_MAX];  ///< open, 0 for a free place: whose MACs can be verified
    sim_fifo inbox;                      ///< sim_packet *
    sim_fifo sealed;                     ///< sim_packet *
    sim_fifo notes;                      ///< sim_note, from the merge
    sim_fifo committed;                  ///< col_committed, to the merge
    sim_fifo questions;                  ///< sim_question, to the merge
} sim_pillar;

struct sim_replica {
    sim_run *sim;
    uint32_t id;
    col_arena arena;
    col_words words;
    sim_pillar pillar[COL_PILLARS_MAX];
    col_merge *merge;
    col_merge_counters counters;
    uint64_t merge_turn_ns;
    void *app;
    col_app checked_app;  ///< the application, with the checkers between it and the merge
    sim_random random;
};

typedef struct {
    sim_run *sim;
    uint32_t id;
    col_arena arena;
    col_client_core *core;
    uint64_t turn_ns;
    uint32_t submitted;
    uint32_t finished;
    uint64_t trees;
    sim_random random;
} sim_client;

struct sim_run {
    sim_plan plan;
    uint64_t now_ns;
    uint64_t serial;
    sim_event *heap;
    uint32_t events, heap_room;
    uint64_t handled;
    uint32_t in_flight;  ///< messages sealed or on their way
    bool healed;
    bool faulty_off;   ///< faulty replicas have fallen silent
    bool load_off;     ///< clients have fallen silent
    bool left_behind;  ///< a replica fell more than 2W rounds behind
    bool traced;
    col_hasher hasher;
    sim_random network[SIM_NODES_MAX][SIM_NODES_MAX];
    sim_replica replica[SIM_REPLICAS_MAX];
    sim_client client[SIM_CLIENTS_MAX];
    struct sim_agreement *agreement;
    struct sim_order *order;
    struct sim_once *once;
    struct sim_quiet *quiet;
    struct sim_byzantine *byzantine;
};

// simulator.c: time

/// Say what is wrong, and the command that shows it again; end the program.
_Noreturn void sim_fail(const sim_run *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_trace(const sim_run *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_at(sim_run *sim, uint64_t at_ns,
            void (*handle)(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet),
            uint32_t node, uint32_t part, sim_packet *packet);
uint64_t sim_wall_ns(const sim_run *sim, uint32_t node);
static inline bool sim_is_correct(const sim_run *sim, uint32_t replica) {
    return !(sim->plan.faulty >> replica & 1);
}

/// A faulty replica that sends nothing now.
static inline bool sim_is_mute(const sim_run *sim, uint32_t replica) {
    const uint32_t behaviour = sim->plan.behaviour[replica];
    if (sim_is_correct(sim, replica)) return false;
    return sim->faulty_off || (behaviour & SIM_SILENT) ||
           ((behaviour & SIM_STOPS) && sim->now_ns >= sim->plan.stop_ns);
}

/// No faulty primary stands in the way, and nobody fell behind too far.
static inline bool sim_expects_progress(const sim_run *sim) {
    return sim->plan.demands_progress && !sim->left_behind;
}

// draw.c
void sim_draw(sim_plan *plan, uint64_t seed);
void sim_print_plan(const sim_plan *plan);

// network.c
void sim_network_init(sim_run *sim);
/// Let a sealed message travel from one node to another; loss and delay are the network's.
void sim_network_send(sim_run *sim, uint32_t from, uint32_t to, uint64_t sealed_ns,
                      sim_packet *packet);
/// The end of the pause that `node` is in now, 0 when it is in none.
uint64_t sim_network_paused_until(const sim_run *sim, uint32_t node);
static inline uint32_t sim_client_node(const sim_run *sim, uint32_t client) {
    return sim->plan.replicas + client;
}
col_endpoint sim_client_endpoint(uint32_t client);

// packet.c: seals and messages
sim_packet *sim_packet_make(const col_header *header, col_bytes body);
void sim_packet_hold(sim_packet *packet);
void sim_packet_release(sim_packet *packet);
/// Complete a header as its sender's signing pool would, and seal.
sim_packet *sim_packet_seal(const sim_run *sim, uint32_t replica, const col_header *header,
                            col_bytes body);
size_t sim_seal_write(const col_header *header, uint8_t *seal);
bool sim_seal_check(const col_header *header, col_seal seal);
col_verified sim_packet_verified(const sim_packet *packet);
col_hasher sim_hasher(void);

// replica.c
void sim_replica_init(sim_run *sim, uint32_t id);
void sim_replica_close(sim_replica *replica);
void sim_replica_deliver(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);
/// The digest of a batch body, and whether it is one.
/// @param at who verifies its MACs; NULL: somebody who can
void sim_batch_check(const sim_run *sim, uint32_t pillar, col_bytes body, const sim_pillar *at,
                     col_batch_check *check);
/// Let every pillar and merge take a turn now.
void sim_replica_wake(sim_replica *replica);
col_pbft_figures sim_figures(const sim_replica *replica, uint32_t pillar);

// client.c
void sim_client_init(sim_run *sim, uint32_t id);
void sim_client_close(sim_client *client);
void sim_client_deliver(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet);

// byzantine.c
void sim_byzantine_init(sim_run *sim);
void sim_byzantine_close(sim_run *sim);
/// A faulty replica's correct code wants to send this.
void sim_byzantine_send(sim_replica *replica, const col_header *header, col_bytes body,
                        uint32_t replicas);
/// Every proposal that anybody sends: what faulty replicas know of the traffic.
void sim_byzantine_observe(sim_run *sim, const col_header *header, col_bytes body);

// The checkers, one file per property.

// agreement.c
void sim_agreement_init(sim_run *sim);
void sim_agreement_close(sim_run *sim);
void sim_agreement_committed(sim_run *sim, uint32_t replica, uint32_t pillar,
                             const col_committed *committed);
void sim_agreement_sent(sim_run *sim, uint32_t replica, const col_header *header);

// order.c
void sim_order_init(sim_run *sim);
void sim_order_close(sim_run *sim);
void sim_order_executed(sim_run *sim, uint32_t replica, uint64_t sequence,
                        const col_app_request *request, col_bytes result);
void sim_order_outcome(sim_run *sim, uint32_t replica, uint64_t sequence,
                       const col_outcome *outcome);
void sim_order_checkpoint(sim_run *sim, uint32_t replica, uint64_t checkpoint,
                          const col_digest *digest);
/// All correct replicas have executed equally far.
void sim_order_even(const sim_run *sim);
/// Every stable checkpoint can be shown to third parties.
void sim_order_proofs(const sim_run *sim);

// once.c
void sim_once_init(sim_run *sim);
void sim_once_close(sim_run *sim);
void sim_once_issued(sim_run *sim, const col_header *header);
bool sim_once_was_issued(const sim_run *sim, const col_header *header);
void sim_once_executed(sim_run *sim, uint32_t replica, const col_app_request *request,
                       col_bytes result);
void sim_once_finished(sim_run *sim, uint32_t client, uint64_t tag, col_client_status status,
                       col_bytes result);
/// Requests that must still finish.
uint64_t sim_once_unfinished(const sim_run *sim);
/// When all have, none waits anywhere.
void sim_once_none_waits(const sim_run *sim);

// quiet.c
void sim_quiet_init(sim_run *sim);
void sim_quiet_close(sim_run *sim);
void sim_quiet_sent(sim_run *sim, uint32_t replica, const col_header *header);
/// Something changed that replicas may tell each other about.
void sim_quiet_progress(sim_run *sim);
/// @return silence has come; fails when it is overdue
bool sim_quiet_check(sim_run *sim);
