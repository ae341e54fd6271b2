// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/hasher.h"
#include "src/wire/bodies.h"
#include "src/wire/message.h"

/// One pillar's PBFT instance: a pure state machine. Events go in, messages come out through the
/// sink; it knows no thread, clock, socket or key.
///
/// It orders the slots s = k, k+P, k+2P, ... of its pillar k, one per round. Rounds are its own
/// numbering of them: 1, 2, 3, ...
///
/// Source: Castro and Liskov, OSDI'99, section 4; PROTOCOL: sections 3 to 6 and 8.
typedef struct col_pbft col_pbft;

/// Clients of one batch whose MACs may be held against them at once; the next batch shows others.
#define COL_DOUBTED_MAX 8

/// What a batch body turns out to hold.
typedef struct {
    col_digest digest;  ///< the batch digest, valid when `well_formed`
    uint64_t time_ns;
    bool well_formed;  ///< parses, within the cluster's maxima, this pillar's requests only
    bool authentic;    ///< every request carries its client's valid seal, or is known here
    uint64_t doubt;    ///< or some have MACs that this replica cannot verify, and nothing is worse:
                       ///< the set of their clients, by col_client_bit
    uint32_t doubted;  ///< clients whose MACs failed, the first of them in `doubted_client`
    uint32_t doubted_client[COL_DOUBTED_MAX];
} col_batch_check;

/// A client's bit in a set of clients: 64 share one, so that the set may have some too many.
static inline uint64_t col_client_bit(uint32_t client) {
    return UINT64_C(1) << client % 64;
}

/// A MAC of `client` cannot be verified here. @param blame it is wrong, not only unknown
static inline void col_batch_check_doubt(col_batch_check *check, uint32_t client, bool blame) {
    check->doubt |= col_client_bit(client);
    if (blame && check->doubted < COL_DOUBTED_MAX) check->doubted_client[check->doubted++] = client;
}

/// What the instance asks of the world outside, always during a step. Everything is borrowed for
/// the call.
typedef struct {
    void *context;

    /// Seal a message and send it. `header` has type, pillar, run, view, sequence and, for votes,
    /// digest.
    /// @param replicas set of receivers; the own bit is ignored
    void (*send)(void *context, const col_header *header, col_bytes body, uint32_t replicas);

    /// Seal a message and send it to a client.
    void (*send_client)(void *context, const col_header *header, col_bytes body, col_endpoint to);

    /// A request that was executed, or whose session is gone, came again: answer it from the table.
    /// Likewise a SESSION-OPEN; one whose nonce this replica's clock refuses is new there.
    void (*answer)(void *context, const col_request *request);
    void (*answer_open)(void *context, const col_session_open *open);

    /// Parse a batch body, verify its requests, compute its digest.
    void (*check_batch)(void *context, col_bytes body, col_batch_check *check);

    /// Is this seal `header`'s? For votes in certificates that a peer relays.
    bool (*check_seal)(void *context, const col_header *header, col_seal seal);
} col_pbft_sink;

typedef struct {
    uint32_t replicas;  ///< n
    uint32_t faults;    ///< f
    uint32_t self;
    uint32_t pillar;   ///< k
    uint32_t pillars;  ///< P
    bool single_leader;
    uint32_t checkpoint_interval;  ///< C, rounds
    uint32_t window;               ///< W, rounds
    uint32_t session_outstanding;  ///< M
    uint32_t sessions_max;
    uint32_t clients;      ///< registry: ids 0 .. clients-1
    uint32_t pending_max;  ///< requests that may wait here
    uint32_t operation_bytes_max;
    uint32_t batch_requests_max;
    uint32_t batch_bytes_max;
    uint32_t signature_bytes_max;  ///< of all replicas' keys
    uint64_t time_ahead_max_ns;
    uint64_t incarnation;     ///< of this replica
    uint64_t cluster_tag;     ///< first 8 bytes of the cluster id, for bundles in batches
    uint32_t batch_requests;  ///< proposing limits
    uint32_t batch_bytes;
    uint64_t status_interval_ns;
    const col_hasher *hasher;
    col_pbft_sink sink;
} col_pbft_options;

/// What happens to an instance.
typedef enum {
    COL_PBFT_MESSAGE,   ///< `verified`: any message for this pillar except CHECKPOINT
    COL_PBFT_SEALED,    ///< `verified`: an own PREPARE or COMMIT came back with its seal
    COL_PBFT_OUTCOME,   ///< `outcome`: the merge executed a request of this pillar
    COL_PBFT_EXECUTED,  ///< `sequence`: the merge executed everything up to this global number
    COL_PBFT_STABLE,    ///< `checkpoint` is stable
    COL_PBFT_TARGET,    ///< `sequence`: another pillar has a batch there (PROTOCOL: section 4)
    COL_PBFT_STIRRED,   ///< a client asks again, in this pillar or another
    COL_PBFT_TICK,      ///< time passed
} col_pbft_event_kind;

