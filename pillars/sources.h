// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/limits.h"

/// Who sent what was worth its cost: bounds what a pillar hashes and verifies in vain.
///
/// A datagram is wasted when it had to be hashed and verified, and nothing of it was used. Each
/// source (IPv4 address and port) has a budget of waste that refills with time; addresses from
/// where nothing useful came yet have a small one, and share another. Useful datagrams cost
/// nothing. So one source of garbage stops itself, and any number of made-up ones stop each other
/// and whoever comes for the first time meanwhile, but no source that was useful before.
///
/// Half of every budget is kept for what the pillar expects: the slots of its window, the next
/// numbers of a session, what a peer numbers. An attacker that does not see the traffic hardly ever
/// names them. Where something unexpected has a bad signature, somebody forges the address: for a
/// while all that is unexpected from there counts as strangers', so that forging many addresses
/// gains little, and what is expected from there has its budget for itself. Whoever sees the
/// traffic can overdraw that, too: the address loses what arrives meanwhile.
///
/// A burst is admitted before its verdicts are known, so that budgets are overdrawn by a burst of
/// waste at most: 2.4 s after the last waste, each has room again.
///
/// Pure, fixed memory. Thread: the pillar's.

/// Remembered sources: sets of 4.
#define COL_SOURCE_SETS 256
#define COL_SOURCE_WAYS 4

typedef struct {
    col_endpoint from;    ///< something from there was used; port 0: a stranger's address
    bool used;            ///< the place holds a source
    uint64_t seen_ns;     ///< when it was last useful, or last wasteful
    uint64_t overdue_ns;  ///< its waste is paid off at this time
    uint64_t forged_ns;   ///< until then, what is unexpected from here counts as strangers'
} col_source;

typedef enum {
    COL_WASTE_REFUSED,  ///< not admitted
    COL_WASTE_OWN,
    COL_WASTE_STRANGERS,
} col_waste_budget;

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
/// @return the budget that bears it if it is in vain
col_waste_budget col_sources_admit(const col_sources *sources, col_endpoint from, bool expected,
                                   uint64_t now_ns);

/// Something of an admitted datagram was used.
void col_sources_useful(col_sources *sources, col_endpoint from, uint64_t now_ns);

/// An admitted datagram was hashed and verified in vain.
/// @param budget as when it was admitted
/// @param forged it was not expected, and its digest, proof or signature was bad
void col_sources_wasted(col_sources *sources, col_endpoint from, col_waste_budget budget,
                        bool forged, uint64_t now_ns);
