// SPDX-License-Identifier: Apache-2.0
#pragma once

#define NO_COMPAT_IMB_API_053  // its short names collide with OpenSSL's
#include <intel-ipsec-mb.h>

#include "crypto/hashing.h"

/// What every hasher of this folder starts with: the public table, then what its owner needs.
typedef struct col_owned_hasher {
    col_hasher hasher;
    const char *name;
    void (*destroy)(struct col_owned_hasher *self);
} col_owned_hasher;

/// A manager of the architecture that hashing_ipsec.c found the fastest, freed by free_mb_mgr.
/// @return NULL when none runs on this CPU
IMB_MGR *col_ipsec_manager_create(void);

/// One that all threads share, for its functions without state: sha256_one_block.
const IMB_MGR *col_ipsec_manager_shared(void);
