// SPDX-License-Identifier: Apache-2.0
#include "src/cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/cli/namespace.h"
#include "src/cli/paths.h"
#include "src/cli/state.h"
#include "src/replica/page.h"

#define SECOND_NS UINT64_C(1000000000)
#define READY_TIMEOUT_NS (20 * SECOND_NS)
#define STOP_TIMEOUT_NS (5 * SECOND_NS)

/// "Kill replica `value`": sent by `cluster kill` as a queued signal, so that only the parent of a
/// replica ever signals it.
#define SIGNAL_KILL SIGRTMIN

typedef struct {
    const col_supervisor_options *options;
    col_supervisor_state state;
    int report;  ///< to the waiting `cluster up`
} supervisor;

static uint32_t replicas_of(const supervisor *self) {
    return self->options->cluster->genesis.replicas;
}

static void publish(const supervisor *self) {
    const col_result result = col_state_write(self->options->directory, &self->state);
    if (!result.ok) fprintf(stderr, "%s\n", result.text);
}

static void describe_end(int status, col_supervised *replica) {
    replica->pid = 0;
    if (WIFSIGNALED(status)) {
        snprintf(replica->state, sizeof replica->state, "down: killed by signal %d",
                 WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        snprintf(replica->state, sizeof replica->state, "down: exit status %d",
                 WEXITSTATUS(status));
    } else {
        snprintf(replica->state, sizeof replica->state, "stopped");
    }
}

/// Take note of replicas that ended. @return how many still run
static uint32_t reap(supervisor *self) {
    int status;
    pid_t pid;
    bool changed = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t i = 0; i < replicas_of(self); i++) {
            if (self->state.replica[i].pid != pid) continue;
            describe_end(status, &self->state.replica[i]);
            changed = true;
        }
    }
    if (changed) publish(self);
    uint32_t running = 0;
    for (uint32_t i = 0; i < replicas_of(self); i++) running += self->state.replica[i].pid != 0;
    return running;
}

/// The replica's process: it ends with its supervisor.
static _Noreturn void become_replica(const supervisor *self, uint32_t id, const char *log) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) {
        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
    }
    char number[16], device[16];
    snprintf(number, sizeof number, "%u", id);
    col_namespace_device(id, device);
    execl("/proc/self/exe", "colonnade", "replica", "--cluster", self->options->directory, "--id",
          number, "--profile", self->options->profile, "--device", device, (char *)NULL);
    fprintf(stderr, "replica %u: cannot start the program again: %s\n", id, strerror(errno));
    _exit(1);
}

static col_result start_replica(supervisor *self, uint32_t id) {
    char log[COL_PATH_MAX], page[COL_PATH_MAX];
    COL_TRY(col_path_of_replica(log, self->options->directory, id, "log"));
    COL_TRY(col_path_of_replica(page, self->options->directory, id, "page"));
    unlink(page);  // of an earlier run
    const pid_t pid = fork();
    if (pid < 0) return col_error("replica %u: fork: %s: end other programs", id, strerror(errno));
    if (pid == 0) become_replica(self, id, log);
    self->state.replica[id] = (col_supervised){.pid = pid, .state = "running"};
    return col_ok();
}

static bool is_ready(const supervisor *self, uint32_t id) {
    char path[COL_PATH_MAX];
    const col_page *page;
    if (!col_path_of_replica(path, self->options->directory, id, "page").ok) return false;
    if (!col_page_open(path, &page).ok) return false;
    const bool ready = col_counter_read(&page->ready) == 1 &&
                       page->process == (uint32_t)self->state.replica[id].pid;
    col_page_close(page);
    return ready;
}

static col_result not_ready(const supervisor *self, uint32_t id) {
    const col_supervised *replica = &self->state.replica[id];
    char log[COL_PATH_MAX], line[320];
    COL_TRY(col_path_of_replica(log, self->options->directory, id, "log"));
    col_file_last_line(log, line, sizeof line);
    if (replica->pid) {
        return col_error("replica %u is not ready after %u s (%s): its log is %s", id,
                         (uint32_t)(READY_TIMEOUT_NS / SECOND_NS), line, log);
    }
    const char *prefix = "colonnade: ";  // `cluster up` puts its own before what it hands on
    const bool prefixed = strncmp(line, prefix, strlen(prefix)) == 0;
    if (*line) return col_error("%s", prefixed ? line + strlen(prefix) : line);
    return col_error("replica %u: %s: its log is %s", id, replica->state, log);
}

