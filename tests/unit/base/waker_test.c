// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/base/waker.h"

static bool readable(const col_waker *waker) {
    return poll(&(struct pollfd){.fd = waker->descriptor, .events = POLLIN}, 1, 0) == 1;
}

static void a_signal_wakes_only_a_sleeper(void **state) {
    (void)state;
    col_waker waker;
    assert_true(col_waker_open(&waker).ok);
    col_waker_signal(&waker);
    assert_false(readable(&waker));
    col_waker_arm(&waker);
    assert_false(readable(&waker));
    col_waker_signal(&waker);
    assert_true(readable(&waker));
    col_waker_close(&waker);
}

static void disarming_takes_the_signal_away(void **state) {
    (void)state;
    col_waker waker;
    assert_true(col_waker_open(&waker).ok);
    col_waker_arm(&waker);
    col_waker_signal(&waker);
    col_waker_disarm(&waker);
    assert_false(readable(&waker));
    col_waker_signal(&waker);
    assert_false(readable(&waker));
    col_waker_arm(&waker);
    assert_false(readable(&waker));
    col_waker_disarm(&waker);
    col_waker_signal(&waker);  // nobody sleeps any more
    assert_false(readable(&waker));
    col_waker_close(&waker);
}

static void many_signals_write_once(void **state) {
    (void)state;
    col_waker waker;
    assert_true(col_waker_open(&waker).ok);
    col_waker_arm(&waker);
    for (int i = 0; i < 5; i++) col_waker_signal(&waker);
    uint64_t signals = 0;
    assert_int_equal(read(waker.descriptor, &signals, sizeof signals), sizeof signals);
    assert_int_equal(signals, 1);
    col_waker_disarm(&waker);
    col_waker_close(&waker);
}

static void no_descriptor_left_is_an_error_that_teaches(void **state) {
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    col_waker waker;
    const col_result result = col_waker_open(&waker);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "cannot open an eventfd: Too many open files: raise `ulimit -n`");
}

#define ROUNDS 100000
#define LOST_AFTER_MS 5000

typedef struct {
    col_waker waker;
    atomic_uint work;
} side;

/// Come a little later or sooner, so that now and then one side arms just when the other posts.
static void linger(unsigned number) {
    for (unsigned left = number * 2654435761u >> 18; left > 0; left--) {
        atomic_signal_fence(memory_order_seq_cst);  // keeps the empty loop
    }
}

/// Wait for the work number `expected` as a loop does. @return false when the wake-up was lost.
static bool await(side *self, unsigned expected) {
    linger(expected);
    while (atomic_load_explicit(&self->work, memory_order_relaxed) < expected) {
        col_waker_arm(&self->waker);
        bool lost = false;
        if (atomic_load_explicit(&self->work, memory_order_relaxed) < expected) {
            struct pollfd wait = {.fd = self->waker.descriptor, .events = POLLIN};
            lost = poll(&wait, 1, LOST_AFTER_MS) == 0;
        }
        col_waker_disarm(&self->waker);
        if (lost) return false;
    }
    return true;
}

static void post(side *other, unsigned number) {
    atomic_store_explicit(&other->work, number, memory_order_relaxed);
    col_waker_signal(&other->waker);
}

static side ping, pong;

static void *answer(void *unused) {
    (void)unused;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        if (!await(&pong, i)) return NULL;
        post(&ping, i);
    }
    return &pong;
}

static void no_wake_up_is_lost_when_both_sides_fall_asleep_at_once(void **state) {
    (void)state;
    assert_true(col_waker_open(&ping.waker).ok);
    assert_true(col_waker_open(&pong.waker).ok);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
    bool lost = false;
    for (unsigned i = 1; i <= ROUNDS && !lost; i++) {
        post(&pong, i);
        lost = !await(&ping, i);
    }
    void *answered;
    assert_int_equal(pthread_join(thread, &answered), 0);
    assert_false(lost);
    assert_non_null(answered);
    col_waker_close(&ping.waker);
    col_waker_close(&pong.waker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_wakes_only_a_sleeper),
        cmocka_unit_test(disarming_takes_the_signal_away),
        cmocka_unit_test(many_signals_write_once),
        cmocka_unit_test(no_descriptor_left_is_an_error_that_teaches),
        cmocka_unit_test(no_wake_up_is_lost_when_both_sides_fall_asleep_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
