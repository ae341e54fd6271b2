// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/hasher.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/base/scheme.h"

#define COL_NAME_MAX 64
#define COL_PATH_MAX 512

typedef enum { COL_LEADERS_ROTATING, COL_LEADERS_SINGLE } col_leaders;

/// How requests of open sessions, and their results, are sealed.
typedef enum {
    COL_SESSIONS_SIGNED,  ///< with the keys of clients and replicas, like everything else
    COL_SESSIONS_HMAC,    ///< with a MAC for each receiver
} col_sessions_seal;

/// The genesis part: what all replicas agree on for the cluster's life. Its canonical form hashes
/// to the cluster id.
typedef struct {
    char name[COL_NAME_MAX];
    uint32_t replicas;  ///< n, 4 .. COL_REPLICAS_MAX
    uint32_t faults;    ///< f, >= 1, n >= 3f+1
    uint32_t pillars;   ///< P, 1 .. COL_PILLARS_MAX
    col_leaders leaders;
    uint32_t checkpoint_interval;  ///< C, rounds
    uint32_t window;               ///< W, rounds: a multiple of C, 2C .. COL_WINDOW_ROUNDS_MAX
    uint32_t session_outstanding;  ///< M, 1 .. COL_SESSION_OUTSTANDING_MAX
    uint32_t sessions_max;         ///< of the cluster, 1 .. COL_SESSIONS_MAX
    uint32_t client_sessions_max;  ///< quota of one client, 1 .. sessions_max
    uint32_t operation_bytes_max;  ///< 1 .. COL_OPERATION_BYTES_MAX
    uint32_t result_bytes_max;     ///< 64 .. COL_RESULT_BYTES_MAX
    uint32_t batch_requests_max;   ///< 1 .. COL_BATCH_REQUESTS_MAX
    uint32_t batch_bytes_max;      ///< of a BATCH body, with room for one largest request
    uint64_t time_ahead_max_ns;    ///< agreed time and nonces may be this far ahead of a clock
    col_scheme replicas_scheme;    ///< of every replica's key
    col_scheme clients_scheme;     ///< of every client's key
    col_sessions_seal sessions;
    char application[COL_NAME_MAX];
    char application_options[COL_PATH_MAX];
    col_endpoint replica[COL_REPLICAS_MAX];             ///< base port; pillar k listens at port + k
    char replica_key[COL_REPLICAS_MAX][COL_PATH_MAX];   ///< paths of public keys, absolute
    col_digest replica_fingerprint[COL_REPLICAS_MAX];   ///< of the key's DER, filled by the reader
    char exchange_key[COL_REPLICAS_MAX][COL_PATH_MAX];  ///< likewise, where sessions have MACs
    col_digest exchange_fingerprint[COL_REPLICAS_MAX];
    uint32_t clients;  ///< registry: ids 0 .. clients-1
    char (*client_key)[COL_PATH_MAX];
    col_digest *client_fingerprint;
} col_genesis;

/// Tunables: may differ between replicas and change live. They bind only what this replica
/// proposes.
typedef struct {
    uint32_t batch_requests;      ///< proposing limit, 1 .. batch_requests_max
    uint32_t batch_bytes;         ///< proposing limit, 1 .. batch_bytes_max
    uint64_t status_interval_ns;  ///< first STATUS after that long without progress
} col_tunables;

/// A cluster file, read and checked.
typedef struct {
    char path[COL_PATH_MAX];
    char directory[COL_PATH_MAX];  ///< of the file: relative paths start here
    col_genesis genesis;
    col_tunables tunables;
    col_digest id;  ///< cluster id
} col_cluster;

/// Reads a public key file's fingerprint (crypto/keys.h), so that this folder needs no OpenSSL.
/// A key that is not of the scheme is an error.
typedef col_result col_fingerprint_fn(const char *path, col_scheme scheme, col_digest *fingerprint);

/// Read and check a cluster file. Every error names file, line and remedy.
/// @param path of the file, or of a directory that holds cluster.yaml
/// @param cluster out, freed by col_cluster_destroy
COL_MUST_USE col_result col_cluster_read(const char *path, const col_hasher *hasher,
                                         col_fingerprint_fn *fingerprint, col_cluster **cluster);
void col_cluster_destroy(col_cluster *cluster);

/// Write a cluster file with every key explained: what `colonnade init` makes. Refuses to
/// overwrite.
COL_MUST_USE col_result col_cluster_write(const col_cluster *cluster, const char *path);

/// The defaults of everything that `colonnade init` is not told: four replicas and no clients.
/// Endpoints and key paths (keys/replica-<i>.pub and .exchange.pub) are set for COL_REPLICAS_MAX
/// replicas, so that `replicas` can be raised.
void col_cluster_defaults(col_cluster *cluster);
