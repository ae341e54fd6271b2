// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/ifma/lanes.h"

/// What numbers need besides multiplication. Constant time in the numbers.

/// Mask what stands above each limb's low 52 bits.
void col_ifma_tighten(col_lanes *x, uint32_t limbs);

/// r = a + b - c, tight, over `limbs`; modulo 2^(52 limbs).
/// @param a,b,c tight; b or c may be NULL for 0. r may be one of them.
void col_ifma_add_subtract(col_lanes *r, const col_lanes *a, const col_lanes *b, const col_lanes *c,
                           uint32_t limbs);

/// x mod m for a tight x < 2 m.
void col_ifma_subtract_once(col_lanes *x, const col_lanes *m, uint32_t limbs);

/// Lanes in which the tight a and b are equal. @return bit l: lane l
uint8_t col_ifma_equal(const col_lanes *a, const col_lanes *b, uint32_t limbs);

/// Lanes in which the tight a is below b. @return bit l: lane l
uint8_t col_ifma_below(const col_lanes *a, const col_lanes *b, uint32_t limbs);

/// Eight big-endian numbers become lanes.
/// @param bytes [COL_LANES], each of `length` bytes, at least 8
/// @param x out, tight, [limbs], which hold 8 * length bits at least
void col_ifma_from_bytes(col_lanes *x, uint32_t limbs, const uint8_t *const *bytes,
                         uint32_t length);

/// A tight number of `limbs` limbs becomes `length` big-endian bytes, a multiple of 8.
/// @param limb the lowest one; the next ones are `stride` words apart: COL_LANES for a lane
void col_ifma_to_bytes(uint8_t *bytes, uint32_t length, const uint64_t *limb, uint32_t stride,
                       uint32_t limbs);

/// Eight arrays of `words` 64-bit words become lanes, or one becomes all of them.
void col_ifma_from_words(col_lanes *x, uint32_t words, const uint64_t *const *word);
void col_ifma_broadcast(col_lanes *x, uint32_t words, const uint64_t *word);
