// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/keys.h"
#include "src/app/app.h"
#include "src/base/clock.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"
#include "src/cli/paths.h"
#include "src/cli/tuning.h"

/// Where `cluster up` puts replicas: a subnet that nothing else uses.
#define FIRST_ADDRESS (10u << 24 | 77u << 16 | 1u)
#define BASE_PORT 7000

typedef struct {
    const char *name;
    const char *leaders;
    const char *application;
    const char *application_options;
    const char *replicas_scheme;
    const char *clients_scheme;
    const char *sessions;
    const char *bits;  ///< NULL when not given
    uint64_t replicas;
    uint64_t pillars;
    uint64_t clients;
    uint64_t batch;
} init_options;

static col_result make_directory(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0 || errno == EEXIST) return col_ok();
    return col_error("%s: %s: choose a directory that you may write", path, strerror(errno));
}

static col_result make_empty_directory(const char *path) {
    COL_TRY(make_directory(path, 0755));
    DIR *directory = opendir(path);
    if (!directory) return col_error("%s: %s: choose another directory", path, strerror(errno));
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) empty = false;
    }
    closedir(directory);
    if (empty) return col_ok();
    return col_error("%s: is not empty: name a new directory, or remove this one first", path);
}

static col_result write_profiles(const char *directory) {
    for (uint32_t i = 0; i < COL_TUNINGS; i++) {
        char name[32], path[COL_PATH_MAX];
        snprintf(name, sizeof name, "%s.yaml", col_tuning_name(i));
        COL_TRY(col_cli_path(path, directory, name));
        const col_bytes text = col_tuning_text(i);
        FILE *file = fopen(path, "wxe");
        if (!file) return col_error("%s: %s: choose another directory", path, strerror(errno));
        const bool written = fwrite(text.at, 1, text.length, file) == text.length;
        if (fclose(file) != 0 || !written)
            return col_error("%s: %s: make room on the disk", path, strerror(errno));
    }
    return col_ok();
}

/// Key pairs to make, shared by threads: each takes the next.
typedef struct {
    const char *directory;
    col_scheme replicas_scheme;
    col_scheme clients_scheme;
    uint32_t rsa_bits;
    uint32_t replicas;
    uint32_t clients;
    uint32_t keys;  ///< of replicas, of clients, then for MACs with replicas
    atomic_uint next;
    atomic_uint made;
    atomic_bool failed;
    col_result failure;  ///< of the thread that set `failed` first
} key_work;

/// The name of a key's files, without their ends, and its scheme.
static col_scheme name_key(const key_work *work, uint32_t index, char *name, size_t size) {
    const uint32_t signers = work->replicas + work->clients;
    if (index < work->replicas) {
        snprintf(name, size, "keys/replica-%u", index);
        return work->replicas_scheme;
    }
    if (index < signers) {
        snprintf(name, size, "keys/client-%u", index - work->replicas);
        return work->clients_scheme;
    }
    snprintf(name, size, "keys/replica-%u.exchange", index - signers);
    return COL_SCHEME_HMAC;
}

static col_result make_key(const key_work *work, uint32_t index) {
    char name[48], file[56], private_path[COL_PATH_MAX], public_path[COL_PATH_MAX];
    const col_scheme scheme = name_key(work, index, name, sizeof name);
    snprintf(file, sizeof file, "%s.pem", name);
    COL_TRY(col_cli_path(private_path, work->directory, file));
    snprintf(file, sizeof file, "%s.pub", name);
    COL_TRY(col_cli_path(public_path, work->directory, file));
    return col_key_generate(scheme, work->rsa_bits, private_path, public_path);
}

static void *make_keys(void *context) {
    key_work *work = context;
    for (;;) {
        const uint32_t index = atomic_fetch_add(&work->next, 1);
        if (index >= work->keys || atomic_load(&work->failed)) return NULL;
        const col_result result = make_key(work, index);
        if (!result.ok && !atomic_exchange(&work->failed, true)) work->failure = result;
        atomic_fetch_add(&work->made, 1);
    }
}

static col_result make_all_keys(key_work *work) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread[16];
    uint32_t threads = 0;
    while (threads < 16 && (long)threads < cores && threads < work->keys) {
        if (pthread_create(&thread[threads], NULL, make_keys, work) != 0) break;
        threads++;
    }
    if (threads == 0) make_keys(work);
    if (isatty(STDERR_FILENO)) {
        while (!work->failed && atomic_load(&work->made) < work->keys) {
            fprintf(stderr, "\rmaking keys: %u of %u", atomic_load(&work->made), work->keys);
            usleep(100 * 1000);
        }
        fprintf(stderr, "\r\033[K");
    }
    for (uint32_t i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    return work->failed ? work->failure : col_ok();
}

