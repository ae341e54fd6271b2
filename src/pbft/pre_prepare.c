// SPDX-License-Identifier: Apache-2.0
// All that a PRE-PREPARE does: the primary assigns a slot to a batch digest, or to a null run.
#include "src/pbft/internal.h"

/// Nothing was accepted in this view at any slot that the proposal covers.
static bool is_free(col_pbft *pbft, uint64_t round, const col_value *value) {
    for (uint32_t i = 0; i < col_value_slots(value); i++) {
        const col_slot *slot = col_pbft_slot(pbft, round + i);
        if (slot == NULL || slot->proposed != 0) return false;
    }
    return true;
}

void col_pbft_accept(col_pbft *pbft, uint64_t round, const col_value *value) {
    for (uint32_t i = 0; i < col_value_slots(value); i++) {
        col_slot *slot = col_pbft_slot(pbft, round + i);
        slot->proposed = round;
        slot->begun_ns = pbft->now_ns;
    }
    col_pbft_slot(pbft, round)->proposal = *value;
    const uint64_t last = round + col_value_slots(value) - 1;
    if (last > pbft->highest) pbft->highest = last;
    if (value->run == 0 && round > pbft->passing) pbft->passing = round;
    col_pbft_stir(pbft);
}

static bool same_proposal(const col_slot *slot, const col_value *value) {
    return slot->proposed == slot->round && col_value_equal(&slot->proposal, value);
}

col_drop col_pbft_on_pre_prepare(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    const col_value value = {header->digest, header->run};
    const uint64_t round = col_pbft_round(pbft, header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (header->view != pbft->view) return COL_DROP_OTHER_VIEW;
    if (header->sender != col_pbft_primary(pbft)) return COL_DROP_NOT_PRIMARY;
    if (!col_pbft_hears_of(pbft, round)) return COL_DROP_OUTSIDE_WINDOW;
    if (!col_pbft_run_fits(pbft, round, value.run)) return COL_DROP_BAD_RUN;
    if (value.run > 0 && !col_digest_equal(&value.digest, &col_null_digest)) {
        return COL_DROP_BAD_RUN;
    }
    col_slot *slot = col_pbft_slot(pbft, round);
    if (slot == NULL) return COL_DROP_OUTSIDE_WINDOW;
    if (!is_free(pbft, round, &value)) {
        return same_proposal(slot, &value) ? COL_DROP_REPEATED : COL_DROP_CONFLICTING;
    }

    col_pbft_accept(pbft, round, &value);
    col_pbft_try_prepare(pbft, slot);
    return COL_DROP_NONE;
}