typedef enum {
    COL_OUTCOME_EXECUTED,  ///< `number` of `session` was executed
    COL_OUTCOME_OPENED,    ///< SESSION-OPEN `number` (its nonce) of `client` opened `session`
    COL_OUTCOME_REFUSED,   ///< SESSION-OPEN `number` of `client` opened nothing
    COL_OUTCOME_EVICTED,   ///< `session` was removed to make room
} col_outcome_kind;

/// What execution did to one of this pillar's sessions.
typedef struct {
    col_outcome_kind kind;
    uint32_t client;
    uint64_t session;
    uint64_t number;
    col_endpoint reply_to;   ///< of an opened session
    col_exchange_key share;  ///< of an opened session
} col_outcome;

typedef struct {
    col_pbft_event_kind kind;
    uint64_t now_ns;   ///< monotonic
    uint64_t wall_ns;  ///< since 1970
    const col_verified *verified;
    const col_outcome *outcome;
    uint64_t sequence;
    uint64_t checkpoint;
} col_pbft_event;

/// Does a client's request say what its sealed header says, for a session of that pillar? One rule
/// for what a primary takes and what backups accept in a batch.
/// @param pillars P @param operation_bytes_max of the cluster
/// @return COL_DROP_NONE, _MALFORMED, _WRONG_PILLAR, _OVERSIZED
col_drop col_request_check(const col_header *header, const col_request *request, uint32_t pillars,
                           uint32_t operation_bytes_max);

/// The same for a session's opening. @return COL_DROP_NONE, _MALFORMED
col_drop col_session_open_check(const col_header *header, const col_session_open *open);

size_t col_pbft_footprint(const col_pbft_options *options);
col_pbft *col_pbft_create(col_arena *arena, const col_pbft_options *options);

/// Can a message be of use, as far as can be said without verifying it? Bounds what an attacker
/// makes this instance verify.
/// @param message any message, or a fragment of one, except CHECKPOINT; digests computed from its
///                bytes are not looked at
/// @param expected out: this instance waits for it: a vote or proposal of its window that it does
///                 not have, a request within its session's numbers that it does not have, what
///                 a peer numbers since its start. False for what comes unasked and may still be
///                 needed
/// @return COL_DROP_NONE, or why col_pbft_step would not use it
/// Cost: some loads.
col_drop col_pbft_expect(const col_pbft *pbft, const col_message *message, bool *expected);

/// Let one event happen.
/// @return COL_DROP_NONE, or why a message was not used
/// Thread: the pillar's. Cost: no allocation; hashes only what `check_batch` hashes.
col_drop col_pbft_step(col_pbft *pbft, const col_pbft_event *event);

/// What a burst of events leads to, once after it: a primary proposes, so that a batch takes all of
/// them; a backup looks again at batches with requests that they say something of.
void col_pbft_settle(col_pbft *pbft);

/// When a COL_PBFT_TICK is due, monotonic ns; COL_NEVER for not at all.
uint64_t col_pbft_deadline(const col_pbft *pbft);

/// A committed slot on its way to the merge: `run` null slots, or a batch when 0.
typedef struct {
    uint64_t round;  ///< the (first) slot's
    uint64_t view;   ///< of this pillar now: the hint in replies
    uint32_t run;
    uint32_t length;
    const uint8_t *body;  ///< stays until the slot was executed and 2W rounds passed
} col_committed;

/// The next committed slot in order of rounds, each once. @return false when it is not committed
/// yet.
bool col_pbft_next_committed(col_pbft *pbft, col_committed *committed);

/// Highest global sequence number with a batch (r = 0) that this instance accepted, or holds f+1
/// COMMITs for; 0 for none. What other pillars take as their target.
uint64_t col_pbft_passing(const col_pbft *pbft);

/// Does nothing rest on a client's message having a valid seal, too? A verified copy of the request
/// waits here; or its number was executed or its session is gone, so that execution can only
/// answer.
/// @param message whole, its digest computed from its bytes
bool col_pbft_knows(const col_pbft *pbft, const col_message *message);

/// How often a request has said that something may be missing: it came again, came to a backup, or
/// its session was opened elsewhere only. Something is stuck or this replica is behind, in this
/// pillar or another, and may have fallen silent: all of them are to be stirred.
uint64_t col_pbft_stirs(const col_pbft *pbft);

/// New proposing limits, from a newly published configuration.
void col_pbft_tune(col_pbft *pbft, uint32_t batch_requests, uint32_t batch_bytes,
                   uint64_t status_interval_ns);

/// Figures for the status page.
typedef struct {
    uint64_t view, highest, executed, stable, pending;
    uint64_t proposed, null_runs, committed, batches;
    uint64_t status_sent, resent, fetch_sent, fetched_served;
    uint32_t primary;
} col_pbft_figures;
void col_pbft_figures_read(const col_pbft *pbft, col_pbft_figures *figures);

/// s of `round` in pillar k of P, and back.
static inline uint64_t col_sequence_of(uint64_t round, uint32_t pillar, uint32_t pillars) {
    return (round - 1) * pillars + (pillar == 0 ? pillars : pillar);
}
static inline uint64_t col_round_of(uint64_t sequence, uint32_t pillars) {
    return (sequence + pillars - 1) / pillars;
}
