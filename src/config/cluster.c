// SPDX-License-Identifier: Apache-2.0
#include "src/config/cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/assert.h"
#include "src/config/genesis.h"
#include "src/config/path.h"
#include "src/config/yaml.h"

#define REPLICAS_MIN 4
#define FAULTS_MAX ((COL_REPLICAS_MAX - 1) / 3)
#define MS_NS UINT64_C(1000000)

/// Agreed time may run an hour ahead at most: clocks that differ by more are broken.
#define TIME_AHEAD_MAX_MS 3600000
#define STATUS_INTERVAL_MAX_MS 60000

/// What one largest request takes in a BATCH body beside its operation: batch header, length,
/// bundle header, RSA-4096 signature, siblings, entry header with both digests, request fields.
#define LARGEST_REQUEST_OVERHEAD                                                                   \
    (12 + 4 + 32 + COL_SIGNATURE_BYTES_MAX + 32 * (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX) + \
     32 + 2 * 32 + 22)
static_assert(LARGEST_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX <= COL_BATCH_BYTES_MAX,
              "a batch holds one largest request");

#define BATCH_BYTES_MAX_DEFAULT 65536
static_assert(LARGEST_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX <= BATCH_BYTES_MAX_DEFAULT,
              "the default suits every operation_bytes_max");

// ---- The keys ----

enum { FILE_GENESIS, FILE_TUNABLES, FILE_KEYS };

static const col_yaml_key file_keys[FILE_KEYS] = {
    [FILE_GENESIS] = {.key = "genesis", .kind = COL_YAML_NODE, .example = "{name: demo, ...}"},
    [FILE_TUNABLES] = {.key = "tunables", .kind = COL_YAML_NODE},
};

enum {
    NAME,
    FAULTS,
    PILLARS,
    LEADERS,
    CHECKPOINT_INTERVAL,
    WINDOW,
    SESSION_OUTSTANDING,
    SESSIONS_MAX,
    CLIENT_SESSIONS_MAX,
    OPERATION_BYTES_MAX,
    RESULT_BYTES_MAX,
    BATCH_REQUESTS_MAX,
    BATCH_BYTES_MAX,
    TIME_AHEAD_MAX,
    APPLICATION,
    APPLICATION_OPTIONS,
    AUTHENTICATION,
    REPLICAS,
    CLIENTS,
    GENESIS_KEYS
};

static const char *const leaders_words[] = {"rotating", "single", NULL};

#define NUMBER(name, member, low, high)                                                           \
    .key = name, .kind = COL_YAML_NUMBER, COL_YAML_MEMBER(col_genesis, member), .minimum = (low), \
    .maximum = (high)
#define TEXT(name, member, shortest) \
    .key = name, .kind = COL_YAML_TEXT, COL_YAML_MEMBER(col_genesis, member), .minimum = (shortest)

