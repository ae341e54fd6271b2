// SPDX-License-Identifier: Apache-2.0
#include "src/client/votes.h"

#include "tests/unit/client/fixture.h"

static const col_digest first = {{1}};
static const col_digest second = {{2}};

static void equal_answers_of_distinct_replicas_add_up(void **state) {
    (void)state;
    col_client_vote table[4] = {0};
    assert_int_equal(col_client_vote_add(table, 4, 3, &first), 1);
    assert_int_equal(col_client_vote_add(table, 4, 0, &first), 2);
    assert_int_equal(col_client_vote_add(table, 4, 2, &first), 3);
}

static void one_replica_counts_once(void **state) {
    (void)state;
    col_client_vote table[4] = {0};
    assert_int_equal(col_client_vote_add(table, 4, 1, &first), 1);
    assert_int_equal(col_client_vote_add(table, 4, 1, &first), 1);
}

static void different_answers_do_not_add_up(void **state) {
    (void)state;
    col_client_vote table[4] = {0};
    assert_int_equal(col_client_vote_add(table, 4, 1, &first), 1);
    assert_int_equal(col_client_vote_add(table, 4, 2, &second), 1);
    assert_int_equal(col_client_vote_add(table, 4, 3, &first), 2);
}

static void only_the_newest_answer_of_a_replica_counts(void **state) {
    (void)state;
    col_client_vote table[4] = {0};
    assert_int_equal(col_client_vote_add(table, 4, 1, &first), 1);
    assert_int_equal(col_client_vote_add(table, 4, 1, &second), 1);
    assert_int_equal(col_client_vote_add(table, 4, 2, &first), 1);
    assert_int_equal(col_client_vote_add(table, 4, 3, &second), 2);
}

static void there_is_room_for_as_many_answers_as_replicas_for_ever(void **state) {
    (void)state;
    col_client_vote table[COL_REPLICAS_MAX] = {0};
    for (uint32_t i = 0; i < 5 * COL_REPLICAS_MAX; i++) {
        const col_digest own = {{(uint8_t)i, 9}};
        assert_int_equal(col_client_vote_add(table, COL_REPLICAS_MAX, i % COL_REPLICAS_MAX, &own),
                         1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_answers_of_distinct_replicas_add_up),
        cmocka_unit_test(one_replica_counts_once),
        cmocka_unit_test(different_answers_do_not_add_up),
        cmocka_unit_test(only_the_newest_answer_of_a_replica_counts),
        cmocka_unit_test(there_is_room_for_as_many_answers_as_replicas_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
