// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

/// Numbers of eight operations at once: limb i of all eight in one vector, radix 2^52, least
/// significant limb first. Included only by files that are compiled for AVX-512 IFMA.
typedef __m512i col_lanes;

#define COL_LANES 8
#define COL_LIMB_BITS 52
#define COL_LIMB_MASK ((UINT64_C(1) << COL_LIMB_BITS) - 1)

/// Limbs are multiplied in blocks of this many: their sums of columns and one multiplicand stay in
/// registers. Every number has a multiple of it.
#define COL_LIMBS_BLOCK 5
/// Of an RSA modulus of 4096 bits, with room above it; of one of its primes.
#define COL_LIMBS_MAX 80
#define COL_PRIME_LIMBS_MAX (COL_LIMBS_MAX / 2)

/// Limbs of a modulus of `bits` (2048, 3072, 4096: 40, 60, 80) and twice those of its primes. At
/// least 8 bits above the number stay free, which col_ifma_multiply needs.
static inline uint32_t col_limbs_of(uint32_t bits) {
    return bits / 1024 * 20;
}

#if defined __clang__
#define COL_UNROLL _Pragma("unroll")
#else
#define COL_UNROLL _Pragma("GCC unroll 16")
#endif
#define COL_INLINE static inline __attribute__((always_inline))
