// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pillars/sources.h"

#define START_NS UINT64_C(1000000000000)
#define MS UINT64_C(1000000)
#define FLOOD 10000

static const col_endpoint client = {0x0a000001, 5000};

static int make_table(void **state) {
    col_sources *sources = calloc(1, sizeof *sources);
    *state = sources;
    if (sources != NULL) col_sources_init(sources, UINT64_C(0x1234567890abcdef));
    return sources == NULL;
}

static int free_table(void **state) {
    free(*state);
    return 0;
}

static col_endpoint stranger(uint32_t i) {
    return (col_endpoint){0x0b000000 + i, 1024};
}

/// What is of no use, or forged, from `from`, as far as it is admitted. @return whether it was
static bool spoil(col_sources *sources, col_endpoint from, bool expected, bool forged,
                  uint64_t now_ns) {
    const col_waste_budget budget = col_sources_admit(sources, from, expected, now_ns);
    if (budget == COL_WASTE_REFUSED) return false;
    col_sources_wasted(sources, from, budget, forged && !expected, now_ns);
    return true;
}

static bool waste(col_sources *sources, col_endpoint from, bool expected, uint64_t now_ns) {
    return spoil(sources, from, expected, false, now_ns);
}

static bool forge(col_sources *sources, col_endpoint from, bool expected, uint64_t now_ns) {
    return spoil(sources, from, expected, true, now_ns);
}

static bool is_admitted(const col_sources *sources, col_endpoint from, bool expected,
                        uint64_t now_ns) {
    return col_sources_admit(sources, from, expected, now_ns) != COL_WASTE_REFUSED;
}

static void a_source_of_good_record_wastes_half_its_budget_and_then_what_time_gives(void **state) {
    uint32_t admitted = 0;
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, client, false, START_NS);
    assert_int_equal(admitted, COL_WASTE_BURST / 2);
    for (uint32_t ms = 1; ms <= 1000; ms++) {
        admitted += waste(*state, client, false, START_NS + ms * MS);
    }
    assert_in_range(admitted, COL_WASTE_BURST / 2 + 1000 * MS / COL_WASTE_NS - 1,
                    COL_WASTE_BURST / 2 + 1000 * MS / COL_WASTE_NS + 1);
}

static void what_is_expected_has_the_other_half(void **state) {
    uint32_t admitted = 0;
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) (void)waste(*state, client, false, START_NS);
    assert_false(is_admitted(*state, client, false, START_NS));
    assert_true(is_admitted(*state, client, true, START_NS));
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, client, true, START_NS);
    assert_int_equal(admitted, COL_WASTE_BURST / 2);
    assert_false(is_admitted(*state, client, true, START_NS));
}

static void useful_datagrams_cost_nothing(void **state) {
    for (uint32_t i = 0; i < FLOOD; i++) {
        assert_true(is_admitted(*state, client, false, START_NS));
        col_sources_useful(*state, client, START_NS);
    }
}

static void one_stranger_leaves_most_of_the_strangers_budget(void **state) {
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, stranger(0), true, START_NS);
    assert_int_equal(admitted, COL_STRANGER_WASTE_BURST);
    assert_true(is_admitted(*state, stranger(1), false, START_NS));
}

static void all_strangers_together_are_bounded_and_hurt_nobody_of_good_record(void **state) {
    uint32_t admitted = 0;
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, stranger(i), true, START_NS);
    assert_int_equal(admitted, COL_WASTE_BURST);
    assert_false(is_admitted(*state, stranger(FLOOD), true, START_NS));
    assert_true(is_admitted(*state, client, false, START_NS));
}

static void strangers_push_no_source_of_good_record_out(void **state) {
    for (uint16_t i = 1; i <= 64; i++) {
        col_sources_useful(*state, (col_endpoint){client.address, i}, START_NS);
    }
    for (uint32_t i = 0; i < 100 * FLOOD; i++) {
        // Uses up what strangers share.
        col_sources_wasted(*state, stranger(i), COL_WASTE_STRANGERS, true, START_NS + i);
    }
    const uint64_t end_ns = START_NS + 100 * FLOOD;
    for (uint16_t i = 1; i <= 64; i++) {
        assert_true(is_admitted(*state, (col_endpoint){client.address, i}, true, end_ns));
    }
}

static void a_useful_source_is_an_address_and_a_port(void **state) {
    const col_endpoint neighbour = {client.address, client.port + 1};
    const col_endpoint other = {client.address + 1, client.port};
    col_sources_useful(*state, client, START_NS);
    col_sources_useful(*state, neighbour, START_NS);
    while (waste(*state, client, true, START_NS)) {
    }
    assert_true(is_admitted(*state, neighbour, false, START_NS));
    assert_true(is_admitted(*state, other, false, START_NS));
}

static void all_ports_of_an_address_are_one_stranger(void **state) {
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < FLOOD; i++) {
        admitted += waste(*state, (col_endpoint){client.address, (uint16_t)i}, true, START_NS);
    }
    assert_int_equal(admitted, COL_STRANGER_WASTE_BURST);
    assert_true(is_admitted(*state, stranger(0), false, START_NS));
}

