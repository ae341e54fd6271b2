// SPDX-License-Identifier: Apache-2.0
// All that a COMMIT does: a replica vouches that a value is prepared; q of them decide it.
#include "src/pbft/internal.h"

void col_pbft_try_commit(col_pbft *pbft, col_slot *slot) {
    if (!slot->prepared || slot->commit_sent) return;
    if (!col_pbft_in_window(pbft, slot->round)) return;
    if (!col_slot_has_body(slot, &slot->prepared_value)) return;
    slot->commit_sent = true;
    col_pbft_send_vote(pbft, COL_COMMIT, slot->round, &slot->prepared_value, col_pbft_others(pbft));
    uint32_t matching = 0;
    if (col_votes_add(&slot->commits, pbft->options.self, &slot->prepared_value, &matching) ==
            COL_DROP_NONE &&
        matching >= pbft->quorum) {
        col_pbft_decide(pbft, slot, &slot->prepared_value);
    }
}

void col_pbft_decide(col_pbft *pbft, col_slot *slot, const col_value *value) {
    if (slot->decided) return;
    slot->decided = true;
    slot->decided_value = *value;
    col_pbft_try_finish(pbft, slot);
}

void col_pbft_try_finish(col_pbft *pbft, col_slot *slot) {
    if (!slot->decided || slot->committed) return;
    if (!col_slot_has_body(slot, &slot->decided_value)) return;
    for (uint32_t i = 0; i < col_value_slots(&slot->decided_value); i++) {
        col_slot *covered = col_pbft_slot(pbft, slot->round + i);
        if (covered == NULL || covered->committed) continue;
        covered->committed = true;
        covered->committed_start = slot->round;
        pbft->figures.committed++;
        if (covered->round > pbft->highest) pbft->highest = covered->round;
    }
    if (slot->decided_value.run == 0) pbft->figures.batches++;
    if (slot->own_batch) {
        slot->own_batch = false;
        pbft->in_flight--;
    }
}

col_drop col_pbft_on_commit(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    const col_value value = {header->digest, header->run};
    const uint64_t round = col_pbft_round(pbft, header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (header->view != pbft->view) return COL_DROP_OTHER_VIEW;
    if (!col_pbft_hears_of(pbft, round)) return COL_DROP_OUTSIDE_WINDOW;
    if (!col_pbft_run_fits(pbft, round, value.run)) return COL_DROP_BAD_RUN;
    col_slot *slot = col_pbft_slot(pbft, round);
    if (slot == NULL) return COL_DROP_OUTSIDE_WINDOW;
    if (col_pbft_is_late(slot, header)) return COL_DROP_LATE;
    uint32_t matching;
    const col_drop drop = col_votes_add(&slot->commits, header->sender, &value, &matching);
    if (drop != COL_DROP_NONE) return drop;

    col_slot_keep_seal(&pbft->slots, slot, header->sender, verified->seal);
    col_pbft_stir(pbft);
    if (matching > pbft->options.faults && value.run == 0 && round > pbft->passing) {
        pbft->passing = round;
    }
    if (matching >= pbft->quorum) col_pbft_decide(pbft, slot, &value);
    return COL_DROP_NONE;
}
