// SPDX-License-Identifier: Apache-2.0
// All that a FETCH does: a peer asks for whole slots; it gets each with its body and, where this
// replica holds one, a commit certificate that convinces without any trust in the sender.
#include "src/pbft/internal.h"

// What one peer may be served per status interval: it must catch up faster than a loaded pillar
// orders, and must not turn this replica into an amplifier.
#define SERVED_BYTES_MAX (4u * 1024 * 1024)

/// Could a peer have what this slot lacks?
static bool worth_fetching(const col_pbft *pbft, uint64_t round, uint64_t known) {
    const col_slot *slot = col_slots_find(&pbft->slots, round);
    if (slot == NULL) return round <= known;
    if (slot->committed) return false;
    if (round <= known) return true;
    const col_value *wanted = col_slot_wanted(slot);
    if (wanted == NULL) return false;
    return !col_slot_has_body(slot, wanted) || (wanted->run == 0 && !slot->authentic);
}

/// The next peer; one that says it has executed `round` once so many say it that one of them is
/// correct: fewer may all be faulty, and would draw every FETCH to themselves.
static uint32_t choose_peer(const col_pbft *pbft, uint64_t round) {
    const uint32_t n = pbft->options.replicas;
    uint32_t executed = 0;
    for (uint32_t r = 0; r < n; r++) {
        if (pbft->peer[r].executed >= round) executed |= 1u << r;
    }
    const bool believed = (uint32_t)__builtin_popcount(executed) > pbft->options.faults;
    uint32_t candidate = pbft->fetch_peer;
    do {
        candidate = (candidate + 1) % n;
    } while (candidate == pbft->options.self || (believed && !(executed >> candidate & 1)));
    return candidate;
}

static uint64_t known_round(const col_pbft *pbft) {
    uint64_t known = col_pbft_stable_round(pbft);
    for (uint32_t r = 0; r < pbft->options.replicas; r++) {
        if (pbft->peer[r].executed > known) known = pbft->peer[r].executed;
    }
    const uint64_t end = col_pbft_stable_round(pbft) + pbft->options.window;
    return known < end ? known : end;
}

void col_pbft_fetch_missing(col_pbft *pbft) {
    const uint64_t known = known_round(pbft);
    const uint64_t last = known > pbft->highest ? known : pbft->highest;
    col_fetch fetch = {0};
    for (uint64_t r = pbft->executed + 1; r <= last && fetch.count < COL_FETCH_ROUNDS_MAX; r++) {
        if (worth_fetching(pbft, r, known)) fetch.round[fetch.count++] = r;
    }
    if (fetch.count == 0) return;
    pbft->fetch_last = fetch.round[fetch.count - 1];
    pbft->fetch_peer = choose_peer(pbft, fetch.round[0]);
    col_writer writer = col_writer_of(pbft->scratch, pbft->scratch_bytes);
    col_fetch_write(&writer, &fetch);
    const col_bytes body = {pbft->scratch, col_writer_used(&writer)};
    col_pbft_send_numbered(pbft, COL_FETCH, body, 1u << pbft->fetch_peer);
    pbft->figures.fetch_sent++;
}

/// The seals of a commit certificate; none when fewer than q are kept.
static void collect_seals(const col_pbft *pbft, const col_slot *slot, col_fetched *fetched) {
    const uint32_t set = col_votes_for(&slot->commits, &slot->decided_value) & slot->sealed;
    if ((uint32_t)__builtin_popcount(set) < pbft->quorum) return;
    for (uint32_t r = 0; r < pbft->options.replicas && fetched->seals < pbft->quorum; r++) {
        if (!(set >> r & 1)) continue;
        fetched->seal[fetched->seals].sender = r;
        fetched->seal[fetched->seals++].seal = col_slot_seal(&pbft->slots, slot, r);
    }
}

/// The slot whose value covers `round`, or NULL when nothing is known of it.
static const col_slot *slot_to_serve(const col_pbft *pbft, uint64_t round) {
    const col_slot *slot = col_slots_find(&pbft->slots, round);
    if (slot == NULL) return NULL;
    if (slot->committed) return col_slots_find(&pbft->slots, slot->committed_start);
    return slot;
}

static bool serve(col_pbft *pbft, const col_slot *slot, uint32_t peer) {
    const col_value *value = col_slot_wanted(slot);
    if (value == NULL || !col_slot_has_body(slot, value)) return false;
    col_fetched fetched = {
        .sequence = col_sequence_of(slot->round, pbft->options.pillar, pbft->options.pillars),
        .run = value->run,
        .view = pbft->view,
        .digest = value->digest,
    };
    if (value->run == 0) fetched.batch = (col_bytes){slot->bytes, slot->length};
    if (slot->committed) collect_seals(pbft, slot, &fetched);
    if (value->run > 0 && fetched.seals == 0) return false;  // no body, no certificate: no news

    col_writer writer = col_writer_of(pbft->scratch, pbft->scratch_bytes);
    col_fetched_write(&writer, &fetched);
    COL_ASSERT(!writer.failed);
    const col_bytes body = {pbft->scratch, col_writer_used(&writer)};
    col_pbft_send_numbered(pbft, COL_FETCHED, body, 1u << peer);
    pbft->peer[peer].served_bytes += body.length;
    pbft->figures.fetched_served++;
    return true;
}

col_drop col_pbft_on_fetch(col_pbft *pbft, const col_verified *verified) {
    const uint32_t sender = verified->message.header.sender;
    col_fetch fetch;
    if (!col_fetch_read(verified->message.bytes, &fetch)) return COL_DROP_MALFORMED;
    col_pbft_peer *peer = &pbft->peer[sender];
    if (pbft->now_ns - peer->served_ns >= pbft->options.status_interval_ns) {
        peer->served_ns = pbft->now_ns;
        peer->served_bytes = 0;
    }
    uint32_t served = 0;
    const col_slot *last = NULL;
    for (uint16_t i = 0; i < fetch.count; i++) {
        if (peer->served_bytes >= SERVED_BYTES_MAX) return COL_DROP_RATE_LIMITED;
        const col_slot *slot = slot_to_serve(pbft, fetch.round[i]);
        if (slot == NULL || slot == last) continue;  // one answer covers all rounds of a null run
        served += serve(pbft, slot, sender);
        last = slot;
    }
    return served > 0 ? COL_DROP_NONE : COL_DROP_NOT_COLLECTED;
}
