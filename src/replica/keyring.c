// SPDX-License-Identifier: Apache-2.0
#include "src/replica/keyring.h"

#include <stdlib.h>

#include "src/base/assert.h"

static col_result read_keys(const char (*path)[COL_PATH_MAX], uint32_t count, col_scheme scheme,
                            col_key **key) {
    for (uint32_t i = 0; i < count; i++) COL_TRY(col_key_read_public(path[i], scheme, &key[i]));
    return col_ok();
}

static void destroy_keys(col_key *const *key, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) col_key_destroy(key[i]);
    free((void *)key);
}

col_result col_keyring_load(const col_cluster *cluster, col_keyring *keyring) {
    const col_genesis *genesis = &cluster->genesis;
    col_key **replica = calloc(genesis->replicas, sizeof *replica);
    col_key **client = calloc(genesis->clients + 1, sizeof *client);
    COL_ASSERT(replica != NULL && client != NULL);
    *keyring = (col_keyring){.replicas = genesis->replicas,
                             .clients = genesis->clients,
                             .replica = replica,
                             .client = client,
                             .cluster = cluster->id,
                             .macs = genesis->sessions == COL_SESSIONS_HMAC};
    col_result result =
        read_keys(genesis->replica_key, genesis->replicas, genesis->replicas_scheme, replica);
    if (result.ok) {
        result = read_keys((const char(*)[COL_PATH_MAX])genesis->client_key, genesis->clients,
                           genesis->clients_scheme, client);
    }
    if (!result.ok) col_keyring_unload(keyring);
    return result;
}

void col_keyring_unload(col_keyring *keyring) {
    destroy_keys(keyring->replica, keyring->replicas);
    destroy_keys(keyring->client, keyring->clients);
    *keyring = (col_keyring){0};
}

uint32_t col_keyring_signature_bytes_max(const col_keyring *keyring) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < keyring->replicas; i++) {
        const uint32_t own = col_key_signature_bytes(keyring->replica[i]);
        if (own > bytes) bytes = own;
    }
    return bytes;
}
