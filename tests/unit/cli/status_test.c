// SPDX-License-Identifier: Apache-2.0
#include "src/cli/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/// A cluster of three replicas with two pillars, on pages made by hand.
static col_page page[3];
static col_watch watch;
static col_moment before, now;

static void set_pillar(uint32_t replica, uint32_t k, uint64_t executed, uint64_t pending) {
    col_pillar_counters *pillar = &page[replica].pillar[k];
    col_counter_set(&pillar->primary, k);
    col_counter_set(&pillar->executed, executed);
    col_counter_set(&pillar->stable, executed / 32);
    col_counter_set(&pillar->pending, pending);
}

static int make_cluster(void **state) {
    (void)state;
    memset(page, 0, sizeof page);
    watch = (col_watch){.directory = "/nowhere", .state = {.supervisor = 7, .replicas = 3}};
    for (uint32_t i = 0; i < 3; i++) {
        page[i].replica = i;
        page[i].pillars = 2;
        col_counter_set(&page[i].ready, 1);
        watch.page[i] = &page[i];
        watch.state.replica[i] = (col_supervised){.pid = 4000 + (pid_t)i, .state = "running"};
        set_pillar(i, 0, 1234, 5);
        set_pillar(i, 1, 1233, 0);
        col_counter_set(&page[i].merge.requests, 98765);
        col_counter_set(&page[i].pillar[0].drops[COL_DROP_REPEATED], 3);
        col_counter_set(&page[i].net[0].drops[COL_DROP_NOT_OURS], 1);
    }
    return 0;
}

/// Half a second in which each replica executed 1000 requests at 40 % of a core.
static void let_time_pass(void) {
    col_moment *moment[] = {&before, &now};
    for (uint32_t m = 0; m < 2; m++) {
        *moment[m] = (col_moment){.now_ns = 1000 + m * UINT64_C(500000000)};
        for (uint32_t i = 0; i < watch.state.replicas; i++) {
            if (!watch.page[i]) continue;
            if (m == 1) col_count(&page[i].merge.requests, 1000);
            col_reading_take(&page[i], &moment[m]->reading[i]);
            moment[m]->seen[i] = true;
            moment[m]->process[i] = (col_process_reading){
                .user_ns = m * 150000000, .system_ns = m * 50000000, .rss_bytes = 27500000};
        }
    }
}

static void replica_ends(uint32_t replica, const char *how) {
    watch.page[replica] = NULL;
    watch.state.replica[replica] = (col_supervised){.pid = 0};
    snprintf(watch.state.replica[replica].state, sizeof watch.state.replica[replica].state, "%s",
             how);
}

static void assert_printed(col_status_options options, const char *expected) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    col_status_print(&watch, &before, &now, &options, stream);
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_contains(col_status_options options, const char *words) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    col_status_print(&watch, &before, &now, &options, stream);
    fclose(stream);
    if (strstr(text, words) == NULL) fail_msg("not in the status: %s\n%s", words, text);
    free(text);
}

static void a_row_per_replica_and_one_per_pillar(void **state) {
    (void)state;
    set_pillar(1, 0, 1230, 0);
    let_time_pass();
    assert_printed(
        (col_status_options){.pillars = true},
        "  replica    state  process  requests  requests/s   CPU      RSS  drops  diverged\n"
        "  0        running     4000    99 765       2 000  40 %  27.5 MB      4         0\n"
        "  1        running     4001    99 765       2 000  40 %  27.5 MB      4         0\n"
        "  2        running     4002    99 765       2 000  40 %  27.5 MB      4         0\n"
        "\n"
        "  replica  pillar  view  primary  executed  stable  lag  pending  drops\n"
        "  0             0     0        0     1 234      38    0        5      3\n"
        "  0             1     0        1     1 233      38    0        0      0\n"
        "  1             0     0        0     1 230      38    4        0      3\n"
        "  1             1     0        1     1 233      38    0        0      0\n"
        "  2             0     0        0     1 234      38    0        5      3\n"
        "  2             1     0        1     1 233      38    0        0      0\n");
}

static void a_replica_that_ended_says_how(void **state) {
    (void)state;
    replica_ends(2, "down: killed by signal 9");
    replica_ends(1, "stopped");
    let_time_pass();
    assert_printed(
        (col_status_options){.pillars = false},
        "  replica    state  process  requests  requests/s   CPU      RSS  drops  diverged\n"
        "  0        running     4000    99 765       2 000  40 %  27.5 MB      4         0\n"
        "  1        stopped\n"
        "  2           down\n"
        "\n"
        "replica 1 stopped\n"
        "\n"
        "replica 2 down: killed by signal 9\n");
}

