// SPDX-License-Identifier: Apache-2.0
#include "src/cli/status.h"

#include <inttypes.h>
#include <string.h>

#include "src/cli/json.h"
#include "src/cli/paths.h"
#include "src/cli/table.h"

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

/// Lowest and highest of a figure over the pillars: most often one number.
static void add_range(col_table *table, const col_page *page, size_t offset) {
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (uint32_t k = 0; k < page->pillars; k++) {
        const col_counter *counter = (const col_counter *)((const char *)&page->pillar[k] + offset);
        const uint64_t value = col_counter_read(counter);
        if (value < lowest) lowest = value;
        if (value > highest) highest = value;
    }
    if (lowest >= highest) {
        col_table_cell(table, "%" PRIu64, highest);
    } else {
        col_table_cell(table, "%" PRIu64 "-%" PRIu64, lowest, highest);
    }
}

static void add_figures(col_table *table, const col_page *page, pid_t pid) {
    col_reading reading;
    col_process_reading process = {0};
    char text[32];
    col_reading_take(page, &reading);
    col_process_read(pid, &process);
    add_range(table, page, offsetof(col_pillar_counters, view));
    col_table_cell(table, "%s", col_number_format(col_counter_read(&page->merge.sequence), text));
    col_table_cell(table, "%s", col_number_format(reading.requests, text));
    add_range(table, page, offsetof(col_pillar_counters, stable));
    col_table_cell(table, "%s", col_number_format(reading.sent, text));
    col_table_cell(table, "%s", col_number_format(reading.received, text));
    col_table_cell(table, "%.1f s", (double)process.cpu_ns / 1e9);
    col_table_cell(table, "%.1f MB", (double)process.rss_bytes / 1e6);
}

static void add_header(col_table *table) {
    static const char *const head[] = {"replica", "process", "view",     "executed", "requests",
                                       "stable",  "sent",    "received", "CPU",      "RSS"};
    col_table_row(table);
    for (uint32_t i = 0; i < sizeof head / sizeof *head; i++) col_table_cell(table, "%s", head[i]);
}

/// Why a replica does not run: how it ended, and its last words.
static void print_ends(const col_watch *watch) {
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        char log[COL_PATH_MAX], line[320] = "";
        if (watch->state.replica[i].pid) continue;
        if (col_path_of_replica(log, watch->directory, i, "log").ok)
            col_file_last_line(log, line, sizeof line);
        printf("\nreplica %u %s; its last line in %s:\n  %s\n", i, watch->state.replica[i].state,
               log, line);
    }
}

static void print_drops(const col_watch *watch) {
    putchar('\n');
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        col_reading reading;
        char drops[512];
        if (!watch->page[i]) continue;
        col_reading_take(watch->page[i], &reading);
        col_drops_format(reading.drops, drops, sizeof drops);
        printf("drops of replica %u: %s\n", i, drops);
    }
}

static void print_places(const col_page *page) {
    printf("\nthreads of replica %u (profile %s, SHA-256 %s, signatures %s):\n", page->replica,
           page->profile, page->hasher, page->backend);
    for (uint32_t i = 0; i < page->loops && i < COL_LOOPS_MAX; i++) {
        const col_page_loop *loop = &page->loop[i];
        printf("  %-16s ", loop->name);
        if (loop->core < 0) {
            printf("any core ");
        } else {
            printf("core %-3d ", loop->core);
        }
        for (uint32_t s = 0; s < loop->stage_count; s++)
            printf("%s%s", s ? ", " : " ", loop->stage[s]);
        putchar('\n');
    }
}

void col_status_print(const col_watch *watch, bool details) {
    static col_table table;
    table = (col_table){0};
    add_header(&table);
    const col_page *shown = NULL;
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        const col_supervised *replica = &watch->state.replica[i];
        col_table_row(&table);
        col_table_cell(&table, "%u", i);
        if (replica->pid) {
            col_table_cell(&table, "%d", replica->pid);
        } else {
            col_table_cell(&table, "%.*s", (int)strcspn(replica->state, ":"), replica->state);
        }
        if (!watch->page[i]) continue;
        add_figures(&table, watch->page[i], replica->pid);
        shown = shown ? shown : watch->page[i];
    }
    col_table_print(&table, stdout);
    print_ends(watch);
    if (!details) return;
    print_drops(watch);
    if (shown) print_places(shown);
}

static void write_pillars(col_json *json, const col_page *page) {
    col_json_array(json, "pillars");
    for (uint32_t k = 0; k < page->pillars && k < COL_PILLARS_MAX; k++) {
        const col_pillar_counters *pillar = &page->pillar[k];
        col_json_object(json, NULL);
        col_json_number(json, "view", col_counter_read(&pillar->view));
        col_json_number(json, "primary", col_counter_read(&pillar->primary));
        col_json_number(json, "executed_round", col_counter_read(&pillar->executed));
        col_json_number(json, "stable_checkpoint", col_counter_read(&pillar->stable));
        col_json_number(json, "pending", col_counter_read(&pillar->pending));
        col_json_number(json, "requests", col_counter_read(&page->merge.requests_of[k]));
        col_json_object_end(json);
    }
    col_json_array_end(json);
}

static void write_page(col_json *json, const col_page *page) {
    col_reading reading;
    col_reading_take(page, &reading);
    col_json_number(json, "executed_sequence", col_counter_read(&page->merge.sequence));
    col_json_number(json, "requests", reading.requests);
    col_json_number(json, "batches", reading.batches);
    col_json_number(json, "sessions", col_counter_read(&page->merge.sessions));
    col_json_number(json, "newest_checkpoint", col_counter_read(&page->merge.checkpoints));
    col_json_number(json, "datagrams_sent", reading.sent);
    col_json_number(json, "datagrams_received", reading.received);
    col_json_number(json, "signatures", reading.signatures);
    col_json_number(json, "verifies", reading.verifies);
    col_json_number(json, "resent", reading.resent);
    col_json_number(json, "fetches", reading.fetches);
    col_json_number(json, "diverged", reading.diverged);
    col_json_number(json, "sleeps", reading.sleeps);
    col_json_object(json, "drops");
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT; i++) {
        if (reading.drops[i]) col_json_number(json, col_drop_name((col_drop)i), reading.drops[i]);
    }
    col_json_object_end(json);
    write_pillars(json, page);
}

void col_status_print_json(const col_watch *watch) {
    col_json json = {.stream = stdout};
    col_json_object(&json, NULL);
    col_json_number(&json, "supervisor", (uint64_t)watch->state.supervisor);
    col_json_text(&json, "profile", watch->state.profile);
    col_json_array(&json, "replicas");
    for (uint32_t i = 0; i < watch->state.replicas; i++) {
        const col_supervised *replica = &watch->state.replica[i];
        col_process_reading process;
        col_json_object(&json, NULL);
        col_json_number(&json, "id", i);
        col_json_number(&json, "process", (uint64_t)replica->pid);
        col_json_text(&json, "state", replica->state);
        if (col_process_read(replica->pid, &process)) {
            col_json_number(&json, "rss_bytes", process.rss_bytes);
            col_json_real(&json, "cpu_seconds", (double)process.cpu_ns / 1e9);
        }
        if (watch->page[i]) write_page(&json, watch->page[i]);
        col_json_object_end(&json);
    }
    col_json_array_end(&json);
    col_json_object_end(&json);
}
