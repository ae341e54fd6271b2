// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"
#include "src/cli/namespace.h"
#include "src/cli/paths.h"
#include "src/cli/status.h"
#include "src/cli/supervisor.h"
#include "src/cli/tuning.h"
#include "src/config/profile.h"

/// How long `status` looks to tell rates, and how often `status --watch` does.
#define LOOK_MS 250
#define WATCH_MS 1000

/// A profile by name is the copy in the cluster directory; anything else is a file.
static col_result find_profile(const char *directory, const char *given, char *path) {
    for (uint32_t i = 0; i < COL_TUNINGS; i++) {
        char name[32];
        if (strcmp(given, col_tuning_name(i)) != 0) continue;
        snprintf(name, sizeof name, "%s.yaml", given);
        return col_cli_path(path, directory, name);
    }
    if (access(given, R_OK) == 0) return col_path_absolute(path, given);
    return col_error("%s: no such profile (%s): use small, threads, or a file", given,
                     strerror(errno));
}

/// Look twice, `interval_ms` apart, and print what there is and what happened meanwhile.
static void print_status(const char *directory, const col_supervisor_state *state,
                         const col_status_options *options, long interval_ms) {
    static col_watch watch;
    static col_moment before, now;
    col_watch_open(&watch, directory, state);
    col_watch_read(&watch, &before);
    nanosleep(&(struct timespec){interval_ms / 1000, interval_ms % 1000 * 1000000}, NULL);
    col_watch_read(&watch, &now);
    if (options->colour && interval_ms >= WATCH_MS) fputs("\033[H\033[2J", stdout);
    col_status_print(&watch, &before, &now, options, stdout);
    fflush(stdout);
    col_watch_close(&watch);
}

static col_result print_up(const char *directory, const char *given, const col_cluster *cluster,
                           uint64_t started_ns) {
    col_supervisor_state state;
    if (!col_supervisor_read(directory, &state))
        return col_error("%s: the cluster ended at once: its logs in %s/run say why", given, given);
    printf("%s is up: %u replicas, %u pillars, application %s, profile %s, in %.1f s\n", given,
           cluster->genesis.replicas, cluster->genesis.pillars, cluster->genesis.application,
           state.profile, (double)(col_clock_monotonic_ns() - started_ns) / 1e9);
    const col_status_options shown = {.colour = isatty(STDOUT_FILENO)};
    print_status(directory, &state, &shown, 0);
    printf(
        "\n"
        "try:  seq 1000 | colonnade client --cluster %s\n"
        "      colonnade bench --cluster %s\n"
        "      colonnade cluster exec %s -- tcpdump -i col-br -c 10 udp\n"
        "stop: colonnade cluster down %s\n",
        given, given, given, given);
    return col_ok();
}

static col_result start(const char *given, const char *profile_name, const col_cluster *cluster,
                        int *status) {
    const uint64_t started_ns = col_clock_monotonic_ns();
    char path[COL_PATH_MAX];
    COL_TRY(col_cli_path(path, cluster->directory, "run"));
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return col_error("%s: %s: make %s a directory that this user may write", path,
                         strerror(errno), given);
    if (col_supervisor_find(cluster->directory)) {
        return col_error("%s: the cluster is up already: `colonnade cluster down %s` stops it",
                         given, given);
    }
    COL_TRY(find_profile(cluster->directory, profile_name, path));
    col_profile *profile;
    COL_TRY(col_profile_read(path, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN), &profile));
    const col_supervisor_options options = {
        .directory = cluster->directory, .cluster = cluster, .profile = path, .mtu = profile->mtu};
    const col_result result = col_supervisor_start(&options, status);
    col_profile_destroy(profile);
    if (!result.ok) return result;
    return print_up(cluster->directory, given, cluster, started_ns);
}

