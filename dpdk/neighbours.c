// SPDX-License-Identifier: Apache-2.0
#include "dpdk/neighbours.h"

#include "src/base/assert.h"

static_assert(COL_NEIGHBOUR_SETS == 64, "set_of takes 6 bits");

static col_neighbour *set_of(col_neighbours *neighbours, uint32_t address) {
    // Fibonacci hashing spreads the consecutive addresses of a subnet evenly.
    return neighbours->entry[address * UINT32_C(0x9e3779b1) >> 26];
}

static col_neighbour *entry_of(col_neighbour *set, uint32_t address) {
    for (uint32_t way = 0; way < COL_NEIGHBOUR_WAYS; way++) {
        if (set[way].address == address) return &set[way];
    }
    return NULL;
}

/// Whether `a` is the better one to give up: unknown before known, then longest unused.
static bool worth_less(const col_neighbour *a, const col_neighbour *b) {
    if (a->known != b->known) return !a->known;
    return a->used_ns < b->used_ns;
}

static col_neighbour *enter_address(col_neighbour *set, uint32_t address) {
    col_neighbour *victim = entry_of(set, 0);
    if (victim == NULL) {
        victim = &set[0];
        for (uint32_t way = 1; way < COL_NEIGHBOUR_WAYS; way++) {
            if (worth_less(&set[way], victim)) victim = &set[way];
        }
    }
    *victim = (col_neighbour){.address = address};
    return victim;
}

/// @return whether it is time to ask, which then happened
static bool asks_now(col_neighbour *entry, uint64_t now_ns) {
    const bool sure = entry->known && entry->doubted_ns == 0;
    if (sure && now_ns - entry->learned_ns < COL_NEIGHBOUR_REFRESH_NS) return false;
    if (entry->asked_ns != 0 && now_ns - entry->asked_ns < COL_NEIGHBOUR_ASK_NS) return false;
    entry->asked_ns = now_ns;
    return true;
}

bool col_neighbours_find(col_neighbours *neighbours, uint32_t address, uint64_t now_ns,
                         col_mac *mac, bool *ask) {
    COL_ASSERT(address != 0);
    col_neighbour *set = set_of(neighbours, address);
    col_neighbour *entry = entry_of(set, address);
    if (entry == NULL) entry = enter_address(set, address);

    entry->used_ns = now_ns;
    *ask = asks_now(entry, now_ns);
    *mac = entry->mac;
    return entry->known;
}

static bool is_gone(const col_neighbour *entry, uint64_t now_ns) {
    return entry->doubted_ns != 0 && now_ns - entry->doubted_ns >= COL_NEIGHBOUR_DOUBT_NS;
}

col_drop col_neighbours_learn(col_neighbours *neighbours, uint32_t address, const col_mac *mac,
                              bool enter, uint64_t now_ns, bool *ask) {
    COL_ASSERT(address != 0);
    col_neighbour *set = set_of(neighbours, address);
    col_neighbour *entry = entry_of(set, address);
    *ask = false;
    if (entry == NULL) {
        if (!enter) return COL_DROP_NOT_OURS;
        entry = enter_address(set, address);
        entry->used_ns = now_ns;
    }
    const bool same = memcmp(&entry->mac, mac, sizeof *mac) == 0;
    if (entry->known && !same && !is_gone(entry, now_ns)) {
        if (entry->doubted_ns == 0) entry->doubted_ns = now_ns;
        *ask = asks_now(entry, now_ns);
        return COL_DROP_CONFLICTING;
    }
    entry->known = true;
    entry->mac = *mac;
    entry->learned_ns = now_ns;
    entry->doubted_ns = 0;
    return COL_DROP_NONE;
}
