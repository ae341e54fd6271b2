// SPDX-License-Identifier: Apache-2.0
// Cluster files: read, or refused with a line and a remedy; what was read keeps the rules between
// keys, and is written so that it reads as the same cluster.
#include "src/config/cluster.h"
#include "tests/fuzz/files.h"

/// Stands for reading keys: paths differ, so do fingerprints.
static col_result fingerprint(const char *path, col_scheme scheme, col_digest *digest) {
    COL_ASSERT(strlen(col_scheme_name(scheme)) > 0);  // it has one
    if (strstr(path, "none") != NULL) return col_error("%s: no such key: make one", path);
    col_hash(&fuzz_hasher, (col_bytes){(const uint8_t *)path, strlen(path)}, digest);
    return col_ok();
}

/// Each pillar of each replica has a port of its own.
static void check_ports(const col_genesis *genesis) {
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        const col_endpoint *a = &genesis->replica[i];
        COL_ASSERT(a->port >= 1 && a->port + genesis->pillars - 1 <= UINT16_MAX);
        for (uint32_t j = 0; j < i; j++) {
            const col_endpoint *b = &genesis->replica[j];
            COL_ASSERT(a->address != b->address || a->port >= b->port + genesis->pillars ||
                       b->port >= a->port + genesis->pillars);
        }
    }
}

static void check_rules(const col_cluster *cluster) {
    const col_genesis *genesis = &cluster->genesis;
    const uint32_t interval = genesis->checkpoint_interval;
    COL_ASSERT(genesis->faults >= 1 && genesis->replicas >= 3 * genesis->faults + 1);
    COL_ASSERT(genesis->replicas <= COL_REPLICAS_MAX && genesis->clients <= COL_CLIENTS_MAX);
    COL_ASSERT(genesis->pillars >= 1 && genesis->pillars <= COL_PILLARS_MAX);
    COL_ASSERT(genesis->window <= COL_WINDOW_ROUNDS_MAX);
    COL_ASSERT(genesis->window % interval == 0 && genesis->window >= 2 * interval);
    COL_ASSERT(genesis->client_sessions_max <= genesis->sessions_max);
    COL_ASSERT(genesis->operation_bytes_max < genesis->batch_bytes_max);
    COL_ASSERT(cluster->tunables.batch_requests <= genesis->batch_requests_max);
    COL_ASSERT(cluster->tunables.batch_bytes <= genesis->batch_bytes_max);
    check_ports(genesis);
}

static void write_again(const col_cluster *cluster) {
    const char *path = fuzz_path("again.yaml");
    unlink(path);
    const col_result written = col_cluster_write(cluster, path);
    COL_ASSERT(written.ok);
    col_cluster *again = NULL;
    const col_result read = col_cluster_read(path, &fuzz_hasher, fingerprint, &again);
    COL_ASSERT(read.ok);
    COL_ASSERT(col_digest_equal(&cluster->id, &again->id));
    COL_ASSERT(memcmp(&cluster->tunables, &again->tunables, sizeof again->tunables) == 0);
    col_cluster_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_path("input.yaml");
    fuzz_write_file(path, data, size);
    col_cluster *cluster = NULL;
    const col_result result = col_cluster_read(path, &fuzz_hasher, fingerprint, &cluster);
    if (result.ok) {
        check_rules(cluster);
        write_again(cluster);
        col_cluster_destroy(cluster);
    } else {
        fuzz_check_error(&result, path);
    }
    return 0;
}
