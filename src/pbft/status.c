// SPDX-License-Identifier: Apache-2.0
// All that a STATUS does: it says what a replica has, and peers resend exactly what it lacks. Loss
// is normal, so this is how a pillar converges; an even, idle pillar is silent.
#include "src/pbft/internal.h"

#define STATUS_COUNT_MAX 8  // doubling each time: 255 first intervals, then nobody is there

static uint8_t slot_flags(const col_slot *slot) {
    uint8_t flags = slot->proposed != 0 ? COL_SLOT_PROPOSAL : 0;
    const col_value *wanted = col_slot_wanted(slot);
    if (wanted != NULL && col_slot_has_body(slot, wanted)) flags |= COL_SLOT_BODY;
    if (slot->committed) flags |= COL_SLOT_COMMITTED;
    return flags;
}

static void write_slot(const col_pbft *pbft, col_writer *writer, uint64_t round) {
    const col_slot *slot = col_slots_find(&pbft->slots, round);
    col_status_slot held = {0};
    if (slot != NULL) {
        // Whoever has enough votes needs no further ones, and refuses them as late.
        held =
            (col_status_slot){slot_flags(slot), slot->prepared ? UINT32_MAX : slot->prepares.voted,
                              slot->decided ? UINT32_MAX : slot->commits.voted};
    }
    col_status_slot_write(writer, &held);
}

/// Requests, slots that are not committed, and batches that the merge has not reached: committed
/// here they may be, but it may be for want of them at a primary that other pillars stand still.
/// Null slots that are ahead of the merge are no reason to stay awake.
static bool something_waits(const col_pbft *pbft) {
    return pbft->pendings.count > pbft->pendings.early_held || pbft->highest > pbft->delivered ||
           pbft->passing > pbft->executed || pbft->target > pbft->executed;
}

static void send_status(col_pbft *pbft, uint32_t replicas, bool asks) {
    const uint64_t ahead = pbft->highest > pbft->executed ? pbft->highest - pbft->executed : 0;
    const col_status status = {
        .view = pbft->view,
        .executed = pbft->executed,
        .stable = pbft->stable,
        .pending = something_waits(pbft),
        .asks = asks,
        .count = (uint16_t)(ahead < COL_WINDOW_ROUNDS_MAX ? ahead : COL_WINDOW_ROUNDS_MAX),
    };
    col_writer writer = col_writer_of(pbft->scratch, pbft->scratch_bytes);
    col_status_write(&writer, &status);
    for (uint16_t i = 0; i < status.count; i++) {
        write_slot(pbft, &writer, status.executed + 1 + i);
    }
    COL_ASSERT(!writer.failed);
    const col_bytes body = {pbft->scratch, col_writer_used(&writer)};
    col_pbft_send_numbered(pbft, COL_STATUS, body, replicas);
    pbft->figures.status_sent++;
}

static bool peer_is_even(const col_pbft *pbft, const col_pbft_peer *peer) {
    return peer->known && peer->executed == pbft->executed && peer->stable == pbft->stable &&
           !peer->pending;
}

static bool all_even(const col_pbft *pbft) {
    if (something_waits(pbft)) return false;
    for (uint32_t r = 0; r < pbft->options.replicas; r++) {
        if (r != pbft->options.self && !peer_is_even(pbft, &pbft->peer[r])) return false;
    }
    return true;
}

bool col_pbft_gave_up(const col_pbft *pbft) {
    return pbft->status_due_ns == COL_NEVER || pbft->status_count >= STATUS_COUNT_MAX;
}

void col_pbft_status_due(col_pbft *pbft) {
    const bool even = all_even(pbft);
    if ((even && pbft->status_told) || pbft->status_count >= STATUS_COUNT_MAX) {
        pbft->status_due_ns = COL_NEVER;
        return;
    }
    send_status(pbft, col_pbft_others(pbft), true);
    pbft->status_told = true;
    pbft->status_count++;
    pbft->status_due_ns = pbft->now_ns + pbft->status_wait_ns;
    pbft->status_wait_ns *= 2;
    if (!even) col_pbft_fetch_missing(pbft);
}

