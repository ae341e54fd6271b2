// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hashing.h"
#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "src/config/cluster.h"
#include "src/wire/bodies.h"
#include "src/wire/reassembly.h"
#include "tests/unit/client/fixture.h"

/// Four replicas on loopback that seal and open for real and agree because they share one thread
/// and one table of sessions. The primary alone orders; a request's result is its operation,
/// reversed.

#define REPLICAS 4
#define PILLARS 2
#define CLIENTS 2
#define FAKE_SESSIONS_MAX 64
#define FAKE_RESULT_MAX COL_RESULT_BYTES_MAX

typedef struct fake_cluster fake_cluster;

typedef struct {
    col_egress egress;
    fake_cluster *cluster;
    int socket[PILLARS];
    uint8_t datagram[COL_DATAGRAM_BYTES_MAX];
    col_sealer *sealer;
    col_sealer_counters sealed;
    col_opener *opener;
    col_opener_counters opened;
    col_reassembly *reassembly;
} fake_replica;

typedef struct {
    uint64_t id;
    uint64_t nonce;
    uint8_t pillar;
    uint64_t executed;
    col_endpoint reply_to;
} fake_session;

struct fake_cluster {
    char directory[64];
    col_cluster *file;
    col_hasher *hasher;
    col_key *replica_private[REPLICAS];
    col_key *replica_public[REPLICAS];
    col_key *client_public[CLIENTS];
    col_keyring keyring;
    col_arena arena;
    fake_replica replica[REPLICAS];
    pthread_t thread;
    atomic_bool stop;
    atomic_uint turns;  ///< of the thread

    atomic_uint silent;  ///< bit i: replica i neither orders nor answers
    atomic_uint lying;   ///< bit i: replica i returns other results
    atomic_uint late;    ///< bit i: replica i's replies are sent when `release` is set
    atomic_bool release;
    atomic_bool forget;  ///< all sessions expire
    atomic_uint view;
    atomic_uint requests[REPLICAS];  ///< received by each replica

    fake_session session[FAKE_SESSIONS_MAX];
    uint32_t sessions;
    uint32_t forgotten;  ///< sessions below that index have expired
};

static uint8_t *fake_reserve(col_egress *egress) {
    return ((fake_replica *)egress)->datagram;
}

static void fake_send(col_egress *egress, col_endpoint to, uint32_t length) {
    fake_replica *replica = (fake_replica *)egress;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(to.port), .sin_addr.s_addr = htonl(to.address)};
    (void)sendto(replica->socket[0], replica->datagram, length, 0,
                 (const struct sockaddr *)&address, sizeof address);
}

static inline uint32_t fake_id(const fake_replica *replica) {
    return (uint32_t)(replica - replica->cluster->replica);
}

static void fake_reply(fake_replica *replica, uint8_t type, uint8_t pillar, uint64_t sequence,
                       const col_writer *body, col_endpoint to) {
    COL_ASSERT(!body->failed);
    const col_header header = {
        .type = type, .pillar = pillar, .view = replica->cluster->view, .sequence = sequence};
    const bool fits =
        col_sealer_add(replica->sealer, &header, (col_bytes){body->start, col_writer_used(body)},
                       (col_destination){.client = to});
    COL_ASSERT(fits);
}

static inline fake_session *fake_open(fake_cluster *cluster, const col_session_open *open) {
    for (uint32_t i = cluster->forgotten; i < cluster->sessions; i++) {
        fake_session *session = &cluster->session[i];
        if (session->pillar == open->pillar && session->nonce == open->nonce) return session;
    }
    COL_ASSERT(cluster->sessions < FAKE_SESSIONS_MAX);
    fake_session *session = &cluster->session[cluster->sessions];
    *session = (fake_session){.id = (uint64_t)cluster->sessions * PILLARS + open->pillar,
                              .nonce = open->nonce,
                              .pillar = open->pillar,
                              .reply_to = open->reply_to};
    cluster->sessions++;
    return session;
}

static inline void fake_on_open(fake_replica *replica, const col_message *message) {
    col_session_open open;
    if (!col_session_open_read(message->bytes, &open)) return;
    const fake_session *session = fake_open(replica->cluster, &open);
    const col_session_opened opened = {
        .client = open.client, .pillar = open.pillar, .nonce = open.nonce, .session = session->id};
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_session_opened_write(&writer, &opened);
    fake_reply(replica, COL_SESSION_OPENED, open.pillar, open.nonce, &writer, open.reply_to);
}

