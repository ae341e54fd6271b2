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
#include <sys/stat.h>
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
    if (stream == NULL)
        return col_error("cannot open a log stream: %s: free memory", strerror(errno));
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

static void allow(arguments *list, const char *pci_device) {
    add(list, "-a");
    add(list, pci_device);
}

static void list_arguments(const col_net_options *options, bool pci, int cpu, arguments *list) {
    char text[64];
    *list = (arguments){.count = 0};
    add(list, "colonnade");
    snprintf(text, sizeof text, "--lcores=0@%d", cpu);
    add(list, text);
    add(list, "--file-prefix");
    add(list, options->prefix);
    if (options->runtime_directory == NULL) add(list, "--no-telemetry");
    add(list, "--log-level=error");
    if (pci) allow(list, options->device);
    const bool pci_signing =
        options->signing_device != NULL && col_net_is_pci(options->signing_device);
    if (pci_signing) allow(list, options->signing_device);
    // Else EAL would probe, and could take, the machine's own NICs.
    if (!pci && !pci_signing) add(list, "--no-pci");
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

/// EAL's runtime directory, and its part of it that goes when the process ends.
static char runtime[64];
static char runtime_part[128];

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

/// The directory that it stands in is other replicas' too, and stays: whoever removed it while one
/// of them starts would take the ground from under that one's part.
static void remove_runtime_part(void) {
    if (runtime_part[0] != '\0') (void)nftw(runtime_part, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static bool make_directory(const char *path) {
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/// Name the runtime directory, by a descriptor, since EAL and socket addresses refuse paths of more
/// than about 100 characters; and make this process's part: EAL that cannot would take /tmp and say
/// nothing.
static col_result find_runtime(const col_net_options *options) {
    char parent[sizeof runtime + 8];
    const int directory = open(options->runtime_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(runtime, sizeof runtime, "/proc/self/fd/%d", directory);  // open until the end
    snprintf(parent, sizeof parent, "%s/dpdk", runtime);
    snprintf(runtime_part, sizeof runtime_part, "%s/%s", parent, options->prefix);
    remove_runtime_part();  // of a process that was killed
    if (make_directory(parent) && make_directory(runtime_part)) return col_ok();
    return col_error("%s/dpdk/%s: %s: make it a directory of this user", options->runtime_directory,
                     options->prefix, strerror(errno));
}

/// Without telemetry EAL needs a directory only to start.
static col_result make_runtime(void) {
    snprintf(runtime, sizeof runtime, "/tmp/colonnade-XXXXXX");
    if (mkdtemp(runtime) != NULL) return col_ok();
    return col_error("cannot make a directory in /tmp: %s: make /tmp writable", strerror(errno));
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
               "hugepages: false";
    }
    if (pci) return "run as root, or give this user access to /dev/vfio";
    return "see that memory_mb fits this machine's free memory";
}

col_result col_net_eal_start(const col_net_options *options, bool pci) {
    COL_TRY(capture_log());

    const bool telemetry = options->runtime_directory != NULL;
    COL_TRY(telemetry ? find_runtime(options) : make_runtime());
    cpu_set_t affinity;
    CPU_ZERO(&affinity);
    sched_getaffinity(0, sizeof affinity, &affinity);

    arguments list;
    list_arguments(options, pci, any_cpu(&affinity), &list);
    const int outcome = start_quietly(&list, runtime);

    // Loops place themselves; main must not hand EAL's choice on to the threads that it starts.
    sched_setaffinity(0, sizeof affinity, &affinity);
    // Removed now, so that a killed process leaves nothing behind.
    if (!telemetry) (void)nftw(runtime, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

    if (outcome < 0) {
        return col_error("DPDK does not start: %s (%s): %s", rte_strerror(rte_errno),
                         col_net_eal_message(), remedy(options, pci));
    }
    return col_ok();
}

void col_net_eal_stop(void) {
    rte_eal_cleanup();
    remove_runtime_part();
}

col_result col_net_join_thread(void) {
    if (rte_lcore_id() != LCORE_ID_ANY) return col_ok();
    if (rte_thread_register() != 0) {
        return col_error("DPDK takes no more threads: %s: place the stages on at most %d loops",
                         rte_strerror(rte_errno), COL_LOOPS_MAX);
    }
    return col_ok();
}