static const col_yaml_key genesis_keys[GENESIS_KEYS] = {
    [NAME] = {TEXT("name", name, 1), .example = "demo"},
    [FAULTS] = {NUMBER("faults", faults, 1, FAULTS_MAX), .example = "1"},
    [PILLARS] = {NUMBER("pillars", pillars, 1, COL_PILLARS_MAX), .example = "4"},
    [LEADERS] = {.key = "leaders",
                 .kind = COL_YAML_CHOICE,
                 COL_YAML_MEMBER(col_genesis, leaders),
                 .choices = leaders_words},
    [CHECKPOINT_INTERVAL] = {NUMBER("checkpoint_interval", checkpoint_interval, 1,
                                    COL_WINDOW_ROUNDS_MAX / 2),
                             .example = "32"},
    [WINDOW] = {NUMBER("window", window, 2, COL_WINDOW_ROUNDS_MAX), .example = "64"},
    [SESSION_OUTSTANDING] = {NUMBER("session_outstanding", session_outstanding, 1,
                                    COL_SESSION_OUTSTANDING_MAX),
                             .example = "64"},
    [SESSIONS_MAX] = {NUMBER("sessions_max", sessions_max, 1, COL_SESSIONS_MAX)},
    [CLIENT_SESSIONS_MAX] = {NUMBER("client_sessions_max", client_sessions_max, 1,
                                    COL_SESSIONS_MAX)},
    [OPERATION_BYTES_MAX] = {NUMBER("operation_bytes_max", operation_bytes_max, 1,
                                    COL_OPERATION_BYTES_MAX)},
    [RESULT_BYTES_MAX] = {NUMBER("result_bytes_max", result_bytes_max, 64, COL_RESULT_BYTES_MAX)},
    [BATCH_REQUESTS_MAX] = {NUMBER("batch_requests_max", batch_requests_max, 1,
                                   COL_BATCH_REQUESTS_MAX)},
    [BATCH_BYTES_MAX] = {NUMBER("batch_bytes_max", batch_bytes_max, 1, COL_BATCH_BYTES_MAX)},
    [TIME_AHEAD_MAX] = {NUMBER("time_ahead_max_ms", time_ahead_max_ns, 1, TIME_AHEAD_MAX_MS),
                        .unit = MS_NS},
    [APPLICATION] = {TEXT("application", application, 1), .example = "counter"},
    [APPLICATION_OPTIONS] = {TEXT("application_options", application_options, 0)},
    [AUTHENTICATION] = {.key = "authentication", .kind = COL_YAML_NODE},
    [REPLICAS] = {.key = "replicas",
                  .kind = COL_YAML_NODE,
                  .example = "[{address: 10.77.0.1, port: 7000, public_key: keys/replica-0.pub}, "
                             "...]"},
    [CLIENTS] = {.key = "clients",
                 .kind = COL_YAML_NODE,
                 .example = "[{public_key: keys/client-0.pub}, ...]"},
};
static_assert(GENESIS_KEYS <= COL_YAML_KEYS_MAX, "a mapping's table is bounded");

enum { REPLICAS_SCHEME, CLIENTS_SCHEME, SESSIONS, AUTHENTICATION_KEYS };

static const char *const sessions_words[] = {"signed", "hmac", NULL};

#define SCHEME(name, member)                                                        \
    {                                                                               \
        .key = name, .kind = COL_YAML_CHOICE, COL_YAML_MEMBER(col_genesis, member), \
        .minimum = COL_SCHEME_RSA, .choices = col_scheme_names                      \
    }

static const col_yaml_key authentication_keys[AUTHENTICATION_KEYS] = {
    [REPLICAS_SCHEME] = SCHEME("replicas", replicas_scheme),
    [CLIENTS_SCHEME] = SCHEME("clients", clients_scheme),
    [SESSIONS] = {.key = "sessions",
                  .kind = COL_YAML_CHOICE,
                  COL_YAML_MEMBER(col_genesis, sessions),
                  .choices = sessions_words},
};

enum { BATCH_REQUESTS, BATCH_BYTES, STATUS_INTERVAL, TUNABLE_KEYS };

#define TUNABLE(name, member, high, times)                                                         \
    {                                                                                              \
        .key = name, .kind = COL_YAML_NUMBER, COL_YAML_MEMBER(col_tunables, member), .minimum = 1, \
        .maximum = (high), .unit = (times)                                                         \
    }

static const col_yaml_key tunable_keys[TUNABLE_KEYS] = {
    [BATCH_REQUESTS] = TUNABLE("batch_requests", batch_requests, COL_BATCH_REQUESTS_MAX, 1),
    [BATCH_BYTES] = TUNABLE("batch_bytes", batch_bytes, COL_MESSAGE_BYTES_MAX, 1),
    [STATUS_INTERVAL] =
        TUNABLE("status_interval_ms", status_interval_ns, STATUS_INTERVAL_MAX_MS, MS_NS),
};

