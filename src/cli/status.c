// SPDX-License-Identifier: Apache-2.0
#include "src/cli/status.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/cli/json.h"
#include "src/cli/paths.h"
#include "src/cli/table.h"
#include "src/replica/figures.h"

/// Rounds that a pillar may be behind the furthest replica's before that is worth a colour: what is
/// on its way between two replicas that are both well.
#define LAG_ROUNDS_USUAL 16

void col_watch_open(col_watch *watch, const char *directory, const col_supervisor_state *state) {
    *watch = (col_watch){.directory = directory, .state = *state};
    for (uint32_t i = 0; i < state->replicas; i++) {
        char path[COL_PATH_MAX];
        const col_page *page;
        if (!state->replica[i].pid) continue;
        if (!col_path_of_replica(path, directory, i, "page").ok) continue;
        if (!col_page_open(path, &page).ok) continue;
        watch->page[i] = page;
    }
}

void col_watch_close(col_watch *watch) {
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        if (watch->page[i]) col_page_close(watch->page[i]);
        watch->page[i] = NULL;
    }
}

bool col_watch_find(const char *directory, col_supervisor_state *state) {
    if (col_supervisor_read(directory, state)) return true;
    *state = (col_supervisor_state){.supervisor = 0};
    uint32_t running = 0;
    for (uint32_t i = 0; i < COL_REPLICAS_MAX; i++) {
        char path[COL_PATH_MAX];
        col_supervised *replica = &state->replica[i];
        if (!col_path_of_replica(path, directory, i, "page").ok) return false;
        if (access(path, R_OK) != 0) continue;
        replica->pid = col_page_owner(path);
        snprintf(replica->state, sizeof replica->state, replica->pid ? "running" : "down");
        running += replica->pid != 0;
        state->replicas = i + 1;
    }
    return running > 0;
}

void col_watch_read(const col_watch *watch, col_moment *moment) {
    *moment = (col_moment){.now_ns = col_clock_monotonic_ns()};
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        if (!watch->page[i]) continue;
        col_reading_take(watch->page[i], &moment->reading[i]);
        moment->seen[i] = col_process_read(watch->state.replica[i].pid, &moment->process[i]);
    }
}

/// One status, as it is printed.
typedef struct {
    const col_watch *watch;
    const col_moment *before, *now;
    FILE *stream;
} view;

static bool is_here(const view *shown, uint32_t replica) {
    return shown->watch->state.replica[replica].state[0] != 0;
}

static bool is_down(const view *shown, uint64_t replica) {
    return replica < shown->watch->state.replicas && is_here(shown, (uint32_t)replica) &&
           shown->watch->state.replica[replica].pid == 0;
}

/// One word for what a replica does.
static const char *state_of(const view *shown, uint32_t replica) {
    const col_page *page = shown->watch->page[replica];
    const col_supervised *supervised = &shown->watch->state.replica[replica];
    if (!supervised->pid) return strncmp(supervised->state, "stopped", 7) == 0 ? "stopped" : "down";
    if (!page || col_counter_read(&page->ready) == 0) return "starting";
    if (shown->now->process[replica].paused) return "paused";
    return col_counter_read(&page->ready) == 1 ? "running" : "stopping";
}

/// A count per second since the earlier moment.
static double rate(const view *shown, uint32_t replica, uint64_t now, uint64_t before) {
    const uint64_t passed_ns = shown->now->now_ns - shown->before->now_ns;
    if (!shown->before->seen[replica] || passed_ns == 0 || now < before) return 0;
    return (double)(now - before) * 1e9 / (double)passed_ns;
}

static uint64_t cpu_ns(const col_process_reading *process) {
    return process->user_ns + process->system_ns;
}

static void add_head(col_table *table, const char *const *head, uint32_t columns) {
    col_table_row(table);
    for (uint32_t i = 0; i < columns; i++) col_table_cell(table, "%s", head[i]);
}

static void add_number(col_table *table, uint64_t number) {
    char text[32];
    col_table_cell(table, "%s", col_number_format(number, text));
}

static void add_replica(const view *shown, uint32_t i, col_table *table) {
    const col_reading *now = &shown->now->reading[i], *before = &shown->before->reading[i];
    const col_process_reading *process = &shown->now->process[i];
    const uint64_t drops = col_drops_sum(now->drops), drops_before = col_drops_sum(before->drops);
    col_table_cell(table, "%d", shown->watch->state.replica[i].pid);
    add_number(table, now->requests);
    add_number(table, (uint64_t)(rate(shown, i, now->requests, before->requests) + 0.5));
    col_table_cell(table, "%.0f %%",
                   rate(shown, i, cpu_ns(process), cpu_ns(&shown->before->process[i])) / 1e7);
    col_table_cell(table, "%.1f MB", (double)process->rss_bytes / 1e6);
    add_number(table, drops);
    if (rate(shown, i, drops, drops_before) > 0) col_table_mark(table);
    add_number(table, now->diverged);
    if (now->diverged > 0) col_table_mark(table);
}

