// SPDX-License-Identifier: Apache-2.0
#include "pillars/sources.h"

#include <stddef.h>

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

/// Whether `a` is the better one to forget: nobody, then the useless, then the longest unseen.
static bool worth_less(const col_source *a, const col_source *b) {
    if (a->used != b->used) return !a->used;
    if (a->useful != b->useful) return !a->useful;
    return a->seen_ns < b->seen_ns;
}

/// A place for a new source. @return NULL when it would push out a useful one and is not itself
static col_source *enter(col_sources *sources, col_endpoint from, bool useful) {
    col_source *set = set_of(sources, from);
    col_source *place = &set[0];
    for (uint32_t way = 1; way < COL_SOURCE_WAYS; way++) {
        if (worth_less(&set[way], place)) place = &set[way];
    }
    if (place->useful && !useful) return NULL;
    *place = (col_source){.from = from, .used = true};
    return place;
}

/// @param burst wasted datagrams that a full budget holds, half of them for expected ones
static bool has_budget(uint64_t overdue_ns, uint64_t burst, uint64_t each_ns, bool expected,
                       uint64_t now_ns) {
    return overdue_ns < now_ns + (expected ? burst : burst / 2) * each_ns;
}

static void charge(uint64_t *overdue_ns, uint64_t each_ns, uint64_t now_ns) {
    *overdue_ns = (*overdue_ns > now_ns ? *overdue_ns : now_ns) + each_ns;
}

void col_sources_init(col_sources *sources, uint64_t salt) {
    sources->salt = salt;
}

/// Does its own budget, and not the strangers', count for such a datagram?
static bool has_record(const col_source *source, bool expected, uint64_t now_ns) {
    return source != NULL && source->useful && (expected || now_ns >= source->forged_ns);
}

bool col_sources_admit(const col_sources *sources, col_endpoint from, bool expected,
                       uint64_t now_ns) {
    const col_source *source = find(sources, from);
    if (has_record(source, expected, now_ns)) {
        return has_budget(source->overdue_ns, COL_WASTE_BURST, COL_WASTE_NS, expected, now_ns);
    }
    if (source != NULL && !source->useful &&
        !has_budget(source->overdue_ns, COL_STRANGER_WASTE_BURST, COL_STRANGER_WASTE_NS, expected,
                    now_ns)) {
        return false;
    }
    return has_budget(sources->strangers_overdue_ns, COL_WASTE_BURST, COL_WASTE_NS, expected,
                      now_ns);
}

void col_sources_useful(col_sources *sources, col_endpoint from, uint64_t now_ns) {
    col_source *source = find(sources, from);
    if (source == NULL) source = enter(sources, from, true);
    if (!source->useful) source->overdue_ns = 0;  // what was wasted in its name is not its own
    source->useful = true;
    source->seen_ns = now_ns;
}

void col_sources_wasted(col_sources *sources, col_endpoint from, bool expected, bool forged,
                        uint64_t now_ns) {
    col_source *source = find(sources, from);
    if (source == NULL) source = enter(sources, from, false);
    const bool own = has_record(source, expected, now_ns);  // the budget that admitted it
    if (source != NULL && forged && !expected) source->forged_ns = now_ns + COL_FORGED_NS;
    if (own) {
        charge(&source->overdue_ns, COL_WASTE_NS, now_ns);
        return;
    }
    charge(&sources->strangers_overdue_ns, COL_WASTE_NS, now_ns);
    if (source == NULL || source->useful) return;
    charge(&source->overdue_ns, COL_STRANGER_WASTE_NS, now_ns);
    source->seen_ns = now_ns;
}
