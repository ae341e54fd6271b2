// SPDX-License-Identifier: Apache-2.0
#include "src/client/colonnade_client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/limits.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"
#include "src/cli/result_text.h"

#define CLIENT_SESSIONS_MAX 64
/// Lines whose results are not printed yet: what all sessions may have outstanding.
#define LINES_MAX (CLIENT_SESSIONS_MAX * COL_SESSION_OUTSTANDING_MAX)
#define INPUT_BYTES (2 * COL_OPERATION_BYTES_MAX)
#define WAIT_NS UINT64_C(5000000)

/// One line's result, printed when all before it are.
typedef struct {
    bool done;
    char *text;
} line_result;

typedef struct {
    col_client *client;
    const col_cluster *cluster;
    uint32_t sessions;
    uint64_t submitted;  ///< lines
    uint64_t printed;
    uint64_t failed;
    line_result line[LINES_MAX];  ///< by number mod LINES_MAX
    char input[INPUT_BYTES];
    size_t filled;
    bool ended;     ///< no more input
    bool skipping;  ///< inside the rest of a line that is too long
} line_client;

static const char *explain(col_client_status status) {
    switch (status) {
        case COL_CLIENT_RESULT:
            return "ok";
        case COL_CLIENT_TIMED_OUT:
            return "timed out: it may still be executed";
        case COL_CLIENT_EXPIRED:
            return "the session is gone: whether it was executed is unknown";
        case COL_CLIENT_REFUSED:
            return "refused: operation or result is longer than the cluster allows";
    }
    return "?";
}

static void finish(line_client *self, uint64_t number, const char *failure, const uint8_t *result,
                   size_t length) {
    line_result *line = &self->line[number % LINES_MAX];
    size_t size;
    FILE *stream = open_memstream(&line->text, &size);
    if (stream && failure) fprintf(stream, "error: %s", failure);
    if (stream && !failure)
        col_result_print(stream, self->cluster->genesis.application, result, length);
    if (stream) fclose(stream);
    line->done = true;
    self->failed += failure != NULL;
}

static void on_done(void *context, const col_client_outcome *outcome) {
    const char *failure = outcome->status == COL_CLIENT_RESULT ? NULL : explain(outcome->status);
    finish(context, outcome->tag, failure, outcome->result, outcome->length);
}

static void print_finished(line_client *self) {
    const uint64_t before = self->printed;
    for (; self->printed < self->submitted; self->printed++) {
        line_result *line = &self->line[self->printed % LINES_MAX];
        if (!line->done) break;
        puts(line->text ? line->text : "error: no memory");
        free(line->text);
        *line = (line_result){0};
    }
    if (self->printed != before) fflush(stdout);
}

/// The session of the next line; every session in turn, so that a line's session does not depend on
/// timing.
static bool next_has_room(const line_client *self) {
    return self->submitted - self->printed < LINES_MAX &&
           col_client_room(self->client, (uint32_t)(self->submitted % self->sessions)) > 0;
}

static void submit(line_client *self, const char *text, size_t length) {
    const uint64_t number = self->submitted++;
    const uint32_t session = (uint32_t)(number % self->sessions);
    if (col_client_submit(self->client, session, text, length, number) != COL_CLIENT_SUBMITTED)
        finish(self, number, explain(COL_CLIENT_REFUSED), NULL, 0);
}

/// Submit the complete lines of the input as far as there is room, and move the rest to the front.
static void submit_lines(line_client *self) {
    size_t at = 0;
    while (at < self->filled && next_has_room(self)) {
        const char *start = self->input + at;
        const char *end = memchr(start, '\n', self->filled - at);
        const bool full = !end && at == 0 && self->filled == INPUT_BYTES;
        if (!end && !full && !self->ended) break;
        const size_t length = end ? (size_t)(end - start) : self->filled - at;
        if (!self->skipping) submit(self, start, length);
        self->skipping = full;
        at += length + (end != NULL);
    }
    memmove(self->input, self->input + at, self->filled - at);
    self->filled -= at;
}

/// Take what the input has. Waits for it only when nothing else is to be done.
static void read_input(line_client *self) {
    if (self->ended || self->filled == INPUT_BYTES) return;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, col_client_outstanding(self->client) ? 0 : -1) <= 0) return;
    const ssize_t length =
        read(STDIN_FILENO, self->input + self->filled, INPUT_BYTES - self->filled);
    if (length > 0) {
        self->filled += (size_t)length;
    } else if (length == 0 || errno != EINTR) {
        self->ended = true;
    }
}

static void run_lines(line_client *self) {
    while (!self->ended || self->filled || self->printed < self->submitted) {
        if (next_has_room(self)) read_input(self);
        submit_lines(self);
        if (col_client_outstanding(self->client)) col_client_poll(self->client, WAIT_NS);
        print_finished(self);
    }
}

static int run_client(col_client_options *options, const col_cluster *cluster) {
    static line_client self;
    char error[COL_CLIENT_ERROR_BYTES];
    self.cluster = cluster;
    self.sessions = options->sessions;
    options->done = on_done;
    options->context = &self;
    self.client = col_client_open(options, sizeof *options, error, sizeof error);
    if (!self.client) {
        const col_result result = col_error("%s", error);
        return col_fail(&result, 1);
    }
    run_lines(&self);
    col_client_close(self.client);
    if (self.failed)
        fprintf(stderr, "colonnade: %" PRIu64 " of %" PRIu64 " operations failed\n", self.failed,
                self.submitted);
    return self.failed ? 1 : 0;
}

int col_command_client(char **argv) {
    const char *path = NULL, *key = NULL;
    uint64_t client = 0, sessions = 1, timeout_s = 10;
    const col_option options[] = {
        {"--cluster", "DIR", "cluster directory, or cluster file", COL_OPTION_TEXT,
         .required = true, .target = &path},
        {"--client", "N", "which client of the registry; 0 when not given", COL_OPTION_NUMBER,
         .maximum = COL_CLIENTS_MAX - 1, .target = &client},
        {"--key", "FILE", "private key; DIR/keys/client-N.pem when not given", COL_OPTION_TEXT,
         .target = &key},
        {"--sessions", "N", "sessions that take lines in turn; 1 (all in order) when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = CLIENT_SESSIONS_MAX, .target = &sessions},
        {"--timeout", "SECONDS", "an operation fails after that; 10 when not given",
         COL_OPTION_NUMBER, .minimum = 1, .maximum = 3600, .target = &timeout_s},
    };
    const col_command command = {
        .name = "client",
        .purpose =
            "Send each line of the standard input as an operation; print one result per line, in "
            "the\n"
            "order of the lines. Ends with status 1 when any failed.",
        .example = "seq 1000 | colonnade client --cluster demo",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    col_cluster *cluster;
    col_supervisor_state state;
    result = col_open_cluster(path, &cluster);
    if (!result.ok) return col_fail(&result, 2);
    result = col_check_client_key(cluster, key, (uint32_t)client);
    if (result.ok) result = col_enter_cluster(cluster->directory, &state);
    col_client_options open = {.cluster = path,
                               .key = key,
                               .client = (uint32_t)client,
                               .sessions = (uint32_t)sessions,
                               .timeout_ns = timeout_s * UINT64_C(1000000000)};
    const int status = result.ok ? run_client(&open, cluster) : col_fail(&result, 2);
    col_cluster_destroy(cluster);
    return status;
}