static void port_0_is_never_useful(void **state) {
    const col_endpoint nobody = {client.address, 0};
    col_sources_useful(*state, nobody, START_NS);
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, nobody, true, START_NS);
    assert_int_equal(admitted, COL_STRANGER_WASTE_BURST);
}

static void a_stranger_that_turns_out_useful_has_a_clean_record(void **state) {
    while (waste(*state, client, true, START_NS)) {
    }
    col_sources_useful(*state, client, START_NS);
    assert_true(is_admitted(*state, client, false, START_NS));
}

static void forged_addresses_share_what_strangers_have(void **state) {
    const uint32_t many = 100;
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < many; i++) col_sources_useful(*state, stranger(i), START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) {
        admitted += forge(*state, stranger(i % many), false, START_NS);
    }
    assert_int_equal(admitted, many + COL_WASTE_BURST / 2);
}

/// Admitted together, before the first has a verdict.
static void a_burst_in_one_sources_name_is_no_debt_of_strangers(void **state) {
    col_waste_budget budget[COL_WASTE_BURST];
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < COL_WASTE_BURST; i++) {
        budget[i] = col_sources_admit(*state, client, false, START_NS);
    }
    for (uint32_t i = 0; i < COL_WASTE_BURST; i++) {
        col_sources_wasted(*state, client, budget[i], true, START_NS);
    }
    uint32_t admitted = 0;
    for (uint32_t i = 0; i < FLOOD; i++) admitted += waste(*state, stranger(i), false, START_NS);
    assert_int_equal(admitted, COL_WASTE_BURST / 2);
}

static void what_is_expected_from_a_forged_address_has_its_budget_for_itself(void **state) {
    uint32_t admitted = 0;
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) (void)forge(*state, client, false, START_NS);
    assert_false(is_admitted(*state, client, false, START_NS));
    for (uint32_t i = 0; i < FLOOD; i++) admitted += forge(*state, client, true, START_NS);
    assert_int_equal(admitted, COL_WASTE_BURST - 1);
}

static void an_address_is_not_suspected_for_longer_than_the_bound(void **state) {
    const uint64_t end_ns = START_NS + COL_FORGED_NS;
    col_sources_useful(*state, client, START_NS);
    assert_true(forge(*state, client, false, START_NS));
    for (uint32_t i = 0; i < FLOOD; i++) (void)forge(*state, stranger(i), false, end_ns - 1);
    assert_false(is_admitted(*state, client, false, end_ns - 1));
    assert_true(is_admitted(*state, client, false, end_ns));
}

static void a_forger_is_forgotten_within_the_bound(void **state) {
    col_sources_useful(*state, client, START_NS);
    for (uint32_t i = 0; i < FLOOD; i++) (void)forge(*state, client, true, START_NS);
    assert_false(is_admitted(*state, client, true, START_NS));
    const uint64_t end_ns = START_NS + COL_WASTE_BURST * COL_WASTE_NS;
    assert_true(is_admitted(*state, client, true, end_ns));
    assert_true(is_admitted(*state, client, false, end_ns));
}

static void more_sources_than_places_forget_those_unseen_for_longest(void **state) {
    const uint32_t many = 8 * COL_SOURCE_SETS * COL_SOURCE_WAYS;
    for (uint32_t i = 0; i < many; i++) {
        col_sources_useful(*state, stranger(i), START_NS + i);
        col_sources_useful(*state, client, START_NS + i);
    }
    // What strangers share is gone: only a source that is remembered is admitted.
    for (uint32_t i = 0; i < FLOOD; i++) {
        (void)waste(*state, stranger(many + i), true, START_NS);
    }
    assert_true(is_admitted(*state, client, false, START_NS));
    assert_false(is_admitted(*state, stranger(0), false, START_NS));
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, make_table, free_table)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_source_of_good_record_wastes_half_its_budget_and_then_what_time_gives),
        WITH_TABLE(what_is_expected_has_the_other_half),
        WITH_TABLE(useful_datagrams_cost_nothing),
        WITH_TABLE(one_stranger_leaves_most_of_the_strangers_budget),
        WITH_TABLE(all_strangers_together_are_bounded_and_hurt_nobody_of_good_record),
        WITH_TABLE(strangers_push_no_source_of_good_record_out),
        WITH_TABLE(a_useful_source_is_an_address_and_a_port),
        WITH_TABLE(all_ports_of_an_address_are_one_stranger),
        WITH_TABLE(port_0_is_never_useful),
        WITH_TABLE(a_stranger_that_turns_out_useful_has_a_clean_record),
        WITH_TABLE(forged_addresses_share_what_strangers_have),
        WITH_TABLE(a_burst_in_one_sources_name_is_no_debt_of_strangers),
        WITH_TABLE(what_is_expected_from_a_forged_address_has_its_budget_for_itself),
        WITH_TABLE(an_address_is_not_suspected_for_longer_than_the_bound),
        WITH_TABLE(a_forger_is_forgotten_within_the_bound),
        WITH_TABLE(more_sources_than_places_forget_those_unseen_for_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
