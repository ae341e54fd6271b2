// SPDX-License-Identifier: Apache-2.0
#include "src/replica/keyring.h"

#include "tests/unit/crypto/support.h"

// Replica 3 has a larger key than the others.
#define LARGE 3

static test_cluster keys;
static col_cluster *file;

static int open_keys(void **state) {
    (void)state;
    test_cluster_open(&keys);
    char private_path[96], public_path[96];
    test_key_path(&keys, LARGE, ".pem", private_path);
    test_key_path(&keys, LARGE, ".pub", public_path);
    unlink(private_path);
    unlink(public_path);
    assert_ok(col_key_generate(COL_SCHEME_RSA, 3072, private_path, public_path));

    file = calloc(1, sizeof *file);
    file->genesis.replicas = REPLICAS;
    file->genesis.replicas_scheme = COL_SCHEME_RSA;
    file->genesis.clients_scheme = COL_SCHEME_RSA;
    file->genesis.clients = CLIENTS;
    file->genesis.client_key = calloc(CLIENTS, sizeof *file->genesis.client_key);
    file->id = (col_digest){{0xC1}};
    for (uint32_t i = 0; i < REPLICAS; i++) {
        test_key_path(&keys, i, ".pub", file->genesis.replica_key[i]);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        test_key_path(&keys, REPLICAS + i, ".pub", file->genesis.client_key[i]);
    }
    return 0;
}

static int close_keys(void **state) {
    (void)state;
    test_cluster_close(&keys);
    free(file->genesis.client_key);
    free(file);
    return 0;
}

static void every_key_of_the_cluster_file_is_read_in_its_place(void **state) {
    (void)state;
    col_keyring keyring;
    assert_ok(col_keyring_load(file, &keyring));
    assert_true(col_digest_equal(&keyring.cluster, &file->id));
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const col_key *found = col_keyring_find(&keyring, COL_ROLE_CLIENT, i, COL_KEY_VERSION);
        col_digest read, made;
        assert_non_null(found);
        col_key_fingerprint(found, &read);
        col_key_fingerprint(keys.public_key[REPLICAS + i], &made);
        assert_true(col_digest_equal(&read, &made));
    }
    assert_non_null(col_keyring_find(&keyring, COL_ROLE_REPLICA, LARGE, COL_KEY_VERSION));
    assert_null(col_keyring_find(&keyring, COL_ROLE_REPLICA, REPLICAS, COL_KEY_VERSION));
    assert_null(col_keyring_find(&keyring, COL_ROLE_CLIENT, CLIENTS, COL_KEY_VERSION));
    col_keyring_unload(&keyring);
}

static void the_largest_signature_of_the_replicas_counts(void **state) {
    (void)state;
    col_keyring keyring;
    assert_ok(col_keyring_load(file, &keyring));
    assert_int_equal(col_keyring_signature_bytes_max(&keyring), 384);
    col_keyring_unload(&keyring);
}

static void a_cluster_without_clients_has_a_keyring(void **state) {
    (void)state;
    col_keyring keyring;
    file->genesis.clients = 0;
    assert_ok(col_keyring_load(file, &keyring));
    assert_null(col_keyring_find(&keyring, COL_ROLE_CLIENT, 0, COL_KEY_VERSION));
    col_keyring_unload(&keyring);
    file->genesis.clients = CLIENTS;
}

static void a_missing_key_is_named_and_nothing_is_kept(void **state) {
    (void)state;
    col_keyring keyring;
    char path[COL_PATH_MAX];
    memcpy(path, file->genesis.client_key[1], sizeof path);
    snprintf(file->genesis.client_key[1], COL_PATH_MAX, "/tmp/colonnade-test-no-such-key");
    const col_result loaded = col_keyring_load(file, &keyring);
    assert_false(loaded.ok);
    assert_string_equal(loaded.text,
                        "/tmp/colonnade-test-no-such-key: cannot read the public key: No such file "
                        "or directory: name a file that this user may read, or make a pair with "
                        "`colonnade keygen --scheme rsa`");
    memcpy(file->genesis.client_key[1], path, sizeof path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_cluster_file_is_read_in_its_place),
        cmocka_unit_test(the_largest_signature_of_the_replicas_counts),
        cmocka_unit_test(a_cluster_without_clients_has_a_keyring),
        cmocka_unit_test(a_missing_key_is_named_and_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, open_keys, close_keys);
}
