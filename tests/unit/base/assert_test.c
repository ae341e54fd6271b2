// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/assert.h"

static void a_condition_that_holds_is_evaluated_once(void **state) {
    (void)state;
    int evaluated = 0;
    COL_ASSERT(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

static void a_broken_invariant_aborts_and_names_condition_and_place(void **state) {
    (void)state;
    int output[2];
    assert_int_equal(pipe(output), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(output[1], STDERR_FILENO);
        COL_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    close(output[1]);
    char text[256] = {0};
    assert_true(read(output[0], text, sizeof text - 1) > 0);
    close(output[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "1 + 1 == 3"));
    assert_non_null(strstr(text, "assert_test.c:"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_that_holds_is_evaluated_once),
        cmocka_unit_test(a_broken_invariant_aborts_and_names_condition_and_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
