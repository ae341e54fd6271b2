// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/exchange.h"
#include "crypto/hashing.h"
#include "crypto/keys.h"
#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "src/base/assert.h"
#include "src/base/clock.h"
#include "src/base/stage.h"
#include "src/client/colonnade_client.h"
#include "src/client/core.h"
#include "src/client/links.h"
#include "src/client/udp.h"
#include "src/config/cluster.h"
#include "src/wire/bodies.h"
#include "src/wire/reassembly.h"

#define TIMEOUT_NS_DEFAULT UINT64_C(10000000000)
#define RETRANSMIT_NS_DEFAULT UINT64_C(100000000)

/// Verified roots to remember: a tree of replies comes in several datagrams close to each other.
#define ROOTS 256

/// Results of several fragments that one replica may have under way.
#define REASSEMBLY_PLACES 64

/// Bursts that one drain takes before results are looked at: no flood keeps a caller for ever.
#define DRAIN_BURSTS 16

struct col_client {
    pthread_t thread;
    pid_t process;
    col_cluster *cluster;
    col_hasher *hasher;
    col_key *key;
    col_key *replica_key[COL_REPLICAS_MAX];
    col_keyring keyring;
    col_client_link_keys links;
    col_arena arena;
    col_client_udp udp;
    bool udp_open;
    col_sealer *sealer;
    col_sealer_counters sealed;
    uint64_t received_ns;  ///< when the burst came that is opened
    col_opener *opener;
    col_opener_counters opened;
    col_reassembly *reassembly;
    col_client_core *core;
    col_client_done done;
    void *context;
    uint32_t sessions;
    bool polling;
    uint32_t reported;  ///< by the present poll
};

// Rules of the header. What breaks one is a defect of the calling program, and is told in its
// terms.

static void require(bool kept, const char *call, const char *rule) {
    if (kept) return;
    fprintf(stderr, "%s: %s\n", call, rule);
    abort();
}

static void check_thread(const col_client *client, const char *call) {
    require(pthread_equal(client->thread, pthread_self()), call,
            "a client belongs to the thread that opened it");
}

/// A copy in a child process would sign other requests with the same numbers. It cannot send
/// without one of the calls that check this; the others need not pay for the system call.
static void check_process(const col_client *client, const char *call) {
    require(client->process == getpid(), call, "a client belongs to the process that opened it");
}

static void check_session(const col_client *client, uint32_t session, const char *call) {
    require(session < client->sessions, call, "there is no session of that number");
}

static void count_done(void *context, const col_client_outcome *outcome) {
    col_client *client = context;
    client->reported++;
    client->done(client->context, outcome);
}

// Opening.

static col_result read_cluster(col_client *client, const col_client_options *options) {
    client->hasher = col_hasher_create();
    COL_TRY(col_cluster_read(options->cluster, client->hasher, col_key_read_fingerprint,
                             &client->cluster));
    const col_genesis *genesis = &client->cluster->genesis;
    if (options->client >= genesis->clients) {
        return col_error(
            "%s: client %u is not in the registry, which has %u clients, numbered from 0: use one "
            "of them, or add its public key before the cluster is started for the first time",
            client->cluster->path, options->client, genesis->clients);
    }
    if (options->sessions > genesis->client_sessions_max) {
        return col_error("%s: %u sessions are asked for and a client may have %u: ask for fewer",
                         client->cluster->path, options->sessions, genesis->client_sessions_max);
    }
    return col_ok();
}

static col_result read_keys(col_client *client, const col_client_options *options) {
    const col_genesis *genesis = &client->cluster->genesis;
    char beside[COL_PATH_MAX + COL_NAME_MAX];
    snprintf(beside, sizeof beside, "%s/keys/client-%u.pem", client->cluster->directory,
             options->client);
    const char *path = options->key != NULL ? options->key : beside;
    COL_TRY(col_key_read_private(path, genesis->clients_scheme, &client->key));
    col_digest fingerprint;
    col_key_fingerprint(client->key, &fingerprint);
    if (!col_digest_equal(&fingerprint, &genesis->client_fingerprint[options->client])) {
        return col_error("%s is not the key of client %u in %s: name the key that belongs to %s",
                         path, options->client, client->cluster->path,
                         genesis->client_key[options->client]);
    }
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        COL_TRY(col_key_read_public(genesis->replica_key[i], genesis->replicas_scheme,
                                    &client->replica_key[i]));
    }
    client->keyring = (col_keyring){.replicas = genesis->replicas,
                                    .replica = client->replica_key,
                                    .cluster = client->cluster->id};
    return col_ok();
}

static bool has_macs(const col_client *client) {
    return client->cluster->genesis.sessions == COL_SESSIONS_HMAC;
}

