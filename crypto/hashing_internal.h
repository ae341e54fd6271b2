// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/hashing.h"

/// What every hasher of this folder starts with: the public table, then what its owner needs.
typedef struct col_owned_hasher {
    col_hasher hasher;
    const char *name;
    void (*destroy)(struct col_owned_hasher *self);
} col_owned_hasher;
