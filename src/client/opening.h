// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/client/votes.h"
#include "src/wire/bodies.h"

/// Longest pause between two sendings of the same message.
#define COL_CLIENT_RESEND_NS_MAX UINT64_C(2000000000)

/// The pause after `interval_ns`: doubled, up to COL_CLIENT_RESEND_NS_MAX.
uint64_t col_client_next_interval(uint64_t interval_ns);

/// How a client opens sessions on one pillar: one at a time, because nonces are ordered.
///
/// The nonce is the wall clock, above every nonce used or reported before. A clock that replicas
/// twice find too far ahead is not asked again: the nonce is then the lowest permitted one.
typedef struct {
    bool active;           ///< a SESSION-OPEN waits for its answer
    bool restart;          ///< at resend_ns: with another nonce
    uint32_t ahead;        ///< times that f+1 replicas found the nonce ahead of the agreed time
    uint64_t nonce;        ///< of the SESSION-OPEN that waits
    uint64_t opened;       ///< highest nonce that opened a session
    uint64_t above;        ///< the next nonce is above it
    uint64_t resend_ns;    ///< when col_client_opening_due must run, monotonic
    uint64_t interval_ns;  ///< pause before the sending after the next
    uint64_t retransmit_ns;
    uint32_t replicas;
    uint32_t faults;
    col_client_vote *votes;  ///< [replicas]
} col_client_opening;

/// @param votes [replicas], borrowed for the opening's life
void col_client_opening_init(col_client_opening *opening, col_client_vote *votes, uint32_t replicas,
                             uint32_t faults, uint64_t retransmit_ns);

/// Ask for a session: chooses a nonce. The caller sends the SESSION-OPEN.
void col_client_opening_start(col_client_opening *opening, uint64_t now_ns, uint64_t wall_ns);

/// Call when `active` and resend_ns has come: chooses another nonce if the last answer asked for
/// it, and the next resend_ns. The caller sends the SESSION-OPEN.
void col_client_opening_due(col_client_opening *opening, uint64_t now_ns, uint64_t wall_ns);

/// COL_DROP_NONE when an answer may count; COL_DROP_STALE when nothing waits, or for an old nonce.
col_drop col_client_opening_check(const col_client_opening *opening,
                                  const col_session_opened *body);

typedef enum {
    COL_CLIENT_OPENING_WAITS,    ///< fewer than f+1 agree, or another nonce will be tried
    COL_CLIENT_OPENING_DONE,     ///< f+1 replicas opened the session that `body` names
    COL_CLIENT_OPENING_UNKNOWN,  ///< f+1 replicas do not know this client; it goes on trying
} col_client_opening_state;

/// Count a verified answer that passed col_client_opening_check.
/// @param digest of the SESSION-OPENED body
col_client_opening_state col_client_opening_answer(col_client_opening *opening, uint32_t sender,
                                                   const col_digest *digest,
                                                   const col_session_opened *body, uint64_t now_ns);