static col_result read_exchange_keys(col_client *client, uint32_t id) {
    const col_genesis *genesis = &client->cluster->genesis;
    col_client_link_keys *links = &client->links;
    links->client = id;
    links->replicas = genesis->replicas;
    links->cluster = client->cluster->id;
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        col_key *key = NULL;
        COL_TRY(col_key_read_public(genesis->exchange_key[i], COL_SCHEME_HMAC, &key));
        col_exchange_share(key, &links->replica[i]);
        col_key_destroy(key);
    }
    return col_ok();
}

static col_client_core_options core_options(col_client *client, const col_client_options *options) {
    const col_genesis *genesis = &client->cluster->genesis;
    return (col_client_core_options){
        .client = options->client,
        .sessions = options->sessions,
        .replicas = genesis->replicas,
        .faults = genesis->faults,
        .pillars = genesis->pillars,
        .rotating = genesis->leaders == COL_LEADERS_ROTATING,
        .outstanding = genesis->session_outstanding,
        .operation_bytes_max = genesis->operation_bytes_max,
        .timeout_ns = options->timeout_ns,
        .retransmit_ns = options->retransmit_ns,
        .reply_to = client->udp.local,
        .links = has_macs(client) ? col_client_links_of(&client->links) : (col_client_links){0},
        .done = count_done,
        .context = client,
    };
}

static col_result open_arena(col_client *client, const col_client_options *options) {
    const col_genesis *genesis = &client->cluster->genesis;
    const col_client_core_options core = core_options(client, options);
    const size_t reassembly = col_reassembly_footprint(
        genesis->replicas, REASSEMBLY_PLACES, COL_REPLY_OVERHEAD + genesis->result_bytes_max);
    return col_arena_open(
        &client->arena, col_client_udp_footprint() + col_sealer_footprint(col_backend_best()) +
                            col_opener_footprint() + col_root_cache_footprint(ROOTS) + reassembly +
                            col_client_links_footprint(options->sessions, genesis->replicas) +
                            col_client_core_footprint(&core));
}

/// Most datagrams that change nothing are late replies: f+1 of n are enough. They are dropped
/// before they cost a verification.
static col_drop check_wanted(void *context, uint32_t which, const col_bundle *bundle,
                             const col_entry *entry) {
    (void)which;
    const col_client *client = context;
    col_drop drop = COL_DROP_NONE;
    for (uint16_t i = 0; i < bundle->entries; i++) {
        drop =
            col_client_core_check_unverified(client->core, &entry[i].message, client->received_ns);
        if (drop == COL_DROP_NONE) break;
    }
    return drop;
}

static void make_crypto(col_client *client, uint32_t id) {
    const col_genesis *genesis = &client->cluster->genesis;
    col_sealer_options sealer = {
        .backend = col_backend_best(),
        .hasher = client->hasher,
        .key = client->key,
        .macs = client->links.macs,
        .cluster = client->cluster->id,
        .role = COL_ROLE_CLIENT,
        .signer = id,
        .replicas = genesis->replicas,
        .egress = &client->udp.egress,
        .counters = &client->sealed,
    };
    memcpy(sealer.replica, genesis->replica, sizeof sealer.replica);
    client->sealer = col_sealer_create(&client->arena, &sealer);
    col_root_cache *cache = col_root_cache_create(&client->arena, ROOTS);
    client->opener = col_opener_create(&client->arena, sealer.backend, client->hasher,
                                       &client->keyring, cache, &client->opened);
    col_opener_check_by(client->opener, check_wanted, client);
    if (!has_macs(client)) return;
    const col_opener_links links = col_client_links_to_open(&client->links);
    col_opener_take_macs(client->opener, &links);
}

static col_result make(col_client *client, const col_client_options *options) {
    COL_TRY(read_cluster(client, options));
    COL_TRY(read_keys(client, options));
    COL_TRY(open_arena(client, options));
    const col_genesis *genesis = &client->cluster->genesis;
    COL_TRY(col_client_udp_open(&client->udp, &client->arena, genesis->replica, genesis->replicas));
    client->udp_open = true;
    if (has_macs(client)) {
        COL_TRY(read_exchange_keys(client, options->client));
        col_client_links_open(&client->links, &client->arena, options->sessions);
    }
    make_crypto(client, options->client);
    client->reassembly = col_reassembly_create(&client->arena, genesis->replicas, REASSEMBLY_PLACES,
                                               COL_REPLY_OVERHEAD + genesis->result_bytes_max);
    const col_client_core_options core = core_options(client, options);
    client->core = col_client_core_create(&client->arena, &core);
    return col_ok();
}

// Running.