static bool has_macs(const init_options *options) {
    return strcmp(options->sessions, "hmac") == 0;
}

static col_result describe(const init_options *options, const char *directory,
                           col_cluster *cluster) {
    col_genesis *genesis = &cluster->genesis;
    snprintf(genesis->name, sizeof genesis->name, "%s", options->name);
    snprintf(genesis->application, sizeof genesis->application, "%s", options->application);
    snprintf(genesis->application_options, sizeof genesis->application_options, "%s",
             options->application_options);
    genesis->replicas = (uint32_t)options->replicas;
    genesis->faults = (genesis->replicas - 1) / 3;
    genesis->pillars = (uint32_t)options->pillars;
    genesis->leaders =
        strcmp(options->leaders, "single") == 0 ? COL_LEADERS_SINGLE : COL_LEADERS_ROTATING;
    genesis->replicas_scheme = col_scheme_find(options->replicas_scheme);
    genesis->clients_scheme = col_scheme_find(options->clients_scheme);
    genesis->sessions = has_macs(options) ? COL_SESSIONS_HMAC : COL_SESSIONS_SIGNED;
    genesis->clients = (uint32_t)options->clients;
    if (options->batch) cluster->tunables.batch_requests = (uint32_t)options->batch;
    if (cluster->tunables.batch_requests > genesis->batch_requests_max)
        genesis->batch_requests_max = cluster->tunables.batch_requests;
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        char name[48];
        snprintf(name, sizeof name, "keys/replica-%u.pub", i);
        COL_TRY(col_cli_path(genesis->replica_key[i], directory, name));
        snprintf(name, sizeof name, "keys/replica-%u.exchange.pub", i);
        COL_TRY(col_cli_path(genesis->exchange_key[i], directory, name));
        genesis->replica[i] = (col_endpoint){FIRST_ADDRESS + i, BASE_PORT};
    }
    for (uint32_t i = 0; i < genesis->clients; i++) {
        char name[48];
        snprintf(name, sizeof name, "keys/client-%u.pub", i);
        COL_TRY(col_cli_path(genesis->client_key[i], directory, name));
    }
    return col_ok();
}

static col_result check_application(const init_options *options) {
    const col_app *application = col_app_find(options->application);
    void *state = application ? application->create(options->application_options) : NULL;
    if (!state) {
        return col_error(
            "init: --application-options '%s' is not understood by '%s': the counter takes "
            "reply_bytes=N, the log takes none",
            options->application_options, options->application);
    }
    application->destroy(state);
    return col_ok();
}

static col_result check_bits(const init_options *options) {
    const bool rsa = col_scheme_find(options->replicas_scheme) == COL_SCHEME_RSA ||
                     col_scheme_find(options->clients_scheme) == COL_SCHEME_RSA;
    if (rsa || !options->bits) return col_ok();
    return col_error("init: --bits is for RSA and nobody signs with it: leave it out");
}

static col_result write_cluster(const init_options *options, const char *directory) {
    static col_cluster cluster;
    col_cluster_defaults(&cluster);
    char(*client_key)[COL_PATH_MAX] = calloc(options->clients, COL_PATH_MAX);
    if (!client_key) return col_error("init: no memory for the clients: use fewer");
    cluster.genesis.client_key = client_key;
    col_result result = describe(options, directory, &cluster);
    char path[COL_PATH_MAX];
    if (result.ok) result = col_cli_path(path, directory, "cluster.yaml");
    if (result.ok) result = col_cluster_write(&cluster, path);
    free(client_key);
    return result;
}

