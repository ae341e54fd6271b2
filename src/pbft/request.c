// SPDX-License-Identifier: Apache-2.0
// All that a REQUEST does when it arrives from a client: wait in its session's order, or be
// answered.
#include "src/base/scheme.h"
#include "src/pbft/internal.h"
#include "src/wire/join.h"

static void send_busy(col_pbft *pbft, const col_session_view *session, col_busy_reason reason,
                      uint64_t value) {
    const col_busy busy = {session->client, session->id, (uint8_t)reason, value};
    col_writer writer = col_writer_of(pbft->scratch, pbft->scratch_bytes);
    col_busy_write(&writer, &busy);
    const col_header header = {
        .type = COL_BUSY,
        .pillar = (uint8_t)pbft->options.pillar,
        .view = pbft->options.incarnation,
        .sequence = ++pbft->counter,
    };
    const col_pbft_sink *sink = &pbft->options.sink;
    sink->send_client(sink->context, &header, (col_bytes){pbft->scratch, col_writer_used(&writer)},
                      session->reply_to);
}

/// Ask the client for the first number that a later one waits for, once per gap.
static void ask_for_missing(col_pbft *pbft, col_session_view *session) {
    if (!col_pbft_is_primary(pbft) || session->asked == session->next) return;
    session->asked = session->next;
    send_busy(pbft, session, COL_BUSY_MISSING, session->next);
}

static bool has_macs(col_seal seal) {
    col_seal_view view;
    return col_seal_read(seal, &view) && view.scheme == COL_SCHEME_HMAC;
}

/// This replica would not propose a MAC of the client, for backups could not verify others.
static bool must_be_signed(const col_pbft *pbft, const col_verified *verified) {
    const uint32_t client = verified->message.header.sender;
    return pbft->now_ns < pbft->pendings.client[client].flagged_until_ns &&
           has_macs(verified->seal);
}

/// The request of that number that waits in the session, NULL for none.
static col_pending *waiting_request(const col_pbft *pbft, const col_session_view *session,
                                    uint64_t number) {
    const uint32_t index = session->waiting[number % pbft->pendings.ahead];
    if (index == COL_PENDING_NONE) return NULL;
    col_pending *pending = &pbft->pendings.pending[index];
    return pending->number == number ? pending : NULL;
}

bool col_pbft_knows(const col_pbft *pbft, const col_message *message) {
    // The bytes of an opening may read as a request's.
    if (message->header.type != COL_REQUEST) return false;
    col_request request;
    if (!col_request_read(message->bytes, &request)) return false;
    const col_session_view *session = col_pendings_session(&pbft->pendings, request.session);
    if (session == NULL) return request.session < pbft->pendings.sessions_end;
    if (request.number <= session->last) return true;
    const col_pending *waiting = waiting_request(pbft, session, request.number);
    return waiting != NULL && col_digest_equal(&waiting->header.digest, &message->header.digest);
}

col_drop col_request_check(const col_header *header, const col_request *request, uint32_t pillars,
                           uint32_t operation_bytes_max) {
    if (request->client != header->sender || request->number != header->sequence ||
        request->pillar != header->pillar || request->flags != 0) {
        return COL_DROP_MALFORMED;
    }
    if (request->session % pillars != header->pillar) return COL_DROP_WRONG_PILLAR;
    return request->operation.length > operation_bytes_max ? COL_DROP_OVERSIZED : COL_DROP_NONE;
}

/// A signature convinces every replica of what waits to be proposed with MACs.
static col_drop take_signed(col_pbft *pbft, const col_session_view *session, uint64_t number,
                            const col_verified *verified) {
    col_pending *waiting = waiting_request(pbft, session, number);
    if (waiting == NULL || waiting->proposed || has_macs(verified->seal) ||
        !has_macs((col_seal){waiting->seal, waiting->seal_length}) ||
        !col_digest_equal(&waiting->header.digest, &verified->message.header.digest)) {
        return COL_DROP_REPEATED;
    }
    col_pendings_reseal(waiting, verified);
    return COL_DROP_NONE;
}

/// Keep a request in its session's place and queue it when its turn has come.
static col_drop keep_request(col_pbft *pbft, const col_verified *verified,
                             col_session_view *session, uint64_t number) {
    uint32_t *place = &session->waiting[number % pbft->pendings.ahead];
    // Clients ask again, and ask backups, only when an answer is overdue: something may be missing
    // here, be it what the session did meanwhile.
    const bool again = *place != COL_PENDING_NONE;
    pbft->stirs += again || !col_pbft_is_primary(pbft);
    if (again) return take_signed(pbft, session, number, verified);
    *place = col_pendings_keep(&pbft->pendings, verified, session->id, number);
    if (*place == COL_PENDING_NONE) return COL_DROP_QUEUE_FULL;
    pbft->news |= col_client_bit(session->client);  // a batch with a bad MAC may wait for this copy
    if (number == session->next) {
        col_pendings_queue_session(&pbft->pendings, session);
    } else if (number > session->next) {
        ask_for_missing(pbft, session);
    }
    return COL_DROP_NONE;
}

col_drop col_pbft_on_request(col_pbft *pbft, const col_verified *verified) {
    const col_pbft_sink *sink = &pbft->options.sink;
    col_request request;
    if (!col_request_read(verified->message.bytes, &request)) return COL_DROP_MALFORMED;
    const col_drop drop =
        col_request_check(&verified->message.header, &request, pbft->options.pillars,
                          pbft->options.operation_bytes_max);
    if (drop != COL_DROP_NONE) return drop;

    col_session_view *session = col_pendings_session(&pbft->pendings, request.session);
    if (session == NULL) {
        // Below the end it was there and is gone; above, it may not have been executed here yet.
        if (request.session < pbft->pendings.sessions_end) {
            sink->answer(sink->context, &request);
            return COL_DROP_NO_SESSION;
        }
        pbft->stirs++;  // f+1 replicas have executed more than this one
        return col_pendings_keep_early(&pbft->pendings, verified, request.session, request.number);
    }
    if (session->client != request.client) return COL_DROP_NO_SESSION;
    if (request.number <= session->last) {
        sink->answer(sink->context, &request);
        return COL_DROP_EXECUTED;
    }
    if (request.number - session->last > pbft->pendings.ahead) return COL_DROP_TOO_FAR;
    if (must_be_signed(pbft, verified)) {
        if (col_pbft_is_primary(pbft)) send_busy(pbft, session, COL_BUSY_SIGN, request.number);
        return COL_DROP_BAD_MAC;
    }
    return keep_request(pbft, verified, session, request.number);
}