/// One entry of `replicas`; one of `clients` has the key only.
typedef struct {
    char address[64];
    uint32_t port;
    char public_key[COL_PATH_MAX];
    char exchange_key[COL_PATH_MAX];  ///< empty where it is not given
} col_member;

enum { MEMBER_KEY, MEMBER_ADDRESS, MEMBER_PORT, MEMBER_EXCHANGE_KEY, MEMBER_KEYS };
#define CLIENT_KEYS (MEMBER_KEY + 1)

static const col_yaml_key member_keys[MEMBER_KEYS] = {
    [MEMBER_KEY] = {.key = "public_key",
                    .kind = COL_YAML_TEXT,
                    COL_YAML_MEMBER(col_member, public_key),
                    .minimum = 1,
                    .example = "keys/<name>.pub"},
    [MEMBER_ADDRESS] = {.key = "address",
                        .kind = COL_YAML_TEXT,
                        COL_YAML_MEMBER(col_member, address),
                        .minimum = 1,
                        .example = "10.77.0.1"},
    [MEMBER_PORT] = {.key = "port",
                     .kind = COL_YAML_NUMBER,
                     COL_YAML_MEMBER(col_member, port),
                     .minimum = 1,
                     .maximum = UINT16_MAX,
                     .example = "7000"},
    [MEMBER_EXCHANGE_KEY] = {.key = "exchange_key",
                             .kind = COL_YAML_TEXT,
                             COL_YAML_MEMBER(col_member, exchange_key),
                             .minimum = 1},
};

/// A file on its way to becoming a cluster: the lines are for rules between keys.
typedef struct {
    const col_yaml *yaml;
    col_cluster *cluster;
    col_genesis *genesis;  ///< of `cluster`
    col_yaml_found key[GENESIS_KEYS];
    col_yaml_found tunable[TUNABLE_KEYS];
    uint32_t replica_line[COL_REPLICAS_MAX];
    uint32_t replica_key_line[COL_REPLICAS_MAX];
    uint32_t exchange_key_line[COL_REPLICAS_MAX];
} col_draft;

// ---- Defaults ----

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/// Everything but members, application and name.
static void set_values(col_cluster *cluster) {
    *cluster = (col_cluster){
        .genesis = {.faults = 1,
                    .pillars = 4,
                    .leaders = COL_LEADERS_ROTATING,
                    .checkpoint_interval = 16,
                    .window = 48,
                    .session_outstanding = 64,
                    .sessions_max = 1024,
                    .client_sessions_max = 256,
                    .operation_bytes_max = 1024,
                    .result_bytes_max = 1024,
                    .batch_requests_max = 256,
                    .batch_bytes_max = BATCH_BYTES_MAX_DEFAULT,
                    .time_ahead_max_ns = 5000 * MS_NS,
                    .replicas_scheme = COL_SCHEME_RSA,
                    .clients_scheme = COL_SCHEME_RSA},
        .tunables = {.batch_requests = 100, .batch_bytes = 32768, .status_interval_ns = 50 * MS_NS},
    };
}

void col_cluster_defaults(col_cluster *cluster) {
    set_values(cluster);
    col_genesis *genesis = &cluster->genesis;
    strcpy(genesis->name, "demo");
    strcpy(genesis->application, "counter");
    strcpy(genesis->application_options, "reply_bytes=100");
    genesis->replicas = REPLICAS_MIN;
    const uint32_t first_address = 10u << 24 | 77u << 16 | 1;
    for (uint32_t i = 0; i < COL_REPLICAS_MAX; i++) {
        genesis->replica[i] = (col_endpoint){.address = first_address + i, .port = 7000};
        snprintf(genesis->replica_key[i], COL_PATH_MAX, "keys/replica-%u.pub", i);
        snprintf(genesis->exchange_key[i], COL_PATH_MAX, "keys/replica-%u.exchange.pub", i);
    }
}