static col_result initialize(const init_options *options, const char *given) {
    COL_TRY(check_application(options));
    COL_TRY(check_bits(options));
    COL_TRY(make_empty_directory(given));
    char directory[COL_PATH_MAX], path[COL_PATH_MAX];
    COL_TRY(col_path_absolute(directory, given));
    COL_TRY(col_cli_path(path, directory, "keys"));
    COL_TRY(make_directory(path, 0700));
    COL_TRY(col_cli_path(path, directory, "run"));
    COL_TRY(make_directory(path, 0755));

    const uint64_t started_ns = col_clock_monotonic_ns();
    key_work work = {.directory = directory,
                     .replicas_scheme = col_scheme_find(options->replicas_scheme),
                     .clients_scheme = col_scheme_find(options->clients_scheme),
                     .rsa_bits = options->bits ? (uint32_t)strtoul(options->bits, NULL, 10) : 2048,
                     .replicas = (uint32_t)options->replicas,
                     .clients = (uint32_t)options->clients};
    work.keys = work.replicas + work.clients + (has_macs(options) ? work.replicas : 0);
    COL_TRY(make_all_keys(&work));
    COL_TRY(write_cluster(options, directory));
    COL_TRY(write_profiles(directory));
    col_cluster *cluster;
    col_signatures signatures;
    COL_TRY(col_open_cluster(directory, &cluster));  // what was written must read back
    COL_TRY(col_signatures_read(cluster, &signatures));
    printf(
        "%s: %u replicas (keys: %s), %u pillars (leaders: %s), %u clients (keys: %s, sessions: %s), "
        "application %s; %u keys made in %.1f s\n",
        given, cluster->genesis.replicas, signatures.replicas, cluster->genesis.pillars,
        options->leaders, cluster->genesis.clients, signatures.clients, options->sessions,
        cluster->genesis.application, work.keys,
        (double)(col_clock_monotonic_ns() - started_ns) / 1e9);
    printf("next: colonnade cluster up %s\n", given);
    col_cluster_destroy(cluster);
    return col_ok();
}

int col_command_init(char **argv) {
    init_options chosen = {.name = "colonnade",
                           .leaders = "rotating",
                           .application = "counter",
                           .application_options = "",
                           .replicas_scheme = "rsa",
                           .clients_scheme = "rsa",
                           .sessions = "signed",
                           .replicas = 4,
                           .pillars = 4,
                           .clients = 8};
    const col_option options[] = {
        {"--replicas", "N", "replicas, 3f+1 of which f may fail; 4 when not given",
         COL_OPTION_NUMBER, .minimum = 4, .maximum = COL_REPLICAS_MAX, .target = &chosen.replicas},
        {"--pillars", "P", "instances that order side by side; 4 when not given", COL_OPTION_NUMBER,
         .minimum = 1, .maximum = COL_PILLARS_MAX, .target = &chosen.pillars},
        {"--leaders", "WHICH", "primaries of the pillars; rotating when not given",
         COL_OPTION_CHOICE, .choices = "rotating|single", .target = &chosen.leaders},
        {"--clients", "N", "client keys to make; 8 when not given", COL_OPTION_NUMBER, .minimum = 1,
         .maximum = 1024, .target = &chosen.clients},
        {"--application", "NAME", "what is replicated; counter when not given", COL_OPTION_CHOICE,
         .choices = "counter|log", .target = &chosen.application},
        {"--application-options", "TEXT", "for the counter: reply_bytes=N", COL_OPTION_TEXT,
         .target = &chosen.application_options},
        {"--replicas-scheme", "SCHEME", "that replicas sign with; rsa when not given",
         COL_OPTION_CHOICE, .choices = COL_SCHEME_CHOICES, .target = &chosen.replicas_scheme},
        {"--clients-scheme", "SCHEME", "that clients sign with; rsa when not given",
         COL_OPTION_CHOICE, .choices = COL_SCHEME_CHOICES, .target = &chosen.clients_scheme},
        {"--sessions", "HOW", "requests and results are sealed; signed when not given",
         COL_OPTION_CHOICE, .choices = "signed|hmac", .target = &chosen.sessions},
        {"--bits", "BITS", "of RSA keys; 2048 when not given", COL_OPTION_CHOICE,
         .choices = "2048|3072|4096", .target = &chosen.bits},
        {"--batch", "N", "requests in one batch at most, may be changed later", COL_OPTION_NUMBER,
         .minimum = 1, .maximum = COL_BATCH_REQUESTS_MAX, .target = &chosen.batch},
        {"--name", "TEXT", "of the cluster; colonnade when not given", COL_OPTION_TEXT,
         .target = &chosen.name},
    };
    const col_command command = {
        .name = "init",
        .purpose = "Make a cluster directory: cluster.yaml, keys, tuning profiles.",
        .positionals = "DIR",
        .example =
            "colonnade init demo\n"
            "colonnade init demo --replicas-scheme ed25519 --clients-scheme ed25519 --sessions hmac\n"
            "colonnade init demo --replicas 7 --pillars 8 --clients 16 --application-options "
            "reply_bytes=100",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    result = initialize(&chosen, arguments.positional[0]);
    return result.ok ? 0 : col_fail(&result, 2);
}
