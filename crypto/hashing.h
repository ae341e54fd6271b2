// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/hasher.h"

/// Makers of hashers (src/base/hasher.h).

/// Bulk SHA-256 through intel-ipsec-mb, with the faster of its managers for this CPU, measured once
/// per process. @return NULL when the CPU lacks what ipsec-mb needs (then use OpenSSL's).
col_hasher *col_hasher_ipsec_create(void);

/// SHA-256 through OpenSSL, its algorithm fetched once.
col_hasher *col_hasher_openssl_create(void);

/// The best one for this CPU. Never NULL. Freed by col_hasher_destroy.
col_hasher *col_hasher_create(void);
void col_hasher_destroy(col_hasher *hasher);
const char *col_hasher_name(const col_hasher *hasher);
