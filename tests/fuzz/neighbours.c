// SPDX-License-Identifier: Apache-2.0
// The neighbour table: whoever is known keeps its link address unless it was doubted for long
// enough, nobody known makes room while somebody unknown could, and no station is asked more often
// than agreed.
#include "dpdk/neighbours.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESSES 32
#define STEP_NS UINT64_C(50000000)

typedef struct {
    col_neighbours table;
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

/// What the table has of an address, which stands in it once at most; zeros if it has nothing.
static col_neighbour entry_of(const scene *s, uint32_t address) {
    col_neighbour found = {0};
    for (uint32_t set = 0; set < COL_NEIGHBOUR_SETS; set++) {
        for (uint32_t way = 0; way < COL_NEIGHBOUR_WAYS; way++) {
            if (s->table.entry[set][way].address != address) continue;
            COL_ASSERT(found.address == 0);
            found = s->table.entry[set][way];
        }
    }
    return found;
}

/// Known stations but this one.
static uint32_t others_known(const scene *s, uint32_t address) {
    uint32_t count = 0;
    for (uint32_t set = 0; set < COL_NEIGHBOUR_SETS; set++) {
        for (uint32_t way = 0; way < COL_NEIGHBOUR_WAYS; way++) {
            const col_neighbour *entry = &s->table.entry[set][way];
            count += entry->known && entry->address != address;
        }
    }
    return count;
}

static const col_neighbour *set_with(const scene *s, uint32_t address) {
    for (uint32_t set = 0; set < COL_NEIGHBOUR_SETS; set++) {
        for (uint32_t way = 0; way < COL_NEIGHBOUR_WAYS; way++) {
            if (s->table.entry[set][way].address == address) return s->table.entry[set];
        }
    }
    COL_ASSERT(!"an address that stands in the table");
}

/// One less is known only where this address stands among known ones.
static void check_room(const scene *s, uint32_t address, uint32_t known) {
    if (others_known(s, address) == known) return;
    COL_ASSERT(others_known(s, address) == known - 1);
    const col_neighbour *set = set_with(s, address);
    for (uint32_t way = 0; way < COL_NEIGHBOUR_WAYS; way++) {
        COL_ASSERT(set[way].known || set[way].address == address);
    }
}

static bool same_mac(const col_mac *a, const col_mac *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static void check_asking(const scene *s, const col_neighbour *before, bool ask) {
    if (!ask || before->asked_ns == 0) return;
    COL_ASSERT(s->now_ns - before->asked_ns >= COL_NEIGHBOUR_ASK_NS);
}

static void find(scene *s, uint32_t address) {
    const col_neighbour before = entry_of(s, address);
    const uint32_t known_before = others_known(s, address);
    col_mac mac;
    bool ask;
    const bool known = col_neighbours_find(&s->table, address, s->now_ns, &mac, &ask);
    COL_ASSERT(known == before.known && entry_of(s, address).address == address);
    COL_ASSERT(!known || same_mac(&mac, &before.mac));
    COL_ASSERT(known || ask || before.asked_ns != 0);
    check_asking(s, &before, ask);
    check_room(s, address, known_before);
}

static void learn(scene *s, uint32_t address, uint8_t station, bool enter) {
    const col_neighbour before = entry_of(s, address);
    const uint32_t known_before = others_known(s, address);
    const col_mac said = {{2, 0, 0, 0, 0, station}};
    bool ask;
    const col_drop drop = col_neighbours_learn(&s->table, address, &said, enter, s->now_ns, &ask);
    const col_neighbour after = entry_of(s, address);
    check_asking(s, &before, ask);
    check_room(s, address, known_before);
    if (before.address == 0 && !enter) {
        COL_ASSERT(after.address == 0 && drop == COL_DROP_NOT_OURS);
        return;
    }
    COL_ASSERT(after.known);
    COL_ASSERT(drop == (same_mac(&after.mac, &said) ? COL_DROP_NONE : COL_DROP_CONFLICTING));
    if (same_mac(&after.mac, &said)) {
        COL_ASSERT(after.doubted_ns == 0);
        if (!before.known || same_mac(&before.mac, &said)) return;
        COL_ASSERT(before.doubted_ns != 0);
        COL_ASSERT(s->now_ns - before.doubted_ns >= COL_NEIGHBOUR_DOUBT_NS);
    } else {
        COL_ASSERT(before.known && same_mac(&after.mac, &before.mac) && after.doubted_ns != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    memset(&s, 0, sizeof s);
    s.now_ns = STEP_NS;
    col_reader input = fuzz_input(data, size);
    while (fuzz_more(&input)) {
        const uint32_t what = col_read_u8(&input);
        const uint32_t address = address_of(fuzz_below(&input, ADDRESSES));
        if (what % 4 == 0) s.now_ns += what * STEP_NS;
        if (what % 4 == 1) find(&s, address);
        if (what % 4 >= 2) learn(&s, address, (uint8_t)(1 + (what >> 4)), what % 4 == 2);
    }
    return 0;
}
