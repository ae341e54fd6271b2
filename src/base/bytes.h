// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Borrowed read-only bytes.
typedef struct {
    const uint8_t *at;
    size_t length;
} col_bytes;

/// A SHA-256 digest.
typedef struct {
    uint8_t byte[32];
} col_digest;

static inline bool col_digest_equal(const col_digest *a, const col_digest *b) {
    return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

/// An X25519 public key (RFC 7748).
typedef struct {
    uint8_t byte[32];
} col_exchange_key;

/// An IPv4 UDP endpoint, both fields in host byte order.
typedef struct {
    uint32_t address;
    uint16_t port;
} col_endpoint;
