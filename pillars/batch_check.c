// SPDX-License-Identifier: Apache-2.0
#include "pillars/batch_check.h"

typedef struct {
    const col_batch_checker *checker;
    uint32_t requests;
    bool well_formed;
    bool rejected;  ///< for more than MACs
    col_batch_check *check;
    uint8_t input[COL_BATCH_DIGEST_BYTES(COL_BATCH_REQUESTS_MAX)];
    col_digest digest[COL_BATCH_REQUESTS_MAX];
} checking;

static bool request_fits(const col_batch_checker *checker, const col_message *message) {
    col_request request;
    return col_request_read(message->bytes, &request) &&
           col_request_check(&message->header, &request, checker->pillars,
                             checker->operation_bytes_max) == COL_DROP_NONE;
}

static bool open_fits(const col_message *message) {
    col_session_open open;
    return col_session_open_read(message->bytes, &open) &&
           col_session_open_check(&message->header, &open) == COL_DROP_NONE;
}

static bool message_fits(const col_batch_checker *checker, const col_message *message) {
    if (message->header.pillar != checker->pillar) return false;
    if (message->header.type == COL_REQUEST) return request_fits(checker, message);
    return message->header.type == COL_SESSION_OPEN && open_fits(message);
}

/// One entry whose digest is known, verified or not. A fragment alone carries its client's seal,
/// too, and may read as a request, but as none that the client made.
static void take(checking *check, const col_message *message, bool whole) {
    const bool fragment = message->header.fragments > 1 && !whole;
    if (fragment || check->requests == check->checker->requests_max ||
        !message_fits(check->checker, message)) {
        check->well_formed = false;
        return;
    }
    check->digest[check->requests++] = message->header.digest;
}

static void on_opened(void *context, const col_opened *opened) {
    take(context, &opened->verified.message, opened->whole);
}

/// A bundle that does not verify still has digests: the batch digest says what was proposed, and a
/// commit certificate may stand behind it.
static bool take_unverified(checking *check, col_bytes bytes, col_drop drop) {
    col_bundle bundle;
    if (col_bundle_parse(bytes, &bundle) != COL_DROP_NONE) return false;
    col_entries entries = col_entries_of(&bundle);
    col_entry entry;
    const bool by_mac = drop == COL_DROP_BAD_MAC || drop == COL_DROP_NO_SESSION;
    check->rejected |= drop != COL_DROP_NONE && !by_mac;
    bool known = true;
    while (col_entries_next(&entries, &entry)) {
        col_hash(check->checker->hasher, entry.message.bytes, &entry.message.header.digest);
        known = known && col_pbft_knows(check->checker->pbft, &entry.message);
        check->rejected |= by_mac && entry.message.header.type != COL_REQUEST;
        take(check, &entry.message, entry.whole);
    }
    // Without a key, the session may not be opened here yet: nobody is to blame.
    const bool blame = drop == COL_DROP_BAD_MAC;
    if (by_mac && !known) col_batch_check_doubt(check->check, bundle.signer, blame);
    return entries.drop == COL_DROP_NONE;
}

/// Open up to a burst of bundles. @return false when the body cannot be parsed
static bool check_burst(checking *check, col_bytes *bundle, uint32_t count) {
    col_drop drop[COL_OPEN_BURST_MAX];
    const uint32_t before = check->requests;
    col_open_burst(check->checker->opener, bundle, count, drop, on_opened, check);
    bool all = true;
    for (uint32_t i = 0; i < count; i++) all &= drop[i] == COL_DROP_NONE;
    if (all) return true;
    // Digests must stand in the order of the body: start this burst again without verifying.
    check->requests = before;
    for (uint32_t i = 0; i < count; i++) {
        if (!take_unverified(check, bundle[i], drop[i])) return false;
    }
    return true;
}

static bool check_bundles(checking *check, const col_batch *batch) {
    col_reader reader = col_reader_of(batch->content);
    col_bytes bundle[COL_OPEN_BURST_MAX];
    uint32_t count = 0;
    for (uint16_t i = 0; i < batch->bundles; i++) {
        const uint32_t length = col_read_u32(&reader);
        bundle[count++] = col_read_bytes(&reader, length);
        if (reader.failed) return false;
        if (count < COL_OPEN_BURST_MAX && i + 1 < batch->bundles) continue;
        if (!check_burst(check, bundle, count)) return false;
        count = 0;
    }
    return col_reader_done(&reader) && check->requests == batch->requests;
}

void col_batch_check_body(const col_batch_checker *checker, col_bytes body,
                          col_batch_check *check) {
    checking state = {.checker = checker, .well_formed = true, .check = check};
    col_batch batch;
    *check = (col_batch_check){0};
    if (!col_batch_read(body, &batch) || batch.requests > checker->requests_max) return;
    state.well_formed &= check_bundles(&state, &batch);
    if (!state.well_formed || state.rejected) check->doubt = 0;
    if (!state.well_formed) return;
    check->well_formed = true;
    check->authentic = !state.rejected && check->doubt == 0;
    check->time_ns = batch.time_ns;
    col_batch_digest_input(batch.time_ns, state.digest, state.requests, state.input);
    col_hash(checker->hasher, (col_bytes){state.input, COL_BATCH_DIGEST_BYTES(state.requests)},
             &check->digest);
}