static inline void fake_result(fake_replica *replica, const col_request *request, uint8_t status,
                               col_endpoint to) {
    static uint8_t result[FAKE_RESULT_MAX];
    static uint8_t bytes[COL_REPLY_OVERHEAD + FAKE_RESULT_MAX];
    const size_t length = status == COL_REPLY_RESULT ? request->operation.length : 0;
    for (size_t i = 0; i < length; i++) result[i] = request->operation.at[length - 1 - i];
    if (length > 0 && replica->cluster->lying >> fake_id(replica) & 1) result[0] ^= 1;
    const col_reply reply = {.client = request->client,
                             .session = request->session,
                             .number = request->number,
                             .status = status,
                             .result = {result, length}};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_reply_write(&writer, &reply);
    fake_reply(replica, COL_REPLY, request->pillar, request->number, &writer, to);
}

static inline void fake_on_request(fake_replica *replica, const col_message *message) {
    fake_cluster *cluster = replica->cluster;
    col_request request;
    if (!col_request_read(message->bytes, &request)) return;
    const uint64_t place = request.session / PILLARS;
    if (place >= cluster->sessions) return;
    fake_session *session = &cluster->session[place];
    if (place < cluster->forgotten) {
        fake_result(replica, &request, COL_REPLY_EXPIRED, session->reply_to);
    } else if (request.number <= session->executed) {
        fake_result(replica, &request, COL_REPLY_RESULT, session->reply_to);
    } else if (request.number == session->executed + 1 &&
               (cluster->view + request.pillar) % REPLICAS == fake_id(replica)) {
        session->executed++;
        for (uint32_t i = 0; i < REPLICAS; i++) {
            if (cluster->silent >> i & 1) continue;
            fake_result(&cluster->replica[i], &request, COL_REPLY_RESULT, session->reply_to);
        }
    }
}

static void fake_take(void *context, const col_opened *opened) {
    fake_replica *replica = context;
    col_verified verified = opened->verified;
    if (verified.message.header.fragments > 1) {
        bool complete = false;
        const col_drop drop = col_reassembly_add(replica->reassembly, replica->cluster->hasher,
                                                 &opened->verified, &verified, &complete);
        if (drop != COL_DROP_NONE || !complete) return;
    }
    const col_message *message = &verified.message;
    if (message->header.type == COL_SESSION_OPEN) fake_on_open(replica, message);
    if (message->header.type == COL_REQUEST) {
        replica->cluster->requests[fake_id(replica)]++;
        fake_on_request(replica, message);
    }
}

static inline void fake_turn(fake_replica *replica, int descriptor) {
    uint8_t bytes[COL_DATAGRAM_BYTES_MAX];
    for (;;) {
        const ssize_t length = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
        if (length <= 0) return;
        if (replica->cluster->silent >> fake_id(replica) & 1) continue;
        const col_bytes bundle = {bytes, (size_t)length};
        col_drop drop;
        col_open_burst(replica->opener, &bundle, 1, &drop, fake_take, replica);
    }
}

static void *fake_run(void *context) {
    fake_cluster *cluster = context;
    struct pollfd input[REPLICAS * PILLARS];
    for (uint32_t i = 0; i < REPLICAS * PILLARS; i++) {
        input[i] = (struct pollfd){.fd = cluster->replica[i / PILLARS].socket[i % PILLARS],
                                   .events = POLLIN};
    }
    while (!cluster->stop) {
        poll(input, REPLICAS * PILLARS, 5);
        if (cluster->forget) {
            cluster->forgotten = cluster->sessions;
            cluster->forget = false;
        }
        for (uint32_t i = 0; i < REPLICAS * PILLARS; i++) {
            fake_turn(&cluster->replica[i / PILLARS], input[i].fd);
        }
        for (uint32_t i = 0; i < REPLICAS; i++) {
            if (cluster->late >> i & 1 && !cluster->release) continue;
            col_sealer_flush(cluster->replica[i].sealer);
        }
        cluster->turns++;
    }
    return NULL;
}

static inline void must(col_result result) {
    if (!result.ok) fail_msg("%s", result.text);
}

