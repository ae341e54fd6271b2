// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "src/config/cluster.h"
#include "src/config/path.h"

#define MS_NS UINT64_C(1000000)

/// True for texts that YAML reads as they stand, also inside {}.
static bool is_plain(const char *text) {
    const char *const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-";
    return text[0] && text[0] != '-' && strspn(text, plain) == strlen(text);
}

static void put_text(FILE *file, const char *text) {
    if (is_plain(text)) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (const char *at = text; *at; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (byte < ' ' || byte == 0x7f) {
            fprintf(file, "\\x%02x", byte);
        } else {
            if (byte == '"' || byte == '\\') fputc('\\', file);
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

static void put_genesis(FILE *file, const col_genesis *genesis) {
    fputs(
        "# A Colonnade cluster: the same file on every replica and client.\n"
        "\n"
        "# What all replicas agree on for the cluster's life. The cluster id is a hash of this "
        "part, the\n"
        "# keys included; a replica with another genesis belongs to another cluster.\n"
        "genesis:\n"
        "  # For humans, and for the names of files: letters, digits, '-' and '_'.\n"
        "  name: ",
        file);
    put_text(file, genesis->name);
    fprintf(file,
            "\n"
            "  # Replicas that may be faulty in any way. There must be 3 * faults + 1 replicas or "
            "more.\n"
            "  faults: %u\n"
            "  # Independent ordering instances, 1 .. %d. A replica orders on at most that many "
            "cores;\n"
            "  # how many it uses is its tuning profile's matter. Pillar k listens at port + k.\n"
            "  pillars: %u\n"
            "  # rotating: pillars have different primaries, so that all replicas share the "
            "primaries' work.\n"
            "  # single: one replica is the primary of all pillars.\n"
            "  leaders: %s\n"
            "  # Replicas compare their state every so many rounds; a round is one slot of every "
            "pillar.\n"
            "  checkpoint_interval: %u\n"
            "  # Rounds in work beyond the newest agreed checkpoint: a multiple of "
            "checkpoint_interval, at\n"
            "  # least twice it, up to %d. Larger keeps more in flight and costs memory.\n"
            "  window: %u\n",
            genesis->faults, COL_PILLARS_MAX, genesis->pillars,
            genesis->leaders == COL_LEADERS_SINGLE ? "single" : "rotating",
            genesis->checkpoint_interval, COL_WINDOW_ROUNDS_MAX, genesis->window);
}

static void put_maxima(FILE *file, const col_genesis *genesis) {
    fprintf(
        file,
        "  # Requests that one session may have without an answer; as many results are kept for "
        "it.\n"
        "  session_outstanding: %u\n"
        "  # Sessions of all clients; beyond it the least recently used one ends.\n"
        "  sessions_max: %u\n"
        "  # Sessions of one client.\n"
        "  client_sessions_max: %u\n"
        "  # Bytes of one operation and of one result.\n"
        "  operation_bytes_max: %u\n"
        "  result_bytes_max: %u\n"
        "  # What one batch may hold, clients' signatures included: no replica accepts more. How "
        "much a\n"
        "  # primary proposes is a tunable, below.\n"
        "  batch_requests_max: %u\n"
        "  batch_bytes_max: %u\n"
        "  # How far a batch's time may be ahead of a replica's clock before the replica waits.\n"
        "  time_ahead_max_ms: %" PRIu64 "\n",
        genesis->session_outstanding, genesis->sessions_max, genesis->client_sessions_max,
        genesis->operation_bytes_max, genesis->result_bytes_max, genesis->batch_requests_max,
        genesis->batch_bytes_max, genesis->time_ahead_max_ns / MS_NS);
    fputs("  # The replicated service and what it is told at start.\n  application: ", file);
    put_text(file, genesis->application);
    fputs("\n  application_options: ", file);
    put_text(file, genesis->application_options);
    fputc('\n', file);
}

/// A key's path as seen from the file's directory, where it lies below it.
static const char *relative(const char *key, const char *directory) {
    const size_t length = strlen(directory);
    return strncmp(key, directory, length) == 0 && key[length] == '/' ? key + length + 1 : key;
}

static void put_authentication(FILE *file, const col_genesis *genesis) {
    fprintf(
        file,
        "  # How replicas sign what they send, and clients their requests: rsa, ed25519 or "
        "ecdsa-p256. Each\n"
        "  # key below is of its side's scheme. Sessions are signed, or with hmac have MACs for "
        "each replica,\n"
        "  # from keys that a session and a replica's exchange_key agree on.\n"
        "  authentication: {replicas: %s, clients: %s, sessions: %s}\n",
        col_scheme_name(genesis->replicas_scheme), col_scheme_name(genesis->clients_scheme),
        genesis->sessions == COL_SESSIONS_HMAC ? "hmac" : "signed");
}

static void put_members(FILE *file, const col_genesis *genesis, const char *directory) {
    fputs(
        "  # A replica's id is its place in this list: 0, 1, ... Paths of keys start at this "
        "file's\n"
        "  # directory.\n"
        "  replicas:\n",
        file);
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        const uint32_t address = genesis->replica[i].address;
        fprintf(file, "    - {address: %u.%u.%u.%u, port: %u, public_key: ", address >> 24,
                address >> 16 & 255, address >> 8 & 255, address & 255, genesis->replica[i].port);
        put_text(file, relative(genesis->replica_key[i], directory));
        if (genesis->sessions == COL_SESSIONS_HMAC) {
            fputs(", exchange_key: ", file);
            put_text(file, relative(genesis->exchange_key[i], directory));
        }
        fputs("}\n", file);
    }
    fputs("  # Who may send requests. A client's id is its place in this list.\n", file);
    fputs(genesis->clients ? "  clients:\n" : "  clients: []\n", file);
    for (uint32_t i = 0; i < genesis->clients; i++) {
        fputs("    - {public_key: ", file);
        put_text(file, relative(genesis->client_key[i], directory));
        fputs("}\n", file);
    }
}

static void put_tunables(FILE *file, const col_tunables *tunables) {
    fprintf(
        file,
        "\n"
        "# What each replica may change for itself while it runs.\n"
        "tunables:\n"
        "  # What a primary puts into one batch at most, within the maxima above.\n"
        "  batch_requests: %u\n"
        "  batch_bytes: %u\n"
        "  # Without progress for that long, a replica tells the others what it has and lacks.\n"
        "  status_interval_ms: %" PRIu64 "\n",
        tunables->batch_requests, tunables->batch_bytes, tunables->status_interval_ns / MS_NS);
}

col_result col_cluster_write(const col_cluster *cluster, const char *path) {
    char directory[COL_PATH_MAX];
    COL_TRY(col_path_directory(path, directory));
    FILE *file = fopen(path, "wxe");
    if (!file) {
        const int reason = errno;
        return col_error("%s: %s: %s", path, strerror(reason),
                         reason == EEXIST ? "remove it, or name another file"
                                          : "name a file that can be written");
    }
    put_genesis(file, &cluster->genesis);
    put_maxima(file, &cluster->genesis);
    put_authentication(file, &cluster->genesis);
    put_members(file, &cluster->genesis, directory);
    put_tunables(file, &cluster->tunables);

    const bool failed = ferror(file) != 0;
    if (fclose(file) == 0 && !failed) return col_ok();
    const int reason = errno;
    unlink(path);
    return col_error("%s: %s: make room, or name a file elsewhere", path, strerror(reason));
}
