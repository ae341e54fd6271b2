// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "build_information.h"
#include "src/base/clock.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"
#include "src/cli/load.h"
#include "src/cli/report.h"
#include "src/cli/status.h"
#include "src/cli/table.h"

#define SECOND_NS UINT64_C(1000000000)
#define AGREEMENT_WAIT_NS (3 * SECOND_NS)

typedef struct {
    const char *cluster;
    const char *json;
    uint64_t clients, sessions, outstanding, request_bytes, seconds, warm_up, threads, rate;
} bench_options;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

static uint64_t own_cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const uint64_t us = (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_NS + us * 1000;
}

/// What the clocks and counters say at one moment.
typedef struct {
    uint64_t answered;
    uint64_t client_cpu_ns;
    col_moment replicas;
} moment;

static void take_moment(const col_watch *watch, const col_load *load, moment *now) {
    now->answered = col_load_answered(load);
    now->client_cpu_ns = own_cpu_ns();
    col_watch_read(watch, &now->replicas);
}

/// One line that is rewritten on a terminal; elsewhere a line every two seconds.
static void show_progress(const char *phase, double elapsed_s, double total_s, double rate,
                          uint64_t answered) {
    char text[32];
    col_number_format(answered, text);
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K%s %4.1f of %.0f s  %8.0f requests/s  %s answered", phase,
                elapsed_s, total_s, rate, text);
    } else {
        fprintf(stderr, "%s %.0f of %.0f s  %.0f requests/s  %s answered\n", phase, elapsed_s,
                total_s, rate, text);
    }
}

/// Let a phase last, with progress.
static void watch_phase(const col_load *load, const char *phase, uint64_t seconds) {
    const uint64_t interval_ns = isatty(STDERR_FILENO) ? SECOND_NS / 4 : 2 * SECOND_NS;
    const uint64_t start_ns = col_clock_monotonic_ns(), end_ns = start_ns + seconds * SECOND_NS;
    uint64_t shown_ns = start_ns, shown = col_load_answered(load), now_ns = start_ns;
    while (now_ns < end_ns && !interrupted) {
        const uint64_t left_ns = end_ns - now_ns, step_ns = SECOND_NS / 20;
        nanosleep(&(struct timespec){.tv_nsec = (long)(left_ns < step_ns ? left_ns : step_ns)},
                  NULL);
        now_ns = col_clock_monotonic_ns();
        if (now_ns - shown_ns < interval_ns && now_ns < end_ns) continue;
        if (now_ns - shown_ns < SECOND_NS / 10) continue;
        const uint64_t answered = col_load_answered(load);
        show_progress(phase, (double)(now_ns - start_ns) / 1e9, (double)seconds,
                      (double)(answered - shown) * 1e9 / (double)(now_ns - shown_ns), answered);
        shown_ns = now_ns;
        shown = answered;
    }
}

static void await_drained(const col_load *load) {
    while (!col_load_ended(load)) nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

static void subtract(const col_watch *watch, const moment *begin, const moment *end,
                     col_bench *bench) {
    const col_moment *first = &begin->replicas, *last = &end->replicas;
    bench->seconds = (double)(last->now_ns - first->now_ns) / 1e9;
    bench->measured = end->answered - begin->answered;
    bench->client_cpu_ns = end->client_cpu_ns - begin->client_cpu_ns;
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        col_bench_replica *replica = &bench->replica[i];
        replica->seen = first->seen[i] && last->seen[i];
        if (!replica->seen) continue;
        replica->reading = last->reading[i];
        col_reading_subtract(&replica->reading, &first->reading[i]);
        replica->user_ns = last->process[i].user_ns - first->process[i].user_ns;
        replica->system_ns = last->process[i].system_ns - first->process[i].system_ns;
        replica->rss_bytes = last->process[i].rss_bytes;
    }
}

