// SPDX-License-Identifier: Apache-2.0
#include "src/client/opening.h"

#include "src/base/assert.h"

/// After so many answers "ahead" the wall clock is not used for nonces any more.
#define AHEAD_MAX 2

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

uint64_t col_client_next_interval(uint64_t interval_ns) {
    if (interval_ns >= COL_CLIENT_RESEND_NS_MAX) return interval_ns;
    return interval_ns > COL_CLIENT_RESEND_NS_MAX / 2 ? COL_CLIENT_RESEND_NS_MAX : 2 * interval_ns;
}

void col_client_opening_init(col_client_opening *opening, col_client_vote *votes, uint32_t replicas,
                             uint32_t faults, uint64_t retransmit_ns) {
    *opening = (col_client_opening){
        .retransmit_ns = retransmit_ns, .replicas = replicas, .faults = faults, .votes = votes};
}

void col_client_opening_start(col_client_opening *opening, uint64_t now_ns, uint64_t wall_ns) {
    const uint64_t lowest = opening->above + 1;
    opening->nonce = opening->ahead < AHEAD_MAX ? larger(wall_ns, lowest) : lowest;
    opening->above = opening->nonce;
    opening->active = true;
    opening->restart = false;
    opening->resend_ns = now_ns + opening->retransmit_ns;
    opening->interval_ns = col_client_next_interval(opening->retransmit_ns);
    memset(opening->votes, 0, opening->replicas * sizeof *opening->votes);
}

void col_client_opening_due(col_client_opening *opening, uint64_t now_ns, uint64_t wall_ns) {
    COL_ASSERT(opening->active && now_ns >= opening->resend_ns);

    if (opening->restart) {
        col_client_opening_start(opening, now_ns, wall_ns);
        return;
    }
    opening->resend_ns = now_ns + opening->interval_ns;
    opening->interval_ns = col_client_next_interval(opening->interval_ns);
}

col_drop col_client_opening_check(const col_client_opening *opening,
                                  const col_session_opened *body) {
    if (!opening->active || opening->restart) return COL_DROP_STALE;
    if (body->nonce < opening->nonce) return COL_DROP_STALE;
    // "Ahead" is about its own nonce: ours is lower because an earlier answer said so.
    if (body->nonce > opening->nonce && body->status == COL_OPEN_LATER) return COL_DROP_STALE;
    return COL_DROP_NONE;
}

static void restart_at(col_client_opening *opening, uint64_t above, uint64_t at_ns) {
    opening->above = above;
    opening->restart = true;
    opening->resend_ns = at_ns;
}

col_client_opening_state col_client_opening_answer(col_client_opening *opening, uint32_t sender,
                                                   const col_digest *digest,
                                                   const col_session_opened *body,
                                                   uint64_t now_ns) {
    const uint32_t equal = col_client_vote_add(opening->votes, opening->replicas, sender, digest);
    if (equal <= opening->faults) return COL_CLIENT_OPENING_WAITS;

    if (body->status == COL_OPEN_UNKNOWN_CLIENT) {
        restart_at(opening, opening->above, now_ns + COL_CLIENT_RESEND_NS_MAX);
        return COL_CLIENT_OPENING_UNKNOWN;
    }
    if (body->status == COL_OPEN_LATER) {
        opening->ahead++;
        restart_at(opening, larger(body->floor, opening->opened), now_ns + opening->retransmit_ns);
        return COL_CLIENT_OPENING_WAITS;
    }
    if (body->status == COL_OPEN_BELOW || body->nonce > opening->nonce) {
        restart_at(opening, larger(body->nonce, body->floor), now_ns);
        return COL_CLIENT_OPENING_WAITS;
    }
    opening->opened = opening->nonce;
    opening->active = false;
    return COL_CLIENT_OPENING_DONE;
}