static bool lacks(uint32_t held, uint32_t replica) {
    return !(held >> replica & 1);
}

/// Send again what `peer` lacks of one slot. At and below stable nothing is voted: it fetches.
static void resend_slot(col_pbft *pbft, const col_slot *slot, const col_status_slot *held,
                        uint32_t peer) {
    const uint32_t self = pbft->options.self;
    const uint32_t to = 1u << peer;
    if (held->flags & COL_SLOT_COMMITTED) return;
    if (slot->proposed == slot->round && col_pbft_is_primary(pbft) &&
        !(held->flags & COL_SLOT_PROPOSAL)) {
        col_pbft_send_proposal(pbft, slot, to);
        pbft->figures.resent++;
    }
    if (slot->prepare_sent && lacks(held->prepares, self)) {
        col_pbft_send_vote(pbft, COL_PREPARE, slot->round, &slot->prepares.value[self], to);
        pbft->figures.resent++;
    }
    if (slot->commit_sent && lacks(held->commits, self)) {
        col_pbft_send_vote(pbft, COL_COMMIT, slot->round, &slot->commits.value[self], to);
        pbft->figures.resent++;
    }
}

static void resend_missing(col_pbft *pbft, const col_status *status, uint32_t peer) {
    const uint64_t stable = col_pbft_stable_round(pbft);
    uint64_t last = pbft->highest;
    if (status->stable < pbft->stable) {  // what lies above its window, the peer would drop
        const uint64_t end =
            status->stable * pbft->options.checkpoint_interval + pbft->options.window;
        if (end < last) last = end;
    }
    uint64_t round = status->executed > stable ? status->executed : stable;
    // Compared before it is counted up: a peer may claim any number.
    while (round < last) {
        round++;
        const col_slot *slot = col_slots_find(&pbft->slots, round);
        if (slot == NULL) continue;
        const uint64_t place = round - status->executed - 1;
        const col_status_slot held = place < status->count
                                         ? col_status_slot_read(status, (uint16_t)place)
                                         : (col_status_slot){0};
        resend_slot(pbft, slot, &held, peer);
    }
}

/// @return the peer is further than this replica, and that is news
static bool note_peer(const col_pbft *pbft, col_pbft_peer *peer, const col_status *status) {
    const bool news =
        !peer->known || status->executed > peer->executed || status->stable > peer->stable;
    peer->known = true;
    peer->executed = status->executed;
    peer->stable = status->stable;
    peer->pending = status->pending;
    return news && (status->executed > pbft->executed || status->stable > pbft->stable);
}

col_drop col_pbft_on_status(col_pbft *pbft, const col_verified *verified) {
    const uint32_t sender = verified->message.header.sender;
    col_status status;
    if (!col_status_read(verified->message.bytes, &status)) return COL_DROP_MALFORMED;
    col_pbft_peer *peer = &pbft->peer[sender];
    // Only news wakes: two replicas that cannot become even must not keep each other awake.
    if (note_peer(pbft, peer, &status)) col_pbft_stir(pbft);

    // Limited apart: an answer just before must not make its sender's question go unanswered.
    uint64_t *acted_ns = &peer->acted_ns[status.asks];
    if (*acted_ns != 0 && pbft->now_ns - *acted_ns < pbft->options.status_interval_ns / 2) {
        return COL_DROP_RATE_LIMITED;
    }
    *acted_ns = pbft->now_ns;
    // One whose own STATUS is due tells the peer soon anyway, unless the peer waits for something.
    if (status.asks && (pbft->status_due_ns == COL_NEVER || !peer_is_even(pbft, peer))) {
        send_status(pbft, 1u << sender, false);
    }
    // An answer, too, says what its sender lacks: it may be silent itself, not knowing of anything.
    resend_missing(pbft, &status, sender);
    return COL_DROP_NONE;
}