static void print_replicas(const view *shown, bool colour) {
    static const char *const head[] = {"replica", "state", "process", "requests", "requests/s",
                                       "CPU",     "RSS",   "drops",   "diverged"};
    static col_table table;
    table = (col_table){.colour = colour};
    add_head(&table, head, sizeof head / sizeof *head);
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        if (!is_here(shown, i)) continue;
        const char *state = state_of(shown, i);
        col_table_row(&table);
        col_table_cell(&table, "%u", i);
        col_table_cell(&table, "%s", state);
        if (strcmp(state, "running") != 0) col_table_mark(&table);
        if (shown->now->seen[i]) add_replica(shown, i, &table);
    }
    col_table_print(&table, shown->stream);
}

static uint64_t executed_round(const col_page *page, uint32_t pillar) {
    return col_counter_read(&page->pillar[pillar].executed);
}

/// The furthest round that any replica here has executed of a pillar.
static uint64_t furthest_round(const view *shown, uint32_t pillar) {
    uint64_t furthest = 0;
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        if (!shown->watch->page[i]) continue;
        const uint64_t round = executed_round(shown->watch->page[i], pillar);
        if (round > furthest) furthest = round;
    }
    return furthest;
}

static void add_pillar(const view *shown, uint32_t replica, uint32_t k, col_table *table) {
    const col_page *page = shown->watch->page[replica];
    const col_pillar_counters *pillar = &page->pillar[k];
    // Read after the furthest: a round that was executed in between is no lag.
    const uint64_t furthest = furthest_round(shown, k), executed = executed_round(page, k);
    const uint64_t lag = furthest > executed ? furthest - executed : 0;
    const uint64_t drops = col_drops_read(pillar->drops);
    col_table_row(table);
    col_table_cell(table, "%u", replica);
    col_table_cell(table, "%u", k);
    add_number(table, col_counter_read(&pillar->view));
    const uint64_t primary = col_counter_read(&pillar->primary);
    add_number(table, primary);
    if (is_down(shown, primary)) col_table_mark(table);
    add_number(table, executed);
    add_number(table, col_counter_read(&pillar->stable));
    add_number(table, lag);
    if (lag > LAG_ROUNDS_USUAL) col_table_mark(table);
    add_number(table, col_counter_read(&pillar->pending));
    add_number(table, drops);
}

static void print_pillars(const view *shown, bool colour) {
    static const char *const head[] = {"replica", "pillar", "view",    "primary", "executed",
                                       "stable",  "lag",    "pending", "drops"};
    static col_table table;
    table = (col_table){.colour = colour};
    add_head(&table, head, sizeof head / sizeof *head);
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        const col_page *page = shown->watch->page[i];
        for (uint32_t k = 0; page && k < page->pillars && k < COL_PILLARS_MAX; k++) {
            add_pillar(shown, i, k, &table);
        }
    }
    fputc('\n', shown->stream);
    col_table_print(&table, shown->stream);
}

/// Why a replica does not run: how it ended, and its last words.
static void print_ends(const view *shown) {
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        const col_supervised *replica = &shown->watch->state.replica[i];
        char log[COL_PATH_MAX], line[320] = "";
        if (replica->pid || !is_here(shown, i)) continue;
        fprintf(shown->stream, "\nreplica %u %s", i, replica->state);
        if (col_path_of_replica(log, shown->watch->directory, i, "log").ok) {
            col_file_last_line(log, line, sizeof line);
        }
        if (*line) fprintf(shown->stream, "; its last line in %s:\n  %s", log, line);
        fputc('\n', shown->stream);
    }
}

static void print_drops(const view *shown) {
    fputc('\n', shown->stream);
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        char drops[512];
        if (!shown->now->seen[i]) continue;
        col_drops_format(shown->now->reading[i].drops, drops, sizeof drops);
        fprintf(shown->stream, "drops of replica %u: %s\n", i, drops);
    }
}

/// Where programs ask for the same figures.
static void print_sockets(const view *shown) {
    fputc('\n', shown->stream);
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        char path[COL_PATH_MAX];
        if (!shown->watch->page[i]) continue;
        if (!col_path_of_telemetry(path, shown->watch->directory, i).ok) continue;
        fprintf(shown->stream, "telemetry of replica %u: %s\n", i, path);
    }
}

