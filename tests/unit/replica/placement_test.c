// SPDX-License-Identifier: Apache-2.0
#include "src/replica/placement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs the above.
#include <cmocka.h>

#define ALL                                                                        \
    (COL_PLACE_RECEIVER | COL_PLACE_PILLARS | COL_PLACE_SIGNER | COL_PLACE_MERGE | \
     COL_PLACE_TRANSMIT)

static col_profile profile;
static col_placement placement;

static void start(void) {
    memset(&profile, 0, sizeof profile);
    snprintf(profile.path, sizeof profile.path, "test.yaml");
}

static col_profile_thread *add(uint32_t stages, uint32_t count) {
    col_profile_thread *thread = &profile.thread[profile.threads++];
    *thread = (col_profile_thread){.stages = stages, .count = count};
    return thread;
}

static void place(uint32_t pillars) {
    const col_result made = col_placement_make(&profile, pillars, &placement);
    if (!made.ok) fail_msg("%s", made.text);
}

static void one_thread_runs_everything(void **state) {
    (void)state;
    start();
    add(ALL, 1);
    place(4);
    assert_int_equal(placement.loops, 1);
    assert_int_equal(placement.signers, 1);
    assert_int_equal(placement.loop[0].pillars, 0xf);
    assert_int_equal(placement.loop[0].core, -1);
    for (uint32_t k = 0; k < 4; k++) assert_int_equal(placement.pillar_loop[k], 0);
}

static void a_loop_per_pillar_and_single_stages_stand_where_the_profile_says(void **state) {
    (void)state;
    start();
    add(COL_PLACE_RECEIVER | COL_PLACE_TRANSMIT, 1);
    add(COL_PLACE_PILLARS, COL_COUNT_PER_PILLAR);
    add(COL_PLACE_SIGNER, 2);
    add(COL_PLACE_MERGE, 1);
    place(4);
    assert_int_equal(placement.loops, 1 + 4 + 2 + 1);
    assert_int_equal(placement.receiver_loop, 0);
    assert_int_equal(placement.transmit_loop, 0);
    assert_int_equal(placement.merge_loop, 7);
    for (uint32_t k = 0; k < 4; k++) {
        assert_int_equal(placement.pillar_loop[k], 1 + k);
        assert_int_equal(placement.loop[1 + k].pillars, 1 << k);
    }
    assert_int_equal(placement.signers, 2);
    assert_int_equal(placement.signer_loop[0], 5);
    assert_int_equal(placement.signer_loop[1], 6);
}

static void pillars_are_spread_over_fewer_loops(void **state) {
    (void)state;
    start();
    add(COL_PLACE_PILLARS, 2);
    place(5);
    assert_int_equal(placement.loops, 2);
    assert_int_equal(placement.loop[0].pillars, 0x15);
    assert_int_equal(placement.loop[1].pillars, 0x0a);
}

static void more_loops_than_pillars_are_not_started(void **state) {
    (void)state;
    start();
    add(COL_PLACE_PILLARS, 8);
    add(COL_PLACE_SIGNER, 3);
    place(2);
    assert_int_equal(placement.loops, 2 + 3);
    assert_int_equal(placement.loop[0].pillars | placement.loop[1].pillars, 0x3);
}

static void each_loop_of_a_thread_takes_the_next_of_its_cores(void **state) {
    (void)state;
    start();
    col_profile_thread *thread = add(COL_PLACE_PILLARS, COL_COUNT_PER_PILLAR);
    thread->cores = 2;
    thread->core[0] = 3;
    thread->core[1] = 5;
    place(3);
    assert_int_equal(placement.loop[0].core, 3);
    assert_int_equal(placement.loop[1].core, 5);
    assert_int_equal(placement.loop[2].core, 3);
}

static void too_many_loops_or_signers_name_the_profile_and_the_remedy(void **state) {
    (void)state;
    start();
    add(COL_PLACE_PILLARS | COL_PLACE_SIGNER, COL_COUNT_PER_PILLAR);
    add(COL_PLACE_SIGNER, COL_PILLARS_MAX);
    const col_result signers = col_placement_make(&profile, 2, &placement);
    assert_false(signers.ok);
    assert_string_equal(signers.text,
                        "test.yaml: the profile needs more than 40 threads or 16 signers with 2 "
                        "pillars: lower a count");
    start();
    for (uint32_t i = 0; i < 3; i++) add(COL_PLACE_MERGE, COL_PILLARS_MAX);
    assert_false(col_placement_make(&profile, 2, &placement).ok);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_runs_everything),
        cmocka_unit_test(a_loop_per_pillar_and_single_stages_stand_where_the_profile_says),
        cmocka_unit_test(pillars_are_spread_over_fewer_loops),
        cmocka_unit_test(more_loops_than_pillars_are_not_started),
        cmocka_unit_test(each_loop_of_a_thread_takes_the_next_of_its_cores),
        cmocka_unit_test(too_many_loops_or_signers_name_the_profile_and_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
