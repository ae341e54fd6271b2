// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// What an RSA signature encloses: PKCS#1 v1.5 with SHA-256.
/// Source: RFC 8017, section 9.2
/// @param encoded `length` bytes, as many as the modulus has
static inline void col_rsa_message_encode(const col_digest *digest, uint8_t *encoded,
                                          uint32_t length) {
    // DigestInfo without the digest (note 1).
    static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    uint8_t *end = encoded + length - sizeof digest->byte;
    memset(encoded, 0xff, length);
    encoded[0] = 0;
    encoded[1] = 1;
    end[-(int)sizeof info - 1] = 0;
    memcpy(end - sizeof info, info, sizeof info);
    memcpy(end, digest->byte, sizeof digest->byte);
}
