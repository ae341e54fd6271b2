// SPDX-License-Identifier: Apache-2.0
// All that a PREPARE does: a backup vouches for the primary's proposal.
#include "src/pbft/internal.h"

/// Agreed time: a batch from the future waits until this replica's clock allows it.
static bool time_allows(col_pbft *pbft, const col_slot *slot) {
    const uint64_t latest = pbft->wall_ns + pbft->options.time_ahead_max_ns;
    if (slot->time_ns <= latest) return true;
    // Look again at least every interval: what the clock will say then is not known here.
    const uint64_t again = pbft->now_ns + pbft->options.status_interval_ns;
    if (again < pbft->held_until_ns) pbft->held_until_ns = again;
    return false;
}

/// PROTOCOL section 3: f+1 others stand for the batch, its primary among them, so that at least one
/// correct replica has verified what this one cannot.
static bool others_vouch(const col_pbft *pbft, const col_slot *slot) {
    const uint32_t backups = col_votes_for(&slot->prepares, &slot->proposal);
    return (uint32_t)__builtin_popcount(backups) + 1 >= pbft->options.faults + 1;
}

static bool requests_are_authentic(const col_pbft *pbft, const col_slot *slot) {
    return slot->authentic || (slot->doubt != 0 && others_vouch(pbft, slot));
}

static void count_prepare(col_pbft *pbft, col_slot *slot, const col_value *value,
                          uint32_t matching) {
    if (matching < pbft->quorum - 1 || slot->prepared) return;
    slot->prepared = true;
    slot->prepared_value = *value;
    col_pbft_try_commit(pbft, slot);
}

void col_pbft_try_prepare(col_pbft *pbft, col_slot *slot) {
    if (slot->proposed != slot->round || slot->prepare_sent) return;
    if (col_pbft_is_primary(pbft) || !col_pbft_in_window(pbft, slot->round)) return;
    if (slot->proposal.run == 0) {
        if (!col_slot_has_body(slot, &slot->proposal)) return;
        if (!requests_are_authentic(pbft, slot)) return;
        if (!time_allows(pbft, slot)) return;
    }
    slot->prepare_sent = true;
    col_pbft_send_vote(pbft, COL_PREPARE, slot->round, &slot->proposal, col_pbft_others(pbft));
    uint32_t matching = 0;
    if (col_votes_add(&slot->prepares, pbft->options.self, &slot->proposal, &matching) ==
        COL_DROP_NONE) {
        count_prepare(pbft, slot, &slot->proposal, matching);
    }
}

col_drop col_pbft_on_prepare(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    const col_value value = {header->digest, header->run};
    const uint64_t round = col_pbft_round(pbft, header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (header->view != pbft->view) return COL_DROP_OTHER_VIEW;
    if (header->sender == col_pbft_primary(pbft)) return COL_DROP_FROM_PRIMARY;
    if (!col_pbft_hears_of(pbft, round)) return COL_DROP_OUTSIDE_WINDOW;
    if (!col_pbft_run_fits(pbft, round, value.run)) return COL_DROP_BAD_RUN;
    col_slot *slot = col_pbft_slot(pbft, round);
    if (slot == NULL) return COL_DROP_OUTSIDE_WINDOW;
    if (col_pbft_is_late(slot, header)) return COL_DROP_LATE;
    uint32_t matching;
    const col_drop drop = col_votes_add(&slot->prepares, header->sender, &value, &matching);
    if (drop != COL_DROP_NONE) return drop;

    col_pbft_stir(pbft);
    count_prepare(pbft, slot, &value, matching);
    if (slot->doubt != 0) col_pbft_try_prepare(pbft, slot);
    return COL_DROP_NONE;
}
