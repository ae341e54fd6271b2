// SPDX-License-Identifier: Apache-2.0
#include "src/replica/replica.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/assert.h"
#include "src/base/clock.h"
#include "src/replica/build.h"
#include "src/replica/telemetry.h"

#ifndef COL_VERSION
#error "the build defines COL_VERSION"
#endif

typedef struct {
    col_replica *replica;
    uint32_t loop;
    const atomic_bool *stop;
} loop_start;

/// What a replica is started with, read and checked.
typedef struct {
    col_cluster *cluster;
    col_profile *profile;
    col_key *key;
    col_key *exchange;  ///< NULL: sessions are signed
    col_keyring keyring;
} inputs;

static void *run_loop(void *argument) {
    const loop_start *start = argument;
    const int32_t core = start->replica->placement.loop[start->loop].core;
    if (core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)core, &set);
        (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    const col_result joined = col_net_join_thread();
    if (!joined.ok) {
        fprintf(stderr, "%s\n", joined.text);
        abort();  // without it every buffer would cost a lock; EAL has room for all loops
    }
    col_config_register_reader();
    col_loop_run(&start->replica->loop[start->loop], start->stop);
    col_config_unregister_reader();
    return NULL;
}

static bool is_key(const col_key *key, const col_digest *fingerprint) {
    col_digest own;
    col_key_fingerprint(key, &own);
    return col_digest_equal(&own, fingerprint);
}

static col_result read_key(inputs *in, const col_replica_options *options) {
    const col_genesis *genesis = &in->cluster->genesis;
    char beside[COL_PATH_MAX + 64];
    snprintf(beside, sizeof beside, "%s/keys/replica-%u.pem", in->cluster->directory, options->id);
    const char *path = options->key != NULL ? options->key : beside;
    COL_TRY(col_key_read_private(path, genesis->replicas_scheme, &in->key));
    if (is_key(in->key, &genesis->replica_fingerprint[options->id])) return col_ok();
    return col_error(
        "%s: this private key does not belong to replica %u, whose public key is %s: pass the key "
        "made with it (--key), or the right --id",
        path, options->id, genesis->replica_key[options->id]);
}

static col_result read_exchange_key(inputs *in, uint32_t id) {
    const col_genesis *genesis = &in->cluster->genesis;
    if (genesis->sessions != COL_SESSIONS_HMAC) return col_ok();
    char path[COL_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/keys/replica-%u.exchange.pem", in->cluster->directory, id);
    COL_TRY(col_key_read_private(path, COL_SCHEME_HMAC, &in->exchange));
    if (is_key(in->exchange, &genesis->exchange_fingerprint[id])) return col_ok();
    return col_error(
        "%s: this private key does not belong to replica %u, whose exchange key is %s: put the key "
        "made with it there",
        path, id, genesis->exchange_key[id]);
}

static col_result read_inputs(inputs *in, const col_replica_options *options) {
    col_hasher *hasher = col_hasher_create();
    const col_result read =
        col_cluster_read(options->cluster, hasher, col_key_read_fingerprint, &in->cluster);
    col_hasher_destroy(hasher);
    COL_TRY(read);
    if (options->id >= in->cluster->genesis.replicas) {
        return col_error("%s: replica %u does not exist: ids are 0 .. %u; use one of them",
                         in->cluster->path, options->id, in->cluster->genesis.replicas - 1);
    }
    COL_TRY(
        col_profile_read(options->profile, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN), &in->profile));
    COL_TRY(read_key(in, options));
    COL_TRY(read_exchange_key(in, options->id));
    return col_keyring_load(in->cluster, &in->keyring);
}

/// Give back keys, and the configuration too where it was not published.
static void release_inputs(inputs *in, bool published) {
    if (in->keyring.replica != NULL) col_keyring_unload(&in->keyring);
    col_key_destroy(in->key);
    col_key_destroy(in->exchange);
    if (published) return;
    if (in->cluster != NULL) col_cluster_destroy(in->cluster);
    if (in->profile != NULL) col_profile_destroy(in->profile);
}