static void flush(col_client *client) {
    col_client_message message;
    while (col_client_core_next(client->core, &message)) {
        col_link_seal link;
        col_destination to = {.replicas = message.replicas};
        if (message.session != 0 && col_client_links_seal(&client->links, message.session, &link)) {
            to.link = &link;
        }
        if (col_sealer_add(client->sealer, &message.header, message.body, to)) continue;
        col_sealer_flush(client->sealer);
        const bool fits = col_sealer_add(client->sealer, &message.header, message.body, to);
        COL_ASSERT(fits);
    }
    col_sealer_flush(client->sealer);
    col_client_udp_flush(&client->udp);
}

static void send_due(col_client *client) {
    col_client_core_tick(client->core, col_clock_monotonic_ns(), col_clock_wall_ns());
    flush(client);
}

static void take(void *context, const col_opened *opened) {
    col_client *client = context;
    const uint64_t now_ns = col_clock_monotonic_ns();
    const col_verified *verified = &opened->verified;
    if (verified->message.header.fragments == 1) {
        (void)col_client_core_receive(client->core, verified, now_ns);
        return;
    }
    if (opened->whole) return;  // only batches carry such entries
    if (col_client_core_check_unverified(client->core, &verified->message, now_ns) !=
        COL_DROP_NONE) {
        return;
    }
    col_verified whole;
    bool complete = false;
    const col_drop drop =
        col_reassembly_add(client->reassembly, client->hasher, verified, &whole, &complete);
    if (drop != COL_DROP_NONE || !complete) return;
    (void)col_client_core_receive(client->core, &whole, now_ns);
}

static void drain(col_client *client) {
    for (uint32_t i = 0; i < DRAIN_BURSTS; i++) {
        col_bytes datagram[COL_CLIENT_BURST];
        const uint32_t received = col_client_udp_receive(&client->udp, datagram);
        if (received == 0) return;
        client->received_ns = col_clock_monotonic_ns();
        col_drop drop[COL_OPEN_BURST_MAX];
        col_open_burst(client->opener, datagram, received, drop, take, client);
    }
}

static_assert(COL_CLIENT_BURST <= COL_OPEN_BURST_MAX, "a burst is opened in one call");

/// Wait for input until `end_ns` or the next deadline. @return false when a signal came.
static bool wait_until(col_client *client, uint64_t end_ns) {
    const uint64_t deadline = col_client_core_deadline(client->core);
    const uint64_t until = deadline < end_ns ? deadline : end_ns;
    const uint64_t now_ns = col_clock_monotonic_ns();
    return col_client_udp_wait(&client->udp, until > now_ns ? until - now_ns : 0);
}

// Opening, second half: waiting for the sessions.

static col_result not_opened(const col_client *client, uint64_t timeout_ns) {
    const col_genesis *genesis = &client->cluster->genesis;
    const uint32_t address = genesis->replica[0].address;
    const double seconds = (double)timeout_ns / 1e9;
    const int answered = __builtin_popcount(col_client_core_answered(client->core));
    if (answered == 0) {
        return col_error(
            "no replica of %s answered at %u.%u.%u.%u:%u within %g s: is the cluster running? "
            "`colonnade cluster status %s`",
            genesis->name, address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
            genesis->replica[0].port, seconds, client->cluster->directory);
    }
    return col_error(
        "%d of %u replicas of %s answered within %g s, and %u must agree on each session: are "
        "enough replicas running? `colonnade cluster status %s`",
        answered, genesis->replicas, genesis->name, seconds, genesis->faults + 1,
        client->cluster->directory);
}

static col_result open_sessions(col_client *client, const col_client_options *options) {
    const col_client_core_options core = core_options(client, options);
    const uint64_t end_ns = col_clock_monotonic_ns() + core.timeout_ns;
    while (col_client_core_open_sessions(client->core) < core.sessions) {
        if (col_client_core_unknown(client->core)) {
            return col_error(
                "the replicas of %s do not know client %u: give them the cluster file that lists "
                "it, %s, and start them anew",
                client->cluster->genesis.name, core.client, client->cluster->path);
        }
        if (col_clock_monotonic_ns() >= end_ns) return not_opened(client, core.timeout_ns);
        send_due(client);
        (void)wait_until(client, end_ns);
        drain(client);
    }
    return col_ok();
}

static void destroy(col_client *client) {
    if (client->sealer != NULL) col_sealer_destroy(client->sealer);
    if (client->opener != NULL) col_opener_destroy(client->opener);
    col_client_links_close(&client->links);
    if (client->udp_open) col_client_udp_close(&client->udp);
    col_arena_close(&client->arena);
    for (uint32_t i = 0; i < COL_REPLICAS_MAX; i++) {
        if (client->replica_key[i] != NULL) col_key_destroy(client->replica_key[i]);
    }
    if (client->key != NULL) col_key_destroy(client->key);
    if (client->cluster != NULL) col_cluster_destroy(client->cluster);
    if (client->hasher != NULL) col_hasher_destroy(client->hasher);
    free(client);
}