static col_result await_ready(supervisor *self, int *status) {
    const uint64_t end_ns = col_clock_monotonic_ns() + READY_TIMEOUT_NS;
    uint32_t ready = 0;
    while (ready < replicas_of(self)) {
        reap(self);
        const col_supervised *replica = &self->state.replica[ready];
        const bool late = col_clock_monotonic_ns() > end_ns;
        if (!replica->pid || late) {
            *status = strcmp(replica->state, "down: exit status 2") == 0 ? 2 : 1;
            return not_ready(self, ready);
        }
        if (is_ready(self, ready)) {
            ready++;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
        }
    }
    return col_ok();
}

static void signal_all(const supervisor *self, int signal) {
    for (uint32_t i = 0; i < replicas_of(self); i++) {
        if (self->state.replica[i].pid) kill(self->state.replica[i].pid, signal);
    }
}

/// The telemetry socket that a killed replica left, and the two directories that it stood in.
static void remove_telemetry(const supervisor *self, uint32_t id) {
    char path[COL_PATH_MAX];
    if (!col_path_of_telemetry(path, self->options->directory, id).ok) return;
    unlink(path);
    for (int levels = 0; levels < 2; levels++) {
        *strrchr(path, '/') = 0;
        rmdir(path);
    }
}

static void remove_run_files(const supervisor *self) {
    char path[COL_PATH_MAX];
    for (uint32_t i = 0; i < replicas_of(self); i++) {
        if (col_path_of_replica(path, self->options->directory, i, "page").ok) unlink(path);
        remove_telemetry(self, i);
    }
    if (col_cli_path(path, self->options->directory, "run/state").ok) unlink(path);
}

static void stop_all(supervisor *self) {
    const uint64_t end_ns = col_clock_monotonic_ns() + STOP_TIMEOUT_NS;
    signal_all(self, SIGTERM);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (reap(self) && col_clock_monotonic_ns() < end_ns) {
        sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 100 * 1000 * 1000});
    }
    signal_all(self, SIGKILL);
    while (reap(self)) sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = 10 * 1000 * 1000});
    remove_run_files(self);
}

/// Wait for signals until told to end.
static void attend(supervisor *self, const sigset_t *signals) {
    for (;;) {
        siginfo_t information;
        const int signal = sigwaitinfo(signals, &information);
        if (signal == SIGTERM || signal == SIGINT) return;
        if (signal == SIGNAL_KILL) {
            const uint32_t id = (uint32_t)information.si_value.sival_int;
            if (id < replicas_of(self) && self->state.replica[id].pid)
                kill(self->state.replica[id].pid, SIGKILL);
        }
        reap(self);
    }
}

/// Tell the waiting `cluster up` how it went. @return false when nobody waits any more
static bool report(const supervisor *self, int status, const col_result *result) {
    char message[1 + sizeof result->text];
    message[0] = (char)status;
    memcpy(message + 1, result->text, sizeof result->text);
    const ssize_t written = write(self->report, message, 1 + strlen(result->text));
    close(self->report);
    return written > 0;
}

static col_result bring_up(supervisor *self, int *status) {
    *status = 2;
    COL_TRY(col_state_lock(self->options->directory));
    COL_TRY(col_namespace_create());
    COL_TRY(col_namespace_connect(self->options->cluster, self->options->mtu));
    for (uint32_t i = 0; i < replicas_of(self); i++) COL_TRY(start_replica(self, i));
    COL_TRY(col_state_write(self->options->directory, &self->state));
    COL_TRY(await_ready(self, status));
    *status = 0;
    return col_ok();
}

/// Standard streams of a process without a terminal. Where no log can be written, `cluster up`
/// still tells how it went.
static void detach(const char *directory) {
    setsid();
    char path[COL_PATH_MAX];
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = -1;
    if (col_cli_path(path, directory, "run/supervisor.log").ok)
        log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (log < 0) log = nothing;
    if (log < 0) return;
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
}

