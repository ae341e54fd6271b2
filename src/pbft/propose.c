// SPDX-License-Identifier: Apache-2.0
// How a primary turns waiting requests into batches: at once when the pipe is idle, larger under
// load.
#include "src/pbft/internal.h"
#include "src/wire/bundle.h"
#include "src/wire/join.h"

/// A batch in the making: body bytes in its slot, request digests for the batch digest.
typedef struct {
    col_writer writer;
    uint32_t soft_limit;  ///< bytes after which no further request is taken
    uint16_t requests;
    uint16_t bundles;
    col_digest digest[COL_BATCH_REQUESTS_MAX];
} col_draft;

/// Requests that one client sealed in one tree, to go into one bundle.
typedef struct {
    uint16_t count;
    size_t entry_bytes;
    uint32_t index[COL_TREE_LEAVES_MAX];  ///< of the pending requests
    col_seal_view seal[COL_TREE_LEAVES_MAX];
} col_group;

static size_t entry_bytes(const col_pending *pending) {
    return col_entry_size(&pending->header, pending->header.fragments > 1, pending->length);
}

static bool same_tree(const col_seal_view *a, const col_seal_view *b) {
    return a->leaves == b->leaves && a->key_version == b->key_version && a->index < b->index &&
           a->signature.length == b->signature.length &&
           memcmp(a->signature.at, b->signature.at, a->signature.length) == 0;
}

/// Upper bound of a group's bytes with one more entry: no path shares a sibling.
static size_t group_bytes(const col_group *group, const col_seal_view *seal, size_t entry) {
    return 4 + COL_BUNDLE_HEADER_BYTES + seal->signature.length + group->entry_bytes + entry +
           32 * (group->count + 1u) * COL_TREE_DEPTH_MAX;
}

/// Does the oldest ready request belong into the group, and fit?
static bool joins(const col_pbft *pbft, const col_draft *draft, const col_group *group,
                  const col_pending *pending, const col_seal_view *seal) {
    const size_t used = col_writer_used(&draft->writer);
    const size_t entry = entry_bytes(pending);
    if (draft->requests + group->count >= pbft->options.batch_requests) return false;
    if (used + group_bytes(group, seal, entry) > pbft->options.batch_bytes_max) return false;
    const bool first_of_all = draft->requests + group->count == 0;
    if (!first_of_all && used + group->entry_bytes + entry > draft->soft_limit) return false;
    if (group->count == 0) return true;
    const col_pending *head = &pbft->pendings.pending[group->index[0]];
    return group->count < COL_TREE_LEAVES_MAX && head->header.sender == pending->header.sender &&
           same_tree(&group->seal[group->count - 1], seal);
}

static void gather(col_pbft *pbft, const col_draft *draft, col_group *group) {
    group->count = 0;
    group->entry_bytes = 0;
    for (;;) {
        const uint32_t index = col_pendings_peek(&pbft->pendings);
        if (index == COL_PENDING_NONE) return;
        const col_pending *pending = &pbft->pendings.pending[index];
        col_seal_view seal;
        const bool readable = col_seal_read((col_seal){pending->seal, pending->seal_length}, &seal);
        COL_ASSERT(readable);  // the opener made it
        if (!joins(pbft, draft, group, pending, &seal)) return;
        group->index[group->count] = index;
        group->seal[group->count++] = seal;
        group->entry_bytes += entry_bytes(pending);
        col_pendings_pop(&pbft->pendings);
    }
}

static void write_entries(const col_pbft *pbft, col_draft *draft, const col_group *group) {
    for (uint16_t i = 0; i < group->count; i++) {
        const col_pending *pending = &pbft->pendings.pending[group->index[i]];
        const col_entry entry = {
            .message = {pending->header, {pending->bytes, pending->length}},
            .index = group->seal[i].index,
            .whole = pending->header.fragments > 1,
            .fragment_digest = pending->fragment_digest,
        };
        col_entry_write(&draft->writer, &entry);
        draft->digest[draft->requests++] = pending->header.digest;
    }
}

