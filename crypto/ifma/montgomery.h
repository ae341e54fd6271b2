// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/ifma/lanes.h"

/// Almost Montgomery multiplication, eight at once: R = 2^(52 limbs).
///
/// Limbs are *loose*: their low 52 bits are the number's, what stands above them is ignored by
/// multiplication and has to be masked for anything else (col_ifma_tighten).
///
/// Constant time: no branch and no address depends on a number.

/// An odd modulus per lane.
typedef struct {
    uint32_t limbs;      ///< a multiple of COL_LIMBS_BLOCK, 15 .. COL_LIMBS_MAX
    const col_lanes *m;  ///< [limbs], tight, below R / 256
    col_lanes k0;        ///< -1/m modulo 2^52
} col_modulus;

/// r = a * b / R modulo m: congruent to it, and below m + a * b / R.
///
/// Results of one another may be multiplied without end: from a, b < 16 m follows r < 2 m.
/// @param r out, [limbs]; may be a or b
/// Cost: 4 limbs^2 + limbs IFMA instructions.
/// Source: Montgomery 1985, product scanning; Gueron's "almost" variant needs no last subtraction.
void col_ifma_multiply(col_lanes *r, const col_lanes *a, const col_lanes *b,
                       const col_modulus *modulus);

/// The same with b = a, in 3 limbs^2 + 2 limbs IFMA instructions.
void col_ifma_square(col_lanes *r, const col_lanes *a, const col_modulus *modulus);

/// r = a * b, both of `limbs` and tight or loose.
/// @param r out, [2 limbs], loose, apart from a and b
void col_ifma_product(col_lanes *r, const col_lanes *a, const col_lanes *b, uint32_t limbs);
