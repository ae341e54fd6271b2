// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/base/scheme.h"

/// A key as a back end holds it: created from PEM, opaque. It knows its scheme.
typedef struct col_key col_key;

#define COL_BACKEND_LANES_MAX 8

/// One signature to make, by the key's scheme. `message` is the root text, hashed by the scheme.
typedef struct {
    const col_key *key;
    col_bytes message;
    uint8_t *signature;  ///< out, col_key_signature_bytes(key) bytes
} col_sign_job;

/// One signature to check, by the key's scheme.
typedef struct {
    const col_key *key;
    col_bytes message;
    col_bytes signature;
    bool valid;  ///< out
} col_verify_job;

/// A way to compute signatures. All calls take n operations at once, so that a back end with eight
/// lanes is used as one; tests compare back ends with each other and count their calls.
///
/// Thread: functions may be called from any thread, with one context per thread.
typedef struct {
    const char *name;  ///< "openssl"
    uint32_t lanes;    ///< operations that run together, 1 .. COL_BACKEND_LANES_MAX
    bool (*available)(void);
    void *(*context_create)(void);
    void (*context_destroy)(void *context);
    /// Private operation. Constant time in the key.
    void (*sign)(void *context, col_sign_job *job, uint32_t count);
    /// Public operation.
    void (*verify_variable_time)(void *context, col_verify_job *job, uint32_t count);
} col_backend;

/// The fastest available back end. Never NULL.
const col_backend *col_backend_best(void);

/// The portable one, and the oracle of tests.
extern const col_backend col_backend_openssl;

/// RSA in eight lanes, on CPUs with AVX-512 IFMA (crypto/ifma).
extern const col_backend col_backend_ifma;
