// SPDX-License-Identifier: Apache-2.0
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dpdk/internal.h"
#include "src/base/assert.h"

#define ARGUMENTS_MAX 20

static char message[256];

/// The stream that DPDK logs to, line by line: keeps the first.
static ssize_t keep_line(void *cookie, const char *text, size_t length) {
    (void)cookie;
    if (message[0] == '\0') {
        size_t end = length;
        while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' ')) end--;
        snprintf(message, sizeof message, "%.*s", (int)end, text);
    }
    return (ssize_t)length;
}

const char *col_net_eal_message(void) {
    return message[0] != '\0' ? message : "no message";
}

void col_net_eal_forget_message(void) {
    message[0] = '\0';
}

static col_result capture_log(void) {
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = keep_line});
    if (stream == NULL) return col_error("cannot open a log stream: %s", strerror(errno));
    setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    rte_openlog_stream(stream);
    return col_ok();
}

typedef struct {
    char *value[ARGUMENTS_MAX + 1];
    int count;
    char text[1024];
    size_t used;
} arguments;

static void add(arguments *list, const char *argument) {
    const size_t bytes = strlen(argument) + 1;
    COL_ASSERT(list->count < ARGUMENTS_MAX && list->used + bytes <= sizeof list->text);
    list->value[list->count++] = memcpy(list->text + list->used, argument, bytes);
    list->used += bytes;
}

/// One CPU that this thread may run on. EAL insists on pinning its main lcore somewhere.
static int any_cpu(const cpu_set_t *allowed) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, allowed)) return cpu;
    }
    return 0;
}

static void list_arguments(const col_net_options *options, bool pci, int cpu, arguments *list) {
    char text[64];
    *list = (arguments){.count = 0};
    add(list, "colonnade");
    snprintf(text, sizeof text, "--lcores=0@%d", cpu);
    add(list, text);
    add(list, "--file-prefix");
    add(list, options->prefix);
    add(list, "--no-telemetry");
    add(list, "--log-level=error");
    if (pci) {
        add(list, "-a");
        add(list, options->device);
    } else {
        // Else EAL would probe, and could take, the machine's own NICs.
        add(list, "--no-pci");
    }
    if (options->hugepages) {
        add(list, "--in-memory");
        return;
    }
    add(list, "--no-huge");
    add(list, "--no-shconf");  // no files and no socket for secondary processes
    add(list, "-m");
    snprintf(text, sizeof text, "%u", options->memory_mb);
    add(list, text);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

/// rte_eal_init with its runtime directory in `directory` and standard error switched off: fatal
/// errors are printed there although they are logged too.
static int start_quietly(arguments *list, const char *directory) {
    const char *outer = getenv("RUNTIME_DIRECTORY");
    char *restored = outer == NULL ? NULL : strdup(outer);
    setenv("RUNTIME_DIRECTORY", directory, 1);
    fflush(stderr);
    const int error_output = dup(STDERR_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (error_output >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);

    const int outcome = rte_eal_init(list->count, list->value);

    if (error_output >= 0) {
        dup2(error_output, STDERR_FILENO);
        close(error_output);
    }
    if (nowhere >= 0) close(nowhere);
    if (restored != NULL) {
        setenv("RUNTIME_DIRECTORY", restored, 1);
    } else {
        unsetenv("RUNTIME_DIRECTORY");
    }
    free(restored);
    return outcome;
}

static const char *remedy(const col_net_options *options, bool pci) {
    if (options->hugepages) {
        return "see that hugepages are free (`echo 512 > /proc/sys/vm/nr_hugepages`) or set "
               "hugepages: "
               "false";
    }
    if (pci) return "run as root, or give this user access to /dev/vfio";
    return "see that memory_mb fits this machine's free memory";
}

col_result col_net_eal_start(const col_net_options *options, bool pci) {
    COL_TRY(capture_log());

    // Short: EAL refuses paths of more than about 100 characters.
    char directory[] = "/tmp/colonnade-XXXXXX";
    if (mkdtemp(directory) == NULL) {
        return col_error("cannot make a directory in /tmp: %s: make /tmp writable",
                         strerror(errno));
    }
    cpu_set_t affinity;
    CPU_ZERO(&affinity);
    sched_getaffinity(0, sizeof affinity, &affinity);

    arguments list;
    list_arguments(options, pci, any_cpu(&affinity), &list);
    const int outcome = start_quietly(&list, directory);

    // Loops place themselves; main must not hand EAL's choice on to the threads that it starts.
    sched_setaffinity(0, sizeof affinity, &affinity);
    // Needed only by EAL's start. Removed now, so that a killed process leaves nothing behind.
    nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

    if (outcome < 0) {
        return col_error("DPDK does not start: %s (%s): %s", rte_strerror(rte_errno),
                         col_net_eal_message(), remedy(options, pci));
    }
    return col_ok();
}

void col_net_eal_stop(void) {
    rte_eal_cleanup();
}

col_result col_net_join_thread(void) {
    if (rte_lcore_id() != LCORE_ID_ANY) return col_ok();
    if (rte_thread_register() != 0) {
        return col_error("DPDK takes no more threads: %s: place the stages on at most %d loops",
                         rte_strerror(rte_errno), COL_LOOPS_MAX);
    }
    return col_ok();
}