/// An absent limit follows a smaller one that the file gives.
static void lower_defaults(col_draft *draft) {
    col_genesis *genesis = draft->genesis;
    col_tunables *tunables = &draft->cluster->tunables;
    if (!draft->key[CLIENT_SESSIONS_MAX].value) {
        genesis->client_sessions_max = smaller(genesis->client_sessions_max, genesis->sessions_max);
    }
    if (!draft->tunable[BATCH_REQUESTS].value) {
        tunables->batch_requests = smaller(tunables->batch_requests, genesis->batch_requests_max);
    }
    if (!draft->tunable[BATCH_BYTES].value) {
        tunables->batch_bytes = smaller(tunables->batch_bytes, genesis->batch_bytes_max);
    }
}

// ---- Members ----

static col_result set_key(const col_draft *draft, uint32_t line, const char *key, char *path) {
    if (col_path_join(draft->cluster->directory, key, path)) return col_ok();
    return col_yaml_error(draft->yaml, line,
                          "the absolute path of the key has more than %d characters: move the keys "
                          "to a shorter path",
                          COL_PATH_MAX - 1);
}

/// A replica has a key for MACs exactly where sessions have them.
static col_result set_exchange_key(const col_draft *draft, const char *key, uint32_t i) {
    const bool needed = draft->genesis->sessions == COL_SESSIONS_HMAC;
    const uint32_t line = draft->exchange_key_line[i];
    if (needed && key[0] == '\0') {
        return col_yaml_error(draft->yaml, draft->replica_key_line[i],
                              "replica %u has no exchange_key, which `sessions: hmac` needs: make "
                              "one with `colonnade keygen --scheme hmac --out "
                              "keys/replica-%u.exchange`",
                              i, i);
    }
    if (!needed && key[0] != '\0') {
        return col_yaml_error(draft->yaml, line,
                              "replica %u has an exchange_key, and sessions are signed: remove it, "
                              "or set `sessions: hmac` in authentication",
                              i);
    }
    return needed ? set_key(draft, line, key, draft->genesis->exchange_key[i]) : col_ok();
}

static col_result read_address(const col_draft *draft, uint32_t line, const char *text,
                               uint32_t *address) {
    struct in_addr parsed;
    if (inet_pton(AF_INET, text, &parsed) != 1) {
        return col_yaml_error(draft->yaml, line,
                              "address is '%s': it must be an IPv4 address such as 10.77.0.1",
                              text);
    }
    *address = ntohl(parsed.s_addr);
    const uint32_t class = *address >> 28;
    if (*address >> 24 == 0 || class >= 14) {
        return col_yaml_error(draft->yaml, line,
                              "address is %s: it must be the address of one machine such as "
                              "10.77.0.1",
                              text);
    }
    return col_ok();
}

static col_result read_replica(col_draft *draft, const col_yaml_node *node, uint32_t i) {
    char what[32];
    snprintf(what, sizeof what, "replica %u", i);
    col_member entry = {0};
    col_yaml_found found[MEMBER_KEYS];
    COL_TRY(col_yaml_mapping(draft->yaml, node, what, member_keys, MEMBER_KEYS, &entry, found));

    col_genesis *genesis = draft->genesis;
    draft->replica_line[i] = found[MEMBER_PORT].line;
    draft->replica_key_line[i] = found[MEMBER_KEY].line;
    draft->exchange_key_line[i] = found[MEMBER_EXCHANGE_KEY].line;
    genesis->replica[i].port = (uint16_t)entry.port;
    COL_TRY(read_address(draft, found[MEMBER_ADDRESS].line, entry.address,
                         &genesis->replica[i].address));
    COL_TRY(set_key(draft, found[MEMBER_KEY].line, entry.public_key, genesis->replica_key[i]));
    return set_exchange_key(draft, entry.exchange_key, i);
}

