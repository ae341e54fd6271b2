// SPDX-License-Identifier: Apache-2.0
// All that a FETCHED does: a peer serves a whole slot. Its commit certificate convinces by itself;
// without one, its body helps only a value that this replica already waits for.
#include "src/pbft/internal.h"

static bool shape_fits(const col_pbft *pbft, const col_fetched *fetched, uint64_t round) {
    if (fetched->run > COL_RUN_MAX || fetched->view != pbft->view) return false;
    if (fetched->run > 0) {
        const uint64_t interval = pbft->options.checkpoint_interval;
        const uint64_t last = round + fetched->run - 1;
        if (fetched->batch.length != 0 || (round - 1) / interval != (last - 1) / interval) {
            return false;
        }
        return col_digest_equal(&fetched->digest, &col_null_digest);
    }
    return fetched->batch.length <= pbft->options.batch_bytes_max;
}

/// q COMMITs of distinct replicas, each with its own seal.
static bool certificate_holds(col_pbft *pbft, const col_fetched *fetched) {
    const col_pbft_sink *sink = &pbft->options.sink;
    uint32_t distinct = 0;
    for (uint8_t i = 0; i < fetched->seals; i++) {
        const uint32_t sender = fetched->seal[i].sender;
        if (sender >= pbft->options.replicas || distinct >> sender & 1) return false;
        const col_header header = {
            .role = COL_ROLE_REPLICA,
            .type = COL_COMMIT,
            .pillar = (uint8_t)pbft->options.pillar,
            .run = fetched->run,
            .sender = sender,
            .view = fetched->view,
            .sequence = fetched->sequence,
            .fragments = 1,
            .digest = fetched->digest,
        };
        if (!sink->check_seal(sink->context, &header, fetched->seal[i].seal)) return false;
        distinct |= 1u << sender;
    }
    return (uint32_t)__builtin_popcount(distinct) >= pbft->quorum;
}

static void keep_certificate(col_pbft *pbft, col_slot *slot, const col_fetched *fetched,
                             const col_value *value) {
    for (uint8_t i = 0; i < fetched->seals; i++) {
        const uint32_t sender = fetched->seal[i].sender;
        col_votes_put(&slot->commits, sender, value);
        col_slot_keep_seal(&pbft->slots, slot, sender, fetched->seal[i].seal);
    }
    if (value->run == 0 && slot->round > pbft->passing) pbft->passing = slot->round;
    col_pbft_decide(pbft, slot, value);
}

/// Copies of a body have the same requests, and may have other seals.
static bool is_better(const col_batch_check *check, const col_slot *slot) {
    return check->authentic || (check->doubt != 0 && slot->doubt == 0);
}

/// Check and keep the batch of a slot that waits for `value`.
static col_drop keep_batch(col_pbft *pbft, col_slot *slot, const col_fetched *fetched,
                           const col_value *value, bool certified) {
    if (col_slot_has_body(slot, value) && (certified || slot->authentic)) return COL_DROP_REPEATED;
    col_batch_check check;
    const col_pbft_sink *sink = &pbft->options.sink;
    sink->check_batch(sink->context, fetched->batch, &check);
    if (!check.well_formed) return COL_DROP_BAD_BATCH;
    if (!col_digest_equal(&check.digest, &value->digest)) return COL_DROP_BAD_DIGEST;
    if (!certified && col_slot_has_body(slot, value) && !is_better(&check, slot)) {
        return COL_DROP_BAD_BATCH;
    }
    col_pbft_keep_body(pbft, slot, fetched->batch, &check);
    return COL_DROP_NONE;
}

static col_drop on_certified(col_pbft *pbft, col_slot *slot, const col_fetched *fetched,
                             const col_value *value) {
    // Once decided, only the body is of use: the certificate is not looked at, and must not be
    // kept.
    const bool decided = slot->decided;
    if (!decided && !certificate_holds(pbft, fetched)) return COL_DROP_BAD_SIGNATURE;
    if (decided && !col_value_equal(&slot->decided_value, value)) return COL_DROP_CONFLICTING;
    if (value->run == 0) {
        const col_drop drop = keep_batch(pbft, slot, fetched, value, true);
        if (drop != COL_DROP_NONE && drop != COL_DROP_REPEATED) return drop;
    }
    if (!decided) keep_certificate(pbft, slot, fetched, value);
    col_pbft_body_arrived(pbft, slot);
    return COL_DROP_NONE;
}

static col_drop on_body(col_pbft *pbft, col_slot *slot, const col_fetched *fetched,
                        const col_value *value) {
    const col_value *wanted = col_slot_wanted(slot);
    if (wanted == NULL || !col_value_equal(wanted, value)) return COL_DROP_NOT_COLLECTED;
    if (value->run > 0) return COL_DROP_REPEATED;
    const col_drop drop = keep_batch(pbft, slot, fetched, value, slot->decided);
    if (drop == COL_DROP_NONE) col_pbft_body_arrived(pbft, slot);
    return drop;
}

/// Rounds that a fetched slot may have: those that the ring can hold.
static bool in_ring(const col_pbft *pbft, uint64_t round) {
    const uint64_t stable = col_pbft_stable_round(pbft);
    return round > pbft->executed && round <= stable + pbft->options.window &&
           round + 2 * pbft->options.window > stable;
}

col_drop col_pbft_on_fetched(col_pbft *pbft, const col_verified *verified) {
    col_fetched fetched;
    if (!col_fetched_read(verified->message.bytes, &fetched)) return COL_DROP_MALFORMED;
    if (fetched.checkpoint) return COL_DROP_MALFORMED;  // pillars/pillar.c takes those
    const col_header header = {.sequence = fetched.sequence};
    const uint64_t round = col_pbft_round(pbft, &header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (!shape_fits(pbft, &fetched, round)) return COL_DROP_MALFORMED;
    const uint32_t slots = fetched.run == 0 ? 1 : fetched.run;
    if (!in_ring(pbft, round) && !in_ring(pbft, round + slots - 1)) return COL_DROP_OUTSIDE_WINDOW;
    col_slot *slot = col_pbft_slot(pbft, round);
    if (slot == NULL) return COL_DROP_OUTSIDE_WINDOW;
    if (slot->committed && fetched.run == 0) return COL_DROP_REPEATED;
    const col_value value = {fetched.digest, fetched.run};
    return fetched.seals > 0 ? on_certified(pbft, slot, &fetched, &value)
                             : on_body(pbft, slot, &fetched, &value);
}
