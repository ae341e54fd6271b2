// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/backend.h"

/// An RSA private key of two primes, as devices take it: big-endian, each number as long as the
/// modulus or half as long. Its public exponent is 65537, as of all keys.
typedef struct {
    uint32_t modulus_bytes;
    uint8_t modulus[COL_SIGNATURE_BYTES_MAX];
    uint8_t prime[2][COL_SIGNATURE_BYTES_MAX / 2];     ///< p, q
    uint8_t exponent[2][COL_SIGNATURE_BYTES_MAX / 2];  ///< d modulo p-1, modulo q-1
    uint8_t inverse[COL_SIGNATURE_BYTES_MAX / 2];      ///< 1/q modulo p
} col_rsa_numbers;

/// Copy a key's numbers. The caller wipes them when the device has them.
/// @return false when it is no such key
bool col_rsa_numbers_read(const col_key *key, col_rsa_numbers *numbers);
void col_rsa_numbers_wipe(col_rsa_numbers *numbers);