static col_result read_replicas(col_draft *draft) {
    const col_yaml_found *key = &draft->key[REPLICAS];
    uint32_t count;
    COL_TRY(col_yaml_list(draft->yaml, key->value, "replicas", &count));
    if (count < REPLICAS_MIN || count > COL_REPLICAS_MAX) {
        return col_yaml_error(
            draft->yaml, key->line, "replicas has %u entries: a cluster has %d .. %d; %s %u", count,
            REPLICAS_MIN, COL_REPLICAS_MAX, count < REPLICAS_MIN ? "add" : "remove",
            count < REPLICAS_MIN ? REPLICAS_MIN - count : count - COL_REPLICAS_MAX);
    }
    draft->genesis->replicas = count;
    for (uint32_t i = 0; i < count; i++) {
        COL_TRY(read_replica(draft, col_yaml_item(draft->yaml, key->value, i), i));
    }
    return col_ok();
}

static col_result read_client(col_draft *draft, const col_yaml_node *node, uint32_t i) {
    char what[32];
    snprintf(what, sizeof what, "client %u", i);
    col_member entry;
    col_yaml_found found[CLIENT_KEYS];
    COL_TRY(col_yaml_mapping(draft->yaml, node, what, member_keys, CLIENT_KEYS, &entry, found));
    return set_key(draft, found[MEMBER_KEY].line, entry.public_key, draft->genesis->client_key[i]);
}

static col_result read_clients(col_draft *draft) {
    const col_yaml_found *key = &draft->key[CLIENTS];
    uint32_t count;
    COL_TRY(col_yaml_list(draft->yaml, key->value, "clients", &count));
    if (count > COL_CLIENTS_MAX) {
        return col_yaml_error(draft->yaml, key->line,
                              "clients has %u entries: a cluster has 0 .. %d; remove %u", count,
                              COL_CLIENTS_MAX, count - COL_CLIENTS_MAX);
    }
    col_genesis *genesis = draft->genesis;
    genesis->clients = count;
    if (count == 0) return col_ok();
    genesis->client_key = calloc(count, sizeof *genesis->client_key);
    genesis->client_fingerprint = calloc(count, sizeof *genesis->client_fingerprint);
    COL_ASSERT(genesis->client_key && genesis->client_fingerprint);
    for (uint32_t i = 0; i < count; i++) {
        COL_TRY(read_client(draft, col_yaml_item(draft->yaml, key->value, i), i));
    }
    return col_ok();
}

static col_result read_authentication(col_draft *draft) {
    const col_yaml_node *node = draft->key[AUTHENTICATION].value;
    if (!node) return col_ok();
    col_yaml_found found[AUTHENTICATION_KEYS];
    return col_yaml_mapping(draft->yaml, node, "authentication", authentication_keys,
                            AUTHENTICATION_KEYS, draft->genesis, found);
}

static col_result read_file(col_draft *draft) {
    const col_yaml *yaml = draft->yaml;
    col_yaml_found top[FILE_KEYS];
    COL_TRY(col_yaml_mapping(yaml, col_yaml_root(yaml), "the cluster file", file_keys, FILE_KEYS,
                             NULL, top));
    COL_TRY(col_yaml_mapping(yaml, top[FILE_GENESIS].value, "genesis", genesis_keys, GENESIS_KEYS,
                             draft->genesis, draft->key));
    COL_TRY(read_authentication(draft));
    COL_TRY(read_replicas(draft));
    COL_TRY(read_clients(draft));
    if (top[FILE_TUNABLES].value) {
        COL_TRY(col_yaml_mapping(yaml, top[FILE_TUNABLES].value, "tunables", tunable_keys,
                                 TUNABLE_KEYS, &draft->cluster->tunables, draft->tunable));
    }
    lower_defaults(draft);
    return col_ok();
}

// ---- Rules between keys ----

static col_result check_name(const col_draft *draft) {
    for (const char *at = draft->genesis->name; *at; at++) {
        const bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (letter || (*at >= '0' && *at <= '9') || *at == '-' || *at == '_') continue;
        return col_yaml_error(draft->yaml, draft->key[NAME].line,
                              "name is '%s': use letters, digits, '-' and '_' only, because files "
                              "are named after it",
                              draft->genesis->name);
    }
    return col_ok();
}

