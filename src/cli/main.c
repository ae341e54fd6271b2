// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "src/cli/commands.h"

static const struct {
    const char *name;
    const char *purpose;
    int (*run)(char **argv);
} commands[] = {
    {"init", "make a cluster directory: cluster file, keys, tuning profiles", col_command_init},
    {"cluster", "run a cluster on this machine: up, status, exec, kill, down", col_command_cluster},
    {"client", "send each line of the input as an operation, print the results",
     col_command_client},
    {"bench", "drive load and report throughput, latency, costs and agreement", col_command_bench},
    {"replica", "run one replica", col_command_replica},
    {"keygen", "make a key pair", col_command_keygen},
    {"version", "print version, commit and CPU features in use", col_command_version},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void) {
    puts(
        "usage: colonnade COMMAND [arguments]\n"
        "\n"
        "A Byzantine-fault-tolerant cluster of multi-core replicas.\n"
        "\n"
        "commands:");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].purpose);
    puts(
        "\n"
        "`colonnade COMMAND --help` shows options and an example. A cluster in four lines:\n"
        "\n"
        "  colonnade init demo\n"
        "  colonnade cluster up demo\n"
        "  seq 1000 | colonnade client --cluster demo\n"
        "  colonnade cluster down demo");
}

int main(int argc, char **argv) {
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) return col_command_version(argv + 2);
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argv + 2);
    }
    const col_result result =
        argc < 2 ? col_error("a command is missing: `colonnade --help` lists them")
                 : col_error("unknown command '%s': `colonnade --help` lists them", argv[1]);
    return col_fail(&result, 2);
}
