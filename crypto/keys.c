// SPDX-License-Identifier: Apache-2.0
#include "crypto/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/ifma/rsa.h"
#include "crypto/mac.h"
#include "crypto/openssl_key.h"
#include "src/base/assert.h"

#define PUBLIC_EXPONENT 65537

static atomic_uint_fast64_t next_serial = 1;

static bool size_is_supported(uint32_t bits) {
    return bits == 2048 || bits == 3072 || bits == 4096;
}

/// The reason of the newest OpenSSL error, for humans; empties the queue.
static const char *openssl_reason(void) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

static bool exponent_is_supported(const EVP_PKEY *pkey) {
    BIGNUM *exponent = NULL;
    if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent)) return false;
    const bool supported = BN_is_word(exponent, PUBLIC_EXPONENT);
    BN_free(exponent);
    return supported;
}

static void fingerprint_of(EVP_PKEY *pkey, col_digest *fingerprint) {
    uint8_t *der = NULL;
    const int length = i2d_PUBKEY(pkey, &der);
    COL_ASSERT(length > 0);
    COL_ASSERT(EVP_Digest(der, (size_t)length, fingerprint->byte, NULL, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
}

/// What OpenSSL calls the keys of a scheme.
static const char *type_of(col_scheme scheme) {
    switch (scheme) {
        case COL_SCHEME_RSA:
            return "RSA";
        case COL_SCHEME_ED25519:
            return "ED25519";
        case COL_SCHEME_ECDSA_P256:
            return "EC";
        case COL_SCHEME_HMAC:
            return "X25519";
        case COL_SCHEME_NONE:
            break;
    }
    COL_ASSERT(!"a scheme that has keys");
    return NULL;
}

static col_result check_rsa(const EVP_PKEY *pkey, const char *where) {
    const int bits = EVP_PKEY_get_bits(pkey);
    if (!size_is_supported((uint32_t)bits)) {
        return col_error("%s: this RSA key has %d bits: use one of 2048, 3072 or 4096 bits", where,
                         bits);
    }
    if (exponent_is_supported(pkey)) return col_ok();
    return col_error(
        "%s: the public exponent of this RSA key is not %d: make a pair with `colonnade keygen` or "
        "`openssl genrsa`",
        where, PUBLIC_EXPONENT);
}

static bool passes(EVP_PKEY *pkey, int (*check)(EVP_PKEY_CTX *)) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    COL_ASSERT(context);
    const bool passed = check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return passed;
}

static col_result check_ecdsa(EVP_PKEY *pkey, const char *where, bool has_private) {
    char curve[64] = "unknown";
    EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL);
    if (strcmp(curve, SN_X9_62_prime256v1) != 0) {
        return col_error(
            "%s: this EC key is on the curve %s and not on P-256: make a pair with `colonnade "
            "keygen --scheme ecdsa-p256`",
            where, curve);
    }
    if (!passes(pkey, EVP_PKEY_public_check_quick)) {
        return col_error(
            "%s: the point of this EC key is the one at infinity, and everybody could sign for it: "
            "make a pair with `colonnade keygen --scheme ecdsa-p256`",
            where);
    }
    // Only here a file says the public half beside the private one, and OpenSSL believes it.
    if (has_private && !passes(pkey, EVP_PKEY_pairwise_check)) {
        return col_error(
            "%s: the public half in this private key is another key's: make a pair with "
            "`colonnade keygen --scheme ecdsa-p256`",
            where);
    }
    // A key has one fingerprint, in whichever form its point was written.
    COL_ASSERT(EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                              "uncompressed") == 1 &&
               EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
                                              OSSL_PKEY_EC_ENCODING_GROUP) == 1);
    return col_ok();
}

static col_result check(EVP_PKEY *pkey, const char *where, bool has_private, col_scheme scheme) {
    if (!EVP_PKEY_is_a(pkey, type_of(scheme))) {
        const char *type = EVP_PKEY_get0_type_name(pkey);
        const char *name = col_scheme_name(scheme);
        return col_error(
            "%s: this %s key is of type %s, and its place takes %s: make a pair with `colonnade "
            "keygen --scheme %s`, or change `authentication` in the cluster file",
            where, has_private ? "private" : "public", type ? type : "unknown", name, name);
    }
    if (scheme == COL_SCHEME_RSA) return check_rsa(pkey, where);
    if (scheme == COL_SCHEME_ECDSA_P256) return check_ecdsa(pkey, where, has_private);
    return col_ok();
}