static col_result check_faults(const col_draft *draft) {
    const col_genesis *genesis = draft->genesis;
    const uint32_t needed = 3 * genesis->faults + 1;
    if (genesis->replicas >= needed) return col_ok();
    return col_yaml_error(draft->yaml, draft->key[FAULTS].line,
                          "faults is %u and there are %u replicas: n >= 3 * faults + 1 must hold; "
                          "try faults: %u, or %u replicas",
                          genesis->faults, genesis->replicas, (genesis->replicas - 1) / 3, needed);
}

static col_result check_window(const col_draft *draft) {
    const uint32_t interval = draft->genesis->checkpoint_interval;
    const uint32_t window = draft->genesis->window;
    if (window % interval == 0 && window >= 2 * interval) return col_ok();
    uint32_t better = (window + interval - 1) / interval * interval;
    if (better < 2 * interval) better = 2 * interval;
    if (better > COL_WINDOW_ROUNDS_MAX) better = COL_WINDOW_ROUNDS_MAX / interval * interval;
    return col_yaml_error(draft->yaml, draft->key[WINDOW].line,
                          "checkpoint_interval is %u and window is %u: window must be a multiple "
                          "of checkpoint_interval and at least twice it; try window: %u",
                          interval, window, better);
}

static col_result check_sessions(const col_draft *draft) {
    const col_genesis *genesis = draft->genesis;
    if (genesis->client_sessions_max <= genesis->sessions_max) return col_ok();
    return col_yaml_error(draft->yaml, draft->key[CLIENT_SESSIONS_MAX].line,
                          "client_sessions_max is %u and sessions_max is %u: one client cannot "
                          "have more sessions than the cluster; try client_sessions_max: %u",
                          genesis->client_sessions_max, genesis->sessions_max,
                          genesis->sessions_max);
}

static col_result check_batch(const col_draft *draft) {
    const col_genesis *genesis = draft->genesis;
    const uint32_t needed = genesis->operation_bytes_max + LARGEST_REQUEST_OVERHEAD;
    if (genesis->batch_bytes_max >= needed) return col_ok();
    return col_yaml_error(draft->yaml, draft->key[BATCH_BYTES_MAX].line,
                          "batch_bytes_max is %u and operation_bytes_max is %u: a batch must hold "
                          "one largest request and its seal; try batch_bytes_max: %u",
                          genesis->batch_bytes_max, genesis->operation_bytes_max, needed);
}

static col_result check_last_port(const col_draft *draft, uint32_t i) {
    const uint32_t pillars = draft->genesis->pillars;
    const uint32_t port = draft->genesis->replica[i].port;
    if (port + pillars - 1 <= UINT16_MAX) return col_ok();
    return col_yaml_error(draft->yaml, draft->replica_line[i],
                          "port is %u and pillars is %u: pillar k listens at port + k, up to "
                          "65535; try port: %u",
                          port, pillars, UINT16_MAX - pillars + 1);
}

static bool overlap(const col_genesis *genesis, uint32_t i, uint32_t j) {
    const col_endpoint a = genesis->replica[i];
    const col_endpoint b = genesis->replica[j];
    const uint32_t apart =
        a.port < b.port ? (uint32_t)(b.port - a.port) : (uint32_t)(a.port - b.port);
    return a.address == b.address && apart < genesis->pillars;
}

/// A base port above those of all replicas at the same address; 0 when there is none.
static uint32_t free_port(const col_genesis *genesis, uint32_t replica) {
    uint32_t port = 0;
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        if (genesis->replica[i].address != genesis->replica[replica].address) continue;
        if (genesis->replica[i].port > port) port = genesis->replica[i].port;
    }
    port += genesis->pillars;
    return port + genesis->pillars - 1 <= UINT16_MAX ? port : 0;
}

