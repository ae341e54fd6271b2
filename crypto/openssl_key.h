// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include "src/base/bytes.h"

/// What a col_key is inside this folder: keys.c makes it, the back ends use it.
struct col_key {
    EVP_PKEY *pkey;
    uint64_t serial;  ///< unique in the process, so that a table of contexts never meets a reused
                      ///< address
    uint32_t signature_bytes;
    bool has_private;
    col_digest fingerprint;
};