static uint32_t signature_bytes_of(const EVP_PKEY *pkey, col_scheme scheme) {
    if (scheme == COL_SCHEME_RSA) return (uint32_t)EVP_PKEY_get_size(pkey);
    return scheme == COL_SCHEME_HMAC ? COL_MAC_BYTES : COL_ELLIPTIC_BYTES;
}

col_result col_key_adopt(EVP_PKEY *pkey, const char *where, bool has_private, col_scheme scheme,
                         col_key **key) {
    const col_result result = check(pkey, where, has_private, scheme);
    if (!result.ok) {
        EVP_PKEY_free(pkey);
        return result;
    }
    col_key *made = calloc(1, sizeof *made);
    COL_ASSERT(made);
    made->pkey = pkey;
    made->serial = atomic_fetch_add_explicit(&next_serial, 1, memory_order_relaxed);
    made->scheme = scheme;
    made->signature_bytes = signature_bytes_of(pkey, scheme);
    made->has_private = has_private;
    if (scheme == COL_SCHEME_RSA && col_rsa_available()) {
        made->lanes = col_rsa_key_create(pkey, has_private, made->serial);
    }
    fingerprint_of(pkey, &made->fingerprint);
    *key = made;
    return col_ok();
}

/// Never asks for a passphrase: a replica starts without a terminal.
static int no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing;
    *(bool *)context = true;
    return -1;
}

static col_result open_private(const char *path, col_scheme scheme, int *descriptor) {
    const int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
        return col_error(
            "%s: cannot read the private key: %s: name a file that this user may read, or make a "
            "pair with `colonnade keygen --scheme %s`",
            path, strerror(errno), col_scheme_name(scheme));
    }
    struct stat status;
    if (fstat(opened, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(opened);
        return col_error("%s: is not a file: name the PEM file of a private key", path);
    }
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        close(opened);
        return col_error("%s: this private key is open to others (mode %04o): run `chmod 600 %s`",
                         path, (unsigned)(status.st_mode & 07777), path);
    }
    *descriptor = opened;
    return col_ok();
}

col_result col_key_read_private(const char *path, col_scheme scheme, col_key **key) {
    int descriptor = -1;
    COL_TRY(open_private(path, scheme, &descriptor));

    // A descriptor BIO keeps no buffer of its own that would outlive the key.
    BIO *bio = BIO_new_fd(descriptor, BIO_CLOSE);
    COL_ASSERT(bio);
    bool encrypted = false;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
    BIO_free(bio);
    if (encrypted) {
        ERR_clear_error();
        EVP_PKEY_free(pkey);
        return col_error(
            "%s: this private key is encrypted: decrypt it with `openssl pkey -in %s -out KEY` and "
            "protect the file instead",
            path, path);
    }
    if (!pkey) {
        ERR_clear_error();
        return col_error(
            "%s: no private key in PEM form: make a pair with `colonnade keygen --scheme %s`", path,
            col_scheme_name(scheme));
    }
    return col_key_adopt(pkey, path, true, scheme, key);
}

col_result col_key_read_public(const char *path, col_scheme scheme, col_key **key) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return col_error(
            "%s: cannot read the public key: %s: name a file that this user may read, or make a "
            "pair with `colonnade keygen --scheme %s`",
            path, strerror(errno), col_scheme_name(scheme));
    }
    BIO *bio = BIO_new_fd(descriptor, BIO_CLOSE);
    COL_ASSERT(bio);
    EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (!pkey) {
        ERR_clear_error();
        return col_error(
            "%s: no public key in PEM form: export one with `openssl pkey -in PRIVATE -pubout`",
            path);
    }
    return col_key_adopt(pkey, path, false, scheme, key);
}

static col_result create_file(const char *path, const char *what, mode_t mode, BIO **bio) {
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0 && errno == EEXIST) {
        return col_error("%s: exists, and a key is never overwritten: move it away first", path);
    }
    if (descriptor < 0) {
        return col_error(
            "%s: cannot write the %s key: %s: name a directory that this user may write", path,
            what, strerror(errno));
    }
    *bio = BIO_new_fd(descriptor, BIO_CLOSE);
    COL_ASSERT(*bio);
    return col_ok();
}

static col_result no_room(const char *path, const char *what, int reason) {
    ERR_clear_error();
    unlink(path);
    return col_error("%s: cannot write the %s key: %s: make room on the disk", path, what,
                     strerror(reason));
}

