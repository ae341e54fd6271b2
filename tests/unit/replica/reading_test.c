// SPDX-License-Identifier: Apache-2.0
#include "src/replica/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static col_page page;

static int reset(void **state) {
    (void)state;
    memset(&page, 0, sizeof page);
    return 0;
}

static void figures_are_added_up_over_threads(void **state) {
    (void)state;
    col_count(&page.net[0].received, 5);
    col_count(&page.net[1].sent, 7);
    col_count(&page.signer[0].signatures, 2);
    col_count(&page.signer[3].signatures, 3);
    col_count(&page.opener[1].verifies, 4);
    col_count(&page.opener[0].verify_calls, 1);
    col_count(&page.opener[1].verify_calls, 2);
    col_count(&page.merge.requests, 100);
    col_count(&page.merge.requests_of[1], 60);
    col_reading reading;
    col_reading_take(&page, &reading);
    assert_int_equal(reading.received, 5);
    assert_int_equal(reading.sent, 7);
    assert_int_equal(reading.signatures, 5);
    assert_int_equal(reading.verifies, 4);
    assert_int_equal(reading.verify_calls, 3);
    assert_int_equal(reading.requests, 100);
    assert_int_equal(reading.requests_of[1], 60);
}

static void drops_of_all_parts_are_added_up_by_reason(void **state) {
    (void)state;
    col_count(&page.net[0].drops[COL_DROP_NOT_OURS], 1);
    col_count(&page.pillar[2].drops[COL_DROP_REPEATED], 2);
    col_count(&page.merge.drops[COL_DROP_REPEATED], 3);
    col_count(&page.pillar[0].drops[COL_DROP_NONE], 99);  // used, not dropped
    col_reading reading;
    col_reading_take(&page, &reading);
    char text[128];
    col_drops_format(reading.drops, text, sizeof text);
    assert_string_equal(text, "not-ours 1, repeated 5");
    assert_int_equal(reading.drops[COL_DROP_NONE], 0);
}

static void no_drops_are_none_and_many_are_cut(void **state) {
    (void)state;
    uint64_t drops[COL_DROP_COUNT] = {0};
    char text[64];
    col_drops_format(drops, text, sizeof text);
    assert_string_equal(text, "none");
    for (uint32_t i = 1; i < COL_DROP_COUNT; i++) drops[i] = UINT64_MAX;
    col_drops_format(drops, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
}

static void late_votes_are_no_loss(void **state) {
    (void)state;
    const uint64_t drops[COL_DROP_COUNT] = {[COL_DROP_REPEATED] = 5, [COL_DROP_LATE] = 100};
    assert_int_equal(col_drops_sum(drops), 5);
    col_counter counted[COL_DROP_COUNT] = {0};
    col_count(&counted[COL_DROP_LATE], 100);
    col_count(&counted[COL_DROP_STALE], 7);
    assert_int_equal(col_drops_read(counted), 7);
}

static void busy_time_is_grouped_by_kind_of_stage(void **state) {
    (void)state;
    static const char *const names[] = {"receiver", "pillar 0", "pillar 11", "signer 1",
                                        "merge",    "transmit", "probe"};
    page.loops = 1;
    page.loop[0].stage_count = 7;
    for (uint32_t i = 0; i < 7; i++) {
        strcpy(page.loop[0].stage[i], names[i]);
        atomic_store(&page.loop[0].counters.busy_ns[i], 1u << i);
    }
    col_reading reading;
    col_reading_take(&page, &reading);
    const uint64_t expected[COL_STAGE_KINDS] = {1, 2 + 4, 8, 16, 32, 64};
    assert_memory_equal(reading.busy_ns, expected, sizeof expected);
}

static void a_page_with_absurd_counts_is_read_within_its_bounds(void **state) {
    (void)state;
    page.loops = UINT32_MAX;
    for (uint32_t i = 0; i < COL_LOOPS_MAX; i++) page.loop[i].stage_count = UINT32_MAX;
    col_reading reading;
    col_reading_take(&page, &reading);
    assert_int_equal(reading.busy_ns[COL_STAGE_OTHER], 0);
}

static void subtracting_undoes_adding(void **state) {
    (void)state;
    col_reading a, b;
    memset(&b, 0, sizeof b);
    uint64_t *word = (uint64_t *)&a;
    for (size_t i = 0; i < sizeof a / sizeof *word; i++) word[i] = i + 1;
    col_reading_add(&b, &a);
    col_reading_add(&b, &a);
    assert_int_equal(b.busy_ns[COL_STAGE_OTHER], 2 * a.busy_ns[COL_STAGE_OTHER]);
    col_reading_subtract(&b, &a);
    assert_memory_equal(&a, &b, sizeof a);
}

static void the_own_process_can_be_read(void **state) {
    (void)state;
    col_process_reading before, after;
    assert_true(col_process_read(getpid(), &before));
    static char touched[8 << 20];
    do {
        memset(touched, 1, sizeof touched);
        assert_true(col_process_read(getpid(), &after));
    } while (after.user_ns < before.user_ns + 50 * 1000 * 1000);
    assert_true(after.rss_bytes >= before.rss_bytes + (4 << 20));
    assert_false(col_process_read(0, &after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(figures_are_added_up_over_threads, reset),
        cmocka_unit_test_setup(drops_of_all_parts_are_added_up_by_reason, reset),
        cmocka_unit_test_setup(no_drops_are_none_and_many_are_cut, reset),
        cmocka_unit_test(late_votes_are_no_loss),
        cmocka_unit_test_setup(busy_time_is_grouped_by_kind_of_stage, reset),
        cmocka_unit_test_setup(a_page_with_absurd_counts_is_read_within_its_bounds, reset),
        cmocka_unit_test_setup(subtracting_undoes_adding, reset),
        cmocka_unit_test_setup(the_own_process_can_be_read, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
