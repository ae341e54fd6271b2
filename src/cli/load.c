// SPDX-License-Identifier: Apache-2.0
#include "src/cli/load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "src/base/assert.h"
#include "src/base/clock.h"
#include "src/base/limits.h"

#define ALONE_WAIT_NS UINT64_C(5000000)
/// A thread with several clients waits for one of them at a time; what arrives for the others waits
/// as long.
#define SHARED_WAIT_NS UINT64_C(100000)
#define SECOND_NS UINT64_C(1000000000)
/// A request's tag is its session, and above it how late it was submitted, in ns.
#define TAG_SESSION_BITS 16
static_assert(COL_SESSIONS_MAX <= 1 << TAG_SESSION_BITS, "a session fits its part of the tag");

typedef struct load_thread load_thread;

typedef struct {
    load_thread *thread;
    col_client *client;
    uint32_t *in_flight;  ///< [sessions]
    uint32_t id;
    uint64_t scheduled;  ///< requests of the schedule that were submitted
    bool full;           ///< the next one is due, and no session has room
} load_client;

struct load_thread {
    _Alignas(64) struct col_load *load;
    pthread_t thread;
    uint32_t clients;
    load_client *client;  ///< [clients]
    uint32_t first_id;
    uint8_t *operation;
    col_load_phase phase;  ///< as this thread saw it last
    col_load_outcomes outcomes;
    uint64_t reply_bytes;
    col_histogram latency_ns;
    col_client_statistics before, after;  ///< at the start and end of the measured phase
    bool failed;
    char error[COL_CLIENT_ERROR_BYTES];
};

struct col_load {
    col_load_options options;
    uint32_t threads;
    load_thread *thread;
    uint64_t start_ns;   ///< of the schedule; written before `go`
    uint64_t end_ns;     ///< of the schedule
    atomic_uint opened;  ///< threads whose clients are open, or failed
    atomic_int phase;
    atomic_bool go;     ///< false until all threads are ready
    atomic_bool abort;  ///< some thread could not open
    atomic_uint ended;
};

static void on_done(void *context, const col_client_outcome *outcome) {
    load_client *client = context;
    load_thread *self = client->thread;
    client->in_flight[outcome->tag & ((1 << TAG_SESSION_BITS) - 1)]--;
    switch (outcome->status) {
        case COL_CLIENT_RESULT:
            col_count(&self->outcomes.answered, 1);
            if (outcome->length > self->reply_bytes) self->reply_bytes = outcome->length;
            if (self->phase == COL_LOAD_MEASURE)
                col_histogram_add(&self->latency_ns,
                                  outcome->latency_ns + (outcome->tag >> TAG_SESSION_BITS));
            return;
        case COL_CLIENT_TIMED_OUT:
            col_count(&self->outcomes.timed_out, 1);
            return;
        case COL_CLIENT_EXPIRED:
            col_count(&self->outcomes.expired, 1);
            return;
        case COL_CLIENT_REFUSED:
            col_count(&self->outcomes.refused, 1);
            return;
    }
}

/// @return false when the session has no room
static bool submit(const load_thread *self, load_client *client, uint32_t session,
                   uint64_t late_ns) {
    const col_load_options *options = &self->load->options;
    if (client->in_flight[session] >= options->outstanding) return false;
    if (col_client_room(client->client, session) == 0) return false;
    const col_client_submission submission =
        col_client_submit(client->client, session, self->operation, options->request_bytes,
                          late_ns << TAG_SESSION_BITS | session);
    COL_ASSERT(submission == COL_CLIENT_SUBMITTED);  // sizes were checked against the cluster file
    client->in_flight[session]++;
    return true;
}

/// As many as fit.
static void submit_all(const load_thread *self, load_client *client) {
    for (uint32_t s = 0; s < self->load->options.sessions; s++) {
        while (submit(self, client, s, 0)) {
        }
    }
}

/// When the client's next request is due: all clients' requests alternate in one even schedule.
static uint64_t next_due_ns(const load_client *client) {
    const col_load *load = client->thread->load;
    const uint64_t rate = load->options.rate;
    const uint64_t number = client->scheduled * load->options.clients + client->id;
    return load->start_ns + number / rate * SECOND_NS + number % rate * SECOND_NS / rate;
}

/// Sessions take turns; one without room is passed over.
static void submit_due(const load_thread *self, load_client *client) {
    const uint64_t now_ns = col_clock_monotonic_ns();
    const uint32_t sessions = self->load->options.sessions;
    uint64_t due_ns;
    uint32_t tried = 0;
    while (tried < sessions && (due_ns = next_due_ns(client)) <= now_ns) {
        const uint32_t session = (uint32_t)((client->scheduled + tried) % sessions);
        if (submit(self, client, session, now_ns - due_ns)) {
            client->scheduled++;
            tried = 0;
        } else {
            tried++;
        }
    }
    client->full = tried == sessions;
}

