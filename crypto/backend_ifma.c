// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "crypto/backend.h"
#include "crypto/hashing.h"
#include "crypto/ifma/rsa.h"
#include "crypto/openssl_key.h"
#include "src/base/assert.h"

/// RSA is our own; every other scheme, and private keys of an unusual shape, are OpenSSL's.
typedef struct {
    void *openssl;
    col_hasher *hasher;
    col_rsa_context *rsa;
} context;

static void *ifma_context_create(void) {
    context *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->openssl = col_backend_openssl.context_create();
    self->hasher = col_hasher_create();
    self->rsa = col_rsa_context_create();
    return self;
}

static void ifma_context_destroy(void *opaque) {
    context *self = opaque;
    if (!self) return;
    col_backend_openssl.context_destroy(self->openssl);
    col_hasher_destroy(self->hasher);
    col_rsa_context_destroy(self->rsa);
    free(self);
}

/// Sign up to eight messages with one key. A signature that fails its check is made by OpenSSL.
static void sign_in_lanes(context *self, col_sign_job *job, uint32_t count) {
    COL_ASSERT(count >= 1 && count <= COL_RSA_LANES);
    col_bytes message[COL_RSA_LANES];
    col_digest digest[COL_RSA_LANES];
    uint8_t *signature[COL_RSA_LANES];
    for (uint32_t i = 0; i < count; i++) {
        message[i] = job[i].message;
        signature[i] = job[i].signature;
    }
    self->hasher->digest(self->hasher, message, count, digest);
    const uint8_t good = col_rsa_sign(self->rsa, job->key->lanes, digest, count, signature);
    for (uint32_t i = 0; i < count; i++) {
        if (!(good >> i & 1)) col_backend_openssl.sign(self->openssl, &job[i], 1);
    }
}

static void ifma_sign(void *opaque, col_sign_job *job, uint32_t count) {
    context *self = opaque;
    uint32_t end;
    for (uint32_t first = 0; first < count; first = end) {
        const col_key *key = job[first].key;
        end = first + 1;
        while (end < count && end - first < COL_RSA_LANES && job[end].key == key) end++;
        if (key->lanes) {
            sign_in_lanes(self, &job[first], end - first);
        } else {
            col_backend_openssl.sign(self->openssl, &job[first], end - first);
        }
    }
}

/// Verify up to eight signatures of one length.
static void verify_in_lanes(context *self, col_verify_job *const *job, uint32_t count) {
    COL_ASSERT(count >= 1 && count <= COL_RSA_LANES);
    col_bytes message[COL_RSA_LANES] = {{0}};
    col_digest digest[COL_RSA_LANES];
    const col_rsa_key *key[COL_RSA_LANES];
    const uint8_t *signature[COL_RSA_LANES];
    for (uint32_t i = 0; i < count; i++) {
        message[i] = job[i]->message;
        key[i] = job[i]->key->lanes;
        signature[i] = job[i]->signature.at;
    }
    self->hasher->digest(self->hasher, message, count, digest);
    const uint8_t valid = col_rsa_verify_variable_time(self->rsa, key, digest, signature, count);
    for (uint32_t i = 0; i < count; i++) job[i]->valid = valid >> i & 1;
}

/// Jobs with keys of the same length, eight at a time.
static void verify_length(context *self, col_verify_job *job, uint32_t count, uint32_t length) {
    col_verify_job *chosen[COL_RSA_LANES];
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool has_lanes = job[i].key->lanes && job[i].signature.length == length;
        if (!has_lanes || job[i].key->signature_bytes != length) continue;
        chosen[waiting++] = &job[i];
        if (waiting < COL_RSA_LANES) continue;
        verify_in_lanes(self, chosen, waiting);
        waiting = 0;
    }
    if (waiting > 0) verify_in_lanes(self, chosen, waiting);
}

static void ifma_verify(void *opaque, col_verify_job *job, uint32_t count) {
    context *self = opaque;
    for (uint32_t i = 0; i < count; i++) {
        job[i].valid = false;
        if (job[i].key->lanes) continue;
        col_backend_openssl.verify_variable_time(self->openssl, &job[i], 1);
    }
    for (uint32_t bits = 2048; bits <= 4096; bits += 1024) {
        verify_length(self, job, count, bits / 8);
    }
}

const col_backend col_backend_ifma = {
    .name = "ifma",
    .lanes = COL_RSA_LANES,
    .available = col_rsa_available,
    .context_create = ifma_context_create,
    .context_destroy = ifma_context_destroy,
    .sign = ifma_sign,
    .verify_variable_time = ifma_verify,
};
