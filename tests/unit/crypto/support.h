// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the tests of crypto/ share: keys of a small cluster, a sealer's and an opener's
// surroundings, and a back end that counts.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
// cmocka.h needs the four above
#include <cmocka.h>

#include "crypto/hashing.h"
#include "crypto/keys.h"
#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "src/base/arena.h"

/// A fixed sequence: every run of a test is the same. @return 0 .. bound-1
static uint64_t random_state = 0x243f6a8885a308d3;
static inline uint32_t random_below(uint32_t bound) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % bound);
}

static inline void random_fill(void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) ((uint8_t *)bytes)[i] = (uint8_t)random_below(256);
}

static inline void assert_ok(col_result result) {
    if (!result.ok) fail_msg("%s", result.text);
}

/// The OpenSSL back end, counted. One thread.
static uint32_t counted_sign_calls;
static uint32_t counted_verify_calls;
static uint32_t counted_verifies;

static void counted_sign(void *context, col_sign_job *job, uint32_t count) {
    counted_sign_calls++;
    col_backend_openssl.sign(context, job, count);
}

static void counted_verify(void *context, col_verify_job *job, uint32_t count) {
    counted_verify_calls++;
    counted_verifies += count;
    col_backend_openssl.verify_variable_time(context, job, count);
}

static bool always(void) {
    return true;
}

static void *openssl_context(void) {
    return col_backend_openssl.context_create();
}

static void openssl_context_end(void *context) {
    col_backend_openssl.context_destroy(context);
}

static const col_backend counted_backend = {
    .name = "counted",
    .lanes = 1,
    .available = always,
    .context_create = openssl_context,
    .context_destroy = openssl_context_end,
    .sign = counted_sign,
    .verify_variable_time = counted_verify,
};

/// An egress that keeps what was sent.
#define SENT_MAX 4096
typedef struct {
    col_endpoint to;
    uint32_t length;
    uint8_t bytes[COL_DATAGRAM_BYTES_MAX];
} sent_datagram;

typedef struct {
    col_egress egress;
    uint32_t count;
    bool full;
    sent_datagram sent[SENT_MAX];
} test_egress;

static uint8_t *test_reserve(col_egress *self) {
    test_egress *egress = (test_egress *)self;
    if (egress->full) return NULL;
    assert_true(egress->count < SENT_MAX);
    return egress->sent[egress->count].bytes;
}

static void test_send(col_egress *self, col_endpoint to, uint32_t length) {
    test_egress *egress = (test_egress *)self;
    egress->sent[egress->count].to = to;
    egress->sent[egress->count++].length = length;
}

static inline void test_egress_init(test_egress *egress, uint32_t datagram_bytes) {
    egress->egress = (col_egress){datagram_bytes, test_reserve, test_send};
    egress->count = 0;
    egress->full = false;
}

static inline col_bytes sent_bytes(const test_egress *egress, uint32_t which) {
    assert_true(which < egress->count);
    return (col_bytes){egress->sent[which].bytes, egress->sent[which].length};
}

/// Four replicas and two clients.
#define REPLICAS 4
#define CLIENTS 2
typedef struct {
    char directory[64];
    col_hasher *hasher;
    col_key *private_key[REPLICAS + CLIENTS];
    col_key *public_key[REPLICAS + CLIENTS];
    col_keyring keyring;
} test_cluster;

static inline void test_key_path(const test_cluster *cluster, uint32_t key, const char *suffix,
                                 char path[96]) {
    snprintf(path, 96, "%s/%u%s", cluster->directory, key, suffix);
}

/// With keys of these schemes, RSA-2048 where it is RSA.
static inline void test_cluster_open_with(test_cluster *cluster, col_scheme replicas,
                                          col_scheme clients) {
    snprintf(cluster->directory, sizeof cluster->directory, "/tmp/colonnade-test-XXXXXX");
    assert_non_null(mkdtemp(cluster->directory));
    cluster->hasher = col_hasher_openssl_create();
    for (uint32_t i = 0; i < REPLICAS + CLIENTS; i++) {
        const col_scheme scheme = i < REPLICAS ? replicas : clients;
        char private_path[96];
        char public_path[96];
        test_key_path(cluster, i, ".pem", private_path);
        test_key_path(cluster, i, ".pub", public_path);
        assert_ok(col_key_generate(scheme, 2048, private_path, public_path));
        assert_ok(col_key_read_private(private_path, scheme, &cluster->private_key[i]));
        assert_ok(col_key_read_public(public_path, scheme, &cluster->public_key[i]));
    }
    cluster->keyring = (col_keyring){.replicas = REPLICAS,
                                     .clients = CLIENTS,
                                     .replica = cluster->public_key,
                                     .client = cluster->public_key + REPLICAS};
    memset(cluster->keyring.cluster.byte, 0xC1, 32);
}