static col_result overlap_error(const col_draft *draft, uint32_t i, uint32_t j) {
    const col_genesis *genesis = draft->genesis;
    const uint32_t port = free_port(genesis, j);
    char remedy[64] = "use another address";
    if (port) snprintf(remedy, sizeof remedy, "try port: %u, or another address", port);
    return col_yaml_error(draft->yaml, draft->replica_line[j],
                          "replicas %u and %u have the same address and both listen at port %u, "
                          "since each has %u ports, one per pillar: %s",
                          i, j,
                          genesis->replica[i].port > genesis->replica[j].port
                              ? genesis->replica[i].port
                              : genesis->replica[j].port,
                          genesis->pillars, remedy);
}

static col_result check_endpoints(const col_draft *draft) {
    for (uint32_t j = 0; j < draft->genesis->replicas; j++) {
        COL_TRY(check_last_port(draft, j));
        for (uint32_t i = 0; i < j; i++) {
            if (overlap(draft->genesis, i, j)) return overlap_error(draft, i, j);
        }
    }
    return col_ok();
}

static col_result check_limit(const col_draft *draft, int tunable, uint32_t value, int key,
                              uint32_t limit) {
    if (value <= limit) return col_ok();
    return col_yaml_error(draft->yaml, draft->tunable[tunable].line,
                          "%s is %u and %s is %u: other replicas refuse larger batches; try %s: %u",
                          tunable_keys[tunable].key, value, genesis_keys[key].key, limit,
                          tunable_keys[tunable].key, limit);
}

static col_result check(const col_draft *draft) {
    const col_genesis *genesis = draft->genesis;
    const col_tunables *tunables = &draft->cluster->tunables;
    COL_TRY(check_name(draft));
    COL_TRY(check_faults(draft));
    COL_TRY(check_window(draft));
    COL_TRY(check_sessions(draft));
    COL_TRY(check_batch(draft));
    COL_TRY(check_endpoints(draft));
    COL_TRY(check_limit(draft, BATCH_REQUESTS, tunables->batch_requests, BATCH_REQUESTS_MAX,
                        genesis->batch_requests_max));
    return check_limit(draft, BATCH_BYTES, tunables->batch_bytes, BATCH_BYTES_MAX,
                       genesis->batch_bytes_max);
}

// ---- Keys ----

static col_result read_key(const col_draft *draft, uint32_t line, const char *path,
                           col_scheme scheme, col_fingerprint_fn *fingerprint, col_digest *digest) {
    if (access(path, R_OK) != 0) {
        const int reason = errno;
        return col_yaml_error(
            draft->yaml, line,
            "public key %s: %s: make the key with `colonnade keygen --scheme %s`, or correct %s",
            path, strerror(reason), col_scheme_name(scheme),
            member_keys[scheme == COL_SCHEME_HMAC ? MEMBER_EXCHANGE_KEY : MEMBER_KEY].key);
    }
    const col_result result = fingerprint(path, scheme, digest);
    if (!result.ok) return col_yaml_error(draft->yaml, line, "%s", result.text);
    return result;
}

/// Keys agreed on with one replica's key are no other's.
static col_result read_exchange_key(const col_draft *draft, uint32_t j,
                                    col_fingerprint_fn *fingerprint) {
    col_genesis *genesis = draft->genesis;
    if (genesis->sessions != COL_SESSIONS_HMAC) return col_ok();
    const uint32_t line = draft->exchange_key_line[j];
    COL_TRY(read_key(draft, line, genesis->exchange_key[j], COL_SCHEME_HMAC, fingerprint,
                     &genesis->exchange_fingerprint[j]));
    for (uint32_t i = 0; i < j; i++) {
        if (!col_digest_equal(&genesis->exchange_fingerprint[i],
                              &genesis->exchange_fingerprint[j])) {
            continue;
        }
        return col_yaml_error(draft->yaml, line,
                              "replicas %u and %u have the same exchange key, so that each could "
                              "make the other's MACs: make one for each with `colonnade keygen "
                              "--scheme hmac`",
                              i, j);
    }
    return col_ok();
}

