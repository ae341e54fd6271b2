// SPDX-License-Identifier: Apache-2.0
#include "pillars/sources.h"

#include <stddef.h>

#include "src/base/debt.h"

static col_source *set_of(const col_sources *sources, col_endpoint from) {
    uint64_t key = ((uint64_t)from.address << 16 | from.port) ^ sources->salt;
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);  // the finalizer of splitmix64
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (col_source *)sources->source[(key ^ (key >> 31)) % COL_SOURCE_SETS];
}

static col_source *find(const col_sources *sources, col_endpoint from) {
    col_source *set = set_of(sources, from);
    for (uint32_t way = 0; way < COL_SOURCE_WAYS; way++) {
        const col_source *source = &set[way];
        if (source->used && source->from.address == from.address &&
            source->from.port == from.port) {
            return &set[way];
        }
    }
    return NULL;
}

/// The record of a source that was useful, or NULL. Nobody is answered at port 0.
static col_source *find_useful(const col_sources *sources, col_endpoint from) {
    return from.port == 0 ? NULL : find(sources, from);
}

/// Strangers count by their addresses: one could use every port.
static col_endpoint host_of(col_endpoint from) {
    return (col_endpoint){.address = from.address};
}

static bool is_useful(const col_source *source) {
    return source->from.port != 0;
}

/// Whether `a` is the better one to forget: nobody, then the useless, then the longest unseen.
static bool worth_less(const col_source *a, const col_source *b) {
    if (a->used != b->used) return !a->used;
    if (is_useful(a) != is_useful(b)) return !is_useful(a);
    return a->seen_ns < b->seen_ns;
}

/// A place for a new source. @return NULL when it would push out a useful one and is not itself
static col_source *enter(col_sources *sources, col_endpoint from) {
    col_source *set = set_of(sources, from);
    col_source *place = &set[0];
    for (uint32_t way = 1; way < COL_SOURCE_WAYS; way++) {
        if (worth_less(&set[way], place)) place = &set[way];
    }
    if (is_useful(place) && from.port == 0) return NULL;
    *place = (col_source){.from = from, .used = true};
    return place;
}

/// @param burst wasted datagrams that a full budget holds, half of them for expected ones
static bool has_budget(uint64_t overdue_ns, uint64_t burst, uint64_t each_ns, bool expected,
                       uint64_t now_ns) {
    const uint64_t room_ns = (expected ? burst : burst / 2) * each_ns;
    return !col_debt_is_above(overdue_ns, room_ns - 1, now_ns);
}

void col_sources_init(col_sources *sources, uint64_t salt) {
    sources->salt = salt;
}

col_waste_budget col_sources_admit(const col_sources *sources, col_endpoint from, bool expected,
                                   uint64_t now_ns) {
    const col_source *source = find_useful(sources, from);
    if (source != NULL && (expected || now_ns >= source->forged_ns)) {
        const bool has =
            has_budget(source->overdue_ns, COL_WASTE_BURST, COL_WASTE_NS, expected, now_ns);
        return has ? COL_WASTE_OWN : COL_WASTE_REFUSED;
    }
    const col_source *host = source == NULL ? find(sources, host_of(from)) : NULL;
    if (host != NULL && !has_budget(host->overdue_ns, COL_STRANGER_WASTE_BURST,
                                    COL_STRANGER_WASTE_NS, expected, now_ns)) {
        return COL_WASTE_REFUSED;
    }
    const bool has =
        has_budget(sources->strangers_overdue_ns, COL_WASTE_BURST, COL_WASTE_NS, expected, now_ns);
    return has ? COL_WASTE_STRANGERS : COL_WASTE_REFUSED;
}

void col_sources_useful(col_sources *sources, col_endpoint from, uint64_t now_ns) {
    if (from.port == 0) return;
    col_source *source = find(sources, from);
    if (source == NULL) source = enter(sources, from);
    source->seen_ns = now_ns;
}

void col_sources_wasted(col_sources *sources, col_endpoint from, col_waste_budget budget,
                        bool forged, uint64_t now_ns) {
    if (budget == COL_WASTE_STRANGERS) {
        col_debt_add(&sources->strangers_overdue_ns, COL_WASTE_NS, now_ns);
    }
    col_source *source = find_useful(sources, from);
    if (source != NULL) {
        if (forged) source->forged_ns = now_ns + COL_FORGED_NS;
        if (budget == COL_WASTE_OWN) col_debt_add(&source->overdue_ns, COL_WASTE_NS, now_ns);
        return;
    }
    col_source *host = find(sources, host_of(from));
    if (host == NULL) host = enter(sources, host_of(from));
    if (host == NULL) return;
    col_debt_add(&host->overdue_ns, COL_STRANGER_WASTE_NS, now_ns);
    host->seen_ns = now_ns;
}