static void describe_replicas(const col_watch *watch, col_bench *bench) {
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        const col_page *page = watch->page[i];
        if (!page) continue;
        bench->local = true;
        snprintf(bench->profile, sizeof bench->profile, "%s", page->profile);
        snprintf(bench->backend, sizeof bench->backend, "%s", page->backend);
        snprintf(bench->hasher, sizeof bench->hasher, "%s", page->hasher);
        return;
    }
    snprintf(bench->profile, sizeof bench->profile, "unknown");
    snprintf(bench->backend, sizeof bench->backend, "unknown");
    snprintf(bench->hasher, sizeof bench->hasher, "unknown");
}

static col_result check_agreement(const char *directory, col_bench *bench) {
    col_supervisor_state state;
    col_supervisor_read(directory, &state);
    static col_watch live;  // without those that ended during the load
    col_watch_open(&live, directory, &state);
    const col_result result = col_agreement_check(bench->cluster, live.page, state.replicas,
                                                  AGREEMENT_WAIT_NS, &bench->agreement);
    col_watch_close(&live);
    return result;
}

static col_result run_load(const bench_options *options, const col_watch *watch, col_bench *bench) {
    static moment begin, end;
    col_load *load;
    COL_TRY(col_load_start(&bench->load, &load));
    watch_phase(load, "warm-up  ", options->warm_up);
    col_load_enter(load, COL_LOAD_MEASURE);
    take_moment(watch, load, &begin);
    watch_phase(load, "measuring", options->seconds);
    take_moment(watch, load, &end);
    col_load_enter(load, COL_LOAD_DRAIN);
    await_drained(load);
    col_load_finish(load, &bench->outcome);
    subtract(watch, &begin, &end, bench);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    bench->client_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
    return col_ok();
}

static col_result write_json(const col_bench *bench, FILE *file, const char *path) {
    col_bench_write_json(bench, file);
    const bool failed = ferror(file);
    if (fclose(file) == 0 && !failed) return col_ok();
    return col_error("%s: %s: make room on the disk", path, strerror(errno));
}

static col_result check_options(const bench_options *options, const col_cluster *cluster) {
    const col_genesis *genesis = &cluster->genesis;
    if (options->clients > genesis->clients) {
        return col_error("bench: --clients is %" PRIu64
                         " and %s lists %u: use fewer, or `colonnade init --clients %" PRIu64 "`",
                         options->clients, cluster->path, genesis->clients, options->clients);
    }
    if (options->sessions > genesis->client_sessions_max) {
        return col_error("bench: --sessions is %" PRIu64
                         " and %s allows a client %u: use fewer, or raise client_sessions_max",
                         options->sessions, cluster->path, genesis->client_sessions_max);
    }
    if (options->outstanding > genesis->session_outstanding) {
        return col_error("bench: --outstanding is %" PRIu64
                         " and %s allows a session %u: use fewer, or raise session_outstanding",
                         options->outstanding, cluster->path, genesis->session_outstanding);
    }
    if (options->request_bytes > genesis->operation_bytes_max) {
        return col_error("bench: --request-bytes is %" PRIu64
                         " and %s allows %u: use fewer, or raise operation_bytes_max",
                         options->request_bytes, cluster->path, genesis->operation_bytes_max);
    }
    if (options->threads > options->clients) {
        return col_error("bench: --threads is %" PRIu64 " and --clients %" PRIu64
                         ": a client belongs to one thread, use fewer threads",
                         options->threads, options->clients);
    }
    return col_check_client_key(cluster, NULL, 0);
}

static int conclude(const col_bench *bench) {
    const bool agreed = !bench->local || bench->agreement.agree;
    return bench->outcome.missing == 0 && bench->outcome.answered && agreed ? 0 : 1;
}

