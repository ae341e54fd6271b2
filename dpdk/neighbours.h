// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dpdk/frame.h"

/// Which station has which IPv4 address, as far as ARP told. Bounded, pure: the caller sends the
/// requests. One thread owns a table.

/// 64 sets of 8: room for two /24 subnets, found with at most 8 comparisons.
#define COL_NEIGHBOUR_SETS 64
#define COL_NEIGHBOUR_WAYS 8

/// A station that does not answer is asked at most this often.
#define COL_NEIGHBOUR_ASK_NS UINT64_C(100000000)
/// A station in use is asked again after this time: it may have moved to another link address.
#define COL_NEIGHBOUR_REFRESH_NS UINT64_C(30000000000)
/// A known station that another one claims to be is believed gone after it was asked for this long
/// and did not answer. Longer than a replica is ever kept from its core.
#define COL_NEIGHBOUR_DOUBT_NS UINT64_C(5000000000)

typedef struct {
    uint32_t address;  ///< 0: free
    bool known;        ///< `mac` is valid
    col_mac mac;
    uint64_t used_ns;     ///< last looked up or learned
    uint64_t learned_ns;  ///< when `mac` was last confirmed
    uint64_t asked_ns;    ///< last, 0 for never
    uint64_t doubted_ns;  ///< asked since then because of another's claim, 0 for no doubt
} col_neighbour;

/// Zero-initialised: empty.
typedef struct {
    col_neighbour entry[COL_NEIGHBOUR_SETS][COL_NEIGHBOUR_WAYS];
} col_neighbours;

/// Find the station of `address` (not 0). An address that is not in the table is entered as
/// unknown, in place of an unknown one of its set if the set is full, else of the one used longest
/// ago.
/// @param mac out: valid when the result is true; it may be up for a refresh
/// @param ask out: the caller sends an ARP request for `address` now
/// @return whether the station is known
bool col_neighbours_find(col_neighbours *neighbours, uint32_t address, uint64_t now_ns,
                         col_mac *mac, bool *ask);

/// Take in what an ARP packet says. Anybody can say anything: a known station keeps its address as
/// long as it answers, whoever else claims it (RFC 826 would believe the last one that spoke, and
/// one liar could cut a replica off).
/// @param enter whether an address that is not in the table is entered: true when the station asked
///              for us; false for answers, which count only for addresses that we look for
/// @param ask out: the caller sends an ARP request for `address` now
/// @return COL_DROP_NONE, _NOT_OURS (nobody looks for this address), _CONFLICTING (another station
///         has it)
col_drop col_neighbours_learn(col_neighbours *neighbours, uint32_t address, const col_mac *mac,
                              bool enter, uint64_t now_ns, bool *ask);