static void write_group(const col_pbft *pbft, col_draft *draft, const col_group *group) {
    uint8_t siblings[32 * (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)];
    const col_seal_view *seal = &group->seal[0];
    const col_pending *head = &pbft->pendings.pending[group->index[0]];
    const col_bundle bundle = {
        .pillar = (uint8_t)pbft->options.pillar,
        .role = COL_ROLE_CLIENT,
        .scheme = seal->scheme,
        .signer = head->header.sender,
        .key_version = seal->key_version,
        .leaves = seal->leaves,
        .entries = group->count,
        .siblings = col_seals_join(group->seal, group->count, siblings),
        .cluster_tag = pbft->options.cluster_tag,
        .signature = seal->signature,
        .sibling = siblings,
    };
    const size_t length = col_bundle_overhead(bundle.signature.length, bundle.siblings);
    col_write_u32(&draft->writer, (uint32_t)(length + group->entry_bytes));
    col_bundle_write(&draft->writer, &bundle);
    write_entries(pbft, draft, group);
    draft->bundles++;
}

/// Agreed time: the primary's clock, never going back.
static uint64_t next_time(col_pbft *pbft) {
    pbft->time_ns = pbft->wall_ns > pbft->time_ns ? pbft->wall_ns : pbft->time_ns + 1;
    return pbft->time_ns;
}

static void finish_draft(col_pbft *pbft, col_draft *draft, col_slot *slot) {
    const col_batch batch = {next_time(pbft), draft->requests, draft->bundles, {0}};
    col_writer header = col_writer_of(slot->bytes, COL_BATCH_HEADER_BYTES);
    col_batch_write(&header, &batch);
    COL_ASSERT(!header.failed && !draft->writer.failed);

    col_batch_check check = {.well_formed = true, .authentic = true, .time_ns = batch.time_ns};
    col_batch_digest_input(batch.time_ns, draft->digest, draft->requests, pbft->scratch);
    const col_bytes input = {pbft->scratch, COL_BATCH_DIGEST_BYTES(draft->requests)};
    col_hash(pbft->options.hasher, input, &check.digest);
    const col_bytes body = {slot->bytes, col_writer_used(&draft->writer)};
    col_slot_keep_body(&pbft->slots, slot, body, &check);
}

static bool draft_batch(col_pbft *pbft, col_slot *slot) {
    col_draft draft = {.writer = col_writer_of(slot->bytes, pbft->options.batch_bytes_max),
                       .soft_limit = pbft->options.batch_bytes};
    draft.writer.at += COL_BATCH_HEADER_BYTES;
    col_group group;
    for (;;) {
        gather(pbft, &draft, &group);
        if (group.count == 0) break;
        write_group(pbft, &draft, &group);
    }
    if (draft.requests == 0) return false;
    finish_draft(pbft, &draft, slot);
    return true;
}

void col_pbft_send_proposal(col_pbft *pbft, const col_slot *slot, uint32_t replicas) {
    if (slot->proposal.run == 0) {
        const col_pbft_options *options = &pbft->options;
        const col_header header = {
            .type = COL_BATCH,
            .pillar = (uint8_t)options->pillar,
            .view = pbft->view,
            .sequence = col_sequence_of(slot->round, options->pillar, options->pillars),
        };
        options->sink.send(options->sink.context, &header, (col_bytes){slot->bytes, slot->length},
                           replicas);
    }
    col_pbft_send_vote(pbft, COL_PRE_PREPARE, slot->round, &slot->proposal, replicas);
}

/// Propose when the pipe is idle, when a full batch waits, or when the merge needs this slot
/// anyway.
static bool worth_proposing(const col_pbft *pbft) {
    return pbft->in_flight == 0 || pbft->pendings.ready >= pbft->options.batch_requests ||
           pbft->next_round <= pbft->target;
}

static bool propose_batch(col_pbft *pbft) {
    if (!worth_proposing(pbft) || !col_pbft_may_propose(pbft, pbft->next_round)) return false;
    if (col_pendings_peek(&pbft->pendings) == COL_PENDING_NONE) return false;
    col_slot *slot = col_pbft_slot(pbft, pbft->next_round);
    if (slot == NULL || slot->proposed != 0 || slot->committed) return false;
    if (!draft_batch(pbft, slot)) return false;

    const col_value value = {slot->body_digest, 0};
    col_pbft_accept(pbft, slot->round, &value);
    slot->own_batch = true;
    pbft->in_flight++;
    pbft->next_round++;
    pbft->idle_run = 1;
    pbft->figures.proposed++;
    col_pbft_send_proposal(pbft, slot, col_pbft_others(pbft));
    col_pbft_try_commit(pbft, slot);
    return true;
}

void col_pbft_propose(col_pbft *pbft) {
    const uint64_t lag = pbft->options.window / 4;
    if (pbft->target > lag && pbft->next_round < pbft->target - lag) col_pbft_propose_null(pbft);
    while (propose_batch(pbft)) {
    }
    col_pbft_propose_null(pbft);
}
