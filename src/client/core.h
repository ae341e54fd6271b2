// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/client/colonnade_client.h"
#include "src/wire/message.h"

/// The client as a pure state machine: submissions, verified messages and time in; messages to seal
/// and finished requests out. No socket, clock or cryptography.
///
/// A request that timed out is reported and goes on being sent: its session executes in order, so
/// later numbers wait for it. Finished requests are reported through `done`, from within
/// col_client_core_tick and col_client_core_receive; `done` may submit.
typedef struct col_client_core col_client_core;

/// A BUSY makes the same request travel again at most once in this time: a faulty primary may send
/// many.
#define COL_CLIENT_BUSY_NS UINT64_C(10000000)

/// Deadlines are looked at no more often than this.
#define COL_CLIENT_TICK_NS UINT64_C(1000000)

/// Keys of sessions with MACs, which only the owner of the core can make. All NULL: sessions are
/// signed.
typedef struct {
    void *context;
    /// A SESSION-OPEN with a new nonce is about to be sent: make its key pair.
    /// @param share out: its public key
    void (*begin)(void *context, uint32_t pillar, col_exchange_key *share);
    /// The pair that was made last on this pillar is now `session`'s.
    void (*opened)(void *context, uint32_t pillar, uint64_t nonce, uint64_t session);
    void (*closed)(void *context, uint64_t session);
} col_client_links;

typedef struct {
    uint32_t client;
    uint32_t sessions;     ///< 1 .. COL_SESSIONS_MAX; session i lives on pillar i mod P
    uint32_t replicas;     ///< n
    uint32_t faults;       ///< f
    uint32_t pillars;      ///< P
    bool rotating;         ///< primary of pillar k in view v is (v + k) mod n, else v mod n
    uint32_t outstanding;  ///< M
    uint32_t operation_bytes_max;
    uint64_t timeout_ns;
    uint64_t retransmit_ns;  ///< of the first retransmission, then doubling
    col_endpoint reply_to;
    col_client_links links;
    col_client_done done;
    void *context;  ///< for `done`
} col_client_core_options;

typedef struct {
    uint64_t retransmits;
    uint64_t primary_changes;
} col_client_core_counts;

/// Address space that col_client_core_create takes from the arena; pages are used as requests are.
size_t col_client_core_footprint(const col_client_core_options *options);

/// @param options copied. The sessions are opened by the first tick.
col_client_core *col_client_core_create(col_arena *arena, const col_client_core_options *options);

/// @param operation copied
/// @return COL_CLIENT_NO_ROOM: the session has M numbers unfinished; COL_CLIENT_TOO_LONG: longer
///         than operation_bytes_max
COL_MUST_USE col_client_submission col_client_core_submit(col_client_core *core, uint32_t session,
                                                          col_bytes operation, uint64_t tag,
                                                          uint64_t now_ns);

uint32_t col_client_core_room(const col_client_core *core, uint32_t session);

/// Requests that were not reported yet.
uint32_t col_client_core_outstanding(const col_client_core *core);

/// Sessions that are open now.
uint32_t col_client_core_open_sessions(const col_client_core *core);

/// Replicas that gave any answer to a SESSION-OPEN: bit i for replica i.
uint32_t col_client_core_answered(const col_client_core *core);

/// f+1 replicas said that they do not know this client.
bool col_client_core_unknown(const col_client_core *core);

col_client_core_counts col_client_core_count(const col_client_core *core);

/// What becomes due by time: openings, retransmissions, reports of time-outs.
void col_client_core_tick(col_client_core *core, uint64_t now_ns, uint64_t wall_ns);

/// When col_client_core_tick must run next, monotonic ns, or COL_NEVER.
uint64_t col_client_core_deadline(const col_client_core *core);

/// One message to seal and send.
typedef struct {
    col_header header;  ///< type, pillar and sequence are set
    col_bytes body;     ///< borrowed until the next tick or receive
    uint32_t replicas;  ///< bit i: to replica i
    uint64_t session;   ///< seal it with this session's MACs; 0: sign it
} col_client_message;

/// Take the next message to send: openings first, then requests in the order of their submission.
/// @return false when there is none
bool col_client_core_next(col_client_core *core, col_client_message *message);

/// Whether something waits for col_client_core_next.
bool col_client_core_pending(const col_client_core *core);

/// Whether a message could change anything, judged before its seal is: for a fragment, whether its
/// message could.
///
/// @param message of a replica; whole, or one fragment
/// @return COL_DROP_NONE, _UNKNOWN_SENDER, _UNKNOWN_TYPE, _MALFORMED, _WRONG_PILLAR, _NO_SESSION,
///         _EXECUTED (not waiting for this number), _REPEATED (this replica answered already),
///         _STALE (answers no SESSION-OPEN that waits), _NOT_PRIMARY and _RATE_LIMITED (BUSY)
/// Cost: one table lookup; for later fragments a scan of the pillar's sessions.
col_drop col_client_core_check_unverified(const col_client_core *core, const col_message *message,
                                          uint64_t now_ns);

/// Take a REPLY, SESSION-OPENED or BUSY.
///
/// @param verified a whole message, header.digest set; borrowed for the call
/// @return as col_client_core_check_unverified
col_drop col_client_core_receive(col_client_core *core, const col_verified *verified,
                                 uint64_t now_ns);
