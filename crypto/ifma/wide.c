// SPDX-License-Identifier: Apache-2.0
// Operand scanning: for each limb of b, lowest first, a * b[i] and the multiple of m that makes the
// lowest column zero are added, and all columns move down by one. What a * b contributes is known
// before, and m moves down in memory, so that the chain from one column to the next is only: find
// the multiple, have it in all lanes, multiply m by it, add that.
#include "crypto/ifma/wide.h"

#include "src/base/assert.h"

#define LOW _mm512_madd52lo_epu64
#define HIGH _mm512_madd52hi_epu64
#define ADD _mm512_add_epi64
#define VECTORS_MAX (COL_WIDE_LIMBS_MAX / 8)

COL_INLINE col_lanes load(const col_wide *x, int vector) {
    return _mm512_load_si512(x->limb + 8 * vector);
}

/// All one limb further up.
COL_INLINE col_lanes load_upper(const col_wide *x, int vector) {
    return _mm512_loadu_si512(x->limb + 8 * vector + 1);
}

COL_INLINE col_lanes everywhere(uint64_t limb) {
    return _mm512_set1_epi64((int64_t)limb);
}

/// Carry out of each limb into the next one: all that is above 52 bits, then the few carries that
/// remain, and those that ripple through limbs of all ones, by adding up masks: 2 over + full,
/// whose bits differ from full's where a limb is incremented.
COL_INLINE void normalise(col_wide *r, col_lanes *sum, int vectors) {
    const col_lanes mask = everywhere(COL_LIMB_MASK);
    col_lanes below = _mm512_setzero_si512();
    uint32_t carried = 0;  // into the next vector
    for (int v = 0; v < vectors; v++) {
        const col_lanes carry = _mm512_srli_epi64(sum[v], COL_LIMB_BITS);
        sum[v] = ADD(_mm512_and_si512(sum[v], mask), _mm512_alignr_epi64(carry, below, 7));
        below = carry;
        const uint32_t over = _mm512_cmpgt_epu64_mask(sum[v], mask);
        const uint32_t full = _mm512_cmpeq_epi64_mask(sum[v], mask);
        carried += 2 * over + full;
        const __mmask8 incremented = (__mmask8)(carried ^ full);
        carried >>= 8;
        sum[v] = _mm512_mask_add_epi64(sum[v], incremented, sum[v], everywhere(1));
        _mm512_store_si512(r->limb + 8 * v, _mm512_and_si512(sum[v], mask));
    }
    r->limb[8 * vectors] = 0;  // read as the limb above the highest
}

/// `numbers` multiplications with `vectors` vectors each: constants, so that all loops unroll.
COL_INLINE void multiply(col_wide *r, const col_wide *a, const col_wide *b,
                         const col_wide_modulus *modulus, int numbers, int vectors) {
    const col_lanes zero = _mm512_setzero_si512();
    // Added to the lowest column c: the carry out of it, once a multiple of m has made it 0 modulo
    // 2^52, is (c + 2^52 - 1) >> 52, whatever the multiple.
    const col_lanes bias = _mm512_maskz_set1_epi64(1, (int64_t)COL_LIMB_MASK);
    col_lanes sum[2][VECTORS_MAX];
    COL_UNROLL for (int n = 0; n < numbers; n++) {
        COL_UNROLL for (int v = 0; v < vectors; v++) {
            sum[n][v] = LOW(v == 0 ? bias : zero, load(&a[n], v), everywhere(b[n].limb[0]));
        }
    }
    const uint32_t limbs = modulus->limbs;
    for (uint32_t i = 0; i < limbs; i++) {
        COL_UNROLL for (int n = 0; n < numbers; n++) {
            // The bias took 1 from the column, so k0 is added once.
            const col_lanes k0 = everywhere(modulus[n].k0);
            const col_lanes low = LOW(k0, sum[n][0], k0);
            const col_lanes q = _mm512_broadcastq_epi64(_mm512_castsi512_si128(low));
            const col_lanes digit = everywhere(b[n].limb[i]);
            const col_lanes next = everywhere(b[n].limb[i + 1]);
            const col_lanes carry = _mm512_maskz_srli_epi64(1, sum[n][0], COL_LIMB_BITS);
            col_lanes above[VECTORS_MAX];
            COL_UNROLL for (int v = 0; v < vectors; v++) {
                above[v] = HIGH(v == 0 ? bias : zero, load(&a[n], v), digit);
                above[v] = LOW(above[v], load(&a[n], v), next);
            }
            COL_UNROLL for (int v = 0; v < vectors; v++) {
                sum[n][v] =
                    _mm512_alignr_epi64(v + 1 < vectors ? sum[n][v + 1] : zero, sum[n][v], 1);
            }
            sum[n][0] = ADD(sum[n][0], carry);
            COL_UNROLL for (int v = 0; v < vectors; v++) {
                sum[n][v] = LOW(sum[n][v], load_upper(&modulus[n].m, v), q);
                above[v] = HIGH(above[v], load(&modulus[n].m, v), q);
            }
            COL_UNROLL for (int v = 0; v < vectors; v++) sum[n][v] = ADD(sum[n][v], above[v]);
        }
    }
    COL_UNROLL for (int n = 0; n < numbers; n++) {
        sum[n][0] = _mm512_sub_epi64(sum[n][0], bias);
        normalise(&r[n], sum[n], vectors);
    }
}

/// @param numbers a constant
COL_INLINE void multiply_by_size(col_wide *r, const col_wide *a, const col_wide *b,
                                 const col_wide_modulus *modulus, int numbers, uint32_t limbs) {
    switch (limbs) {
        case 20:
            multiply(r, a, b, modulus, numbers, 3);
            break;
        case 30:
            multiply(r, a, b, modulus, numbers, 4);
            break;
        case 40:
            multiply(r, a, b, modulus, numbers, 5);
            break;
        case 60:
            multiply(r, a, b, modulus, numbers, 8);
            break;
        default:
            COL_ASSERT(limbs == 80);
            multiply(r, a, b, modulus, numbers, 10);
    }
}

void col_wide_multiply(col_wide *r, const col_wide *a, const col_wide *b,
                       const col_wide_modulus *modulus) {
    multiply_by_size(r, a, b, modulus, 1, modulus->limbs);
}

void col_wide_multiply_pair(col_wide *r, const col_wide *a, const col_wide *b,
                            const col_wide_modulus *modulus) {
    const uint32_t limbs = modulus->limbs;
    COL_ASSERT(modulus[1].limbs == limbs && limbs <= COL_PRIME_LIMBS_MAX);
    multiply_by_size(r, a, b, modulus, 2, limbs);
}