static col_result fake_fingerprint(const char *path, col_scheme scheme, col_digest *fingerprint) {
    col_key *key = NULL;
    COL_TRY(col_key_read_public(path, scheme, &key));
    col_key_fingerprint(key, fingerprint);
    col_key_destroy(key);
    return col_ok();
}

static inline void fake_key(const fake_cluster *cluster, const char *kind, uint32_t id,
                            char *public_path, col_key **private_key, col_key **public_key) {
    char private_path[COL_PATH_MAX];
    snprintf(private_path, sizeof private_path, "%s/keys/%s-%u.pem", cluster->directory, kind, id);
    snprintf(public_path, COL_PATH_MAX, "%s/keys/%s-%u.pub.pem", cluster->directory, kind, id);
    must(col_key_generate(COL_SCHEME_RSA, 2048, private_path, public_path));
    must(col_key_read_public(public_path, COL_SCHEME_RSA, public_key));
    if (private_key != NULL) must(col_key_read_private(private_path, COL_SCHEME_RSA, private_key));
}

/// Sockets at ports base, base + 1, ... of the first base where all are free.
static inline uint16_t fake_bind(fake_cluster *cluster) {
    for (uint16_t base = (uint16_t)(12000 + getpid() % 1000 * 16); base < 32000; base += 16) {
        uint32_t bound = 0;
        for (; bound < REPLICAS * PILLARS; bound++) {
            const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            const struct sockaddr_in address = {.sin_family = AF_INET,
                                                .sin_port = htons((uint16_t)(base + bound)),
                                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
                close(descriptor);
                break;
            }
            cluster->replica[bound / PILLARS].socket[bound % PILLARS] = descriptor;
        }
        if (bound == REPLICAS * PILLARS) return base;
        while (bound-- > 0) close(cluster->replica[bound / PILLARS].socket[bound % PILLARS]);
    }
    fail_msg("no free ports on loopback");
    return 0;
}

/// A directory with keys and a cluster file of replicas at `base` and the ports after it.
static inline void fake_files(fake_cluster *cluster, uint16_t base) {
    snprintf(cluster->directory, sizeof cluster->directory, "/tmp/colonnade-client-XXXXXX");
    assert_non_null(mkdtemp(cluster->directory));
    char path[COL_PATH_MAX];
    snprintf(path, sizeof path, "%s/keys", cluster->directory);
    assert_int_equal(mkdir(path, 0700), 0);

    static col_cluster file;
    static char client_key[CLIENTS][COL_PATH_MAX];
    static col_digest client_fingerprint[CLIENTS];
    col_cluster_defaults(&file);
    col_genesis *genesis = &file.genesis;
    snprintf(genesis->name, sizeof genesis->name, "loopback");
    genesis->replicas = REPLICAS;
    genesis->faults = 1;
    genesis->pillars = PILLARS;
    genesis->leaders = COL_LEADERS_ROTATING;
    genesis->session_outstanding = 16;
    genesis->client_sessions_max = 8;
    genesis->clients = CLIENTS;
    genesis->client_key = client_key;
    genesis->client_fingerprint = client_fingerprint;
    for (uint32_t i = 0; i < REPLICAS; i++) {
        genesis->replica[i] = (col_endpoint){INADDR_LOOPBACK, (uint16_t)(base + i * PILLARS)};
        fake_key(cluster, "replica", i, genesis->replica_key[i], &cluster->replica_private[i],
                 &cluster->replica_public[i]);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        fake_key(cluster, "client", i, client_key[i], NULL, &cluster->client_public[i]);
    }
    snprintf(path, sizeof path, "%s/cluster.yaml", cluster->directory);
    must(col_cluster_write(&file, path));
    must(col_cluster_read(path, cluster->hasher, fake_fingerprint, &cluster->file));
}

/// A sealer of replica `signer`, or of one that only claims to be it, when the key is another's.
static inline col_sealer *fake_sealer(fake_cluster *cluster, fake_replica *replica, uint32_t signer,
                                      const col_key *key) {
    replica->cluster = cluster;
    replica->egress = (col_egress){COL_DATAGRAM_BYTES_MIN, fake_reserve, fake_send};
    col_sealer_options options = {.backend = col_backend_best(),
                                  .hasher = cluster->hasher,
                                  .key = key,
                                  .cluster = cluster->file->id,
                                  .role = COL_ROLE_REPLICA,
                                  .signer = signer,
                                  .replicas = REPLICAS,
                                  .egress = &replica->egress,
                                  .counters = &replica->sealed};
    memcpy(options.replica, cluster->file->genesis.replica, sizeof options.replica);
    return col_sealer_create(&cluster->arena, &options);
}

