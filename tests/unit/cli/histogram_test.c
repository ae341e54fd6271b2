// SPDX-License-Identifier: Apache-2.0
#include "src/cli/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static col_histogram histogram;

static int reset(void **state) {
    (void)state;
    histogram = (col_histogram){0};
    return 0;
}

static void an_empty_one_has_no_percentile(void **state) {
    (void)state;
    assert_int_equal(col_histogram_percentile(&histogram, 0.5), 0);
}

static void small_values_are_exact(void **state) {
    (void)state;
    for (uint64_t value = 1; value <= 50; value++) col_histogram_add(&histogram, value);
    assert_int_equal(col_histogram_percentile(&histogram, 0.5), 25);
    assert_int_equal(col_histogram_percentile(&histogram, 0.9), 45);
    assert_int_equal(col_histogram_percentile(&histogram, 1), 50);
    assert_int_equal(histogram.sum, 50 * 51 / 2);
}

static void any_value_is_reported_at_most_one_64th_too_high(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    for (uint32_t i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        const uint64_t value = random >> (random % 64);
        histogram = (col_histogram){0};
        col_histogram_add(&histogram, value);
        col_histogram_add(&histogram, UINT64_MAX);
        const uint64_t reported = col_histogram_percentile(&histogram, 0.5);
        assert_true(reported >= value);
        assert_true(reported - value <= value / 64);
    }
}

static void the_highest_percentile_is_the_true_maximum(void **state) {
    (void)state;
    col_histogram_add(&histogram, 1000001);
    col_histogram_add(&histogram, 7);
    assert_int_equal(col_histogram_percentile(&histogram, 0.999), 1000001);
}

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_agree_with_sorting(void **state) {
    (void)state;
    static uint64_t value[9999];
    uint64_t random = 1;
    for (uint32_t i = 0; i < 9999; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        value[i] = random >> 40;
        col_histogram_add(&histogram, value[i]);
    }
    qsort(value, 9999, sizeof *value, compare);
    const struct {
        double fraction;
        uint32_t rank;
    } cases[] = {{0.5, 5000}, {0.9, 9000}, {0.99, 9900}, {0.999, 9990}};
    for (uint32_t i = 0; i < 4; i++) {
        const uint64_t exact = value[cases[i].rank - 1];
        const uint64_t reported = col_histogram_percentile(&histogram, cases[i].fraction);
        assert_true(reported >= exact && reported <= exact + exact / 64);
    }
}

static void merging_is_the_same_as_adding_everything_to_one(void **state) {
    (void)state;
    static col_histogram other, both;
    other = both = (col_histogram){0};
    for (uint64_t value = 1; value < 100000; value += 7) {
        col_histogram_add(value % 2 ? &histogram : &other, value);
        col_histogram_add(&both, value);
    }
    col_histogram_merge(&histogram, &other);
    assert_memory_equal(&histogram, &both, sizeof both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_has_no_percentile, reset),
        cmocka_unit_test_setup(small_values_are_exact, reset),
        cmocka_unit_test_setup(any_value_is_reported_at_most_one_64th_too_high, reset),
        cmocka_unit_test_setup(the_highest_percentile_is_the_true_maximum, reset),
        cmocka_unit_test_setup(percentiles_agree_with_sorting, reset),
        cmocka_unit_test_setup(merging_is_the_same_as_adding_everything_to_one, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
