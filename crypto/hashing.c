// SPDX-License-Identifier: Apache-2.0
#include "crypto/hashing.h"

#include "crypto/hashing_internal.h"

col_hasher *col_hasher_create(void) {
    col_hasher *ipsec = col_hasher_ipsec_create();
    return ipsec ? ipsec : col_hasher_openssl_create();
}

void col_hasher_destroy(col_hasher *hasher) {
    if (!hasher) return;
    col_owned_hasher *owned = (col_owned_hasher *)hasher;
    owned->destroy(owned);
}

const char *col_hasher_name(const col_hasher *hasher) {
    return ((const col_owned_hasher *)hasher)->name;
}
