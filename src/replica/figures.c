// SPDX-License-Identifier: Apache-2.0
#include "src/replica/figures.h"

#include <stdio.h>

#include "src/replica/reading.h"

static void number(const col_figures_sink *sink, const char *name, uint64_t value) {
    sink->number(sink->context, name, value);
}

static void counter(const col_figures_sink *sink, const char *name, const col_counter *value) {
    number(sink, name, col_counter_read(value));
}

static void text(const col_figures_sink *sink, const char *name, const char *value) {
    sink->text(sink->context, name, value);
}

static void show_execution(const col_page *page, const col_reading *reading,
                           const col_figures_sink *sink) {
    counter(sink, "executed_sequence", &page->merge.sequence);
    counter(sink, "newest_checkpoint", &page->merge.checkpoints);
    number(sink, "requests", reading->requests);
    number(sink, "duplicates", reading->duplicates);
    number(sink, "batches", reading->batches);
    number(sink, "replies", reading->replies);
    counter(sink, "sessions", &page->merge.sessions);
}

static void show_traffic(const col_reading *reading, const col_figures_sink *sink) {
    number(sink, "datagrams_received", reading->received);
    number(sink, "received_bytes", reading->received_bytes);
    number(sink, "datagrams_sent", reading->sent);
    number(sink, "sent_bytes", reading->sent_bytes);
    number(sink, "bundles_opened", reading->bundles);
    number(sink, "messages_opened", reading->messages_opened);
    number(sink, "roots_cached", reading->cached);
    number(sink, "verifies", reading->verifies);
    number(sink, "verify_calls", reading->verify_calls);
    number(sink, "messages_sealed", reading->messages_sealed);
    number(sink, "signatures", reading->signatures);
    number(sink, "sign_calls", reading->sign_calls);
    number(sink, "macs_made", reading->macs_made);
    number(sink, "macs_checked", reading->macs_checked);
    number(sink, "device_signatures", reading->device_signatures);
    number(sink, "device_refused", reading->device_refused);
}

void col_figures_replica(const col_page *page, const col_figures_sink *sink) {
    col_reading reading;
    col_reading_take(page, &reading);
    text(sink, "version", page->version);
    text(sink, "profile", page->profile);
    text(sink, "sha256", page->hasher);
    text(sink, "signature_backend", page->backend);
    text(sink, "replica_signatures", page->signatures.replicas);
    text(sink, "client_signatures", page->signatures.clients);
    text(sink, "sessions_sealed", page->signatures.sessions);
    number(sink, "pillar_count", page->pillars);
    number(sink, "loop_count", page->loops);
    number(sink, "started_ns", page->started_wall_ns);
    show_execution(page, &reading, sink);
    show_traffic(&reading, sink);
    number(sink, "null_runs", reading.null_runs);
    number(sink, "resent", reading.resent);
    number(sink, "fetches", reading.fetches);
    number(sink, "diverged", reading.diverged);
    number(sink, "sleeps", reading.sleeps);
    number(sink, "dropped", col_drops_sum(reading.drops));
}

void col_figures_pillar(const col_page *page, uint32_t pillar, const col_figures_sink *sink) {
    const col_pillar_counters *counters = &page->pillar[pillar];
    counter(sink, "view", &counters->view);
    counter(sink, "primary", &counters->primary);
    counter(sink, "highest_round", &counters->highest);
    counter(sink, "executed_round", &counters->executed);
    counter(sink, "stable_checkpoint", &counters->stable);
    counter(sink, "pending", &counters->pending);
    counter(sink, "requests", &page->merge.requests_of[pillar]);
    counter(sink, "proposed", &counters->proposed);
    counter(sink, "null_runs", &counters->null_runs);
    counter(sink, "committed", &counters->committed);
    counter(sink, "batches", &counters->batches);
    counter(sink, "status_sent", &counters->status_sent);
    counter(sink, "resent", &counters->resent);
    counter(sink, "fetch_sent", &counters->fetch_sent);
    counter(sink, "fetched_served", &counters->fetched_served);
    counter(sink, "diverged", &counters->diverged);
    number(sink, "dropped", col_drops_read(counters->drops));
}

void col_figures_drops(const col_page *page, const col_figures_sink *sink) {
    col_reading reading;
    col_reading_take(page, &reading);
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT; i++) {
        if (reading.drops[i]) number(sink, col_drop_name((col_drop)i), reading.drops[i]);
    }
}

void col_figures_loop(const col_page *page, uint32_t loop, const col_figures_sink *sink) {
    const col_page_loop *shown = &page->loop[loop];
    char core[16] = "any";
    if (shown->core >= 0) snprintf(core, sizeof core, "%d", shown->core);
    text(sink, "name", shown->name);
    text(sink, "core", core);
    counter(sink, "turns", &shown->counters.turns);
    counter(sink, "sleeps", &shown->counters.sleeps);
}

void col_figures_loop_busy_ns(const col_page *page, uint32_t loop, const col_figures_sink *sink) {
    const col_page_loop *shown = &page->loop[loop];
    for (uint32_t i = 0; i < shown->stage_count && i < COL_LOOP_STAGES_MAX; i++) {
        counter(sink, shown->stage[i], &shown->counters.busy_ns[i]);
    }
}
