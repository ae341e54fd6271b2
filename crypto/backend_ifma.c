// SPDX-License-Identifier: Apache-2.0
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <stdlib.h>

#include "crypto/backend.h"
#include "crypto/hashing.h"
#include "crypto/ifma/rsa.h"
#include "crypto/openssl_key.h"
#include "src/base/assert.h"
#include "src/base/clock.h"

/// RSA in eight lanes; what is left to one operation at a time where that is faster, and every
/// other scheme, to OpenSSL.
typedef struct {
    void *openssl;
    col_hasher *hasher;
    col_rsa_context *rsa;
} context;

/// Fewer signatures with one key than this are made one after the other by OpenSSL. It has vector
/// code of its own for the two halves of RSA-2048, which makes one signature sooner than four lanes
/// make four; two take longer. For longer keys it has none.
static uint32_t sign_lanes_min(const col_key *key) {
    return key->signature_bytes == 256 ? 2 : 1;
}

/// Fewer signatures than this are verified by OpenSSL: 1 where the CPU completes two vpmadd52 per
/// cycle, 2 where one. Measured once per process.
static uint32_t verify_lanes_min;
static pthread_once_t verify_measured = PTHREAD_ONCE_INIT;

static void *ifma_context_create(void);
static void ifma_context_destroy(void *opaque);

static EVP_PKEY *public_key_of(BIGNUM *modulus) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    COL_ASSERT(builder && maker && EVP_PKEY_fromdata_init(maker) == 1);
    COL_ASSERT(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1);
    COL_ASSERT(OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, 65537) == 1);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    COL_ASSERT(parameters);
    COL_ASSERT(EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(maker);
    return pkey;
}

/// Shortest time of one call out of some, in ns.
static uint64_t time_of(void (*verify)(void *, col_verify_job *, uint32_t), void *with,
                        col_verify_job *job) {
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        const uint64_t start = col_clock_monotonic_ns();
        verify(with, job, 1);
        const uint64_t took = col_clock_monotonic_ns() - start;
        if (took < shortest) shortest = took;
    }
    return shortest;
}

static void verify_in_lanes(context *self, col_verify_job *const *job, uint32_t count);

static void verify_one_in_lanes(void *opaque, col_verify_job *job, uint32_t count) {
    (void)count;
    verify_in_lanes(opaque, &job, 1);
}

/// Any odd number does as a modulus, for the time is the same whether a signature is valid.
static void measure_verification(void) {
    uint8_t ones[256];
    memset(ones, 0xff, sizeof ones);
    BIGNUM *modulus = BN_bin2bn(ones, sizeof ones, NULL);
    COL_ASSERT(modulus);
    col_key key = {.pkey = public_key_of(modulus),
                   .serial = UINT64_MAX,
                   .scheme = COL_SCHEME_RSA,
                   .signature_bytes = sizeof ones};
    key.lanes = col_rsa_key_create(key.pkey, false, key.serial);
    uint8_t signature[sizeof ones];
    memset(signature, 0x5a, sizeof signature);
    col_verify_job job = {
        .key = &key, .message = {ones, sizeof ones}, .signature = {signature, sizeof signature}};
    context *self = ifma_context_create();
    const uint64_t alone = time_of(col_backend_openssl.verify_variable_time, self->openssl, &job);
    verify_lanes_min = time_of(verify_one_in_lanes, self, &job) < alone ? 1 : 2;
    ifma_context_destroy(self);
    col_rsa_key_destroy(key.lanes);
    EVP_PKEY_free(key.pkey);
    BN_free(modulus);
}

static void *ifma_context_create(void) {
    context *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->openssl = col_backend_openssl.context_create();
    self->hasher = col_hasher_create();
    self->rsa = col_rsa_context_create();
    return self;
}

static void *ifma_measured_context_create(void) {
    COL_ASSERT(pthread_once(&verify_measured, measure_verification) == 0);
    return ifma_context_create();
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
        if (key->lanes && end - first >= sign_lanes_min(key)) {
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

static void verify_some(context *self, col_verify_job *const *job, uint32_t count) {
    if (count >= verify_lanes_min) {
        verify_in_lanes(self, job, count);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            col_backend_openssl.verify_variable_time(self->openssl, job[i], 1);
        }
    }
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
        verify_some(self, chosen, waiting);
        waiting = 0;
    }
    if (waiting > 0) verify_some(self, chosen, waiting);
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
    .context_create = ifma_measured_context_create,
    .context_destroy = ifma_context_destroy,
    .sign = ifma_sign,
    .verify_variable_time = ifma_verify,
};
