// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/ifma/lanes.h"

/// One number across the lanes: eight limbs to a vector, for an operation that comes alone. The
/// same radix and the same R as with eight numbers (crypto/ifma/montgomery.h), so that constants
/// serve both.
///
/// Limbs are loose there, too, and what is said of bounds and of constant time there holds here.

/// Room for a number and for the zeros that fill its last vector.
#define COL_WIDE_LIMBS_MAX (COL_LIMBS_MAX + 8)

typedef struct {
    uint64_t limb[COL_WIDE_LIMBS_MAX];  ///< 0 from the number's highest to the end of its last
                                        ///< vector, and one more
} __attribute__((aligned(64))) col_wide;

/// A modulus of 20, 30, 40, 60 or 80 limbs.
typedef struct {
    uint32_t limbs;
    uint64_t k0;  ///< -1/m modulo 2^52
    col_wide m;
} col_wide_modulus;

/// r = a * b / R modulo m; r may be a or b.
/// Cost: 4 limbs^2 / 8 IFMA instructions in a chain of 15 cycles per limb.
void col_wide_multiply(col_wide *r, const col_wide *a, const col_wide *b,
                       const col_wide_modulus *modulus);

/// Two of them at once, with moduli of the same size, at most 40 limbs: each fills the other's
/// waits.
/// @param r,a,b,modulus [2]
void col_wide_multiply_pair(col_wide *r, const col_wide *a, const col_wide *b,
                            const col_wide_modulus *modulus);
