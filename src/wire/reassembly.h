// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/hasher.h"
#include "src/wire/message.h"

/// Puts large messages together from verified fragments.
///
/// A message is keyed by all fields of its header but the fragment's index. Each replica has a
/// fixed number of places, so that none can take another's; its oldest incomplete message makes
/// room. Clients share as many: the oldest of the client that has most makes room. Fragments of
/// repeated sends accumulate.
typedef struct col_reassembly col_reassembly;

/// @param senders replicas; clients share `places` places of one further sender
/// @param places messages that one sender may have incomplete at once, 1 .. 64
/// @param message_bytes largest body, 1 .. COL_MESSAGE_BYTES_MAX
col_reassembly *col_reassembly_create(col_arena *arena, uint32_t senders, uint32_t places,
                                      uint32_t message_bytes);

/// Address space that col_reassembly_create takes from the arena.
size_t col_reassembly_footprint(uint32_t senders, uint32_t places, uint32_t message_bytes);

/// Add one verified fragment (header.fragments >= 2).
///
/// @param whole out, when the message is complete: header of fragment 0 with fragments kept, the
///              whole body, and fragment 0's seal and digest; borrowed until the next call
/// @param complete out
/// @return COL_DROP_NONE, _REPEATED (this fragment is there), _OVERSIZED,
///         _QUEUE_FULL (it is kept, for an incomplete message of a sender that had no more of them
///         than this one has now: one was lost for another),
///         _MALFORMED (empty, a count out of its range, or fragments of unequal size where only the
///         last may be shorter: then the message is forgotten),
///         _BAD_DIGEST (complete, but the body is not what the header names: it is forgotten)
col_drop col_reassembly_add(col_reassembly *reassembly, const col_hasher *hasher,
                            const col_verified *fragment, col_verified *whole, bool *complete);
