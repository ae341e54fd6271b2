// SPDX-License-Identifier: Apache-2.0
// What can be said of a message before it costs a hash: the handlers' own checks, as far as they
// need only what stands in the clear. Changes nothing: whoever sent it is not known yet.
#include "src/pbft/internal.h"

static bool is_repeated(const col_slot *slot, const col_header *header) {
    switch ((col_type)header->type) {
        case COL_PRE_PREPARE:
            return slot->proposed != 0;
        case COL_PREPARE:
            return slot->prepares.voted >> header->sender & 1;
        case COL_COMMIT:
            return slot->commits.voted >> header->sender & 1;
        default:
            return slot->committed;
    }
}

static col_drop expect_for_slot(const col_pbft *pbft, const col_header *header, bool *expected) {
    const uint64_t round = col_pbft_round(pbft, header);
    if (round == 0) return COL_DROP_WRONG_PILLAR;
    if (header->view != pbft->view) return COL_DROP_OTHER_VIEW;
    const bool of_primary = header->sender == col_pbft_primary(pbft);
    if (header->type == COL_PREPARE && of_primary) return COL_DROP_FROM_PRIMARY;
    const bool proposes = header->type == COL_PRE_PREPARE || header->type == COL_BATCH;
    if (proposes && !of_primary) return COL_DROP_NOT_PRIMARY;
    if (round <= col_pbft_stable_round(pbft)) return COL_DROP_OUTSIDE_WINDOW;
    if (!col_pbft_in_window(pbft, round)) return COL_DROP_NONE;  // tells that we are behind

    const col_slot *slot = col_slots_find(&pbft->slots, round);
    if (slot != NULL && is_repeated(slot, header)) return COL_DROP_REPEATED;
    if (slot != NULL && col_pbft_is_late(slot, header)) return COL_DROP_LATE;
    *expected = true;
    return COL_DROP_NONE;
}

/// Nobody guesses a peer's incarnation.
static bool is_of_known_incarnation(const col_pbft *pbft, const col_header *header) {
    return header->view != 0 && header->view == pbft->peer[header->sender].incarnation;
}

static col_drop expect_numbered(const col_pbft *pbft, const col_header *header, bool *expected) {
    const col_pbft_peer *peer = &pbft->peer[header->sender];
    if (header->view > peer->incarnation) return COL_DROP_NONE;
    const bool known = is_of_known_incarnation(pbft, header);
    *expected = known && header->sequence > peer->counter[header->type];
    return *expected ? COL_DROP_NONE : COL_DROP_STALE;
}

static col_drop expect_of_replica(const col_pbft *pbft, const col_header *header, bool *expected) {
    if (header->sender >= pbft->options.replicas) return COL_DROP_UNKNOWN_SENDER;
    if (header->sender == pbft->options.self) return COL_DROP_REPEATED;
    switch (header->type) {
        case COL_BATCH:
        case COL_PRE_PREPARE:
        case COL_PREPARE:
        case COL_COMMIT:
            return expect_for_slot(pbft, header, expected);
        case COL_STATUS:
        case COL_FETCH:
            return expect_numbered(pbft, header, expected);
        case COL_FETCHED:
            *expected = is_of_known_incarnation(pbft, header);
            return COL_DROP_NONE;
        default:
            return COL_DROP_UNKNOWN_TYPE;
    }
}

static col_drop expect_request(const col_pbft *pbft, const col_message *message, bool *expected) {
    col_request request;
    if (message->header.fragments > 1) return COL_DROP_NONE;
    if (!col_request_read(message->bytes, &request)) return COL_DROP_MALFORMED;
    const col_drop drop = col_request_check(&message->header, &request, pbft->options.pillars,
                                            pbft->options.operation_bytes_max);
    if (drop != COL_DROP_NONE) return drop;
    const col_session_view *session = col_pendings_session(&pbft->pendings, request.session);
    if (session == NULL) return COL_DROP_NONE;  // to be opened soon, or to be told that it is gone
    if (session->client != request.client) return COL_DROP_NO_SESSION;
    if (request.number <= session->last) return COL_DROP_NONE;  // answered from the table
    const uint32_t ahead = pbft->pendings.ahead;
    if (request.number - session->last > ahead) return COL_DROP_TOO_FAR;
    *expected = session->waiting[request.number % ahead] == COL_PENDING_NONE;
    return COL_DROP_NONE;
}

col_drop col_pbft_expect(const col_pbft *pbft, const col_message *message, bool *expected) {
    const col_header *header = &message->header;
    *expected = false;
    if (header->pillar != pbft->options.pillar) return COL_DROP_WRONG_PILLAR;
    if (header->role == COL_ROLE_REPLICA) return expect_of_replica(pbft, header, expected);
    if (header->type == COL_REQUEST) return expect_request(pbft, message, expected);
    return header->type == COL_SESSION_OPEN ? COL_DROP_NONE : COL_DROP_UNKNOWN_TYPE;
}
