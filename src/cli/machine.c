// SPDX-License-Identifier: Apache-2.0
#include "src/cli/machine.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

static void read_processor(col_machine *machine) {
    snprintf(machine->processor, sizeof machine->processor, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "model name : %95[^\n]", machine->processor) == 1) break;
    }
    fclose(file);
}

void col_machine_read(col_machine *machine) {
    *machine = (col_machine){
        .cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
        .memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
    };
    read_processor(machine);
    struct utsname kernel;
    if (uname(&kernel) != 0) return;
    snprintf(machine->kernel, sizeof machine->kernel, "%s %s", kernel.sysname, kernel.release);
}
