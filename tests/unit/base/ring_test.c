// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/ring.h"

typedef struct {
    col_arena arena;
    col_ring ring;
} fixture;

static fixture *open_ring(fixture *self, uint64_t bytes) {
    assert_true(col_arena_open(&self->arena, col_ring_footprint(bytes)).ok);
    col_ring_init(&self->ring, &self->arena, bytes, NULL);
    return self;
}

static bool put(col_ring *ring, uint32_t bytes, uint8_t fill) {
    void *record = col_ring_reserve(ring, bytes);
    if (record == NULL) return false;
    assert_int_equal((uintptr_t)record % 8, 0);
    memset(record, fill, bytes);
    col_ring_publish(ring);
    return true;
}

static void expect(col_ring *ring, uint32_t bytes, uint8_t fill) {
    uint32_t got;
    const uint8_t *record = col_ring_front(ring, &got);
    assert_non_null(record);
    assert_int_equal((uintptr_t)record % 8, 0);
    assert_int_equal(got, bytes);
    for (uint32_t i = 0; i < bytes; i++) assert_int_equal(record[i], fill);
    col_ring_release(ring);
}

static void expect_empty(col_ring *ring) {
    uint32_t bytes;
    assert_null(col_ring_front(ring, &bytes));
}

static void records_of_any_length_come_out_whole_and_in_order(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 4096)->ring;
    expect_empty(ring);
    for (uint32_t bytes = 0; bytes < 50; bytes++) assert_true(put(ring, bytes, (uint8_t)bytes));
    for (uint32_t bytes = 0; bytes < 50; bytes++) expect(ring, bytes, (uint8_t)bytes);
    expect_empty(ring);
    col_arena_close(&self.arena);
}

static void a_record_is_invisible_until_published(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    assert_non_null(col_ring_reserve(ring, 8));
    expect_empty(ring);
    col_ring_publish(ring);
    uint32_t bytes;
    assert_non_null(col_ring_front(ring, &bytes));
    col_arena_close(&self.arena);
}

static void the_front_stays_in_place_until_released(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    assert_true(put(ring, 10, 1));
    assert_true(put(ring, 10, 2));
    uint32_t bytes;
    const void *front = col_ring_front(ring, &bytes);
    assert_ptr_equal(col_ring_front(ring, &bytes), front);
    while (put(ring, 10, 3)) continue;
    assert_ptr_equal(col_ring_front(ring, &bytes), front);
    expect(ring, 10, 1);
    expect(ring, 10, 2);
    col_arena_close(&self.arena);
}

static void reserving_again_abandons_the_open_record(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    assert_true(put(ring, 160, 1));
    expect(ring, 160, 1);
    // The first try goes round the end of the buffer, the second does not.
    memset(col_ring_reserve(ring, 100), 9, 100);
    assert_true(put(ring, 24, 2));
    expect(ring, 24, 2);
    expect_empty(ring);
    col_arena_close(&self.arena);
}

static void a_full_ring_refuses_and_takes_again_after_a_release(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    uint8_t in = 0;
    while (put(ring, 24, in)) in++;
    assert_int_equal(in, 256 / 32);
    assert_false(put(ring, 0, 99));
    expect(ring, 24, 0);
    assert_true(put(ring, 24, in));
    assert_false(put(ring, 0, 99));
    for (uint8_t out = 1; out <= in; out++) expect(ring, 24, out);
    expect_empty(ring);
    col_arena_close(&self.arena);
}

static void a_quarter_fits_an_empty_ring_wherever_it_stands(void **state) {
    (void)state;
    for (uint64_t size = 1; size <= 4096; size *= 2) {
        const uint32_t quarter = (uint32_t)(size < 256 ? 64 : size / 4);
        fixture self;
        col_ring *ring = &open_ring(&self, size)->ring;
        for (uint32_t step = 0; step < 600; step++) {
            assert_true(put(ring, quarter, (uint8_t)step));
            expect(ring, quarter, (uint8_t)step);
            assert_true(put(ring, step % 40, 7));
            expect(ring, step % 40, 7);
        }
        expect_empty(ring);
        col_arena_close(&self.arena);
    }
}

static void what_can_never_fit_is_refused(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    assert_null(col_ring_reserve(ring, 256));
    assert_null(col_ring_reserve(ring, UINT32_MAX - 1));
    assert_true(put(ring, 248, 1));
    expect(ring, 248, 1);
    col_arena_close(&self.arena);
}