static _Noreturn void supervise(const col_supervisor_options *options, int report_to) {
    detach(options->directory);
    signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGNAL_KILL);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    static supervisor self;
    self = (supervisor){.options = options, .report = report_to};
    self.state.replicas = options->cluster->genesis.replicas;
    snprintf(self.state.profile, sizeof self.state.profile, "%s", options->profile);
    int status;
    const col_result result = bring_up(&self, &status);
    if (!result.ok) fprintf(stderr, "%s\n", result.text);
    const bool up = result.ok && report(&self, status, &result);
    if (up) attend(&self, &signals);
    if (self.state.replica[0].state[0]) stop_all(&self);
    if (!result.ok) report(&self, status, &result);
    _exit(0);
}

col_result col_supervisor_start(const col_supervisor_options *options, int *status) {
    *status = 2;
    int channel[2];
    if (pipe2(channel, O_CLOEXEC) < 0)
        return col_error("pipe: %s: end other programs", strerror(errno));
    fflush(NULL);
    const pid_t pid = fork();
    if (pid < 0) return col_error("fork: %s: end other programs", strerror(errno));
    if (pid == 0) {
        close(channel[0]);
        supervise(options, channel[1]);
    }
    close(channel[1]);
    char message[600] = {0};
    size_t used = 0;
    ssize_t length;
    while ((length = read(channel[0], message + used, sizeof message - 1 - used)) > 0)
        used += (size_t)length;
    close(channel[0]);
    if (!used) {
        *status = 1;
        return col_error("the supervisor ended: %s/run/supervisor.log says why",
                         options->directory);
    }
    *status = (unsigned char)message[0];
    return *status ? col_error("%s", message + 1) : col_ok();
}

/// Signal the supervisor, and nobody else: the pid is pinned first, then found again.
/// @param pinned out: a descriptor of the process
static col_result signal_supervisor(const char *directory, int signal, int value, int *pinned) {
    const pid_t pid = col_supervisor_find(directory);
    if (!pid) {
        return col_error("%s: no cluster is up: `colonnade cluster up %s` starts it", directory,
                         directory);
    }
    *pinned = pidfd_open(pid, 0);
    if (*pinned < 0 || col_supervisor_find(directory) != pid)
        return col_error("%s: the cluster has just ended: try again", directory);
    siginfo_t information = {.si_signo = signal, .si_code = SI_QUEUE};
    information.si_pid = getpid();
    information.si_uid = getuid();
    information.si_value.sival_int = value;
    if (pidfd_send_signal(*pinned, signal, &information, 0) == 0) return col_ok();
    const int error = errno;
    close(*pinned);
    return col_error(
        "%s: the supervisor (process %d) does not listen to this user: %s: be the user who ran "
        "`cluster up`, or root",
        directory, pid, strerror(error));
}

col_result col_supervisor_stop(const char *directory) {
    int pinned = -1;
    COL_TRY(signal_supervisor(directory, SIGTERM, 0, &pinned));
    struct pollfd ended = {.fd = pinned, .events = POLLIN};
    const int events = poll(&ended, 1, 15 * 1000);
    close(pinned);
    if (events == 1) return col_ok();
    return col_error(
        "%s: the supervisor (process %d) has not ended after 15 s: its log is "
        "%s/run/supervisor.log",
        directory, col_supervisor_find(directory), directory);
}

col_result col_supervisor_kill(const char *directory, uint32_t id) {
    col_supervisor_state state;
    const bool known = col_supervisor_read(directory, &state);
    if (known && (id >= state.replicas || !state.replica[id].pid)) {
        return col_error(
            "%s: replica %u does not run: `colonnade cluster status %s` tells which do", directory,
            id, directory);
    }
    int pinned = -1;
    COL_TRY(signal_supervisor(directory, SIGNAL_KILL, (int)id, &pinned));
    close(pinned);
    for (uint32_t i = 0; i < 200; i++) {
        if (col_supervisor_read(directory, &state) && !state.replica[id].pid) return col_ok();
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return col_error("%s: replica %u has not ended after 2 s: its log is in %s/run", directory, id,
                     directory);
}