static int run_bench(const bench_options *options, const col_cluster *cluster,
                     const col_supervisor_state *state, FILE *json) {
    static col_watch watch;
    static col_bench bench;
    bench = (col_bench){.cluster = cluster,
                        .commit = COL_BUILD_COMMIT,
                        .warm_up_s = (double)options->warm_up,
                        .load = {.cluster = options->cluster,
                                 .clients = (uint32_t)options->clients,
                                 .sessions = (uint32_t)options->sessions,
                                 .outstanding = (uint32_t)options->outstanding,
                                 .request_bytes = (uint32_t)options->request_bytes,
                                 .threads = (uint32_t)options->threads,
                                 .rate = options->rate}};
    signal(SIGINT, on_interrupt);
    col_watch_open(&watch, cluster->directory, state);
    describe_replicas(&watch, &bench);
    col_machine_read(&bench.machine);
    col_result result = col_signatures_read(cluster, &bench.signatures);
    if (result.ok) result = run_load(options, &watch, &bench);
    if (result.ok && bench.local) result = check_agreement(cluster->directory, &bench);
    if (result.ok) col_bench_print(&bench, stdout);
    if (result.ok && json) result = write_json(&bench, json, options->json);
    col_watch_close(&watch);
    return result.ok ? conclude(&bench) : col_fail(&result, 1);
}

static int prepare_and_run(const bench_options *options) {
    col_cluster *cluster;
    col_supervisor_state state;
    col_result result = col_open_cluster(options->cluster, &cluster);
    if (!result.ok) return col_fail(&result, 2);
    result = check_options(options, cluster);
    FILE *json = NULL;
    if (result.ok && options->json && !(json = fopen(options->json, "we")))
        result = col_error("%s: %s: choose another file", options->json, strerror(errno));
    if (result.ok) result = col_enter_cluster(cluster->directory, &state);
    const int status = result.ok ? run_bench(options, cluster, &state, json) : col_fail(&result, 2);
    col_cluster_destroy(cluster);
    return status;
}

int col_command_bench(char **argv) {
    bench_options chosen = {.clients = 4,
                            .sessions = 4,
                            .outstanding = 32,
                            .request_bytes = 100,
                            .seconds = 10,
                            .warm_up = 2,
                            .threads = 1};
    const col_option options[] = {
        {"--cluster", "DIR", "cluster directory, or cluster file", COL_OPTION_TEXT,
         .required = true, .target = &chosen.cluster},
        {"--clients", "N", "clients of the registry that send; 4 when not given", COL_OPTION_NUMBER,
         .minimum = 1, .maximum = COL_LOAD_CLIENTS_MAX, .target = &chosen.clients},
        {"--sessions", "N", "of each client, spread over the pillars; 4 when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = COL_SESSIONS_MAX, .target = &chosen.sessions},
        {"--outstanding", "N",
         "requests that each session keeps in flight, with --rate at most; 32 when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = COL_SESSION_OUTSTANDING_MAX,
         .target = &chosen.outstanding},
        {"--request-bytes", "N",
         "of each operation; 100 when not given. The size of replies is the application's",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = COL_OPERATION_BYTES_MAX,
         .target = &chosen.request_bytes},
        {"--rate", "N",
         "requests per second by a schedule, latency counts from there; closed loop when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = COL_LOAD_RATE_MAX, .target = &chosen.rate},
        {"--seconds", "N", "to measure; 10 when not given", COL_OPTION_NUMBER, .minimum = 1,
         .maximum = 86400, .target = &chosen.seconds},
        {"--warmup", "N", "seconds before; 2 when not given", COL_OPTION_NUMBER, .minimum = 0,
         .maximum = 3600, .target = &chosen.warm_up},
        {"--threads", "N", "of this process that the clients share; 1 when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = COL_LOAD_THREADS_MAX,
         .target = &chosen.threads},
        {"--json", "FILE", "also write what was found as JSON", COL_OPTION_TEXT,
         .target = &chosen.json},
    };
    const col_command command = {
        .name = "bench",
        .purpose =
            "Drive load, then report throughput, latency, costs, and whether the "
            "replicas'\n"
            "signed checkpoints agree. Ends with status 0 only when they do and every request was\n"
            "answered by f+1 matching, verified replies.",
        .example = "colonnade bench --cluster demo --clients 8 --seconds 30 --json result.json",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    const col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);
    return prepare_and_run(&chosen);
}
