// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "src/base/clock.h"

static void monotonic_time_is_in_nanoseconds_and_never_decreases(void **state) {
    (void)state;
    const uint64_t before = col_clock_monotonic_ns();
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    const uint64_t after = col_clock_monotonic_ns();
    assert_true(after - before >= 2000000);
    assert_true(after - before < UINT64_C(10000000000));
    for (int i = 0; i < 1000; i++) {
        const uint64_t first = col_clock_monotonic_ns();
        assert_true(col_clock_monotonic_ns() >= first);
    }
}

static void wall_time_is_nanoseconds_since_1970(void **state) {
    (void)state;
    const uint64_t seconds = (uint64_t)time(NULL);
    const uint64_t wall = col_clock_wall_ns() / UINT64_C(1000000000);
    assert_in_range(wall, seconds - 1, seconds + 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_is_in_nanoseconds_and_never_decreases),
        cmocka_unit_test(wall_time_is_nanoseconds_since_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