/// @return how long a thread may wait for results before it has to submit
static uint64_t wait_ns_of(const load_thread *self, uint64_t most_ns) {
    if (self->load->options.rate == 0 || self->phase == COL_LOAD_DRAIN) return most_ns;
    const uint64_t now_ns = col_clock_monotonic_ns();
    uint64_t until_ns = now_ns + most_ns;
    for (uint32_t i = 0; i < self->clients; i++) {
        if (self->client[i].full) continue;
        const uint64_t due_ns = next_due_ns(&self->client[i]);
        if (due_ns < until_ns) until_ns = due_ns;
    }
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static void read_statistics(const load_thread *self, col_client_statistics *sum) {
    *sum = (col_client_statistics){0};
    for (uint32_t i = 0; i < self->clients; i++) {
        col_client_statistics one;
        col_client_statistics_read(self->client[i].client, &one, sizeof one);
        sum->signatures += one.signatures;
        sum->verifies += one.verifies;
        sum->datagrams_sent += one.datagrams_sent;
        sum->datagrams_received += one.datagrams_received;
        sum->messages_received += one.messages_received;
        sum->retransmits += one.retransmits;
        sum->primary_changes += one.primary_changes;
    }
}

static void follow_phase(load_thread *self) {
    const col_load_phase phase = (col_load_phase)atomic_load(&self->load->phase);
    if (phase == self->phase) return;
    if (phase == COL_LOAD_MEASURE) read_statistics(self, &self->before);
    if (self->phase == COL_LOAD_MEASURE) read_statistics(self, &self->after);
    self->phase = phase;
}

static uint32_t outstanding(const load_thread *self) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < self->clients; i++)
        sum += col_client_outstanding(self->client[i].client);
    return sum;
}

/// One round over the clients. @return results
static uint32_t turn(load_thread *self, uint64_t most_ns) {
    uint32_t results = 0;
    for (uint32_t i = 0; i < self->clients; i++) {
        load_client *client = &self->client[i];
        if (self->phase != COL_LOAD_DRAIN) {
            (self->load->options.rate > 0 ? submit_due : submit_all)(self, client);
            col_client_flush(client->client);
        }
        results += col_client_poll(client->client, wait_ns_of(self, most_ns));
    }
    return results;
}

static void drive(load_thread *self) {
    COL_ASSERT(self->clients > 0);
    const bool alone = self->clients == 1;
    uint32_t next = 0;
    while (self->phase != COL_LOAD_DRAIN || outstanding(self)) {
        follow_phase(self);
        if (turn(self, alone ? ALONE_WAIT_NS : 0) || alone) continue;
        col_client_poll(self->client[next].client, wait_ns_of(self, SHARED_WAIT_NS));
        next = (next + 1) % self->clients;
    }
}

static bool open_clients(load_thread *self) {
    const col_load_options *options = &self->load->options;
    for (uint32_t i = 0; i < self->clients; i++) {
        load_client *client = &self->client[i];
        client->thread = self;
        client->id = self->first_id + i;
        client->in_flight = calloc(options->sessions, sizeof *client->in_flight);
        COL_ASSERT(client->in_flight);
        const col_client_options open = {.cluster = options->cluster,
                                         .done = on_done,
                                         .context = client,
                                         .client = client->id,
                                         .sessions = options->sessions};
        client->client = col_client_open(&open, sizeof open, self->error, sizeof self->error);
        if (!client->client) return false;
    }
    return true;
}

static void close_clients(load_thread *self) {
    for (uint32_t i = 0; i < self->clients; i++) {
        if (self->client[i].client) col_client_close(self->client[i].client);
        free(self->client[i].in_flight);
    }
}

static void *run_thread(void *context) {
    load_thread *self = context;
    col_load *load = self->load;
    self->failed = !open_clients(self);
    if (self->failed) atomic_store(&load->abort, true);
    atomic_fetch_add(&load->opened, 1);
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    while (!atomic_load(&load->go)) nanosleep(&pause, NULL);
    if (load->options.rate > 0) prctl(PR_SET_TIMERSLACK, 1UL);  // else waits end 50 us late
    if (!atomic_load(&load->abort)) drive(self);
    close_clients(self);
    atomic_fetch_add(&load->ended, 1);
    return NULL;
}