#define FAKE_MESSAGE_BYTES (COL_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX)

static inline void fake_cluster_open(fake_cluster *cluster) {
    memset(cluster, 0, sizeof *cluster);
    cluster->hasher = col_hasher_create();
    fake_files(cluster, fake_bind(cluster));
    cluster->keyring = (col_keyring){.replicas = REPLICAS,
                                     .clients = CLIENTS,
                                     .replica = cluster->replica_public,
                                     .client = cluster->client_public,
                                     .cluster = cluster->file->id};
    must(col_arena_open(
        &cluster->arena,
        (REPLICAS + 2) * (col_sealer_footprint(col_backend_best()) + col_opener_footprint() +
                          col_root_cache_footprint(64) +
                          col_reassembly_footprint(REPLICAS, 8, FAKE_MESSAGE_BYTES))));
    for (uint32_t i = 0; i < REPLICAS; i++) {
        fake_replica *replica = &cluster->replica[i];
        replica->sealer = fake_sealer(cluster, replica, i, cluster->replica_private[i]);
        replica->opener = col_opener_create(
            &cluster->arena, col_backend_best(), cluster->hasher, &cluster->keyring,
            col_root_cache_create(&cluster->arena, 64), &replica->opened);
        replica->reassembly =
            col_reassembly_create(&cluster->arena, REPLICAS, 8, FAKE_MESSAGE_BYTES);
    }
}

static inline void fake_cluster_start(fake_cluster *cluster) {
    cluster->stop = false;
    cluster->silent = cluster->lying = cluster->late = cluster->view = 0;
    cluster->release = false;
    cluster->sessions = cluster->forgotten = 0;
    for (uint32_t i = 0; i < REPLICAS; i++) cluster->requests[i] = 0;
    assert_int_equal(pthread_create(&cluster->thread, NULL, fake_run, cluster), 0);
}

/// Until the replicas have seen what the test changed, and the test may read what they wrote.
static inline void fake_cluster_settle(const fake_cluster *cluster) {
    const unsigned begin = cluster->turns;
    while (cluster->turns - begin < 2) usleep(1000);
}

static inline void fake_cluster_stop(fake_cluster *cluster) {
    cluster->stop = true;
    pthread_join(cluster->thread, NULL);
}

static inline void remove_files(const char *directory) {
    DIR *listing = opendir(directory);
    if (listing == NULL) return;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        char path[COL_PATH_MAX];
        snprintf(path, sizeof path, "%.100s/%.255s", directory, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    closedir(listing);
    rmdir(directory);
}

static inline void fake_cluster_close(fake_cluster *cluster) {
    for (uint32_t i = 0; i < REPLICAS; i++) {
        fake_replica *replica = &cluster->replica[i];
        col_sealer_destroy(replica->sealer);
        col_opener_destroy(replica->opener);
        col_key_destroy(cluster->replica_private[i]);
        col_key_destroy(cluster->replica_public[i]);
        for (uint32_t k = 0; k < PILLARS; k++) close(replica->socket[k]);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) col_key_destroy(cluster->client_public[i]);
    col_arena_close(&cluster->arena);
    col_cluster_destroy(cluster->file);
    col_hasher_destroy(cluster->hasher);
    char keys[COL_PATH_MAX];
    snprintf(keys, sizeof keys, "%s/keys", cluster->directory);
    remove_files(keys);
    remove_files(cluster->directory);
}

// The one cluster of a test program, as its fixtures: open for the group, started for each test.

static fake_cluster cluster;

static inline int setup(void **state) {
    (void)state;
    fake_cluster_open(&cluster);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    fake_cluster_close(&cluster);
    return 0;
}

static inline int start(void **state) {
    (void)state;
    fake_cluster_start(&cluster);
    return 0;
}

static inline int stop(void **state) {
    (void)state;
    fake_cluster_stop(&cluster);
    return 0;
}
