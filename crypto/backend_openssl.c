// SPDX-License-Identifier: Apache-2.0
#include <openssl/asn1.h>
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

/// One key, ready to sign or verify: OpenSSL's contexts are not thread-safe, and making one costs
/// fetches and allocations.
typedef struct {
    uint64_t serial;          ///< of the key, 0 for a free place
    EVP_PKEY_CTX *of_digest;  ///< RSA and ECDSA: takes the message's SHA-256
    EVP_MD_CTX *of_message;   ///< Ed25519: hashes the message itself
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

static void discard(prepared *place) {
    EVP_PKEY_CTX_free(place->of_digest);
    EVP_MD_CTX_free(place->of_message);
    *place = (prepared){0};
}

static void openssl_context_destroy(void *opaque) {
    context *self = opaque;
    if (!self) return;
    for (size_t i = 0; i < PREPARED_WAYS; i++) discard(&self->signing[i]);
    for (size_t i = 0; i < PREPARED_MAX; i++) discard(&self->verifying[i]);
    EVP_MD_CTX_free(self->digest);
    EVP_MD_free(self->sha256);
    free(self);
}

static EVP_PKEY_CTX *prepare_of_digest(const context *self, EVP_PKEY *pkey, col_scheme scheme,
                                       bool sign) {
    EVP_PKEY_CTX *made = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    COL_ASSERT(made);
    COL_ASSERT((sign ? EVP_PKEY_sign_init(made) : EVP_PKEY_verify_init(made)) == 1);
    if (scheme == COL_SCHEME_RSA) {
        COL_ASSERT(EVP_PKEY_CTX_set_rsa_padding(made, RSA_PKCS1_PADDING) == 1);
    }
    COL_ASSERT(EVP_PKEY_CTX_set_signature_md(made, self->sha256) == 1);
    return made;
}

static EVP_MD_CTX *prepare_of_message(EVP_PKEY *pkey, bool sign) {
    EVP_MD_CTX *made = EVP_MD_CTX_new();
    COL_ASSERT(made);
    COL_ASSERT((sign ? EVP_DigestSignInit_ex(made, NULL, NULL, NULL, NULL, pkey, NULL)
                     : EVP_DigestVerifyInit_ex(made, NULL, NULL, NULL, NULL, pkey, NULL)) == 1);
    return made;
}

static void prepare(const context *self, prepared *place, const col_key *key, bool sign) {
    // Signing works on a copy, so that threads do not meet at the lock of one key's blinding.
    EVP_PKEY *pkey = sign ? EVP_PKEY_dup(key->pkey) : key->pkey;
    COL_ASSERT(pkey);
    place->serial = key->serial;
    if (key->scheme == COL_SCHEME_ED25519) {
        place->of_message = prepare_of_message(pkey, sign);
    } else {
        place->of_digest = prepare_of_digest(self, pkey, key->scheme, sign);
    }
    if (sign) EVP_PKEY_free(pkey);  // the context holds it
}

/// `key` prepared in one of PREPARED_WAYS places, now if it was not before.
static const prepared *find(const context *self, prepared *place, const col_key *key, bool sign) {
    prepared *chosen = &place[key->serial / (PREPARED_MAX / PREPARED_WAYS) % PREPARED_WAYS];
    for (size_t i = 0; i < PREPARED_WAYS; i++) {
        if (place[i].serial == key->serial) return &place[i];
    }
    for (size_t i = 0; i < PREPARED_WAYS; i++) {
        if (place[i].serial == 0) {
            chosen = &place[i];
            break;
        }
    }
    discard(chosen);
    prepare(self, chosen, key, sign);
    return chosen;
}

static prepared *verifying_places(context *self, const col_key *key) {
    return &self->verifying[key->serial % (PREPARED_MAX / PREPARED_WAYS) * PREPARED_WAYS];
}

static void hash(context *self, col_bytes message, uint8_t digest[32]) {
    COL_ASSERT(EVP_DigestInit_ex2(self->digest, self->sha256, NULL) == 1 &&
               EVP_DigestUpdate(self->digest, message.at, message.length) == 1 &&
               EVP_DigestFinal_ex(self->digest, digest, NULL) == 1);
}

// ECDSA signatures are DER inside OpenSSL: a sequence of two integers, here of 32 bytes at most.

#define HALF (COL_ELLIPTIC_BYTES / 2)
#define DER_BYTES_MAX (2 + 2 * (2 + 1 + HALF))

/// Write `half` as DER does: no superfluous zeros in front, and one if it would be negative.
/// @return bytes written
static size_t put_integer(uint8_t *der, const uint8_t *half) {
    size_t skipped = 0;
    while (skipped < HALF - 1 && half[skipped] == 0) skipped++;
    const size_t sign = half[skipped] >> 7;
    const size_t length = sign + HALF - skipped;
    der[0] = V_ASN1_INTEGER;
    der[1] = (uint8_t)length;
    der[2] = 0;
    memcpy(der + 2 + sign, half + skipped, HALF - skipped);
    return 2 + length;
}

static size_t to_der(const uint8_t *signature, uint8_t *der) {
    size_t used = 2;
    used += put_integer(der + used, signature);
    used += put_integer(der + used, signature + HALF);
    der[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
    der[1] = (uint8_t)(used - 2);
    return used;
}

/// @return bytes read; `der` is OpenSSL's own
static size_t take_integer(const uint8_t *der, uint8_t *half) {
    const size_t length = der[1];
    const size_t sign = length > HALF;
    COL_ASSERT(der[0] == V_ASN1_INTEGER && length - sign <= HALF);
    memset(half, 0, HALF);
    memcpy(half + HALF - (length - sign), der + 2 + sign, length - sign);
    return 2 + length;
}

static void from_der(const uint8_t *der, size_t length, uint8_t *signature) {
    size_t used = 2;
    used += take_integer(der + used, signature);
    used += take_integer(der + used, signature + HALF);
    COL_ASSERT(used == length);
}

/// @param length in: room; out: bytes of the signature
static void sign_digest(context *self, const prepared *with, col_bytes message, uint8_t *signature,
                        size_t *length) {
    uint8_t digest[32];
    hash(self, message, digest);
    COL_ASSERT(EVP_PKEY_sign(with->of_digest, signature, length, digest, sizeof digest) == 1);
}

static bool verify_digest(context *self, const prepared *with, col_bytes message,
                          const uint8_t *signature, size_t length) {
    uint8_t digest[32];
    hash(self, message, digest);
    return EVP_PKEY_verify(with->of_digest, signature, length, digest, sizeof digest) == 1;
}

/// OpenSSL blinds, is constant-time in the key, and checks a CRT signature with the public key
/// before it releases it (rsa_ossl_mod_exp).
static void sign_rsa(context *self, const prepared *with, const col_sign_job *job) {
    size_t length = job->key->signature_bytes;
    sign_digest(self, with, job->message, job->signature, &length);
    COL_ASSERT(length == job->key->signature_bytes);
}

/// OpenSSL is constant-time in key and nonce, and makes the nonce from its generator, the key and
/// the digest. What a fault spoils is not checked: unlike half a CRT signature, it leads to no key.
static void sign_ecdsa(context *self, const prepared *with, const col_sign_job *job) {
    uint8_t der[DER_BYTES_MAX];
    size_t length = sizeof der;
    sign_digest(self, with, job->message, der, &length);
    from_der(der, length, job->signature);
}

static bool verify_ecdsa(context *self, const prepared *with, const col_verify_job *job) {
    uint8_t der[DER_BYTES_MAX];
    const size_t length = to_der(job->signature.at, der);
    return verify_digest(self, with, job->message, der, length);
}

/// Newer versions of OpenSSL want each message begun; without a key this keeps the one that is set.
static void sign_ed25519(const prepared *with, const col_sign_job *job) {
    size_t length = COL_ELLIPTIC_BYTES;
    COL_ASSERT(EVP_DigestSignInit_ex(with->of_message, NULL, NULL, NULL, NULL, NULL, NULL) == 1 &&
               EVP_DigestSign(with->of_message, job->signature, &length, job->message.at,
                              job->message.length) == 1);
    COL_ASSERT(length == COL_ELLIPTIC_BYTES);
}

static bool verify_ed25519(const prepared *with, const col_verify_job *job) {
    COL_ASSERT(EVP_DigestVerifyInit_ex(with->of_message, NULL, NULL, NULL, NULL, NULL, NULL) == 1);
    return EVP_DigestVerify(with->of_message, job->signature.at, job->signature.length,
                            job->message.at, job->message.length) == 1;
}

static void sign_one(context *self, const col_sign_job *job) {
    COL_ASSERT(job->key->has_private);
    const prepared *with = find(self, self->signing, job->key, true);
    switch (job->key->scheme) {
        case COL_SCHEME_RSA:
            sign_rsa(self, with, job);
            return;
        case COL_SCHEME_ED25519:
            sign_ed25519(with, job);
            return;
        case COL_SCHEME_ECDSA_P256:
            sign_ecdsa(self, with, job);
            return;
        case COL_SCHEME_HMAC:
        case COL_SCHEME_NONE:
            COL_ASSERT(!"a scheme that signs");
    }
}

static bool verify_one(context *self, const col_verify_job *job) {
    if (job->signature.length != job->key->signature_bytes) return false;
    const prepared *with = find(self, verifying_places(self, job->key), job->key, false);
    switch (job->key->scheme) {
        case COL_SCHEME_RSA:
            return verify_digest(self, with, job->message, job->signature.at,
                                 job->signature.length);
        case COL_SCHEME_ED25519:
            return verify_ed25519(with, job);
        case COL_SCHEME_ECDSA_P256:
            return verify_ecdsa(self, with, job);
        case COL_SCHEME_HMAC:
        case COL_SCHEME_NONE:
            COL_ASSERT(!"a scheme that signs");
    }
    return false;
}

static void openssl_sign(void *opaque, col_sign_job *job, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) sign_one(opaque, &job[i]);
}

static void openssl_verify(void *opaque, col_verify_job *job, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        job[i].valid = verify_one(opaque, &job[i]);
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
