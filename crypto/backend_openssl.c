// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "crypto/backend.h"
#include "crypto/keys.h"
#include "crypto/openssl_key.h"
#include "src/base/assert.h"

/// Places for prepared operations: replicas' keys and the clients' that are active on one thread.
/// A key beyond that takes another's place and costs it a new preparation, some microseconds.
#define PREPARED_MAX 1024
/// Places that a key may take, from its home onwards.
#define PREPARED_WAYS 4

/// One key, ready to sign or verify: EVP_PKEY_CTX is not thread-safe, and making one costs
/// fetches and allocations.
typedef struct {
    uint64_t serial;  ///< of the key, 0 for a free place
    EVP_PKEY_CTX *operation;
} prepared;

typedef struct {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    prepared signing[PREPARED_WAYS];  ///< a thread signs with its own key only
    prepared verifying[PREPARED_MAX];
} context;

static bool openssl_available(void) {
    return true;
}

static void *openssl_context_create(void) {
    context *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->digest = EVP_MD_CTX_new();
    COL_ASSERT(self->sha256 && self->digest);
    return self;
}

static void openssl_context_destroy(void *opaque) {
    context *self = opaque;
    if (!self) return;
    for (size_t i = 0; i < PREPARED_WAYS; i++) EVP_PKEY_CTX_free(self->signing[i].operation);
    for (size_t i = 0; i < PREPARED_MAX; i++) EVP_PKEY_CTX_free(self->verifying[i].operation);
    EVP_MD_CTX_free(self->digest);
    EVP_MD_free(self->sha256);
    free(self);
}

static EVP_PKEY_CTX *prepare(const context *self, const col_key *key, bool sign) {
    // Signing works on a copy, so that threads do not meet at the lock of one key's blinding.
    EVP_PKEY *pkey = sign ? EVP_PKEY_dup(key->pkey) : key->pkey;
    COL_ASSERT(pkey);
    EVP_PKEY_CTX *operation = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    COL_ASSERT(operation);
    if (sign) EVP_PKEY_free(pkey);  // the operation holds it
    const int initialised = sign ? EVP_PKEY_sign_init(operation) : EVP_PKEY_verify_init(operation);
    COL_ASSERT(initialised == 1);
    COL_ASSERT(EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PADDING) == 1);
    COL_ASSERT(EVP_PKEY_CTX_set_signature_md(operation, self->sha256) == 1);
    return operation;
}

/// The prepared operation of `key` among PREPARED_WAYS places, made if it is not there.
static EVP_PKEY_CTX *find(context *self, prepared *place, const col_key *key, bool sign) {
    prepared *chosen = &place[key->serial / (PREPARED_MAX / PREPARED_WAYS) % PREPARED_WAYS];
    for (size_t i = 0; i < PREPARED_WAYS; i++) {
        if (place[i].serial == key->serial) return place[i].operation;
    }
    for (size_t i = 0; i < PREPARED_WAYS; i++) {
        if (place[i].serial == 0) {
            chosen = &place[i];
            break;
        }
    }
    EVP_PKEY_CTX_free(chosen->operation);
    chosen->serial = key->serial;
    chosen->operation = prepare(self, key, sign);
    return chosen->operation;
}

static prepared *verifying_places(context *self, const col_key *key) {
    return &self->verifying[key->serial % (PREPARED_MAX / PREPARED_WAYS) * PREPARED_WAYS];
}

static void hash(context *self, col_bytes message, uint8_t digest[32]) {
    COL_ASSERT(EVP_DigestInit_ex2(self->digest, self->sha256, NULL) == 1 &&
               EVP_DigestUpdate(self->digest, message.at, message.length) == 1 &&
               EVP_DigestFinal_ex(self->digest, digest, NULL) == 1);
}

/// OpenSSL blinds, is constant-time in the key, and checks a CRT signature with the public key
/// before it releases it (rsa_ossl_mod_exp).
static void openssl_sign(void *opaque, col_sign_job *job, uint32_t count) {
    context *self = opaque;
    for (uint32_t i = 0; i < count; i++) {
        COL_ASSERT(job[i].key->has_private);
        uint8_t digest[32];
        hash(self, job[i].message, digest);
        EVP_PKEY_CTX *operation = find(self, self->signing, job[i].key, true);
        size_t length = job[i].key->signature_bytes;
        COL_ASSERT(EVP_PKEY_sign(operation, job[i].signature, &length, digest, sizeof digest) == 1);
        COL_ASSERT(length == job[i].key->signature_bytes);
    }
}

static void openssl_verify(void *opaque, col_verify_job *job, uint32_t count) {
    context *self = opaque;
    for (uint32_t i = 0; i < count; i++) {
        job[i].valid = false;
        if (job[i].signature.length != job[i].key->signature_bytes) continue;
        uint8_t digest[32];
        hash(self, job[i].message, digest);
        EVP_PKEY_CTX *operation = find(self, verifying_places(self, job[i].key), job[i].key, false);
        job[i].valid = EVP_PKEY_verify(operation, job[i].signature.at, job[i].signature.length,
                                       digest, sizeof digest) == 1;
        if (!job[i].valid) ERR_clear_error();
    }
}

const col_backend col_backend_openssl = {
    .name = "openssl",
    .lanes = 1,
    .available = openssl_available,
    .context_create = openssl_context_create,
    .context_destroy = openssl_context_destroy,
    .sign = openssl_sign,
    .verify_variable_time = openssl_verify,
};
