// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/limits.h"

/// Who sent what was worth its cost: bounds what a pillar hashes and verifies in vain.
///
/// A datagram is wasted when it had to be hashed and verified, and nothing of it was used. Each
/// source (IPv4 address and port) has a budget of waste that refills with time; sources that never
/// sent anything useful have a small one, and share another. Useful datagrams cost nothing. So one
/// source of garbage stops itself, any number of made-up ones stop each other, and neither stops a
/// source that was useful before.
///
/// Half of every budget is kept for what the pillar expects: the slots of its window, the next
/// numbers of a session. An attacker that does not see the traffic hardly ever names them. Where
/// something unexpected has a bad signature, somebody forges the address: for a while all that is
/// unexpected from there counts as strangers', so that forging many addresses gains nothing, and
/// what is expected from there has its budget for itself. Whoever sees the traffic can overdraw
/// that, too: the address loses what arrives meanwhile, and is never refused for longer than half a
/// budget and a burst of waste are worth, 2.4 s, after the forgery ends.
///
/// Pure, fixed memory. Thread: the pillar's.

/// Remembered sources: sets of 4.
#define COL_SOURCE_SETS 256
#define COL_SOURCE_WAYS 4

typedef struct {
    col_endpoint from;
    bool used;            ///< the place holds a source
    bool useful;          ///< something that it sent was used
    uint64_t seen_ns;     ///< when it was last useful, or last wasteful
    uint64_t overdue_ns;  ///< its waste is paid off at this time
    uint64_t forged_ns;   ///< until then, what is unexpected from here counts as strangers'
} col_source;

typedef struct {
    uint64_t salt;  ///< of the sets, so that nobody can aim at one
    uint64_t strangers_overdue_ns;
    col_source source[COL_SOURCE_SETS][COL_SOURCE_WAYS];
} col_sources;

/// @param sources zeroed memory
/// @param salt secret from the senders
void col_sources_init(col_sources *sources, uint64_t salt);

/// May a datagram of `from` be hashed and verified now?
/// @param expected the pillar waits for such a message
bool col_sources_admit(const col_sources *sources, col_endpoint from, bool expected,
                       uint64_t now_ns);

/// Something of an admitted datagram was used.
void col_sources_useful(col_sources *sources, col_endpoint from, uint64_t now_ns);

/// An admitted datagram was hashed and verified in vain.
/// @param expected as when it was admitted
/// @param forged   its digest, proof or signature was bad
void col_sources_wasted(col_sources *sources, col_endpoint from, bool expected, bool forged,
                        uint64_t now_ns);
