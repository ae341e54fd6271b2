// SPDX-License-Identifier: Apache-2.0
// Null runs: a primary with nothing to propose lets the merge pass, and no further than it must.
#include "src/pbft/internal.h"

/// The longest run that may start at `start`, where a proposal may: it ends with the checkpoint
/// interval.
static uint32_t longest_run(const col_pbft *pbft, uint64_t start, uint64_t wanted) {
    const uint64_t interval = pbft->options.checkpoint_interval;
    const uint64_t to_checkpoint = interval - (start - 1) % interval;
    uint64_t run = wanted < COL_RUN_MAX ? wanted : COL_RUN_MAX;
    if (run > to_checkpoint) run = to_checkpoint;
    while (!col_pbft_may_propose(pbft, start + run - 1)) run--;
    return (uint32_t)run;
}

static bool propose_run(col_pbft *pbft, uint64_t wanted) {
    const uint64_t start = pbft->next_round;
    if (!col_pbft_may_propose(pbft, start)) return false;
    const col_value value = {col_null_digest, (uint8_t)longest_run(pbft, start, wanted)};
    for (uint32_t i = 0; i < value.run; i++) {
        const col_slot *covered = col_pbft_slot(pbft, start + i);
        if (covered == NULL || covered->proposed != 0) return false;
    }
    col_pbft_accept(pbft, start, &value);
    pbft->next_round += value.run;
    pbft->figures.null_runs++;
    col_slot *slot = col_pbft_slot(pbft, start);
    col_pbft_send_proposal(pbft, slot, col_pbft_others(pbft));
    col_pbft_try_commit(pbft, slot);
    return true;
}

void col_pbft_propose_null(col_pbft *pbft) {
    // With requests waiting here, only catch up; without, go some slots ahead, further each time.
    const bool idle = pbft->pendings.ready == 0;
    const uint64_t lag = pbft->options.window / 4;
    const uint64_t target =
        idle ? pbft->target : pbft->target - (pbft->target < lag ? pbft->target : lag);
    if (pbft->next_round > target) return;

    // Going ahead leaves room for a batch: only that makes the other pillars complete the
    // checkpoint which moves the window.
    uint64_t last = target + (idle ? pbft->idle_run - 1 : 0);
    const uint64_t room = col_pbft_last_to_propose(pbft) - 1;
    if (last > room) last = target > room ? target : room;
    while (pbft->next_round <= last && propose_run(pbft, last - pbft->next_round + 1)) {
    }
    if (idle && pbft->idle_run < COL_RUN_MAX) pbft->idle_run *= 2;
}
