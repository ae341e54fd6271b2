// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "dpdk/neighbours.h"

#define ADDRESS UINT32_C(0x0a000001)
#define START_NS UINT64_C(5000000000)

static const col_mac mac = {{2, 0, 0, 0, 0, 1}};
static const col_mac other_mac = {{2, 0, 0, 0, 0, 2}};

static int make_table(void **state) {
    *state = calloc(1, sizeof(col_neighbours));
    return *state == NULL;
}

static int free_table(void **state) {
    free(*state);
    return 0;
}

static bool find(col_neighbours *table, uint32_t address, uint64_t now_ns, col_mac *found,
                 bool *ask) {
    return col_neighbours_find(table, address, now_ns, found, ask);
}

static bool asks_after(col_neighbours *table, uint32_t address, const col_mac *said, bool enter,
                       uint64_t now_ns, col_drop expected) {
    bool ask;
    assert_int_equal(col_neighbours_learn(table, address, said, enter, now_ns, &ask), expected);
    return ask;
}

static void learn(col_neighbours *table, uint32_t address, const col_mac *said, bool enter,
                  uint64_t now_ns) {
    assert_false(asks_after(table, address, said, enter, now_ns, COL_DROP_NONE));
}

/// Another station says that it has the address of a known one.
static bool asks_after_claim(col_neighbours *table, uint64_t now_ns) {
    return asks_after(table, ADDRESS, &other_mac, false, now_ns, COL_DROP_CONFLICTING);
}

static void an_unknown_station_is_asked_for_at_a_bounded_rate(void **state) {
    col_mac found;
    bool ask;
    uint32_t asked = 0;
    for (uint64_t ms = 0; ms < 1000; ms++) {
        assert_false(find(*state, ADDRESS, START_NS + ms * 1000000, &found, &ask));
        asked += ask;
    }
    assert_int_equal(asked, 10);
}

static void an_answer_makes_the_station_known(void **state) {
    col_mac found;
    bool ask;
    assert_false(find(*state, ADDRESS, START_NS, &found, &ask));
    learn(*state, ADDRESS, &mac, false, START_NS + 1);
    assert_true(find(*state, ADDRESS, START_NS + 2, &found, &ask));
    assert_false(ask);
    assert_memory_equal(&found, &mac, sizeof mac);
}

static void an_answer_that_nobody_asked_for_is_ignored(void **state) {
    col_mac found;
    bool ask;
    assert_false(asks_after(*state, ADDRESS, &mac, false, START_NS, COL_DROP_NOT_OURS));
    assert_false(find(*state, ADDRESS, START_NS, &found, &ask));
}

static void a_station_that_asks_for_us_is_known(void **state) {
    col_mac found;
    bool ask;
    learn(*state, ADDRESS, &mac, true, START_NS);
    assert_true(find(*state, ADDRESS, START_NS, &found, &ask));
    assert_memory_equal(&found, &mac, sizeof mac);
}

static void a_station_in_use_is_refreshed(void **state) {
    col_mac found;
    bool ask;
    learn(*state, ADDRESS, &mac, true, START_NS);
    const uint64_t later_ns = START_NS + COL_NEIGHBOUR_REFRESH_NS;
    assert_true(find(*state, ADDRESS, later_ns - 1, &found, &ask));
    assert_false(ask);
    assert_true(find(*state, ADDRESS, later_ns, &found, &ask));
    assert_true(ask);
    assert_true(find(*state, ADDRESS, later_ns + 1, &found, &ask));
    assert_false(ask);
}

/// A claim every millisecond for as long as `until_ns`, while the true station answers or not.
/// @return when the claimant was believed, 0 for not
static uint64_t claim(col_neighbours *table, bool answers, uint64_t until_ns, uint32_t *asked) {
    for (uint64_t now_ns = START_NS; now_ns < until_ns; now_ns += 1000000) {
        bool ask;
        const col_drop drop = col_neighbours_learn(table, ADDRESS, &other_mac, true, now_ns, &ask);
        *asked += ask;
        if (ask && answers) learn(table, ADDRESS, &mac, false, now_ns + 100);
        col_mac found;
        bool ask_again;
        assert_true(find(table, ADDRESS, now_ns, &found, &ask_again));
        assert_false(ask_again);
        const bool believed = memcmp(&found, &other_mac, sizeof found) == 0;
        assert_int_equal(drop, believed ? COL_DROP_NONE : COL_DROP_CONFLICTING);
        if (believed) return now_ns;
    }
    return 0;
}

