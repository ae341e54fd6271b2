// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/votes.h"

#include "tests/unit/pbft/harness.h"

static col_value value_room[COL_REPLICAS_MAX];
static const col_value value_a = {{{1}}, 0};
static const col_value value_b = {{{2}}, 0};

static col_votes empty(uint32_t replicas) {
    return (col_votes){.replicas = replicas, .value = value_room};
}

static void counts_distinct_replicas_for_one_value(void **state) {
    (void)state;
    col_votes votes = empty(4);
    uint32_t matching = 0;
    for (uint32_t r = 0; r < 4; r++) {
        assert_int_equal(col_votes_add(&votes, r, &value_a, &matching), COL_DROP_NONE);
        assert_int_equal(matching, r + 1);
    }
    assert_int_equal(col_votes_for(&votes, &value_a), 0xf);
}

static void a_replica_that_votes_again_adds_nothing(void **state) {
    (void)state;
    col_votes votes = empty(4);
    uint32_t matching = 0;
    assert_int_equal(col_votes_add(&votes, 1, &value_a, &matching), COL_DROP_NONE);
    assert_int_equal(col_votes_add(&votes, 1, &value_a, &matching), COL_DROP_REPEATED);
    assert_int_equal(col_votes_for(&votes, &value_a), 1 << 1);
}

static void a_second_value_of_one_replica_is_told_apart_and_not_counted(void **state) {
    (void)state;
    col_votes votes = empty(4);
    uint32_t matching = 0;
    assert_int_equal(col_votes_add(&votes, 1, &value_a, &matching), COL_DROP_NONE);
    assert_int_equal(col_votes_add(&votes, 1, &value_b, &matching), COL_DROP_CONFLICTING);
    assert_int_equal(col_votes_for(&votes, &value_b), 0);
}

static void votes_for_different_digests_do_not_add_up(void **state) {
    (void)state;
    col_votes votes = empty(4);
    uint32_t matching = 0;
    (void)col_votes_add(&votes, 0, &value_a, &matching);
    (void)col_votes_add(&votes, 1, &value_b, &matching);
    assert_int_equal(matching, 1);
    (void)col_votes_add(&votes, 2, &value_a, &matching);
    assert_int_equal(matching, 2);
}

static void votes_for_runs_of_different_length_do_not_add_up(void **state) {
    (void)state;
    col_votes votes = empty(4);
    const col_value three = null_run(3), four = null_run(4);
    uint32_t matching = 0;
    (void)col_votes_add(&votes, 0, &three, &matching);
    (void)col_votes_add(&votes, 1, &four, &matching);
    assert_int_equal(matching, 1);
}

static void the_last_of_32_replicas_fits_the_set(void **state) {
    (void)state;
    col_votes votes = empty(COL_REPLICAS_MAX);
    uint32_t matching = 0;
    assert_int_equal(col_votes_add(&votes, 31, &value_a, &matching), COL_DROP_NONE);
    assert_int_equal(col_votes_for(&votes, &value_a), UINT32_C(1) << 31);
    col_votes_clear(&votes);
    assert_int_equal(col_votes_for(&votes, &value_a), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_distinct_replicas_for_one_value),
        cmocka_unit_test(a_replica_that_votes_again_adds_nothing),
        cmocka_unit_test(a_second_value_of_one_replica_is_told_apart_and_not_counted),
        cmocka_unit_test(votes_for_different_digests_do_not_add_up),
        cmocka_unit_test(votes_for_runs_of_different_length_do_not_add_up),
        cmocka_unit_test(the_last_of_32_replicas_fits_the_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
