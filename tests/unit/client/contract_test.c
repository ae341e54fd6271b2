// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include "src/base/clock.h"
#include "src/client/colonnade_client.h"
#include "tests/unit/client/fake_cluster.h"

/// What the public header promises and forbids, beyond results: threads, processes, callbacks,
/// event loops, programs compiled with another version of it.

static void count(void *context, const col_client_outcome *outcome) {
    assert_int_equal(outcome->status, COL_CLIENT_RESULT);
    ++*(uint32_t *)context;
}

static col_client *open_client(col_client_done done, void *context) {
    char error[COL_CLIENT_ERROR_BYTES] = "";
    const col_client_options options = {
        .cluster = cluster.directory, .done = done, .context = context, .client = 1};
    col_client *client = col_client_open(&options, sizeof options, error, sizeof error);
    if (client == NULL) fail_msg("%s", error);
    return client;
}

static void submit_one(col_client *client, const char *operation) {
    assert_int_equal(col_client_submit(client, 0, operation, strlen(operation), 0),
                     COL_CLIENT_SUBMITTED);
}

// Each call, as one that breaks a rule would make it.

static void call_close(void *client) {
    col_client_close(client);
}

static void call_flush(void *client) {
    col_client_flush(client);
}

static void call_submit(void *client) {
    (void)!col_client_submit(client, 0, "", 0, 0);
}

static void call_submit_elsewhere(void *client) {
    (void)!col_client_submit(client, 1, "", 0, 0);
}

static void call_room(void *client) {
    col_client_room(client, 0);
}

static void call_room_elsewhere(void *client) {
    col_client_room(client, 1);
}

static void call_poll(void *client) {
    col_client_poll(client, 0);
}

static void call_outstanding(void *client) {
    col_client_outstanding(client);
}

static void call_descriptor(void *client) {
    col_client_descriptor(client);
}

static void call_deadline(void *client) {
    col_client_deadline_ns(client);
}

static void call_statistics(void *client) {
    col_client_statistics statistics;
    col_client_statistics_read(client, &statistics, sizeof statistics);
}

/// Run `call` in a child process: it must abort and say `text`.
static void assert_aborts(void (*call)(void *), void *subject, const char *text) {
    int channel[2];
    assert_int_equal(pipe(channel), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], STDERR_FILENO);
        call(subject);
        _exit(0);
    }
    close(channel[1]);
    char said[512];
    const ssize_t length = read(channel[0], said, sizeof said - 1);
    close(channel[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    said[length > 0 ? length : 0] = 0;
    assert_string_equal(said, text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

typedef struct {
    pthread_barrier_t barrier;
    col_client *client;
} other_thread;

static void *own_a_client(void *context) {
    other_thread *other = context;
    uint32_t results = 0;
    other->client = open_client(count, &results);
    pthread_barrier_wait(&other->barrier);
    pthread_barrier_wait(&other->barrier);
    col_client_close(other->client);
    return NULL;
}

static void no_call_comes_from_another_thread(void **state) {
    (void)state;
    other_thread other;
    pthread_t thread;
    pthread_barrier_init(&other.barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, own_a_client, &other), 0);
    pthread_barrier_wait(&other.barrier);
    static const struct {
        const char *name;
        void (*call)(void *);
    } calls[] = {{"close", call_close},
                 {"submit", call_submit},
                 {"room", call_room},
                 {"flush", call_flush},
                 {"poll", call_poll},
                 {"outstanding", call_outstanding},
                 {"descriptor", call_descriptor},
                 {"deadline_ns", call_deadline},
                 {"statistics_read", call_statistics}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "col_client_%s: a client belongs to the thread that opened it\n", calls[i].name);
        assert_aborts(calls[i].call, other.client, text);
    }
    pthread_barrier_wait(&other.barrier);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&other.barrier);
}

