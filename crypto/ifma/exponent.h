// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/ifma/montgomery.h"

/// r = x^e, each lane with its own exponent, all in Montgomery form. Constant time in base and
/// exponent: fixed windows of COL_WINDOW_BITS, and each look-up reads the whole table.
///
/// @param r out, loose; may be x
/// @param one R modulo m
/// @param exponent [bits / 64], 64 bits per word, least significant first
/// @param bits a multiple of 64
#define COL_WINDOW_BITS 4
void col_ifma_power_secret(col_lanes *r, const col_lanes *x, const col_lanes *one,
                           const col_lanes *exponent, uint32_t bits, const col_modulus *modulus);

/// r = x^65537 modulo m, below 2 m, of a plain x (not in Montgomery form), x < 2 m.
/// @param square R^2 modulo m @param r out, loose, not x
/// Cost: 16 squares and 2 products.
void col_ifma_power_65537(col_lanes *r, const col_lanes *x, const col_lanes *square,
                          const col_modulus *modulus);

/// All ones in the lanes where x is `value`, else zeros.
COL_INLINE col_lanes col_ifma_is(col_lanes x, int value) {
    return _mm512_movm_epi64(_mm512_cmpeq_epi64_mask(x, _mm512_set1_epi64(value)));
}
