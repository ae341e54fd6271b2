// SPDX-License-Identifier: Apache-2.0
#include "src/cli/state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state) {
    (void)state;
    strcpy(directory, "/tmp/colonnade-state-XXXXXX");
    char path[96];
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/run", directory);
    return mkdir(path, 0755);
}

static int remove_directory(void **state) {
    (void)state;
    const char *files[] = {"run/lock", "run/state", "run", "."};
    for (uint32_t i = 0; i < 4; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        remove(path);
    }
    return rmdir(directory) == 0 || access(directory, F_OK) != 0 ? 0 : -1;
}

static const col_supervisor_state published = {
    .profile = "/a b/small.yaml",
    .replicas = 2,
    .replica = {{.pid = 41, .state = "running"}, {.state = "down: killed by signal 9"}},
};

/// A process that holds the lock and says whether it got it.
static pid_t start_holder(char *got) {
    int channel[2];
    assert_int_equal(pipe(channel), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const bool ok = col_state_lock(directory).ok && col_state_write(directory, &published).ok;
        if (write(channel[1], ok ? "y" : "n", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(channel[1]);
    assert_int_equal(read(channel[0], got, 1), 1);
    close(channel[0]);
    return pid;
}

static void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void who_holds_the_lock_is_the_supervisor_until_it_ends(void **state) {
    (void)state;
    assert_int_equal(col_supervisor_find(directory), 0);
    char got;
    const pid_t pid = start_holder(&got);
    assert_int_equal(got, 'y');
    assert_int_equal(col_supervisor_find(directory), pid);
    end(pid);
    assert_int_equal(col_supervisor_find(directory), 0);
}

static void there_is_one_supervisor(void **state) {
    (void)state;
    char first, second;
    const pid_t one = start_holder(&first), two = start_holder(&second);
    assert_int_equal(first, 'y');
    assert_int_equal(second, 'n');
    end(one);
    end(two);
}

static void what_it_publishes_reads_back(void **state) {
    (void)state;
    char got;
    const pid_t pid = start_holder(&got);
    col_supervisor_state seen;
    assert_true(col_supervisor_read(directory, &seen));
    end(pid);
    assert_int_equal(seen.supervisor, pid);
    assert_int_equal(seen.replicas, 2);
    assert_string_equal(seen.profile, "/a b/small.yaml");
    assert_int_equal(seen.replica[0].pid, 41);
    assert_string_equal(seen.replica[0].state, "running");
    assert_int_equal(seen.replica[1].pid, 0);
    assert_string_equal(seen.replica[1].state, "down: killed by signal 9");
}

static void a_state_without_its_supervisor_is_stale(void **state) {
    (void)state;
    char got;
    end(start_holder(&got));
    col_supervisor_state seen;
    assert_false(col_supervisor_read(directory, &seen));
    assert_int_equal(seen.supervisor, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_holds_the_lock_is_the_supervisor_until_it_ends),
        TEST(there_is_one_supervisor),
        TEST(what_it_publishes_reads_back),
        TEST(a_state_without_its_supervisor_is_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