static void a_station_that_answers_keeps_its_address(void **state) {
    uint32_t asked = 0;
    learn(*state, ADDRESS, &mac, true, START_NS - 1);
    const uint64_t end_ns = START_NS + 3 * COL_NEIGHBOUR_DOUBT_NS;
    assert_int_equal(claim(*state, true, end_ns, &asked), 0);
    assert_in_range(asked, 1, 3 * COL_NEIGHBOUR_DOUBT_NS / COL_NEIGHBOUR_ASK_NS);
}

static void a_station_that_is_silent_has_moved(void **state) {
    uint32_t asked = 0;
    learn(*state, ADDRESS, &mac, true, START_NS - 1);
    const uint64_t end_ns = START_NS + 3 * COL_NEIGHBOUR_DOUBT_NS;
    assert_int_equal(claim(*state, false, end_ns, &asked), START_NS + COL_NEIGHBOUR_DOUBT_NS);
    assert_int_equal(asked, COL_NEIGHBOUR_DOUBT_NS / COL_NEIGHBOUR_ASK_NS);
}

static void one_claim_after_a_long_time_takes_nothing(void **state) {
    col_mac found;
    bool ask;
    learn(*state, ADDRESS, &mac, true, START_NS);
    assert_true(asks_after_claim(*state, START_NS + 1));
    learn(*state, ADDRESS, &mac, false, START_NS + 2);
    const uint64_t later_ns = START_NS + 2 * COL_NEIGHBOUR_DOUBT_NS;
    assert_true(asks_after_claim(*state, later_ns));
    assert_true(find(*state, ADDRESS, later_ns, &found, &ask));
    assert_memory_equal(&found, &mac, sizeof mac);
}

static void a_whole_subnet_is_remembered(void **state) {
    col_mac found;
    bool ask;
    for (uint32_t host = 1; host < 255; host++) {
        learn(*state, 0x0a000000 | host, &(col_mac){{2, 0, 0, 0, 0, (uint8_t)host}}, true,
              START_NS + host);
    }
    for (uint32_t host = 1; host < 255; host++) {
        assert_true(find(*state, 0x0a000000 | host, START_NS + 1000, &found, &ask));
        assert_int_equal(found.byte[5], host);
    }
}

static void lookups_of_absent_stations_do_not_displace_present_ones(void **state) {
    col_mac found;
    bool ask;
    for (uint32_t host = 1; host <= 32; host++) {
        learn(*state, 0x0a000000 | host, &mac, true, START_NS);
    }
    for (uint32_t host = 100; host < 60000; host++) {
        assert_false(find(*state, 0x0a000000 | host, START_NS + host, &found, &ask));
    }
    for (uint32_t host = 1; host <= 32; host++) {
        assert_true(find(*state, 0x0a000000 | host, START_NS + 100000, &found, &ask));
    }
}

static void the_station_unused_for_longest_makes_room(void **state) {
    col_mac found;
    bool ask;
    for (uint32_t host = 1; host <= 60000; host++) {
        learn(*state, 0x0a000000 | host, &mac, true, START_NS + host);
        // One station stays in use and so stays known.
        assert_true(find(*state, 0x0a000001, START_NS + host, &found, &ask));
    }
    assert_true(find(*state, 0x0a000000 | 60000, START_NS + 60001, &found, &ask));
    assert_false(find(*state, 0x0a000002, START_NS + 60001, &found, &ask));
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, make_table, free_table)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TABLE(an_unknown_station_is_asked_for_at_a_bounded_rate),
        WITH_TABLE(an_answer_makes_the_station_known),
        WITH_TABLE(an_answer_that_nobody_asked_for_is_ignored),
        WITH_TABLE(a_station_that_asks_for_us_is_known),
        WITH_TABLE(a_station_in_use_is_refreshed),
        WITH_TABLE(a_station_that_answers_keeps_its_address),
        WITH_TABLE(a_station_that_is_silent_has_moved),
        WITH_TABLE(one_claim_after_a_long_time_takes_nothing),
        WITH_TABLE(a_whole_subnet_is_remembered),
        WITH_TABLE(lookups_of_absent_stations_do_not_displace_present_ones),
        WITH_TABLE(the_station_unused_for_longest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
