// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/arena.h"

static void taken_memory_is_zeroed_aligned_and_disjoint(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, 4096).ok);
    unsigned char *first = col_arena_take(&arena, 3, 7);
    unsigned char *second = col_arena_take(&arena, 1, 65);
    unsigned char *third = col_arena_take(&arena, 1, 1);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_int_equal((uintptr_t)second % 64, 0);
    assert_int_equal((uintptr_t)third % 64, 0);
    for (int i = 0; i < 21; i++) assert_int_equal(first[i], 0);
    memset(first, 1, 21);
    for (int i = 0; i < 65; i++) assert_int_equal(second[i], 0);
    memset(second, 2, 65);
    assert_int_equal(*third, 0);
    assert_int_equal(first[20], 1);
    col_arena_close(&arena);
    assert_null(arena.base);
}

static void an_arena_is_usable_to_its_last_byte(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, 100).ok);
    unsigned char *all = col_arena_take(&arena, 100, 1);
    all[99] = 7;
    assert_int_equal(all[99], 7);
    col_arena_close(&arena);
}

static void untouched_memory_costs_address_space_only(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, (size_t)1 << 36).ok);
    unsigned char *much = col_arena_take(&arena, (size_t)1 << 26, 1 << 10);
    much[((size_t)1 << 36) - 1] = 1;
    assert_int_equal(much[((size_t)1 << 36) - 1], 1);
    col_arena_close(&arena);
}

static void a_refused_mapping_is_an_error_that_teaches(void **state) {
    (void)state;
    col_arena arena;
    const col_result result = col_arena_open(&arena, SIZE_MAX / 2);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "cannot reserve 9223372036854775807 bytes of memory: Cannot allocate "
                        "memory: lower the sizes in the profile or raise `ulimit -v`");
}

/// Whether taking ends the process with an assertion.
static int take_aborts(size_t count, size_t size) {
    const pid_t child = fork();
    if (child == 0) {
        col_arena arena;
        if (!col_arena_open(&arena, 4096).ok) _exit(1);
        if (freopen("/dev/null", "w", stderr) == NULL) _exit(1);
        (void)col_arena_take(&arena, count, size);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void taking_more_than_there_is_breaks_an_invariant(void **state) {
    (void)state;
    assert_false(take_aborts(1, 4096));
    assert_true(take_aborts(1, 4097));
    assert_true(take_aborts(SIZE_MAX / 2 + 2, 2));  // the product wraps round to 2
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_memory_is_zeroed_aligned_and_disjoint),
        cmocka_unit_test(an_arena_is_usable_to_its_last_byte),
        cmocka_unit_test(untouched_memory_costs_address_space_only),
        cmocka_unit_test(a_refused_mapping_is_an_error_that_teaches),
        cmocka_unit_test(taking_more_than_there_is_breaks_an_invariant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