static void a_child_process_may_close_a_client_and_not_use_it(void **state) {
    (void)state;
    uint32_t results = 0;
    col_client *client = open_client(count, &results);
    submit_one(client, "ab");
    const char *rule = "a client belongs to the process that opened it";
    char text[128];
    snprintf(text, sizeof text, "col_client_flush: %s\n", rule);
    assert_aborts(call_flush, client, text);
    snprintf(text, sizeof text, "col_client_poll: %s\n", rule);
    assert_aborts(call_poll, client, text);

    const pid_t child = fork();
    if (child == 0) {
        col_client_close(client);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    while (results == 0) col_client_poll(client, 1000 * MS);  // the parent's socket is its own
    col_client_close(client);
}

static void a_session_must_exist(void **state) {
    (void)state;
    uint32_t results = 0;
    col_client *client = open_client(count, &results);
    const char *rule = "there is no session of that number";
    char text[128];
    snprintf(text, sizeof text, "col_client_submit: %s\n", rule);
    assert_aborts(call_submit_elsewhere, client, text);
    snprintf(text, sizeof text, "col_client_room: %s\n", rule);
    assert_aborts(call_room_elsewhere, client, text);
    col_client_close(client);
}

static void open_without(const char *directory, col_client_done done) {
    const col_client_options options = {.cluster = directory, .done = done};
    (void)!col_client_open(&options, sizeof options, NULL, 0);
}

static void open_without_done(void *unused) {
    (void)unused;
    open_without(cluster.directory, NULL);
}

static void open_without_cluster(void *unused) {
    (void)unused;
    open_without(NULL, count);
}

static void required_options_are_required(void **state) {
    (void)state;
    assert_aborts(open_without_done, NULL, "col_client_open: options.done is missing\n");
    assert_aborts(open_without_cluster, NULL, "col_client_open: options.cluster is missing\n");
}

/// What `done` does in a test of callbacks.
typedef struct {
    col_client *client;
    void (*call)(void *);
    uint32_t results;
    uint32_t more;  ///< operations that `done` still submits
} callback;

static void call_once(void *context, const col_client_outcome *outcome) {
    (void)outcome;
    const callback *self = context;
    self->call(self->client);
}

/// Poll until `done` broke its rule.
static void poll_for_ever(void *subject) {
    callback *self = subject;
    self->client = open_client(call_once, self);
    submit_one(self->client, "ab");
    for (;;) col_client_poll(self->client, UINT64_MAX);
}

static void done_may_not_poll_or_close(void **state) {
    (void)state;
    callback polls = {.call = call_poll};
    assert_aborts(poll_for_ever, &polls, "col_client_poll: not from `done`\n");
    callback closes = {.call = call_close};
    assert_aborts(poll_for_ever, &closes, "col_client_close: not from `done`\n");
}

static void use_everything(void *context, const col_client_outcome *outcome) {
    callback *self = context;
    const char first = (char)outcome->result[0];
    self->results++;
    if (self->more == 0) return;
    self->more--;
    const uint32_t room = col_client_room(self->client, 0);
    submit_one(self->client, "xy");
    assert_int_equal(col_client_room(self->client, 0), room - 1);
    assert_int_equal(col_client_deadline_ns(self->client), 0);
    if (self->more % 2 == 0) col_client_flush(self->client);
    assert_true(col_client_outstanding(self->client) >= 1);
    call_statistics(self->client);
    assert_int_equal(outcome->result[0], first);  // still there
}

static void done_may_submit_and_flush_and_poll_sends_it(void **state) {
    (void)state;
    callback self = {.more = 100};
    self.client = open_client(use_everything, &self);
    for (int i = 0; i < 4; i++) submit_one(self.client, "ab");
    while (self.results < 104) {
        assert_true(col_client_poll(self.client, 5000 * MS) > 0);
        assert_true(col_client_deadline_ns(self.client) > 0);  // nothing waits to be sent
    }
    assert_int_equal(col_client_outstanding(self.client), 0);
    col_client_close(self.client);
}

static int milliseconds_until(uint64_t deadline_ns) {
    const uint64_t now_ns = col_clock_monotonic_ns();
    if (deadline_ns == UINT64_MAX) return -1;
    return deadline_ns <= now_ns ? 0 : (int)((deadline_ns - now_ns + MS - 1) / MS);
}

/// The primary is silent, so the results need retransmissions: the deadline alone brings them.
static void an_event_loop_needs_the_descriptor_and_the_deadline_only(void **state) {
    (void)state;
    uint32_t results = 0;
    col_client *client = open_client(count, &results);
    while (col_client_poll(client, 20 * MS) > 0) continue;
    cluster.silent = 1u << 0;
    cluster.view = 1;
    for (int i = 0; i < 3; i++) submit_one(client, "ab");
    assert_int_equal(col_client_deadline_ns(client), 0);
    uint32_t turns = 0;
    while (results < 3 && turns < 1000) {
        struct pollfd input = {.fd = col_client_descriptor(client), .events = POLLIN};
        poll(&input, 1, milliseconds_until(col_client_deadline_ns(client)));
        col_client_poll(client, 0);
        turns++;
    }
    assert_int_equal(results, 3);
    assert_true(turns < 100);  // it waits between them
    col_client_close(client);
}

static void several_clients_share_a_thread(void **state) {
    (void)state;
    uint32_t results[2] = {0};
    col_client *client[2] = {NULL};
    for (uint32_t i = 0; i < 2; i++) {
        const col_client_options options = {
            .cluster = cluster.directory, .done = count, .context = &results[i], .client = i};
        client[i] = col_client_open(&options, sizeof options, NULL, 0);
        assert_non_null(client[i]);
    }
    for (uint32_t i = 0; i < 2; i++) submit_one(client[i], "ab");
    for (uint32_t i = 0; i < 2; i++) {
        while (results[i] == 0) col_client_poll(client[i], 1000 * MS);
    }
    assert_true(col_client_descriptor(client[0]) != col_client_descriptor(client[1]));
    for (uint32_t i = 0; i < 2; i++) col_client_close(client[i]);
}

static void programs_of_older_and_newer_headers_are_understood(void **state) {
    (void)state;
    uint32_t results = 0;
    char error[COL_CLIENT_ERROR_BYTES] = "";
    struct {
        col_client_options options;
        uint64_t later;
    } newer = {.options = {.cluster = cluster.directory, .done = count, .context = &results}};
    newer.options.timeout_ns = 1;  // not read: an older header ends before it
    col_client *client = col_client_open(&newer.options, offsetof(col_client_options, timeout_ns),
                                         error, sizeof error);
    if (client == NULL) fail_msg("%s", error);

    struct {
        col_client_statistics known;
        uint64_t later;
    } statistics = {.later = 7};
    col_client_statistics_read(client, &statistics.known, sizeof statistics);
    assert_true(statistics.known.verifies > 0);
    assert_int_equal(statistics.later, 0);
    statistics.known.primary_changes = 7;
    col_client_statistics_read(client, &statistics.known,
                               offsetof(col_client_statistics, primary_changes));
    assert_int_equal(statistics.known.primary_changes, 7);
    col_client_close(client);

    char text[COL_CLIENT_ERROR_BYTES];
    snprintf(text, sizeof text,
             "this libcolonnade-client is older than the program (options of %zu bytes, not %zu): "
             "install the one that it was compiled with",
             sizeof newer.options, sizeof newer);
    assert_null(col_client_open(&newer.options, sizeof newer, error, sizeof error));
    assert_string_equal(error, text);
    col_client_close(NULL);
}

static void errors_are_cut_to_the_room_given(void **state) {
    (void)state;
    uint32_t results = 0;
    const col_client_options options = {
        .cluster = "/nonexistent/x", .done = count, .context = &results};
    char error[8] = "";
    assert_null(col_client_open(&options, sizeof options, error, sizeof error));
    assert_string_equal(error, "/nonexi");
    assert_null(col_client_open(&options, sizeof options, NULL, 0));
}

#define against_the_cluster(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        against_the_cluster(no_call_comes_from_another_thread),
        against_the_cluster(a_child_process_may_close_a_client_and_not_use_it),
        against_the_cluster(a_session_must_exist),
        against_the_cluster(done_may_not_poll_or_close),
        against_the_cluster(done_may_submit_and_flush_and_poll_sends_it),
        against_the_cluster(an_event_loop_needs_the_descriptor_and_the_deadline_only),
        against_the_cluster(several_clients_share_a_thread),
        against_the_cluster(programs_of_older_and_newer_headers_are_understood),
        cmocka_unit_test(required_options_are_required),
        cmocka_unit_test(errors_are_cut_to_the_room_given),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