/// The options as this library knows them: a shorter structure is an older program's.
static col_result take_options(const col_client_options *given, size_t size,
                               col_client_options *options) {
    *options = (col_client_options){0};
    if (size > sizeof *options) {
        return col_error(
            "this libcolonnade-client is older than the program (options of %zu bytes, not %zu): "
            "install the one that it was compiled with",
            sizeof *options, size);
    }
    memcpy(options, given, size);
    require(options->cluster != NULL, "col_client_open", "options.cluster is missing");
    require(options->done != NULL, "col_client_open", "options.done is missing");
    if (options->sessions == 0) options->sessions = 1;
    if (options->timeout_ns == 0) options->timeout_ns = TIMEOUT_NS_DEFAULT;
    if (options->retransmit_ns == 0) options->retransmit_ns = RETRANSMIT_NS_DEFAULT;
    return col_ok();
}

static col_result open_client(const col_client_options *given, size_t size, col_client **opened) {
    col_client_options options;
    COL_TRY(take_options(given, size, &options));
    col_client *client = calloc(1, sizeof *client);
    if (client == NULL) return col_error("no memory for a client: close other programs");
    client->thread = pthread_self();
    client->process = getpid();
    client->done = options.done;
    client->context = options.context;
    client->sessions = options.sessions;
    col_result result = make(client, &options);
    if (result.ok) result = open_sessions(client, &options);
    if (result.ok) {
        *opened = client;
    } else {
        destroy(client);
    }
    return result;
}

col_client *col_client_open(const col_client_options *options, size_t options_size, char *error,
                            size_t error_size) {
    require(options != NULL, __func__, "options are missing");

    col_client *client = NULL;
    const col_result result = open_client(options, options_size, &client);
    if (!result.ok) snprintf(error, error_size, "%s", result.text);
    return client;
}

void col_client_close(col_client *client) {
    if (client == NULL) return;
    check_thread(client, __func__);
    require(!client->polling, __func__, "not from `done`");
    destroy(client);
}

// Use.

col_client_submission col_client_submit(col_client *client, uint32_t session, const void *operation,
                                        size_t length, uint64_t tag) {
    check_thread(client, __func__);
    check_session(client, session, __func__);
    return col_client_core_submit(client->core, session, (col_bytes){operation, length}, tag,
                                  col_clock_monotonic_ns());
}

uint32_t col_client_room(const col_client *client, uint32_t session) {
    check_thread(client, __func__);
    check_session(client, session, __func__);
    return col_client_core_room(client->core, session);
}

void col_client_flush(col_client *client) {
    check_thread(client, __func__);
    check_process(client, __func__);
    flush(client);
}

uint32_t col_client_poll(col_client *client, uint64_t wait_ns) {
    check_thread(client, __func__);
    check_process(client, __func__);
    require(!client->polling, __func__, "not from `done`");

    const uint64_t start_ns = col_clock_monotonic_ns();
    const uint64_t end_ns = wait_ns < COL_NEVER - start_ns ? start_ns + wait_ns : COL_NEVER;
    client->polling = true;
    client->reported = 0;
    bool waiting = true;
    send_due(client);
    drain(client);
    while (client->reported == 0 && waiting && col_clock_monotonic_ns() < end_ns) {
        send_due(client);  // what messages and deadlines brought
        waiting = wait_until(client, client->reported == 0 ? end_ns : 0);
        drain(client);
    }
    flush(client);  // what `done` submitted
    client->polling = false;
    return client->reported;
}

uint32_t col_client_outstanding(const col_client *client) {
    check_thread(client, __func__);
    return col_client_core_outstanding(client->core);
}

int col_client_descriptor(const col_client *client) {
    check_thread(client, __func__);
    return client->udp.descriptor;
}

uint64_t col_client_deadline_ns(const col_client *client) {
    check_thread(client, __func__);
    return col_client_core_pending(client->core) ? 0 : col_client_core_deadline(client->core);
}

void col_client_statistics_read(const col_client *client, col_client_statistics *statistics,
                                size_t statistics_size) {
    check_thread(client, __func__);
    const col_client_core_counts counts = col_client_core_count(client->core);
    const col_client_statistics known = {
        .signatures = col_counter_read(&client->sealed.signatures),
        .verifies = col_counter_read(&client->opened.verifies),
        .datagrams_sent = client->udp.sent,
        .datagrams_received = client->udp.received,
        .messages_received = col_counter_read(&client->opened.messages),
        .retransmits = counts.retransmits,
        .primary_changes = counts.primary_changes,
    };
    memset(statistics, 0, statistics_size);
    memcpy(statistics, &known, statistics_size < sizeof known ? statistics_size : sizeof known);
}
