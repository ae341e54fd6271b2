// SPDX-License-Identifier: Apache-2.0
// All that a BATCH does: the body of a proposal arrives, beside its PRE-PREPARE or ahead of it.
#include "src/pbft/internal.h"

void col_pbft_body_arrived(col_pbft *pbft, col_slot *slot) {
    col_pbft_try_prepare(pbft, slot);
    col_pbft_try_commit(pbft, slot);
    col_pbft_try_finish(pbft, slot);
}

/// PROTOCOL section 3: what this replica would propose of a client whose MACs failed here must be
/// signed for a while. Who spoilt them is unknown, be it the primary: the client is slowed, and not
/// refused.
static void flag_doubted(col_pbft *pbft, const col_batch_check *check) {
    for (uint32_t i = 0; i < check->doubted; i++) {
        if (check->doubted_client[i] >= pbft->options.clients) continue;
        pbft->pendings.client[check->doubted_client[i]].flagged_until_ns =
            pbft->now_ns + COL_FLAG_NS;
    }
}

void col_pbft_keep_body(col_pbft *pbft, col_slot *slot, col_bytes body,
                        const col_batch_check *check) {
    col_slot_keep_body(&pbft->slots, slot, body, check);
    pbft->doubt |= check->doubt;
    flag_doubted(pbft, check);
}

static void check_again(col_pbft *pbft, col_slot *slot) {
    col_batch_check check;
    const col_pbft_sink *sink = &pbft->options.sink;
    sink->check_batch(sink->context, (col_bytes){slot->bytes, slot->length}, &check);
    slot->authentic = check.authentic;
    slot->doubt = check.doubt;
    flag_doubted(pbft, &check);
    col_pbft_try_prepare(pbft, slot);
}

void col_pbft_check_doubtful(col_pbft *pbft) {
    const uint64_t news = pbft->news & pbft->doubt;
    pbft->news = 0;
    if (news == 0) return;
    pbft->doubt = 0;
    // Bodies may be ahead of their proposals.
    const uint64_t last = col_pbft_stable_round(pbft) + pbft->options.window;
    for (uint64_t round = pbft->executed + 1; round <= last; round++) {
        col_slot *slot = col_slots_find(&pbft->slots, round);
        if (slot == NULL || slot->committed || slot->prepare_sent) continue;
        if ((slot->doubt & news) != 0) check_again(pbft, slot);
        pbft->doubt |= slot->doubt;
    }
}

/// Does the slot have a use for a body now?
static col_drop check_place(col_pbft *pbft, const col_slot *slot) {
    if (slot == NULL) return COL_DROP_OUTSIDE_WINDOW;
    if (slot->committed) return COL_DROP_REPEATED;
    const col_value *wanted = col_slot_wanted(slot);
    if (wanted == NULL) return slot->body ? COL_DROP_REPEATED : COL_DROP_NONE;
    (void)pbft;
    return col_slot_has_body(slot, wanted) ? COL_DROP_REPEATED : COL_DROP_NONE;
}

col_drop col_pbft_on_batch(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    const uint64_t round = col_pbft_round(pbft, header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (header->view != pbft->view) return COL_DROP_OTHER_VIEW;
    if (header->sender != col_pbft_primary(pbft)) return COL_DROP_NOT_PRIMARY;
    if (header->run != 0) return COL_DROP_BAD_RUN;
    if (!col_pbft_in_window(pbft, round)) return COL_DROP_OUTSIDE_WINDOW;
    if (verified->message.bytes.length > pbft->options.batch_bytes_max) return COL_DROP_OVERSIZED;
    col_slot *slot = col_pbft_slot(pbft, round);
    const col_drop drop = check_place(pbft, slot);
    if (drop != COL_DROP_NONE) return drop;

    col_batch_check check;
    const col_pbft_sink *sink = &pbft->options.sink;
    sink->check_batch(sink->context, verified->message.bytes, &check);
    if (!check.well_formed) return COL_DROP_BAD_BATCH;
    const col_value *wanted = col_slot_wanted(slot);
    if (wanted != NULL && !col_digest_equal(&wanted->digest, &check.digest)) {
        return COL_DROP_BAD_DIGEST;
    }

    col_pbft_keep_body(pbft, slot, verified->message.bytes, &check);
    col_pbft_body_arrived(pbft, slot);
    if (check.doubt != 0) return COL_DROP_BAD_MAC;
    return check.authentic ? COL_DROP_NONE : COL_DROP_BAD_BATCH;
}