static void print_loop(const col_page_loop *loop, FILE *stream) {
    fprintf(stream, "  %-16s ", loop->name);
    if (loop->core < 0) {
        fprintf(stream, "any core ");
    } else {
        fprintf(stream, "core %-3d ", loop->core);
    }
    for (uint32_t s = 0; s < loop->stage_count; s++)
        fprintf(stream, "%s%s", s ? ", " : " ", loop->stage[s]);
    fputc('\n', stream);
}

/// Which thread runs what. Replicas of one cluster mostly have the same profile: shown once.
static void print_places(const view *shown) {
    const col_page *last = NULL;
    for (uint32_t i = 0; i < shown->watch->state.replicas; i++) {
        const col_page *page = shown->watch->page[i];
        if (!page || (last && strcmp(last->profile, page->profile) == 0)) continue;
        last = page;
        fprintf(
            shown->stream,
            "\nthreads of replica %u (profile %s, SHA-256 %s, signatures %s: %s of replicas, %s of "
            "clients, sessions %s):\n",
            page->replica, page->profile, page->hasher, page->backend, page->signatures.replicas,
            page->signatures.clients, page->signatures.sessions);
        for (uint32_t l = 0; l < page->loops && l < COL_LOOPS_MAX; l++)
            print_loop(&page->loop[l], shown->stream);
    }
}

void col_status_print(const col_watch *watch, const col_moment *before, const col_moment *now,
                      const col_status_options *options, FILE *stream) {
    const view shown = {watch, before, now, stream};
    print_replicas(&shown, options->colour);
    if (options->pillars) print_pillars(&shown, options->colour);
    print_ends(&shown);
    if (!options->details) return;
    print_drops(&shown);
    print_sockets(&shown);
    print_places(&shown);
}

// JSON

static void json_number(void *json, const char *name, uint64_t value) {
    col_json_number(json, name, value);
}

static void json_text(void *json, const char *name, const char *value) {
    col_json_text(json, name, value);
}

static void write_pillars(col_json *json, const col_page *page, const col_figures_sink *sink) {
    col_json_array(json, "pillars");
    for (uint32_t k = 0; k < page->pillars && k < COL_PILLARS_MAX; k++) {
        col_json_object(json, NULL);
        col_figures_pillar(page, k, sink);
        col_json_object_end(json);
    }
    col_json_array_end(json);
}

static void write_loops(col_json *json, const col_page *page, const col_figures_sink *sink) {
    col_json_array(json, "loops");
    for (uint32_t i = 0; i < page->loops && i < COL_LOOPS_MAX; i++) {
        col_json_object(json, NULL);
        col_figures_loop(page, i, sink);
        col_json_object(json, "busy_ns");
        col_figures_loop_busy_ns(page, i, sink);
        col_json_object_end(json);
        col_json_object_end(json);
    }
    col_json_array_end(json);
}

static void write_page(col_json *json, const col_page *page) {
    const col_figures_sink sink = {json, json_number, json_text};
    col_figures_replica(page, &sink);
    col_json_object(json, "drops");
    col_figures_drops(page, &sink);
    col_json_object_end(json);
    write_pillars(json, page, &sink);
    write_loops(json, page, &sink);
}

static void write_replica(col_json *json, const col_watch *watch, uint32_t i) {
    const col_supervised *replica = &watch->state.replica[i];
    col_process_reading process;
    char path[COL_PATH_MAX];
    col_json_object(json, NULL);
    col_json_number(json, "id", i);
    col_json_number(json, "process", (uint64_t)replica->pid);
    col_json_text(json, "state", replica->state);
    if (col_process_read(replica->pid, &process)) {
        col_json_number(json, "rss_bytes", process.rss_bytes);
        col_json_number(json, "cpu_user_ns", process.user_ns);
        col_json_number(json, "cpu_system_ns", process.system_ns);
    }
    if (col_path_of_telemetry(path, watch->directory, i).ok && access(path, F_OK) == 0) {
        col_json_text(json, "telemetry", path);
    }
    if (watch->page[i]) write_page(json, watch->page[i]);
    col_json_object_end(json);
}

void col_status_print_json(const col_watch *watch, FILE *stream) {
    col_json json = {.stream = stream};
    col_json_object(&json, NULL);
    col_json_number(&json, "supervisor", (uint64_t)watch->state.supervisor);
    col_json_text(&json, "profile", watch->state.profile);
    col_json_array(&json, "replicas");
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        if (watch->state.replica[i].state[0]) write_replica(&json, watch, i);
    }
    col_json_array_end(&json);
    col_json_object_end(&json);
}