static col_result write_private(EVP_PKEY *pkey, const char *path) {
    BIO *bio = NULL;
    COL_TRY(create_file(path, "private", S_IRUSR | S_IWUSR, &bio));
    const bool written = PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    const int reason = errno;
    BIO_free(bio);
    return written ? col_ok() : no_room(path, "private", reason);
}

static col_result write_public(EVP_PKEY *pkey, const char *path) {
    BIO *bio = NULL;
    COL_TRY(create_file(path, "public", S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, &bio));
    const bool written = PEM_write_bio_PUBKEY(bio, pkey) == 1;
    const int reason = errno;
    BIO_free(bio);
    return written ? col_ok() : no_room(path, "public", reason);
}

static col_result make(col_scheme scheme, uint32_t rsa_bits, EVP_PKEY **pkey) {
    if (scheme == COL_SCHEME_RSA && !size_is_supported(rsa_bits)) {
        return col_error("an RSA key of %u bits: choose 2048, 3072 or 4096", rsa_bits);
    }
    switch (scheme) {
        case COL_SCHEME_RSA:
            *pkey = EVP_RSA_gen(rsa_bits);
            break;
        case COL_SCHEME_ED25519:
            *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
            break;
        case COL_SCHEME_ECDSA_P256:
            *pkey = EVP_EC_gen("P-256");
            break;
        case COL_SCHEME_HMAC:
            *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
            break;
        case COL_SCHEME_NONE:
            COL_ASSERT(!"a scheme that has keys");
    }
    if (*pkey) return col_ok();
    return col_error("cannot make a key of type %s: %s: see that `openssl genpkey` works",
                     type_of(scheme), openssl_reason());
}

col_result col_key_generate(col_scheme scheme, uint32_t rsa_bits, const char *private_path,
                            const char *public_path) {
    EVP_PKEY *pkey = NULL;
    COL_TRY(make(scheme, rsa_bits, &pkey));
    col_result result = write_private(pkey, private_path);
    if (result.ok) {
        result = write_public(pkey, public_path);
        if (!result.ok) unlink(private_path);  // half a pair is of no use and blocks the next try
    }
    EVP_PKEY_free(pkey);
    return result;
}

void col_key_destroy(col_key *key) {
    if (!key) return;
    EVP_PKEY_free(key->pkey);
    col_rsa_key_destroy(key->lanes);
    free(key);
}

col_scheme col_key_scheme(const col_key *key) {
    return key->scheme;
}

uint32_t col_key_signature_bytes(const col_key *key) {
    return key->signature_bytes;
}

void col_key_fingerprint(const col_key *key, col_digest *fingerprint) {
    *fingerprint = key->fingerprint;
}

col_result col_key_read_fingerprint(const char *path, col_scheme scheme, col_digest *fingerprint) {
    col_key *key = NULL;
    COL_TRY(col_key_read_public(path, scheme, &key));
    COL_ASSERT(key != NULL);  // read, as the result says
    col_key_fingerprint(key, fingerprint);
    col_key_destroy(key);
    return col_ok();
}

const col_key *col_keyring_find(const col_keyring *keyring, uint8_t role, uint32_t signer,
                                uint32_t key_version) {
    if (key_version != COL_KEY_VERSION) return NULL;
    if (role == COL_ROLE_REPLICA) {
        return signer < keyring->replicas ? keyring->replica[signer] : NULL;
    }
    if (role == COL_ROLE_CLIENT) {
        return signer < keyring->clients ? keyring->client[signer] : NULL;
    }
    return NULL;
}

static void describe(const col_key *key, char text[24]) {
    const char *name = key ? col_scheme_name(key->scheme) : "none";
    if (key && key->scheme == COL_SCHEME_RSA) {
        snprintf(text, 24, "%s-%u", name, 8 * key->signature_bytes);
    } else {
        snprintf(text, 24, "%s", name);
    }
}

void col_keyring_describe(const col_keyring *keyring, col_signatures *signatures) {
    describe(keyring->replicas > 0 ? keyring->replica[0] : NULL, signatures->replicas);
    describe(keyring->clients > 0 ? keyring->client[0] : NULL, signatures->clients);
    snprintf(signatures->sessions, sizeof signatures->sessions, "%s",
             keyring->macs ? "hmac" : "signed");
}