static inline void test_cluster_open(test_cluster *cluster) {
    test_cluster_open_with(cluster, COL_SCHEME_RSA, COL_SCHEME_RSA);
}

static inline void test_cluster_close(test_cluster *cluster) {
    for (uint32_t i = 0; i < REPLICAS + CLIENTS; i++) {
        char path[96];
        test_key_path(cluster, i, ".pem", path);
        unlink(path);
        test_key_path(cluster, i, ".pub", path);
        unlink(path);
        col_key_destroy(cluster->private_key[i]);
        col_key_destroy(cluster->public_key[i]);
    }
    rmdir(cluster->directory);
    col_hasher_destroy(cluster->hasher);
}

/// Options of a sealer: replica `i` is at 10.0.0.i, base port 7000.
static inline col_sealer_options test_sealer_options(const test_cluster *cluster, uint8_t role,
                                                     uint32_t signer, test_egress *egress,
                                                     col_sealer_counters *counters) {
    col_sealer_options options = {
        .backend = &counted_backend,
        .hasher = cluster->hasher,
        .key = cluster->private_key[role == COL_ROLE_CLIENT ? REPLICAS + signer : signer],
        .cluster = cluster->keyring.cluster,
        .role = role,
        .signer = signer,
        .replicas = REPLICAS,
        .egress = &egress->egress,
        .counters = counters};
    for (uint32_t i = 0; i < REPLICAS; i++) {
        options.replica[i] = (col_endpoint){0x0a000000 + i, 7000};
    }
    return options;
}

// Sessions with MACs. Number v, the key version of its seals, is one of client v mod CLIENTS.

#define TEST_SESSIONS 40

/// The key of a session and a replica for messages of that role.
static inline col_mac_key test_mac_key(uint32_t session, uint32_t replica, uint8_t role) {
    const uint8_t secret[COL_MAC_SECRET_BYTES] = {(uint8_t)session, (uint8_t)replica, role};
    col_mac_key key;
    col_mac_key_init(&key, secret);
    return key;
}

/// How a session's client seals for all replicas. @param key room, [REPLICAS]
static inline col_link_seal test_client_link(uint32_t session, col_mac_key *key) {
    for (uint32_t r = 0; r < REPLICAS; r++) key[r] = test_mac_key(session, r, COL_ROLE_CLIENT);
    return (col_link_seal){session, REPLICAS, key};
}

/// How a replica seals for a session's client. @param key room for one
static inline col_link_seal test_replica_link(uint32_t session, uint32_t replica,
                                              col_mac_key *key) {
    *key = test_mac_key(session, replica, COL_ROLE_REPLICA);
    return (col_link_seal){session, 1, key};
}

/// The keys of one receiver: a replica, which hears clients, or a client, which hears replicas.
typedef struct {
    uint8_t senders;  ///< role
    uint32_t self;
    uint32_t sessions;  ///< 1 .. so many are open
    uint32_t looked;    ///< keys were looked for
    col_mac_key key[TEST_SESSIONS + 1][REPLICAS];
} test_links;

static inline const col_mac_key *test_links_find(void *context, uint8_t role, uint32_t signer,
                                                 uint32_t key_version) {
    test_links *links = context;
    const bool of_client = role == COL_ROLE_CLIENT;
    const uint32_t client = of_client ? signer : links->self;
    const uint32_t replica = of_client ? links->self : signer;
    links->looked++;
    if (role != links->senders || key_version == 0 || key_version > links->sessions ||
        key_version % CLIENTS != client) {
        return NULL;
    }
    return &links->key[key_version][replica];
}

/// Have an opener take MACs that `senders` made for `self`.
static inline void test_links_open(test_links *links, col_opener *opener, col_macs *macs,
                                   uint8_t senders, uint32_t self) {
    *links = (test_links){.senders = senders, .self = self, .sessions = TEST_SESSIONS};
    for (uint32_t v = 0; v <= TEST_SESSIONS; v++) {
        for (uint32_t r = 0; r < REPLICAS; r++) links->key[v][r] = test_mac_key(v, r, senders);
    }
    const col_opener_links to = {macs, self, test_links_find, links};
    col_opener_take_macs(opener, &to);
}
