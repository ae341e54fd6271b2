// SPDX-License-Identifier: Apache-2.0
#include "crypto/exchange.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <pthread.h>

#include "crypto/openssl_key.h"
#include "src/base/assert.h"
#include "src/base/cursor.h"

/// Keeps these keys apart from every other use of HKDF.
#define DOMAIN "colonnade hmac 1"
#define DOMAIN_BYTES 16
#define INFO_BYTES (DOMAIN_BYTES + 4 + 1 + 8 + sizeof(col_exchange_key) + 4)

static EVP_KDF *hkdf;
static pthread_once_t hkdf_fetched = PTHREAD_ONCE_INIT;

static void fetch_hkdf(void) {
    hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

static bool agree(const col_key *own, const col_exchange_key *peer, uint8_t secret[32]) {
    EVP_PKEY *other =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer->byte, sizeof peer->byte);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
    size_t length = 32;
    COL_ASSERT(other && context && EVP_PKEY_derive_init(context) == 1);
    const bool agreed = EVP_PKEY_derive_set_peer(context, other) == 1 &&
                        EVP_PKEY_derive(context, secret, &length) == 1;
    ERR_clear_error();
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    return agreed;
}

static void write_info(const col_link *link, uint8_t info[INFO_BYTES]) {
    col_writer writer = col_writer_of(info, INFO_BYTES);
    col_write_bytes(&writer, (col_bytes){(const uint8_t *)DOMAIN, DOMAIN_BYTES});
    col_write_u32(&writer, link->client);
    col_write_u8(&writer, link->pillar);
    col_write_u64(&writer, link->nonce);
    col_write_bytes(&writer, (col_bytes){link->share->byte, sizeof link->share->byte});
    col_write_u32(&writer, link->replica);
    COL_ASSERT(!writer.failed && col_writer_used(&writer) == INFO_BYTES);
}

static void expand(uint8_t secret[32], const col_link *link, uint8_t *keys, size_t length) {
    uint8_t info[INFO_BYTES];
    write_info(link, info);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, 32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)link->cluster->byte,
                                          sizeof link->cluster->byte),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info),
        OSSL_PARAM_construct_end()};
    COL_ASSERT(pthread_once(&hkdf_fetched, fetch_hkdf) == 0);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(hkdf);
    COL_ASSERT(EVP_KDF_derive(context, keys, length, parameters) == 1);
    EVP_KDF_CTX_free(context);
}

bool col_link_keys_derive(const col_key *own, const col_exchange_key *peer, const col_link *link,
                          col_link_keys *keys) {
    COL_ASSERT(own->scheme == COL_SCHEME_HMAC && own->has_private);
    uint8_t secret[32];
    uint8_t both[2 * COL_MAC_SECRET_BYTES];
    if (!agree(own, peer, secret)) return false;
    expand(secret, link, both, sizeof both);
    col_mac_key_init(&keys->request, both);
    col_mac_key_init(&keys->reply, both + COL_MAC_SECRET_BYTES);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(both, sizeof both);
    return true;
}

void col_exchange_share(const col_key *key, col_exchange_key *share) {
    size_t length = sizeof share->byte;
    COL_ASSERT(key->scheme == COL_SCHEME_HMAC &&
               EVP_PKEY_get_raw_public_key(key->pkey, share->byte, &length) == 1);
}

col_key *col_exchange_generate(col_exchange_key *share) {
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    col_key *key = NULL;
    COL_ASSERT(pkey && col_key_adopt(pkey, "session", true, COL_SCHEME_HMAC, &key).ok);
    col_exchange_share(key, share);
    return key;
}
