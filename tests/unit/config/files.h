// SPDX-License-Identifier: Apache-2.0
#pragma once

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/config/cluster.h"

/// A directory of its own for each test, which is the working directory while the test runs, with
/// keys/replica-<i>.pub for 32 replicas and keys/client-<i>.pub for two clients.

#define TEXT_MAX 65536

static char directory[64];

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void write_key_of(col_scheme scheme, const char *owner, unsigned id) {
    char path[64], text[64];
    snprintf(path, sizeof path, "keys/%s-%u.pub", owner, id);
    snprintf(text, sizeof text, "%s key of %s %u", col_scheme_name(scheme), owner, id);
    write_file(path, text);
}

static inline void write_key(const char *owner, unsigned id) {
    write_key_of(COL_SCHEME_RSA, owner, id);
}

static inline int enter_directory(void **state) {
    (void)state;
    strcpy(directory, "/tmp/colonnade-XXXXXX");
    if (!mkdtemp(directory) || chdir(directory) != 0 || mkdir("keys", 0700) != 0) return -1;
    for (unsigned i = 0; i < COL_REPLICAS_MAX; i++) write_key("replica", i);
    for (unsigned i = 0; i < 2; i++) write_key("client", i);
    return 0;
}

static inline int leave_directory(void **state) {
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    return chdir("/") == 0 ? system(command) : -1;
}

/// Copy `text` with the first `find` replaced; fails the test when there is none.
static inline void replace(const char *text, const char *find, const char *by, char *out) {
    const char *at = strstr(text, find);
    if (!at) {
        fail_msg("nothing to replace: %s", find);
        return;
    }
    const size_t before = (size_t)(at - text), length = strlen(by);
    assert_true(strlen(text) + length < TEXT_MAX);
    memcpy(out, text, before);
    memcpy(out + before, by, length);
    memcpy(out + before + length, at + strlen(find), strlen(at + strlen(find)) + 1);
}

/// A stand-in for SHA-256 that depends on every byte and on the length.
static inline void mix(const col_hasher *self, const col_bytes *message, uint32_t count,
                       col_digest *digest) {
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < sizeof digest->byte; k++) {
            uint64_t sum = UINT64_C(0xcbf29ce484222325) + k;
            for (size_t b = 0; b < message[i].length; b++) {
                sum = (sum ^ message[i].at[b]) * UINT64_C(0x100000001b3);
            }
            sum = (sum ^ (sum >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
            digest[i].byte[k] = (uint8_t)(sum >> 56);
        }
    }
}
static const col_hasher hasher = {.digest = mix};

/// A stand-in for a key's fingerprint: of the file's bytes, which begin with the scheme's name.
static inline col_result fingerprint(const char *path, col_scheme scheme, col_digest *digest) {
    FILE *file = fopen(path, "r");
    if (!file) return col_error("%s: cannot read", path);
    uint8_t bytes[256];
    const size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (length == 0) return col_error("%s: not a public key: make one", path);
    const char *name = col_scheme_name(scheme);
    if (memcmp(bytes, name, strlen(name)) != 0)
        return col_error("%s: is not of %s: make one", path, name);
    col_hash(&hasher, (col_bytes){.at = bytes, .length = length}, digest);
    return col_ok();
}

static inline col_cluster *read_good(const char *path) {
    col_cluster *cluster = NULL;
    const col_result result = col_cluster_read(path, &hasher, fingerprint, &cluster);
    if (!result.ok) fail_msg("%s", result.text);
    return cluster;
}

static const char *const good_cluster =
    "genesis:\n"
    "  name: demo\n"
    "  faults: 1\n"
    "  pillars: 4\n"
    "  leaders: rotating\n"
    "  checkpoint_interval: 32\n"
    "  window: 64\n"
    "  session_outstanding: 64\n"
    "  sessions_max: 1024\n"
    "  client_sessions_max: 256\n"
    "  operation_bytes_max: 4096\n"
    "  result_bytes_max: 4096\n"
    "  batch_requests_max: 256\n"
    "  batch_bytes_max: 65536\n"
    "  time_ahead_max_ms: 5000\n"
    "  application: counter\n"
    "  application_options: \"reply_bytes=100\"\n"
    "  authentication: {replicas: rsa, clients: rsa, sessions: signed}\n"
    "  replicas:\n"
    "    - {address: 10.77.0.1, port: 7000, public_key: keys/replica-0.pub}\n"
    "    - {address: 10.77.0.2, port: 7000, public_key: keys/replica-1.pub}\n"
    "    - {address: 10.77.0.3, port: 7000, public_key: keys/replica-2.pub}\n"
    "    - {address: 10.77.0.4, port: 7000, public_key: keys/replica-3.pub}\n"
    "  clients:\n"
    "    - {public_key: keys/client-0.pub}\n"
    "    - {public_key: keys/client-1.pub}\n"
    "tunables:\n"
    "  batch_requests: 100\n"
    "  batch_bytes: 32768\n"
    "  status_interval_ms: 50\n";