/// Clients are dealt out in equal shares.
static void prepare(col_load *load) {
    const col_load_options *options = &load->options;
    uint32_t next = 0;
    for (uint32_t t = 0; t < load->threads; t++) {
        load_thread *thread = &load->thread[t];
        thread->load = load;
        thread->clients = options->clients / load->threads + (t < options->clients % load->threads);
        thread->first_id = next;
        next += thread->clients;
        thread->client = calloc(thread->clients, sizeof *thread->client);
        thread->operation = calloc(1, options->request_bytes);
        COL_ASSERT(thread->client && thread->operation);
    }
}

static void free_load(col_load *load) {
    for (uint32_t t = 0; t < load->threads; t++) {
        free(load->thread[t].client);
        free(load->thread[t].operation);
    }
    free(load->thread);
    free(load);
}

static col_result join_failed(col_load *load) {
    col_result result = col_error("bench: cannot start threads: use fewer --threads");
    for (uint32_t t = 0; t < load->threads; t++) {
        if (load->thread[t].failed) result = col_error("%s", load->thread[t].error);
    }
    free_load(load);
    return result;
}

col_result col_load_start(const col_load_options *options, col_load **result) {
    col_load *load = calloc(1, sizeof *load);
    COL_ASSERT(load && options->threads >= 1 && options->threads <= options->clients);
    load->options = *options;
    load->threads = options->threads;
    load->thread = aligned_alloc(64, load->threads * sizeof *load->thread);
    COL_ASSERT(load->thread);
    memset(load->thread, 0, load->threads * sizeof *load->thread);
    prepare(load);
    uint32_t started = 0;
    while (started < load->threads && pthread_create(&load->thread[started].thread, NULL,
                                                     run_thread, &load->thread[started]) == 0)
        started++;
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    while (atomic_load(&load->opened) < started) nanosleep(&pause, NULL);
    if (started < load->threads) atomic_store(&load->abort, true);
    load->start_ns = col_clock_monotonic_ns();
    atomic_store(&load->go, true);
    *result = load;
    if (!atomic_load(&load->abort)) return col_ok();
    for (uint32_t t = 0; t < started; t++) pthread_join(load->thread[t].thread, NULL);
    return join_failed(load);
}

void col_load_enter(col_load *load, col_load_phase phase) {
    if (phase == COL_LOAD_DRAIN) load->end_ns = col_clock_monotonic_ns();
    atomic_store(&load->phase, phase);
}

uint64_t col_load_answered(const col_load *load) {
    uint64_t sum = 0;
    for (uint32_t t = 0; t < load->threads; t++)
        sum += col_counter_read(&load->thread[t].outcomes.answered);
    return sum;
}

bool col_load_ended(const col_load *load) {
    return atomic_load(&load->ended) == load->threads;
}

static void add_statistics(const load_thread *thread, col_client_statistics *sum) {
    const col_client_statistics *a = &thread->before, *b = &thread->after;
    sum->signatures += b->signatures - a->signatures;
    sum->verifies += b->verifies - a->verifies;
    sum->datagrams_sent += b->datagrams_sent - a->datagrams_sent;
    sum->datagrams_received += b->datagrams_received - a->datagrams_received;
    sum->messages_received += b->messages_received - a->messages_received;
    sum->retransmits += b->retransmits - a->retransmits;
    sum->primary_changes += b->primary_changes - a->primary_changes;
}

/// Requests that were due at the end and not submitted.
static uint64_t still_due(const col_load *load) {
    const uint64_t elapsed_ns = load->end_ns - load->start_ns, rate = load->options.rate;
    const uint64_t due = elapsed_ns / SECOND_NS * rate + elapsed_ns % SECOND_NS * rate / SECOND_NS;
    uint64_t submitted = 0;
    for (uint32_t t = 0; t < load->threads; t++) {
        const load_thread *thread = &load->thread[t];
        for (uint32_t i = 0; i < thread->clients; i++) submitted += thread->client[i].scheduled;
    }
    return due > submitted ? due - submitted : 0;
}

void col_load_finish(col_load *load, col_load_outcome *outcome) {
    *outcome = (col_load_outcome){0};
    for (uint32_t t = 0; t < load->threads; t++) {
        load_thread *thread = &load->thread[t];
        pthread_join(thread->thread, NULL);
        outcome->answered += col_counter_read(&thread->outcomes.answered);
        outcome->timed_out += col_counter_read(&thread->outcomes.timed_out);
        outcome->expired += col_counter_read(&thread->outcomes.expired);
        outcome->refused += col_counter_read(&thread->outcomes.refused);
        if (thread->reply_bytes > outcome->reply_bytes) outcome->reply_bytes = thread->reply_bytes;
        col_histogram_merge(&outcome->latency_ns, &thread->latency_ns);
        add_statistics(thread, &outcome->statistics);
    }
    outcome->still_due = still_due(load);
    outcome->missing = outcome->timed_out + outcome->expired + outcome->refused;
    free_load(load);
}
