// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "tests/system/switch/queue.h"
#include "tests/simulator/random.h"

static void put(switch_queue *queue, uint64_t due_ns, uint32_t link) {
    const uint8_t byte = (uint8_t)link;
    assert_non_null(switch_queue_put(queue, due_ns, link, (col_bytes){&byte, 1}));
}

static void take(switch_queue *queue, uint64_t now_ns, uint32_t link) {
    const switch_waiting *waiting = switch_queue_take(queue, now_ns);
    assert_non_null(waiting);
    assert_int_equal(waiting->link, link);
    assert_int_equal(waiting->length, 1);
    assert_int_equal(waiting->bytes[0], link);
}

static void frames_leave_at_their_moments_and_equal_ones_in_order(void **state) {
    (void)state;
    switch_queue *queue = switch_queue_create(8);
    assert_int_equal(switch_queue_due(queue), UINT64_MAX);
    put(queue, 30, 1);
    put(queue, 10, 2);
    put(queue, 30, 3);
    put(queue, 20, 4);
    assert_int_equal(switch_queue_due(queue), 10);
    assert_null(switch_queue_take(queue, 9));
    take(queue, 20, 2);
    take(queue, 20, 4);
    assert_null(switch_queue_take(queue, 29));
    take(queue, 99, 1);
    take(queue, 99, 3);
    assert_null(switch_queue_take(queue, UINT64_MAX));
    switch_queue_destroy(queue);
}

static void a_full_queue_takes_nothing_and_recovers(void **state) {
    (void)state;
    switch_queue *queue = switch_queue_create(2);
    const col_bytes frame = {(const uint8_t *)"a", 1};
    put(queue, 1, 1);
    put(queue, 2, 2);
    assert_null(switch_queue_put(queue, 3, 3, frame));
    take(queue, 9, 1);
    put(queue, 3, 3);
    take(queue, 9, 2);
    take(queue, 9, 3);
    switch_queue_destroy(queue);
}

static void a_frame_larger_than_a_place_is_refused(void **state) {
    (void)state;
    switch_queue *queue = switch_queue_create(2);
    static const uint8_t bytes[SWITCH_FRAME_BYTES_MAX + 1];
    assert_null(switch_queue_put(queue, 1, 1, (col_bytes){bytes, sizeof bytes}));
    assert_non_null(switch_queue_put(queue, 1, 1, (col_bytes){bytes, sizeof bytes - 1}));
    switch_queue_destroy(queue);
}

static void many_frames_come_out_sorted(void **state) {
    (void)state;
    switch_queue *queue = switch_queue_create(1000);
    sim_random random = sim_random_of(1, 1);
    for (uint32_t i = 0; i < 1000; i++) put(queue, sim_below(&random, 500), i % 256);
    uint64_t before_ns = 0, serial = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        const switch_waiting *waiting = switch_queue_take(queue, 500);
        assert_non_null(waiting);
        assert_true(waiting->due_ns > before_ns ||
                    (waiting->due_ns == before_ns && waiting->serial >= serial));
        before_ns = waiting->due_ns;
        serial = waiting->serial;
    }
    switch_queue_destroy(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_leave_at_their_moments_and_equal_ones_in_order),
        cmocka_unit_test(a_full_queue_takes_nothing_and_recovers),
        cmocka_unit_test(a_frame_larger_than_a_place_is_refused),
        cmocka_unit_test(many_frames_come_out_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
