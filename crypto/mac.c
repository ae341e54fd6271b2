// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/hashing_internal.h"
#include "src/base/assert.h"

#define BLOCK_BYTES 64

struct col_macs {
    IMB_MGR *manager;  ///< NULL where ipsec-mb does not run
    IMB_JOB job[IMB_MAX_BURST_SIZE];
};

static void absorb_block(const col_mac_key *key, uint8_t pad, uint8_t state[32]) {
    const IMB_MGR *manager = col_ipsec_manager_shared();
    if (manager == NULL) return;
    uint8_t block[BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < sizeof key->secret; i++) block[i] ^= key->secret[i];
    IMB_SHA256_ONE_BLOCK(manager, block, state);
    OPENSSL_cleanse(block, sizeof block);
}

void col_mac_key_init(col_mac_key *key, const uint8_t secret[COL_MAC_SECRET_BYTES]) {
    *key = (col_mac_key){0};
    memcpy(key->secret, secret, sizeof key->secret);
    absorb_block(key, 0x36, key->inner);
    absorb_block(key, 0x5c, key->outer);
}

void col_mac_key_wipe(col_mac_key *key) {
    OPENSSL_cleanse(key, sizeof *key);
}

col_macs *col_macs_create(void) {
    col_macs *macs = calloc(1, sizeof *macs);
    COL_ASSERT(macs);
    macs->manager = col_ipsec_manager_create();
    return macs;
}

void col_macs_destroy(col_macs *macs) {
    if (macs == NULL) return;
    if (macs->manager != NULL) free_mb_mgr(macs->manager);
    free(macs);
}

static void compute_one(EVP_MAC_CTX *context, const col_mac_job *job) {
    COL_ASSERT(job->message.length > 0);
    uint8_t full[32];
    size_t length;
    COL_ASSERT(EVP_MAC_init(context, job->key->secret, sizeof job->key->secret, NULL) == 1 &&
               EVP_MAC_update(context, job->message.at, job->message.length) == 1 &&
               EVP_MAC_final(context, full, &length, sizeof full) == 1);
    memcpy(job->mac, full, COL_MAC_BYTES);
}

void col_macs_compute_portable(const col_mac_job *job, uint32_t count) {
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    COL_ASSERT(EVP_MAC_CTX_set_params(context, parameters) == 1);
    for (uint32_t i = 0; i < count; i++) compute_one(context, &job[i]);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(hmac);
}

static void describe(IMB_JOB *to, const col_mac_job *job) {
    COL_ASSERT(job->message.length > 0);
    to->src = job->message.at;
    to->hash_start_src_offset_in_bytes = 0;
    to->msg_len_to_hash_in_bytes = job->message.length;
    to->auth_tag_output = job->mac;
    to->auth_tag_output_len_in_bytes = COL_MAC_BYTES;
    to->u.HMAC._hashed_auth_key_xor_ipad = job->key->inner;
    to->u.HMAC._hashed_auth_key_xor_opad = job->key->outer;
}

void col_macs_compute(col_macs *macs, const col_mac_job *job, uint32_t count) {
    if (macs->manager == NULL) {
        col_macs_compute_portable(job, count);
        return;
    }
    for (uint32_t first = 0; first < count; first += IMB_MAX_BURST_SIZE) {
        const uint32_t left = count - first;
        const uint32_t jobs = left < IMB_MAX_BURST_SIZE ? left : IMB_MAX_BURST_SIZE;
        for (uint32_t i = 0; i < jobs; i++) describe(&macs->job[i], &job[first + i]);
        const uint32_t done =
            IMB_SUBMIT_HASH_BURST_NOCHECK(macs->manager, macs->job, jobs, IMB_AUTH_HMAC_SHA_256);
        COL_ASSERT(done == jobs);
    }
}

bool col_mac_equal(const uint8_t a[COL_MAC_BYTES], const uint8_t b[COL_MAC_BYTES]) {
    return CRYPTO_memcmp(a, b, COL_MAC_BYTES) == 0;
}
