// SPDX-License-Identifier: Apache-2.0
// Cluster files: read, or refused with a line and a remedy; what was read is written so that it
// reads as the same cluster.
#include "src/config/cluster.h"
#include "tests/fuzz/files.h"

/// Stands for reading keys: paths differ, so do fingerprints.
static col_result fingerprint(const char *path, col_scheme scheme, col_digest *digest) {
    COL_ASSERT(strlen(col_scheme_name(scheme)) > 0);  // it has one
    if (strstr(path, "none") != NULL) return col_error("%s: no such key: make one", path);
    col_hash(&fuzz_hasher, (col_bytes){(const uint8_t *)path, strlen(path)}, digest);
    return col_ok();
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
        write_again(cluster);
        col_cluster_destroy(cluster);
    } else {
        fuzz_check_error(&result, path);
    }
    return 0;
}
