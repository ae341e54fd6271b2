// SPDX-License-Identifier: Apache-2.0
#include "src/replica/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *prefix, *name;
} kinds[COL_STAGE_KINDS] = {
    [COL_STAGE_RECEIVER] = {"receiver", "receiver"}, [COL_STAGE_PILLAR] = {"pillar", "pillars"},
    [COL_STAGE_SIGNER] = {"signer", "signers"},      [COL_STAGE_MERGE] = {"merge", "merge"},
    [COL_STAGE_TRANSMIT] = {"transmit", "transmit"}, [COL_STAGE_OTHER] = {"", "other"},
};

const char *col_stage_kind_name(col_stage_kind kind) {
    return kinds[kind].name;
}

col_stage_kind col_stage_kind_of(const char *name) {
    for (uint32_t i = 0; i < COL_STAGE_OTHER; i++) {
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) return (col_stage_kind)i;
    }
    return COL_STAGE_OTHER;
}

static void add_drops(const col_counter *drops, col_reading *reading) {
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT; i++)
        reading->drops[i] += col_counter_read(&drops[i]);
}

static void take_network(const col_page *page, col_reading *reading) {
    for (uint32_t i = 0; i < 2; i++) {
        const col_net_counters *net = &page->net[i];
        reading->received += col_counter_read(&net->received);
        reading->received_bytes += col_counter_read(&net->received_bytes);
        reading->sent += col_counter_read(&net->sent);
        reading->sent_bytes += col_counter_read(&net->sent_bytes);
        add_drops(net->drops, reading);
    }
}

static void take_pillars(const col_page *page, col_reading *reading) {
    for (uint32_t i = 0; i < COL_PILLARS_MAX; i++) {
        const col_pillar_counters *pillar = &page->pillar[i];
        reading->null_runs += col_counter_read(&pillar->null_runs);
        reading->resent += col_counter_read(&pillar->resent);
        reading->fetches += col_counter_read(&pillar->fetch_sent);
        reading->diverged += col_counter_read(&pillar->diverged);
        add_drops(pillar->drops, reading);
        const col_opener_counters *opener = &page->opener[i];
        reading->bundles += col_counter_read(&opener->bundles);
        reading->messages_opened += col_counter_read(&opener->messages);
        reading->cached += col_counter_read(&opener->cached);
        reading->verifies += col_counter_read(&opener->verifies);
        reading->verify_calls += col_counter_read(&opener->verify_calls);
        reading->macs_checked += col_counter_read(&opener->macs);
    }
}

static void take_execution(const col_page *page, col_reading *reading) {
    const col_merge_counters *merge = &page->merge;
    reading->requests = col_counter_read(&merge->requests);
    reading->batches = col_counter_read(&merge->batches);
    reading->duplicates = col_counter_read(&merge->duplicates);
    reading->replies = col_counter_read(&merge->replies);
    for (uint32_t i = 0; i < COL_PILLARS_MAX; i++)
        reading->requests_of[i] = col_counter_read(&merge->requests_of[i]);
    add_drops(merge->drops, reading);
}

static void take_loops(const col_page *page, col_reading *reading) {
    for (uint32_t i = 0; i < page->loops && i < COL_LOOPS_MAX; i++) {
        const col_page_loop *loop = &page->loop[i];
        reading->sleeps += col_counter_read(&loop->counters.sleeps);
        for (uint32_t s = 0; s < loop->stage_count && s < COL_LOOP_STAGES_MAX; s++) {
            const col_stage_kind kind = col_stage_kind_of(loop->stage[s]);
            reading->busy_ns[kind] += col_counter_read(&loop->counters.busy_ns[s]);
        }
    }
}

void col_reading_take(const col_page *page, col_reading *reading) {
    *reading = (col_reading){0};
    take_network(page, reading);
    take_pillars(page, reading);
    for (uint32_t i = 0; i < COL_PAGE_SIGNERS_MAX; i++) {
        reading->messages_sealed += col_counter_read(&page->signer[i].messages);
        reading->signatures += col_counter_read(&page->signer[i].signatures);
        reading->sign_calls += col_counter_read(&page->signer[i].sign_calls);
        reading->macs_made += col_counter_read(&page->signer[i].macs);
        reading->device_signatures += col_counter_read(&page->device[i].signatures);
        reading->device_refused += col_counter_read(&page->device[i].refused);
    }
    take_execution(page, reading);
    take_loops(page, reading);
}

#define READING_WORDS (sizeof(col_reading) / sizeof(uint64_t))
static_assert(sizeof(col_reading) % sizeof(uint64_t) == 0, "readings subtract as arrays");

void col_reading_add(col_reading *into, const col_reading *from) {
    uint64_t *a = (uint64_t *)into;
    const uint64_t *b = (const uint64_t *)from;
    for (size_t i = 0; i < READING_WORDS; i++) a[i] += b[i];
}

void col_reading_subtract(col_reading *from, const col_reading *before) {
    uint64_t *a = (uint64_t *)from;
    const uint64_t *b = (const uint64_t *)before;
    for (size_t i = 0; i < READING_WORDS; i++) a[i] -= b[i];
}

uint64_t col_drops_sum(const uint64_t drops[COL_DROP_COUNT]) {
    uint64_t sum = 0;
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT; i++) {
        if (i != COL_DROP_LATE) sum += drops[i];
    }
    return sum;
}

uint64_t col_drops_read(const col_counter drops[COL_DROP_COUNT]) {
    uint64_t now[COL_DROP_COUNT];
    for (uint32_t i = 0; i < COL_DROP_COUNT; i++) now[i] = col_counter_read(&drops[i]);
    return col_drops_sum(now);
}

void col_drops_format(const uint64_t drops[COL_DROP_COUNT], char *text, size_t size) {
    size_t used = 0;
    snprintf(text, size, "none");
    for (uint32_t i = COL_DROP_NONE + 1; i < COL_DROP_COUNT && used < size; i++) {
        if (!drops[i]) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s %" PRIu64, used ? ", " : "",
                                 col_drop_name((col_drop)i), drops[i]);
    }
}

/// The text of /proc/`pid`/stat after the command's name, which may contain anything.
static bool read_stat(pid_t pid, char *text, size_t size) {
    snprintf(text, size, "/proc/%d/stat", pid);
    FILE *file = fopen(text, "re");
    if (!file) return false;
    const size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = 0;
    const char *fields = strrchr(text, ')');
    if (!fields) return false;
    memmove(text, fields + 1, strlen(fields));
    return true;
}

bool col_process_read(pid_t pid, col_process_reading *reading) {
    char text[1024];
    uint64_t user, system, pages;
    char state;
    if (pid <= 0 || !read_stat(pid, text, sizeof text)) return false;
    // Fields 3, 14, 15 and 24 of proc(5).
    if (sscanf(text,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %*d %*d %*d %*u %*u %" SCNu64,
               &state, &user, &system, &pages) != 4)
        return false;
    const uint64_t tick_ns = UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK);
    reading->user_ns = user * tick_ns;
    reading->system_ns = system * tick_ns;
    reading->paused = state == 'T' || state == 't';
    reading->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}