static void the_footprint_is_what_init_takes(void **state) {
    (void)state;
    assert_int_equal(col_ring_footprint(1000), 1024);
    assert_int_equal(col_ring_footprint(1024), 1024);
    fixture self;
    open_ring(&self, 900);
    assert_int_equal(self.arena.used, 1024);
    assert_int_equal(self.ring.size, 1024);
    col_arena_close(&self.arena);
}

static void free_bytes_are_what_records_and_their_headers_leave(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 256)->ring;
    assert_int_equal(col_ring_free(ring), 256);
    assert_true(put(ring, 9, 1));
    assert_int_equal(col_ring_free(ring), 256 - 24);
    assert_non_null(col_ring_reserve(ring, 8));
    assert_int_equal(col_ring_free(ring), 256 - 24);  // open records take nothing yet
    expect(ring, 9, 1);
    assert_int_equal(col_ring_free(ring), 256);
    col_arena_close(&self.arena);
}

static void publishing_signals_the_waker(void **state) {
    (void)state;
    col_waker waker;
    assert_true(col_waker_open(&waker).ok);
    fixture self;
    open_ring(&self, 256);
    self.ring.waker = &waker;
    col_waker_arm(&waker);
    assert_non_null(col_ring_reserve(&self.ring, 8));
    assert_true(atomic_load(&waker.sleeping));
    col_ring_publish(&self.ring);
    assert_false(atomic_load(&waker.sleeping));
    col_waker_disarm(&waker);
    col_waker_close(&waker);
    col_arena_close(&self.arena);
}

// Two threads: record i has a length and contents that follow from i.

#define STRESS_RECORDS 200000
#define STRESS_NS UINT64_C(10000000000)  // a loaded machine passes fewer meanwhile

static atomic_uint_fast32_t stress_records;  // lowered by the producer when time is up

static uint32_t length_of(uint32_t i) {
    return (i * UINT32_C(2654435761) >> 16) % 61 * 4;
}

static void *produce(void *argument) {
    col_ring *ring = argument;
    const uint64_t end_ns = col_clock_monotonic_ns() + STRESS_NS;
    for (uint32_t i = 0; i < STRESS_RECORDS; i++) {
        uint32_t *record;
        if (col_clock_monotonic_ns() > end_ns) {
            atomic_store(&stress_records, i);
            break;
        }
        while ((record = col_ring_reserve(ring, length_of(i))) == NULL) sched_yield();
        for (uint32_t word = 0; word < length_of(i) / 4; word++) record[word] = i + word;
        col_ring_publish(ring);
    }
    return NULL;
}

/// @return records that differed from what was written
static uint32_t consume(col_ring *ring) {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < atomic_load(&stress_records); i++) {
        const uint32_t *record;
        uint32_t bytes;
        while ((record = col_ring_front(ring, &bytes)) == NULL) {
            if (i == atomic_load(&stress_records)) return wrong;
            sched_yield();
        }
        bool good = bytes == length_of(i);
        for (uint32_t word = 0; good && word < bytes / 4; word++) good = record[word] == i + word;
        wrong += !good;
        col_ring_release(ring);
    }
    return wrong;
}

static void two_threads_pass_every_record_whole_and_in_order(void **state) {
    (void)state;
    fixture self;
    col_ring *ring = &open_ring(&self, 1024)->ring;
    atomic_store(&stress_records, STRESS_RECORDS);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
    const uint32_t wrong = consume(ring);
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(wrong, 0);
    expect_empty(ring);
    col_arena_close(&self.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_any_length_come_out_whole_and_in_order),
        cmocka_unit_test(a_record_is_invisible_until_published),
        cmocka_unit_test(the_front_stays_in_place_until_released),
        cmocka_unit_test(reserving_again_abandons_the_open_record),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again_after_a_release),
        cmocka_unit_test(a_quarter_fits_an_empty_ring_wherever_it_stands),
        cmocka_unit_test(what_can_never_fit_is_refused),
        cmocka_unit_test(the_footprint_is_what_init_takes),
        cmocka_unit_test(free_bytes_are_what_records_and_their_headers_leave),
        cmocka_unit_test(publishing_signals_the_waker),
        cmocka_unit_test(two_threads_pass_every_record_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
