// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/assert.h"
#include "src/base/recent_least.h"
#include "src/base/stage.h"
#include "src/pbft/pbft.h"
#include "src/pbft/pending.h"
#include "src/pbft/slot.h"

/// The instance's state and the rules that several messages share. Only src/pbft includes this.

/// What is known of a peer's progress in this pillar, from its newest STATUS.
typedef struct {
    uint64_t incarnation;
    uint64_t counter[COL_TYPE_COUNT];  ///< newest taken, per type outside ordering
    uint64_t executed;
    uint64_t stable;
    bool pending;
    bool known;
    uint64_t acted_ns[2];  ///< when its newest answer [0] and question [1] were acted on
    uint64_t served_ns;    ///< start of the interval that `served_bytes` counts
    uint64_t served_bytes;
} col_pbft_peer;

struct col_pbft {
    col_pbft_options options;
    uint32_t quorum;
    uint64_t view;
    uint64_t now_ns;
    uint64_t wall_ns;
    uint64_t stable;         ///< checkpoint
    uint64_t executed;       ///< own rounds that the merge executed
    uint64_t delivered;      ///< own rounds handed to the merge
    uint64_t highest;        ///< round with an accepted proposal
    uint64_t passing;        ///< highest round with a batch accepted, or f+1 COMMITs for one
    uint64_t target;         ///< last own round that stands before another pillar's batch
    uint64_t next_round;     ///< primary: first round without a proposal of mine
    uint64_t time_ns;        ///< primary: agreed time proposed last
    uint32_t in_flight;      ///< primary: own batches not committed yet
    uint32_t idle_run;       ///< primary: null slots ahead of the target, 1 .. COL_RUN_MAX
    uint64_t held_until_ns;  ///< a batch from the future waits for this instance's clock

    uint64_t doubt;            ///< set of clients whose requests are doubtful in some slot
    uint64_t news;             ///< and of those of whom something was heard in this burst
    uint64_t stirs;            ///< requests that say that something may be missing here
    uint64_t counter;          ///< of own messages outside ordering
    col_recent_least latency;  ///< from a batch's proposal to its execution
    uint64_t status_due_ns;    ///< COL_NEVER: silent
    uint64_t status_wait_ns;   ///< present interval
    uint32_t status_count;     ///< sent since the last progress
    bool status_told;          ///< peers were told the present state
    uint32_t fetch_peer;       ///< asked last
    uint64_t fetch_last;       ///< last round asked for, 0 when nothing is

    col_slots slots;
    col_pendings pendings;
    col_pbft_peer peer[COL_REPLICAS_MAX];
    uint8_t *scratch;  ///< for bodies that are built to be sent
    uint32_t scratch_bytes;
    col_pbft_figures figures;
};

// pbft.c: arithmetic of the instance

uint32_t col_pbft_primary(const col_pbft *pbft);
bool col_pbft_is_primary(const col_pbft *pbft);
uint64_t col_pbft_stable_round(const col_pbft *pbft);
/// stable < round <= stable + W: where votes count.
bool col_pbft_in_window(const col_pbft *pbft, uint64_t round);
/// The same, for a round that a peer names: one above the window says that this replica is behind,
/// and wakes it.
bool col_pbft_hears_of(col_pbft *pbft, uint64_t round);
/// Round of a header's sequence number, 0 when it is not a slot of this pillar.
uint64_t col_pbft_round(const col_pbft *pbft, const col_header *header);
/// The last round where a primary may propose: one checkpoint interval before the window's end, so
/// that backups that have not heard of the newest stable checkpoint accept it (one round beyond the
/// next checkpoint where W is only 2C), and at most W rounds beyond what it has executed itself, so
/// that the cluster never outruns a primary that misses something.
uint64_t col_pbft_last_to_propose(const col_pbft *pbft);
bool col_pbft_may_propose(const col_pbft *pbft, uint64_t round);
/// How many own slots stand at or below a global sequence number.
uint64_t col_pbft_rounds_up_to(const col_pbft *pbft, uint64_t sequence);
/// r and start fit: inside the window and between two checkpoints.
bool col_pbft_run_fits(const col_pbft *pbft, uint64_t start, uint32_t run);
/// The slot of a round of the window, NULL when its ring entry is still needed.
col_slot *col_pbft_slot(col_pbft *pbft, uint64_t round);
/// Slots that a value covers: 1 for a batch.
static inline uint32_t col_value_slots(const col_value *value) {
    return value->run == 0 ? 1 : value->run;
}
/// A replica's first vote for a slot that has enough of them. A third of all votes are: verifying
/// them would be for nothing.
bool col_pbft_is_late(const col_slot *slot, const col_header *vote);
/// The set of all replicas but this one.
uint32_t col_pbft_others(const col_pbft *pbft);
/// Send a vote or PRE-PREPARE for `value` at `round`.
void col_pbft_send_vote(col_pbft *pbft, col_type type, uint64_t round, const col_value *value,
                        uint32_t replicas);
/// Send a message outside ordering, numbered.
void col_pbft_send_numbered(col_pbft *pbft, col_type type, col_bytes body, uint32_t replicas);
/// Something changed that peers will want to compare: STATUS is due after the first interval.
void col_pbft_active(col_pbft *pbft);
/// Something was heard of that may need asking for: intervals are short again, and one that runs is
/// not prolonged.
void col_pbft_stir(col_pbft *pbft);

// commit.c, prepare.c: consequences that follow as soon as their conditions hold

/// PREPARE the accepted proposal at `slot`, when its body and time allow.
void col_pbft_try_prepare(col_pbft *pbft, col_slot *slot);
/// COMMIT the prepared value at `slot`, when its body is in hand.
void col_pbft_try_commit(col_pbft *pbft, col_slot *slot);
/// Mark the decided value at `slot` committed, when its body is in hand.
void col_pbft_try_finish(col_pbft *pbft, col_slot *slot);
/// A body arrived at `slot`: all three.
void col_pbft_body_arrived(col_pbft *pbft, col_slot *slot);
/// Look again at doubtful bodies with requests of clients of whom there is news.
void col_pbft_check_doubtful(col_pbft *pbft);
/// Put a checked body into a slot, and hold its bad MACs against their clients.
void col_pbft_keep_body(col_pbft *pbft, col_slot *slot, col_bytes body,
                        const col_batch_check *check);
/// q replicas stand for `value`.
void col_pbft_decide(col_pbft *pbft, col_slot *slot, const col_value *value);

// propose.c, when this replica is the primary

void col_pbft_propose(col_pbft *pbft);
/// Send the PRE-PREPARE, and the BATCH when there is one, of an own proposal.
void col_pbft_send_proposal(col_pbft *pbft, const col_slot *slot, uint32_t replicas);
/// Accept an own proposal at `round`.
void col_pbft_accept(col_pbft *pbft, uint64_t round, const col_value *value);
/// null_run.c: keep the merge going while there is nothing to propose.
void col_pbft_propose_null(col_pbft *pbft);

// status.c, fetch.c

void col_pbft_status_due(col_pbft *pbft);
/// Silent, or waiting after the last STATUS of a row.
bool col_pbft_gave_up(const col_pbft *pbft);
void col_pbft_fetch_missing(col_pbft *pbft);

// One handler per message, in the file of its name.

col_drop col_pbft_on_request(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_session_open(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_batch(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_pre_prepare(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_prepare(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_commit(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_status(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_fetch(col_pbft *pbft, const col_verified *verified);
col_drop col_pbft_on_fetched(col_pbft *pbft, const col_verified *verified);
