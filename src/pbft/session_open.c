// SPDX-License-Identifier: Apache-2.0
// All that a SESSION-OPEN does when it arrives from a client: wait to be ordered, or be answered.
#include "src/base/debt.h"
#include "src/pbft/internal.h"

col_drop col_session_open_check(const col_header *header, const col_session_open *open) {
    const bool same = open->client == header->sender && open->pillar == header->pillar &&
                      open->nonce == header->sequence;
    return same ? COL_DROP_NONE : COL_DROP_MALFORMED;
}

/// Count an opening, if the client has not opened too many of late.
static bool may_open(col_client_view *client, uint64_t now_ns) {
    const uint64_t most_ns = (COL_OPEN_BURST - 1) * COL_OPEN_NS;
    if (col_debt_is_above(client->opened_ns, most_ns, now_ns)) return false;
    col_debt_add(&client->opened_ns, COL_OPEN_NS, now_ns);
    return true;
}

col_drop col_pbft_on_session_open(col_pbft *pbft, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    const col_pbft_sink *sink = &pbft->options.sink;
    col_session_open open;
    if (!col_session_open_read(verified->message.bytes, &open)) return COL_DROP_MALFORMED;
    const col_drop drop = col_session_open_check(header, &open);
    if (drop != COL_DROP_NONE) return drop;
    col_client_view *client = &pbft->pendings.client[open.client];
    if (open.nonce <= client->nonce) {
        sink->answer_open(sink->context, &open);
        return COL_DROP_EXECUTED;
    }
    // Its execution would refuse it and leave it as new as before: whoever repeats it would keep
    // the client's place for ever.
    if (open.nonce > pbft->wall_ns + pbft->options.time_ahead_max_ns) {
        sink->answer_open(sink->context, &open);
        return COL_DROP_TIME_AHEAD;
    }
    // One at a time: a client that opens several waits for each.
    if (client->waiting != COL_PENDING_NONE) {
        pbft->stirs++;
        return COL_DROP_REPEATED;
    }
    if (!may_open(client, pbft->now_ns)) return COL_DROP_RATE_LIMITED;
    client->waiting = col_pendings_keep(&pbft->pendings, verified, open.client, open.nonce);
    if (client->waiting == COL_PENDING_NONE) return COL_DROP_QUEUE_FULL;
    col_pendings_queue(&pbft->pendings, client->waiting);
    return COL_DROP_NONE;
}
