// SPDX-License-Identifier: Apache-2.0
// A hostile process. Runs inside the cluster's namespace, on a port of the bridge of its own.
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "crypto/hashing.h"
#include "tests/system/hostile/hostile.h"

#define RATE_MAX 200000
#define SECONDS_MAX 120
#define TICK_NS UINT64_C(1000000)  // frames of a millisecond leave together
#define RECORD_SECONDS 3.0

typedef struct {
    const char *cluster;
    const char *kinds;
    const char *device;
    uint64_t seed;
    uint32_t rate;  ///< frames a second, of all kinds together
    double seconds;
} options;

static const hostile_kind *kind_of(const char *name) {
    for (uint32_t i = 0; i < hostile_garbage_count; i++) {
        if (strcmp(hostile_garbage[i].name, name) == 0) return &hostile_garbage[i];
    }
    for (uint32_t i = 0; i < hostile_signed_count; i++) {
        if (strcmp(hostile_signed[i].name, name) == 0) return &hostile_signed[i];
    }
    hostile_fail("no kind '%s': --help lists them", name);
}

static void help(void) {
    puts(
        "usage: hostile --cluster DIR --kind NAME [--device NAME] [--rate N] [--seconds S]\n"
        "               [--client ID] [--seed N]\n"
        "\n"
        "Sends hostile datagrams to the replicas of a cluster on this machine. Prints `ready`,\n"
        "then for every line read from standard input attacks for S seconds and prints a line of\n"
        "JSON: frames sent, how many replicas they were for, seconds, its own CPU time. After the\n"
        "line `sink` the same frames go to a port of the bridge where no replica is. Kinds without\n"
        "a key:");
    for (uint32_t i = 0; i < hostile_garbage_count; i++) {
        printf("  %-18s %s\n", hostile_garbage[i].name, hostile_garbage[i].what);
    }
    puts("Kinds with the key of --client:");
    for (uint32_t i = 0; i < hostile_signed_count; i++) {
        printf("  %-18s %s\n", hostile_signed[i].name, hostile_signed[i].what);
    }
}

static options parse(int count, char **argument, hostile *self) {
    options chosen = {
        .device = "hostile0", .seed = (uint64_t)time(NULL), .rate = 20000, .seconds = 2};
    static const struct option names[] = {
        {"cluster", 1, NULL, 'c'}, {"kind", 1, NULL, 'k'},    {"device", 1, NULL, 'd'},
        {"rate", 1, NULL, 'r'},    {"seconds", 1, NULL, 's'}, {"client", 1, NULL, 'i'},
        {"seed", 1, NULL, 'e'},    {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0}};
    for (int at; (at = getopt_long(count, argument, "", names, NULL)) != -1;) {
        if (at == 'c') chosen.cluster = optarg;
        if (at == 'k') chosen.kinds = optarg;
        if (at == 'd') chosen.device = optarg;
        if (at == 'r') chosen.rate = (uint32_t)strtoul(optarg, NULL, 10);
        if (at == 's') chosen.seconds = strtod(optarg, NULL);
        if (at == 'i') self->client = (uint32_t)strtoul(optarg, NULL, 10);
        if (at == 'e') chosen.seed = strtoull(optarg, NULL, 10);
        if (at == 'h' || at == '?') {
            help();
            exit(at == 'h' ? 0 : 2);
        }
    }
    if (chosen.cluster == NULL || chosen.kinds == NULL)
        hostile_fail("--cluster and --kind: --help");
    if (chosen.rate < 1000 || chosen.rate > RATE_MAX || chosen.seconds > SECONDS_MAX) {
        hostile_fail("rates are from 1000 to %d a second, for at most %d s", RATE_MAX, SECONDS_MAX);
    }
    return chosen;
}

static void read_key(hostile *self, col_role role) {
    const col_genesis *genesis = &self->cluster->genesis;
    const bool replica = role == COL_ROLE_REPLICA;
    const col_result result = col_key_read_public(
        replica ? genesis->replica_key[0] : genesis->client_key[0],
        replica ? genesis->replicas_scheme : genesis->clients_scheme, &self->known_key[role]);
    if (!result.ok) hostile_fail("%s", result.text);
}

static void open_all(hostile *self, const options *chosen) {
    self->hasher = col_hasher_create();
    const col_result result =
        col_cluster_read(chosen->cluster, self->hasher, col_key_read_fingerprint, &self->cluster);
    if (!result.ok) hostile_fail("%s", result.text);
    read_key(self, COL_ROLE_REPLICA);
    read_key(self, COL_ROLE_CLIENT);
    self->record = calloc(HOSTILE_RECORDS_MAX, sizeof *self->record);
    self->prepared = calloc(HOSTILE_PREPARED_MAX, sizeof *self->prepared);
    if (self->record == NULL || self->prepared == NULL) hostile_fail("no memory");
    self->random = sim_random_of(chosen->seed, 0);
    self->self = (col_endpoint){(self->cluster->genesis.replica[0].address & ~255u) | 200, 40000};
    hostile_open(self, chosen->device);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void sleep_until(uint64_t when_ns) {
    const struct timespec when = {.tv_sec = (time_t)(when_ns / 1000000000u),
                                  .tv_nsec = (long)(when_ns % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/// @return frames sent. What a late tick missed is not made up for: the rate is a bound.
static uint64_t attack(hostile *self, const hostile_kind *kind, const options *chosen) {
    const uint32_t burst = (uint32_t)(chosen->rate * TICK_NS / 1000000000u);
    hostile_frame *frame = calloc(burst, sizeof *frame);
    if (frame == NULL) hostile_fail("no memory");
    uint64_t sent = 0;
    uint64_t tick_ns = now_ns(CLOCK_MONOTONIC);
    const uint64_t ticks = (uint64_t)(chosen->seconds * 1e9) / TICK_NS;
    for (uint64_t tick = 0; tick < ticks; tick++) {
        for (uint32_t i = 0; i < burst; i++) {
            kind->make(self, &frame[i]);
            self->arrivals += hostile_receivers(self, &frame[i]);
        }
        sent += hostile_send(self, frame, burst);
        hostile_take_answers(self);
        sleep_until(tick_ns += TICK_NS);
    }
    free(frame);
    return sent;
}

int main(int count, char **argument) {
    static hostile self;
    const options chosen = parse(count, argument, &self);
    const hostile_kind *kind = kind_of(chosen.kinds);
    fprintf(stderr, "repeat with: hostile --kind %s --seed %" PRIu64 "\n", kind->name, chosen.seed);
    open_all(&self, &chosen);
    if (kind->recorded) hostile_record(&self, RECORD_SECONDS);
    if (kind->prepare != NULL) kind->prepare(&self);
    puts("ready");
    fflush(stdout);

    char line[16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        self.sink = strcmp(line, "sink\n") == 0;
        self.arrivals = 0;
        const double cpu = cpu_seconds();
        const uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
        const uint64_t sent = attack(&self, kind, &chosen);
        printf("{\"kind\": \"%s\", \"seed\": %" PRIu64 ", \"sink\": %s, \"sent\": %" PRIu64
               ", \"arrivals\": %" PRIu64
               ", \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"answers\": %" PRIu64
               ", \"executed\": %" PRIu64 "}\n",
               kind->name, chosen.seed, self.sink ? "true" : "false", sent, self.arrivals,
               (double)(now_ns(CLOCK_MONOTONIC) - start_ns) / 1e9, cpu_seconds() - cpu,
               self.answers, self.executed);
        fflush(stdout);
    }
    return 0;
}