static int command_up(char **argv) {
    const char *profile = "small";
    const col_option options[] = {
        {"--profile", "PROFILE", "small, threads or a file; small when not given", COL_OPTION_TEXT,
         .target = &profile},
    };
    const col_command command = {
        .name = "cluster up",
        .purpose =
            "Start all replicas of a cluster on this machine, in a private network namespace.\n"
            "Needs neither root nor hugepages.",
        .positionals = "DIR",
        .example = "colonnade cluster up demo --profile threads",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    col_cluster *cluster;
    result = col_open_cluster(arguments.positional[0], &cluster);
    if (!result.ok) return col_fail(&result, 2);
    int status = 2;
    result = start(arguments.positional[0], profile, cluster, &status);
    col_cluster_destroy(cluster);
    return result.ok ? 0 : col_fail(&result, status);
}

/// The absolute directory, and that a cluster runs from it.
/// @param status out when it does not: the exit status; the error was printed
static bool find_running(const char *given, char *directory, col_supervisor_state *state,
                         int *status) {
    col_result result = col_path_absolute(directory, given);
    const bool named = result.ok;
    if (named && col_supervisor_read(directory, state)) return true;
    if (named) {
        result =
            col_error("%s: no cluster is up: `colonnade cluster up %s` starts it", given, given);
    }
    *status = col_fail(&result, named ? 1 : 2);
    return false;
}

static void print_status_json(const char *directory, const col_supervisor_state *state) {
    static col_watch watch;
    col_watch_open(&watch, directory, state);
    col_status_print_json(&watch, stdout);
    col_watch_close(&watch);
}

/// @return the exit status
static int show_status(const char *given, const col_status_options *options, bool json,
                       bool again) {
    char directory[COL_PATH_MAX];
    col_supervisor_state state;
    col_result result = col_path_absolute(directory, given);
    if (!result.ok) return col_fail(&result, 2);
    if (!col_watch_find(directory, &state)) {
        result = col_error(
            "%s: no replica runs: `colonnade cluster up %s` starts all on this machine, `colonnade "
            "replica` one",
            given, given);
        return col_fail(&result, 1);
    }
    if (json) {
        print_status_json(directory, &state);
        return 0;
    }
    do {
        print_status(directory, &state, options, again ? WATCH_MS : LOOK_MS);
    } while (again && col_watch_find(directory, &state));
    return 0;
}

static int command_status(char **argv) {
    bool json = false, again = false;
    col_status_options shown = {.pillars = true, .colour = isatty(STDOUT_FILENO)};
    const col_option options[] = {
        {"--details", NULL, "also drops by reason, and which thread runs what", COL_OPTION_FLAG,
         .target = &shown.details},
        {"--watch", NULL, "print again every second until interrupted", COL_OPTION_FLAG,
         .target = &again},
        {"--json", NULL, "print every figure as JSON: names in src/replica/figures.h",
         COL_OPTION_FLAG, .target = &json},
    };
    const col_command command = {
        .name = "cluster status",
        .purpose =
            "Print what the replicas do that were started from DIR on this machine, by `cluster "
            "up` or\n"
            "by `replica`. Reads their pages: a stuck or dead replica can be looked at, too. "
            "\"lag\" is how\n"
            "many rounds a pillar is behind the furthest replica shown.",
        .positionals = "DIR",
        .example = "colonnade cluster status demo --watch",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    const col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    return show_status(arguments.positional[0], &shown, json, again);
}

static int command_exec(char **argv) {
    const col_command command = {
        .name = "cluster exec",
        .purpose = "Run a command inside the cluster's network namespace.",
        .positionals = "DIR",
        .rest = "COMMAND...",
        .example =
            "colonnade cluster exec demo -- ip -brief address\n"
            "colonnade cluster exec demo -- tcpdump -i col-br -c 10 udp",
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    char directory[COL_PATH_MAX];
    col_supervisor_state state;
    int status;
    if (!find_running(arguments.positional[0], directory, &state, &status)) return status;
    result = col_namespace_enter(state.supervisor);
    if (!result.ok) return col_fail(&result, 2);
    execvp(arguments.rest[0], arguments.rest);
    result = col_error("cluster exec: %s: %s: give the path of a program", arguments.rest[0],
                       strerror(errno));
    return col_fail(&result, 127);
}

static int command_kill(char **argv) {
    const col_command command = {
        .name = "cluster kill",
        .purpose = "Kill one replica without warning (SIGKILL), to see the others go on.",
        .positionals = "DIR ID",
        .example = "colonnade cluster kill demo 3",
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    uint64_t id;
    char directory[COL_PATH_MAX];
    if (!col_number_parse(arguments.positional[1], 0, COL_REPLICAS_MAX - 1, &id)) {
        result = col_error("cluster kill: the replica is '%s': use a number from 0 to %u",
                           arguments.positional[1], COL_REPLICAS_MAX - 1);
        return col_fail(&result, 2);
    }
    result = col_path_absolute(directory, arguments.positional[0]);
    if (!result.ok) return col_fail(&result, 2);
    result = col_supervisor_kill(directory, (uint32_t)id);
    if (!result.ok) return col_fail(&result, 1);
    printf("%s: replica %u is dead\n", arguments.positional[0], (uint32_t)id);
    return 0;
}

static int command_down(char **argv) {
    const col_command command = {
        .name = "cluster down",
        .purpose = "Stop a cluster and remove its network. Nothing to stop is no failure.",
        .positionals = "DIR",
        .example = "colonnade cluster down demo",
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    char directory[COL_PATH_MAX];
    result = col_path_absolute(directory, arguments.positional[0]);
    if (!result.ok) return col_fail(&result, 2);
    if (!col_supervisor_find(directory)) {
        printf("%s: no cluster was up\n", arguments.positional[0]);
        return 0;
    }
    result = col_supervisor_stop(directory);
    if (!result.ok) return col_fail(&result, 1);
    printf("%s is down\n", arguments.positional[0]);
    return 0;
}

static const struct {
    const char *name;
    const char *purpose;
    int (*run)(char **argv);
} actions[] = {
    {"up", "DIR [--profile PROFILE]: start it", command_up},
    {"status", "DIR [--details] [--watch] [--json]: what each replica does", command_status},
    {"exec", "DIR -- COMMAND...: run a command in its network", command_exec},
    {"kill", "DIR ID: kill one replica", command_kill},
    {"down", "DIR: stop it", command_down},
};

#define ACTIONS (sizeof actions / sizeof *actions)
#define ACTIONS_TEXT "use up, status, exec, kill or down"

int col_command_cluster(char **argv) {
    if (argv[0] && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        puts("usage: colonnade cluster ACTION DIR\n\nRun a cluster on this machine.\n\nactions:");
        for (size_t i = 0; i < ACTIONS; i++)
            printf("  %-8s %s\n", actions[i].name, actions[i].purpose);
        puts(
            "\n"
            "example:\n"
            "  colonnade cluster up demo\n"
            "\n"
            "`colonnade cluster ACTION --help` tells more.");
        return 0;
    }
    for (size_t i = 0; argv[0] && i < ACTIONS; i++) {
        if (strcmp(argv[0], actions[i].name) == 0) return actions[i].run(argv + 1);
    }
    const col_result result =
        argv[0] ? col_error("cluster: unknown action '%s': " ACTIONS_TEXT, argv[0])
                : col_error("cluster: an action is missing: " ACTIONS_TEXT);
    return col_fail(&result, 2);
}