static void replicas_of_other_machines_are_left_out(void **state) {
    (void)state;
    watch.state.supervisor = 0;
    replica_ends(0, "");
    replica_ends(1, "");
    let_time_pass();
    assert_printed(
        (col_status_options){.pillars = true},
        "  replica    state  process  requests  requests/s   CPU      RSS  drops  diverged\n"
        "  2        running     4002    99 765       2 000  40 %  27.5 MB      4         0\n"
        "\n"
        "  replica  pillar  view  primary  executed  stable  lag  pending  drops\n"
        "  2             0     0        0     1 234      38    0        5      3\n"
        "  2             1     0        1     1 233      38    0        0      0\n");
}

static void a_healthy_cluster_has_no_colour(void **state) {
    (void)state;
    set_pillar(1, 0, 1234 - 16, 0);
    let_time_pass();
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    const col_status_options options = {.pillars = true, .colour = true};
    col_status_print(&watch, &before, &now, &options, stream);
    fclose(stream);
    assert_null(strchr(text, '\033'));
    free(text);
}

static void what_is_wrong_is_red(void **state) {
    (void)state;
    const col_status_options colour = {.pillars = true, .colour = true};
    set_pillar(1, 0, 1234 - 17, 0);
    let_time_pass();
    assert_contains(colour, "\033[31m 17\033[m");
    now.process[0].paused = true;
    assert_contains(colour, "\033[31m paused\033[m");
    now.reading[0].drops[COL_DROP_REPEATED] += 7;
    assert_contains(colour, "\033[31m   11\033[m");
    now.reading[0].diverged = 1;
    assert_contains(colour, "\033[31m       1\033[m\n");
    col_counter_set(&page[2].ready, 0);
    assert_contains(colour, "\033[31mstarting\033[m");
    replica_ends(1, "down: exit status 1");
    assert_contains(colour, "\033[31m    down\033[m");
    assert_contains(colour, "  0             1     0  \033[31m      1\033[m");  // its primary
}

static void details_name_reasons_and_threads(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(page[i].profile, sizeof page[i].profile, "small.yaml");
        snprintf(page[i].hasher, sizeof page[i].hasher, "fast");
        snprintf(page[i].backend, sizeof page[i].backend, "best");
        page[i].signatures =
            (col_signatures){.replicas = "this", .clients = "that", .sessions = "so"};
        page[i].loops = 1;
        page[i].loop[0] = (col_page_loop){.name = "loop 0", .core = 3, .stage_count = 2};
        snprintf(page[i].loop[0].stage[0], sizeof page[i].loop[0].stage[0], "receiver");
        snprintf(page[i].loop[0].stage[1], sizeof page[i].loop[0].stage[1], "pillar 0");
    }
    let_time_pass();
    assert_contains((col_status_options){.details = true},
                    "\n"
                    "drops of replica 0: not-ours 1, repeated 3\n"
                    "drops of replica 1: not-ours 1, repeated 3\n"
                    "drops of replica 2: not-ours 1, repeated 3\n"
                    "\n"
                    "telemetry of replica 0: /nowhere/run/dpdk/replica-0/dpdk_telemetry.v2\n"
                    "telemetry of replica 1: /nowhere/run/dpdk/replica-1/dpdk_telemetry.v2\n"
                    "telemetry of replica 2: /nowhere/run/dpdk/replica-2/dpdk_telemetry.v2\n"
                    "\n"
                    "threads of replica 0 (profile small.yaml, SHA-256 fast, signatures best: "
                    "this of replicas, that of clients, sessions so):\n"
                    "  loop 0           core 3    receiver, pillar 0\n");
}

static void the_largest_cluster_fits(void **state) {
    (void)state;
    watch.state.replicas = COL_REPLICAS_MAX;
    for (uint32_t i = 0; i < COL_REPLICAS_MAX; i++) {
        watch.state.replica[i] = watch.state.replica[0];
        watch.page[i] = &page[0];
    }
    page[0].pillars = COL_PILLARS_MAX;
    before = now = (col_moment){0};
    assert_contains((col_status_options){.pillars = true}, "  31           15 ");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, make_cluster)
    const struct CMUnitTest tests[] = {
        TEST(a_row_per_replica_and_one_per_pillar),
        TEST(a_replica_that_ended_says_how),
        TEST(replicas_of_other_machines_are_left_out),
        TEST(a_healthy_cluster_has_no_colour),
        TEST(what_is_wrong_is_red),
        TEST(details_name_reasons_and_threads),
        TEST(the_largest_cluster_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
