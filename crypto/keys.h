// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/backend.h"
#include "src/wire/message.h"

/// Make a key pair and write it as PEM (PKCS#8): `private_path` with mode 0600, refusing to
/// overwrite, and the public key (SubjectPublicKeyInfo) to `public_path`.
/// @param rsa_bits of COL_SCHEME_RSA: 2048, 3072 or 4096; not looked at for other schemes
/// @return error: size, file exists, cannot write.
COL_MUST_USE col_result col_key_generate(col_scheme scheme, uint32_t rsa_bits,
                                         const char *private_path, const char *public_path);

/// Read a private key: PEM, not encrypted, of the scheme that its place takes: RSA of a supported
/// size with the exponent 65537, Ed25519, EC on P-256 with a public half that is its own, or X25519
/// (COL_SCHEME_HMAC). The file must not be open to group or others.
/// @param key out, freed by col_key_destroy, which wipes it
COL_MUST_USE col_result col_key_read_private(const char *path, col_scheme scheme, col_key **key);

/// Read a public key of the scheme that its place takes, from a PEM file.
COL_MUST_USE col_result col_key_read_public(const char *path, col_scheme scheme, col_key **key);

void col_key_destroy(col_key *key);

col_scheme col_key_scheme(const col_key *key);

/// Always this many for one key: RSA 256, 384 or 512; Ed25519 and ECDSA 64.
uint32_t col_key_signature_bytes(const col_key *key);

/// SHA-256 of the public key's DER (SubjectPublicKeyInfo): what the genesis part hashes, and how a
/// private key is matched with a cluster file's entry.
void col_key_fingerprint(const col_key *key, col_digest *fingerprint);

/// The same of a public key file: what a cluster file is read with. @return as col_key_read_public
COL_MUST_USE col_result col_key_read_fingerprint(const char *path, col_scheme scheme,
                                                 col_digest *fingerprint);

/// Public keys by role and signer: who may seal what. Immutable, shared by threads.
typedef struct {
    uint32_t replicas;
    uint32_t clients;
    col_key *const *replica;  ///< [replicas]
    col_key *const *client;   ///< [clients], NULL entries are unknown clients
    col_digest cluster;       ///< cluster id, part of every seal
    bool macs;                ///< sessions have MACs, and signatures where something went wrong
} col_keyring;

/// The signer's key, or NULL when there is none. Key version 1 is the only one so far.
const col_key *col_keyring_find(const col_keyring *keyring, uint8_t role, uint32_t signer,
                                uint32_t key_version);
#define COL_KEY_VERSION 1

/// With what each side signs, for users: the first key's scheme, with the size of an RSA key, such
/// as "rsa-2048"; "none" where there is no key. And how requests and results of open sessions are
/// sealed: "signed" or "hmac".
typedef struct {
    char replicas[24];
    char clients[24];
    char sessions[8];
} col_signatures;

void col_keyring_describe(const col_keyring *keyring, col_signatures *signatures);