/// One key for two replicas would give its holder two votes.
static col_result check_distinct(const col_draft *draft, uint32_t j) {
    const col_genesis *genesis = draft->genesis;
    for (uint32_t i = 0; i < j; i++) {
        if (!col_digest_equal(&genesis->replica_fingerprint[i], &genesis->replica_fingerprint[j])) {
            continue;
        }
        return col_yaml_error(draft->yaml, draft->replica_key_line[j],
                              "replicas %u and %u have the same public key, which would give its "
                              "holder two votes: make one for each with `colonnade keygen "
                              "--scheme %s`",
                              i, j, col_scheme_name(genesis->replicas_scheme));
    }
    return col_ok();
}

static col_result read_keys(const col_draft *draft, col_fingerprint_fn *fingerprint) {
    col_genesis *genesis = draft->genesis;
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        COL_TRY(read_key(draft, draft->replica_key_line[i], genesis->replica_key[i],
                         genesis->replicas_scheme, fingerprint, &genesis->replica_fingerprint[i]));
        COL_TRY(check_distinct(draft, i));
        COL_TRY(read_exchange_key(draft, i, fingerprint));
    }
    for (uint32_t i = 0; i < genesis->clients; i++) {
        const uint32_t line =
            col_yaml_line(col_yaml_item(draft->yaml, draft->key[CLIENTS].value, i));
        COL_TRY(read_key(draft, line, genesis->client_key[i], genesis->clients_scheme, fingerprint,
                         &genesis->client_fingerprint[i]));
    }
    return col_ok();
}

// ---- The file ----

static bool is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/// Where the file is: as the user wrote it, for errors, and absolute in `cluster`.
static col_result locate(const char *path, char file[COL_PATH_MAX], col_cluster *cluster) {
    const int length =
        snprintf(file, COL_PATH_MAX, is_directory(path) ? "%s/cluster.yaml" : "%s", path);
    if (length >= COL_PATH_MAX) {
        return col_error("%.200s...: a path may have %d characters: use a shorter one", path,
                         COL_PATH_MAX - 1);
    }
    COL_TRY(col_path_directory(file, cluster->directory));
    if (col_path_join(cluster->directory, col_path_name(file), cluster->path)) return col_ok();
    return col_error("%.200s: its absolute path has more than %d characters: use a shorter one",
                     file, COL_PATH_MAX - 1);
}

static col_result read_into(col_cluster *cluster, const char *path, const col_hasher *hasher,
                            col_fingerprint_fn *fingerprint) {
    char file[COL_PATH_MAX];
    COL_TRY(locate(path, file, cluster));
    col_yaml *yaml;
    COL_TRY(col_yaml_open(file, "make a cluster with `colonnade init`, or name its file", &yaml));

    col_draft draft = {.yaml = yaml, .cluster = cluster, .genesis = &cluster->genesis};
    col_result result = read_file(&draft);
    if (result.ok) result = check(&draft);
    if (result.ok) result = read_keys(&draft, fingerprint);
    if (result.ok) col_genesis_id(&cluster->genesis, hasher, &cluster->id);
    col_yaml_close(yaml);
    return result;
}

col_result col_cluster_read(const char *path, const col_hasher *hasher,
                            col_fingerprint_fn *fingerprint, col_cluster **out) {
    col_cluster *cluster = malloc(sizeof *cluster);
    COL_ASSERT(cluster);
    set_values(cluster);
    const col_result result = read_into(cluster, path, hasher, fingerprint);
    if (result.ok) {
        *out = cluster;
    } else {
        col_cluster_destroy(cluster);
    }
    return result;
}

void col_cluster_destroy(col_cluster *cluster) {
    if (!cluster) return;
    free(cluster->genesis.client_key);
    free(cluster->genesis.client_fingerprint);
    free(cluster);
}
