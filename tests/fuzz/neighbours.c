// SPDX-License-Identifier: Apache-2.0
// The neighbour table: whoever is known has the link address that was told last, and no station is
// asked more often than agreed.
#include "dpdk/neighbours.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESSES 32

typedef struct {
    bool told;
    col_mac mac;
    bool asked;
    uint64_t asked_ns;
} told_address;

typedef struct {
    col_neighbours table;
    told_address told[ADDRESSES];
    uint64_t now_ns;
} scene;

/// Addresses that share few sets of the table, so that they push each other out.
static uint32_t address_of(uint32_t i) {
    static uint32_t address[ADDRESSES];
    for (uint32_t at = 1, found = address[0] ? ADDRESSES : 0; found < ADDRESSES; at++) {
        if (at * UINT32_C(0x9e3779b1) >> 28 == 3) address[found++] = at;
    }
    return address[i];
}

static void find(scene *s, uint32_t i) {
    told_address *told = &s->told[i];
    col_mac mac;
    bool ask;
    const bool known = col_neighbours_find(&s->table, address_of(i), s->now_ns, &mac, &ask);
    if (known) {
        COL_ASSERT(told->told);
        COL_ASSERT(memcmp(&mac, &told->mac, sizeof mac) == 0);
    }
    // An unknown station may be forgotten and entered anew, so only the known ones are counted.
    if (known && ask && told->asked) COL_ASSERT(s->now_ns - told->asked_ns >= COL_NEIGHBOUR_ASK_NS);
    if (!known) told->asked = false;
    if (known && ask) {
        told->asked = true;
        told->asked_ns = s->now_ns;
    }
}

static void learn(scene *s, uint32_t i, uint8_t station, bool enter) {
    told_address *told = &s->told[i];
    told->told = true;
    told->asked = false;
    told->mac = (col_mac){{2, 0, 0, 0, 0, station}};
    col_neighbours_learn(&s->table, address_of(i), &told->mac, enter, s->now_ns);
    if (!enter) return;
    col_mac mac;
    bool ask;
    COL_ASSERT(col_neighbours_find(&s->table, address_of(i), s->now_ns, &mac, &ask));
    COL_ASSERT(!ask && memcmp(&mac, &told->mac, sizeof mac) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    memset(&s, 0, sizeof s);
    col_reader input = fuzz_input(data, size);
    while (fuzz_more(&input)) {
        const uint32_t what = col_read_u8(&input);
        const uint32_t i = fuzz_below(&input, ADDRESSES);
        if (what % 4 == 0) s.now_ns += (uint64_t)what * 10000000;
        if (what % 4 == 1) find(&s, i);
        if (what % 4 >= 2) learn(&s, i, (uint8_t)(what >> 2), what % 4 == 2);
    }
    return 0;
}