static col_result create_app(col_replica *replica) {
    const col_genesis *genesis = &replica->cluster->genesis;
    replica->app = col_app_find(genesis->application);
    if (replica->app == NULL) {
        return col_error("%s: application '%s' is unknown: use counter or log",
                         replica->cluster->path, genesis->application);
    }
    replica->app_state = replica->app->create(genesis->application_options);
    if (replica->app_state == NULL) {
        return col_error(
            "%s: application %s does not understand application_options '%s': the counter takes "
            "reply_bytes=N, the log takes none",
            replica->cluster->path, genesis->application, genesis->application_options);
    }
    return col_ok();
}

static col_result create_page(col_replica *replica) {
    char path[COL_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/run", replica->cluster->directory);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return col_error("%s: cannot be made (%s): make its directory writable for this user", path,
                         strerror(errno));
    }
    snprintf(path, sizeof path, "%s/run/replica-%u.page", replica->cluster->directory, replica->id);
    COL_TRY(col_page_create(path, &replica->page));
    col_page *page = replica->page;
    page->replica = replica->id;
    page->pillars = replica->cluster->genesis.pillars;
    page->process = (uint32_t)getpid();
    page->cluster = replica->cluster->id;
    page->started_wall_ns = col_clock_wall_ns();
    snprintf(page->version, sizeof page->version, "%s", COL_VERSION);
    const char *device = replica->profile->signing_device;
    snprintf(page->backend, sizeof page->backend, "%s%s%s", device, device[0] == '\0' ? "" : "+",
             replica->backend->name);
    col_keyring_describe(replica->keyring, &page->signatures);
    snprintf(page->profile, sizeof page->profile, "%s", replica->profile->path);
    col_hasher *hasher = col_hasher_create();
    snprintf(page->hasher, sizeof page->hasher, "%s", col_hasher_name(hasher));
    col_hasher_destroy(hasher);
    return col_ok();
}

static col_result open_network(col_replica *replica, const char *device) {
    const col_genesis *genesis = &replica->cluster->genesis;
    char prefix[32], directory[COL_PATH_MAX + 8];
    snprintf(prefix, sizeof prefix, "replica-%u", replica->id);
    snprintf(directory, sizeof directory, "%s/run", replica->cluster->directory);
    const col_net_options options = {
        .device = device,
        .prefix = prefix,
        .runtime_directory = directory,
        .signing_device = replica->profile->signing_device,
        .address = genesis->replica[replica->id].address,
        .prefix_length = 24,
        .base_port = genesis->replica[replica->id].port,
        .pillars = genesis->pillars,
        .mtu = replica->profile->mtu,
        .hugepages = replica->profile->hugepages,
        .memory_mb = replica->profile->memory_mb,
        .buffers = replica->profile->buffers,
        .check_udp_checksum = replica->profile->check_udp_checksum,
    };
    return col_net_open(&options, replica->page->net, &replica->net);
}

static col_result open_signing_device(col_replica *replica) {
    const char *device = replica->profile->signing_device;
    if (device[0] == '\0') return col_ok();
    COL_TRY(col_cryptodev_open(device, replica->key, replica->placement.signers,
                               replica->page->device));
    replica->signing = &col_backend_cryptodev;
    return col_ok();
}

/// A changed cluster file: publish its tunables. Anything else in it needs a new cluster.
static void reload(const col_replica *replica, const col_replica_options *options) {
    inputs in = {0};
    const col_result result = read_inputs(&in, options);
    const bool usable = result.ok && col_digest_equal(&in.cluster->id, &replica->page->cluster);
    release_inputs(&in, usable);
    if (usable) {
        col_config_publish(in.cluster, in.profile);
        for (uint32_t i = 0; i < replica->placement.loops; i++) {
            col_waker_signal((col_waker *)&replica->loop[i].waker);
        }
        printf("replica %u: new tunables of %s are in use\n", replica->id, options->cluster);
        return;
    }
    printf("replica %u: keeps its tunables: %s\n", replica->id,
           result.ok ? "the genesis part of the cluster file changed; restore it" : result.text);
}

