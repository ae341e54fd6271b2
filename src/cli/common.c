// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "crypto/hashing.h"
#include "crypto/keys.h"
#include "src/cli/commands.h"
#include "src/cli/namespace.h"
#include "src/cli/paths.h"
#include "src/replica/keyring.h"

int col_fail(const col_result *result, int status) {
    fprintf(stderr, "colonnade: %s\n", result->text);
    return status;
}

col_result col_open_cluster(const char *path, col_cluster **cluster) {
    col_hasher *hasher = col_hasher_openssl_create();
    const col_result result = col_cluster_read(path, hasher, col_key_read_fingerprint, cluster);
    col_hasher_destroy(hasher);
    return result;
}

col_result col_enter_cluster(const char *directory, col_supervisor_state *state) {
    if (col_supervisor_read(directory, state)) return col_namespace_enter(state->supervisor);
    fprintf(stderr,
            "note: no cluster is up from %s on this machine (`colonnade cluster up %s` starts "
            "one); using its addresses as they are\n",
            directory, directory);
    return col_ok();
}

col_result col_check_client_key(const col_cluster *cluster, const char *key, uint32_t client) {
    if (client >= cluster->genesis.clients) {
        return col_error("client %u: %s lists %u clients: use a lower number", client,
                         cluster->path, cluster->genesis.clients);
    }
    char name[48], path[COL_PATH_MAX];
    snprintf(name, sizeof name, "keys/client-%u.pem", client);
    COL_TRY(col_cli_path(path, cluster->directory, name));
    col_key *private_key;
    col_digest fingerprint;
    COL_TRY(col_key_read_private(key ? key : path, cluster->genesis.clients_scheme, &private_key));
    col_key_fingerprint(private_key, &fingerprint);
    col_key_destroy(private_key);
    if (col_digest_equal(&fingerprint, &cluster->genesis.client_fingerprint[client]))
        return col_ok();
    return col_error(
        "%s: is not the key that %s lists for client %u: name the right one with --key",
        key ? key : path, cluster->path, client);
}

col_result col_signatures_read(const col_cluster *cluster, col_signatures *signatures) {
    col_keyring keyring;
    COL_TRY(col_keyring_load(cluster, &keyring));
    col_keyring_describe(&keyring, signatures);
    col_keyring_unload(&keyring);
    return col_ok();
}
