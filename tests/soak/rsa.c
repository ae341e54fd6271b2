// SPDX-License-Identifier: Apache-2.0
// RSA in lanes against OpenSSL on random operations: signatures of batches of 1 to 8, each of which
// OpenSSL has to verify (there is one valid signature per key and digest, so it is the one that
// OpenSSL would have made), and verdicts on signatures of which half are spoiled.
//
// usage: rsa OPERATIONS [SEED]     of each size and kind; prints how to repeat a failure
#include <inttypes.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/ifma/rsa.h"
#include "src/base/assert.h"

#define KEYS 2

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % bound);
}

typedef struct {
    uint32_t bytes;
    EVP_PKEY *pkey[KEYS];
    EVP_PKEY_CTX *oracle[KEYS];
    col_rsa_key *key[KEYS];
    col_rsa_context *context;
    uint64_t wrong;  ///< results that differ
} subject;

static void open_subject(subject *tried, uint32_t bits) {
    *tried = (subject){.bytes = bits / 8, .context = col_rsa_context_create()};
    for (int i = 0; i < KEYS; i++) {
        tried->pkey[i] = EVP_RSA_gen(bits);
        COL_ASSERT(tried->pkey[i]);
        tried->key[i] = col_rsa_key_create(tried->pkey[i], true, (uint64_t)i + 1);
        tried->oracle[i] = EVP_PKEY_CTX_new(tried->pkey[i], NULL);
        COL_ASSERT(tried->key[i] && EVP_PKEY_verify_init(tried->oracle[i]) == 1);
        COL_ASSERT(EVP_PKEY_CTX_set_rsa_padding(tried->oracle[i], RSA_PKCS1_PADDING) == 1);
        COL_ASSERT(EVP_PKEY_CTX_set_signature_md(tried->oracle[i], EVP_sha256()) == 1);
    }
}

static void close_subject(subject *tried) {
    for (int i = 0; i < KEYS; i++) {
        EVP_PKEY_CTX_free(tried->oracle[i]);
        EVP_PKEY_free(tried->pkey[i]);
        col_rsa_key_destroy(tried->key[i]);
    }
    col_rsa_context_destroy(tried->context);
}

static bool oracle_says(const subject *tried, uint32_t key, const uint8_t *signature,
                        const col_digest *digest) {
    return EVP_PKEY_verify(tried->oracle[key], signature, tried->bytes, digest->byte,
                           sizeof digest->byte) == 1;
}

typedef struct {
    uint32_t count;
    uint32_t which[COL_RSA_LANES];  ///< key
    col_digest digest[COL_RSA_LANES];
    uint8_t signature[COL_RSA_LANES][COL_SIGNATURE_BYTES_MAX];
} batch;

static void draw(batch *drawn) {
    drawn->count = 1 + random_below(COL_RSA_LANES);
    for (uint32_t i = 0; i < drawn->count; i++) {
        for (size_t at = 0; at < 32; at++) drawn->digest[i].byte[at] = (uint8_t)random_below(256);
    }
}

static void sign(subject *tried, batch *made) {
    uint8_t *signature[COL_RSA_LANES];
    const uint32_t key = random_below(KEYS);
    for (uint32_t i = 0; i < made->count; i++) {
        signature[i] = made->signature[i];
        made->which[i] = key;
    }
    const uint8_t good =
        col_rsa_sign(tried->context, tried->key[key], made->digest, made->count, signature);
    for (uint32_t i = 0; i < made->count; i++) {
        const bool valid =
            (good >> i & 1) != 0 && oracle_says(tried, key, made->signature[i], &made->digest[i]);
        tried->wrong += !valid;
    }
}

/// Spoils a bit of half of the signatures, or of their digests, or gives them to the other key.
static void spoil(batch *made, uint32_t bytes) {
    for (uint32_t i = 0; i < made->count; i++) {
        switch (random_below(6)) {
            case 0:
                made->signature[i][random_below(bytes)] ^= (uint8_t)(1 << random_below(8));
                break;
            case 1:
                made->digest[i].byte[random_below(32)] ^= (uint8_t)(1 << random_below(8));
                break;
            case 2:
                made->which[i] = 1 - made->which[i];
                break;
            default:
                break;
        }
    }
}

static void verify(subject *tried, const batch *made) {
    const col_rsa_key *key[COL_RSA_LANES];
    const uint8_t *signature[COL_RSA_LANES];
    for (uint32_t i = 0; i < made->count; i++) {
        key[i] = tried->key[made->which[i]];
        signature[i] = made->signature[i];
    }
    const uint8_t valid =
        col_rsa_verify_variable_time(tried->context, key, made->digest, signature, made->count);
    for (uint32_t i = 0; i < made->count; i++) {
        const bool expected = oracle_says(tried, made->which[i], signature[i], &made->digest[i]);
        tried->wrong += expected != (valid >> i & 1);
    }
}

int main(int count, char **argument) {
    if (!col_rsa_available()) return 77;
    const uint64_t operations = count > 1 ? strtoull(argument[1], NULL, 10) : 20000;
    const uint64_t seed = count > 2 ? strtoull(argument[2], NULL, 10) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 ": repeat with `%s %" PRIu64 " %" PRIu64 "` (keys are drawn anew)\n",
           seed, argument[0], operations, seed);
    fflush(stdout);
    random_state = seed;
    bool failed = operations == 0;
    for (uint32_t bits = 2048; bits <= 4096; bits += 1024) {
        static subject tried;
        static batch made;
        open_subject(&tried, bits);
        uint64_t done = 0;
        while (done < operations) {
            draw(&made);
            sign(&tried, &made);
            spoil(&made, tried.bytes);
            verify(&tried, &made);
            done += made.count;
        }
        printf("RSA-%u: %" PRIu64 " signatures, %" PRIu64 " verifications, %" PRIu64 " wrong\n",
               bits, done, done, tried.wrong);
        fflush(stdout);
        failed |= tried.wrong > 0;
        close_subject(&tried);
    }
    return failed;
}