static void wait_for_end(const col_replica *replica, const col_replica_options *options,
                         const sigset_t *signals) {
    for (;;) {
        int signal;
        if (sigwait(signals, &signal) != 0) continue;
        if (signal != SIGHUP) return;
        reload(replica, options);
        fflush(stdout);
    }
}

static void print_ready(const col_replica *replica) {
    const col_genesis *genesis = &replica->cluster->genesis;
    char id[17];
    for (int i = 0; i < 8; i++) snprintf(id + 2 * i, 3, "%02x", replica->cluster->id.byte[i]);
    printf("replica %u: telemetry socket %s/run/dpdk/replica-%u/dpdk_telemetry.v2\n", replica->id,
           replica->cluster->directory, replica->id);
    const col_page *page = replica->page;
    printf(
        "replica %u ready: cluster %s (id %s), pillars: %u, threads: %u, SHA-256: %s, signatures: %s of "
        "replicas, %s of clients, sessions %s (%s)\n",
        replica->id, genesis->name, id, genesis->pillars, replica->placement.loops, page->hasher,
        page->signatures.replicas, page->signatures.clients, page->signatures.sessions,
        page->backend);
    fflush(stdout);
}

static void run_loops(col_replica *replica, const col_replica_options *options,
                      const sigset_t *signals) {
    static atomic_bool stop;
    pthread_t thread[COL_LOOPS_MAX];
    loop_start start[COL_LOOPS_MAX];
    for (uint32_t i = 0; i < replica->placement.loops; i++) {
        start[i] = (loop_start){replica, i, &stop};
        const int error = pthread_create(&thread[i], NULL, run_loop, &start[i]);
        COL_ASSERT(error == 0);
    }
    col_counter_set(&replica->page->ready, 1);
    print_ready(replica);
    wait_for_end(replica, options, signals);
    atomic_store(&stop, true);
    for (uint32_t i = 0; i < replica->placement.loops; i++) {
        col_waker_signal(&replica->loop[i].waker);
    }
    for (uint32_t i = 0; i < replica->placement.loops; i++) pthread_join(thread[i], NULL);
    col_counter_set(&replica->page->ready, 2);
}

static col_result run(col_replica *replica, const col_replica_options *options,
                      const sigset_t *signals) {
    COL_TRY(create_app(replica));
    COL_TRY(create_page(replica));
    COL_TRY(col_placement_make(replica->profile, replica->cluster->genesis.pillars,
                               &replica->placement));
    COL_TRY(col_replica_telemetry(replica->page));
    COL_TRY(open_network(replica, options->device));
    col_result built = open_signing_device(replica);
    if (built.ok) built = col_replica_build(replica);
    if (built.ok) {
        run_loops(replica, options, signals);
        col_replica_unbuild(replica);
    }
    col_cryptodev_close();
    col_net_close(replica->net);
    return built;
}

col_result col_replica_run(const col_replica_options *options) {
    // Blocked before EAL makes threads, so that sigwait here is the only receiver.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    inputs in = {0};
    const col_result read = read_inputs(&in, options);
    if (!read.ok) {
        release_inputs(&in, false);
        return read;
    }
    static col_replica replica;
    replica = (col_replica){.cluster = in.cluster,
                            .profile = in.profile,
                            .id = options->id,
                            .incarnation = col_clock_wall_ns(),
                            .key = in.key,
                            .exchange = in.exchange,
                            .keyring = &in.keyring,
                            .backend = col_backend_best(),
                            .signing = col_backend_best()};
    const uint32_t id = replica.id;
    col_config_publish(in.cluster, in.profile);
    const col_result result = run(&replica, options, &signals);
    if (replica.app_state != NULL) replica.app->destroy(replica.app_state);
    col_config_publish(NULL, NULL);
    release_inputs(&in, true);
    replica = (col_replica){0};  // a leak checker would take for kept what stands here
    if (result.ok) printf("replica %u stopped\n", id);
    return result;
}
