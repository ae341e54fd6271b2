// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto/hashing.h"
#include "crypto/hashing_internal.h"
#include "src/base/assert.h"

typedef struct {
    col_owned_hasher owned;
    EVP_MD *sha256;
    EVP_MD_CTX *context;
} openssl_hasher;

static void digest(const col_hasher *hasher, const col_bytes *message, uint32_t count,
                   col_digest *out) {
    const openssl_hasher *self = (const openssl_hasher *)hasher;
    for (uint32_t i = 0; i < count; i++) {
        COL_ASSERT(EVP_DigestInit_ex2(self->context, self->sha256, NULL) == 1 &&
                   EVP_DigestUpdate(self->context, message[i].at, message[i].length) == 1 &&
                   EVP_DigestFinal_ex(self->context, out[i].byte, NULL) == 1);
    }
}

static void destroy(col_owned_hasher *owned) {
    openssl_hasher *self = (openssl_hasher *)owned;
    EVP_MD_CTX_free(self->context);
    EVP_MD_free(self->sha256);
    free(self);
}

col_hasher *col_hasher_openssl_create(void) {
    openssl_hasher *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->owned = (col_owned_hasher){.hasher = {digest}, .name = "openssl", .destroy = destroy};
    self->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->context = EVP_MD_CTX_new();
    COL_ASSERT(self->sha256 && self->context);
    return &self->owned.hasher;
}
