// SPDX-License-Identifier: Apache-2.0
// Product scanning in blocks of five limbs. Column c of a product is the sum of a[i] * b[c - i]; a
// block of five by five limbs adds to ten columns, which stay in registers while all blocks of one
// diagonal are added, and of which the low five are then complete.
//
// What bounds the speed is the unit of vpmadd52 (one or two per cycle, four cycles of latency), so:
// - sums are kept twice per column, else the chains of additions would be longer than the work;
// - reducing the low five columns is one long chain, so the next diagonal's first block is mixed
// in;
// - other vector instructions share the unit on some CPUs, so there are few of them.
#include "crypto/ifma/montgomery.h"

#include "src/base/assert.h"

#define BLOCK COL_LIMBS_BLOCK
#define LOW _mm512_madd52lo_epu64
#define HIGH _mm512_madd52hi_epu64

/// Two partial sums for each of the columns d .. d + 2 BLOCK - 1 of a diagonal d.
typedef struct {
    col_lanes a[2 * BLOCK];
    col_lanes b[2 * BLOCK];
} columns;

/// The columns above the low ones, which move down: all that the next diagonal starts with.
COL_INLINE void start_diagonal(columns *sum, const col_lanes *above) {
    COL_UNROLL for (int i = 0; i < 2 * BLOCK; i++) {
        sum->a[i] = i < BLOCK ? above[i] : _mm512_setzero_si512();
        sum->b[i] = _mm512_setzero_si512();
    }
}

/// Add x * y. `corner` is used instead of y[0] for x[BLOCK - 1] (see doubled).
COL_INLINE void add_block(columns *sum, const col_lanes *x, const col_lanes *y, col_lanes corner) {
    col_lanes factor[BLOCK];
    COL_UNROLL for (int i = 0; i < BLOCK; i++) factor[i] = x[i];
    COL_UNROLL for (int j = 0; j < BLOCK; j++) {
        const col_lanes other = y[j];
        const col_lanes last = j == 0 ? corner : other;
        COL_UNROLL for (int i = 0; i < BLOCK; i++) {
            sum->a[i + j] = LOW(sum->a[i + j], factor[i], i == BLOCK - 1 ? last : other);
        }
        COL_UNROLL for (int i = 0; i < BLOCK; i++) {
            sum->b[i + j + 1] = HIGH(sum->b[i + j + 1], factor[i], i == BLOCK - 1 ? last : other);
        }
    }
}

COL_INLINE void join(col_lanes column[2 * BLOCK], const columns *sum) {
    COL_UNROLL for (int i = 0; i < 2 * BLOCK - 1; i++) {
        column[i] = _mm512_add_epi64(sum->a[i], sum->b[i]);
    }
    column[2 * BLOCK - 1] = sum->b[2 * BLOCK - 1];
}

/// What the low columns are started with wherever they are to be reduced: the carry out of a column
/// c that a multiple of m makes 0 modulo 2^52 is (c + 2^52 - 1) >> 52, without that multiple's low
/// half ever being computed.
COL_INLINE col_lanes bias(void) {
    return _mm512_set1_epi64((int64_t)COL_LIMB_MASK);
}

COL_INLINE void start_columns(columns *sum, col_lanes low) {
    COL_UNROLL for (int i = 0; i < 2 * BLOCK; i++) {
        sum->a[i] = i < BLOCK ? low : _mm512_setzero_si512();
        sum->b[i] = _mm512_setzero_si512();
    }
}

/// Make the low columns (biased) zero by adding q * m, and move the upper ones to sum->a. Meanwhile
/// x * y is added to sum->b, which is started with `low`.
COL_INLINE void reduce_and_add_block(columns *sum, col_lanes column[2 * BLOCK], col_lanes *q,
                                     const col_modulus *modulus, col_lanes low, const col_lanes *x,
                                     const col_lanes *y, col_lanes corner) {
    const col_lanes *m = modulus->m;
    COL_UNROLL for (int i = 0; i < 2 * BLOCK; i++) {
        sum->b[i] = i < BLOCK ? low : _mm512_setzero_si512();
    }
    COL_UNROLL for (int k = 0; k < BLOCK; k++) {
        // The bias took 1 from the column, so k0 is added once: q = column * k0.
        q[k] = LOW(modulus->k0, column[k], modulus->k0);
        const col_lanes other = y[k];
        const col_lanes last = k == 0 ? corner : other;
        COL_UNROLL for (int i = 0; i < BLOCK; i++) {
            sum->b[i + k] = LOW(sum->b[i + k], x[i], i == BLOCK - 1 ? last : other);
        }
        const col_lanes carry = HIGH(_mm512_srli_epi64(column[k], COL_LIMB_BITS), q[k], m[0]);
        column[k + 1] = LOW(column[k + 1], q[k], m[1]);
        COL_UNROLL for (int j = 1; j < BLOCK; j++) {
            column[k + j + 1] = HIGH(column[k + j + 1], q[k], m[j]);
        }
        column[k + 1] = _mm512_add_epi64(column[k + 1], carry);
        COL_UNROLL for (int j = 2; j < BLOCK; j++) {
            column[k + j] = LOW(column[k + j], q[k], m[j]);
        }
        COL_UNROLL for (int i = 0; i < BLOCK; i++) {
            sum->b[i + k + 1] = HIGH(sum->b[i + k + 1], x[i], i == BLOCK - 1 ? last : other);
        }
    }
    COL_UNROLL for (int i = 0; i < 2 * BLOCK; i++) {
        sum->a[i] = i < BLOCK ? column[BLOCK + i] : _mm512_setzero_si512();
    }
}

/// Carry through the low columns into r. @return the carry out of them
COL_INLINE col_lanes write_limbs(col_lanes *r, const col_lanes *column, col_lanes carry) {
    COL_UNROLL for (int i = 0; i < BLOCK; i++) {
        r[i] = _mm512_add_epi64(column[i], carry);
        carry = _mm512_srli_epi64(r[i], COL_LIMB_BITS);
    }
    return carry;
}

/// The blocks of diagonal `d` of x * y whose x starts in first .. end.
COL_INLINE void add_blocks(columns *sum, const col_lanes *x, const col_lanes *y, int d, int first,
                           int end) {
    for (int i = first; i < end; i += BLOCK) add_block(sum, x + i, y + d - i, y[d - i]);
}

void col_ifma_multiply(col_lanes *r, const col_lanes *a, const col_lanes *b,
                       const col_modulus *modulus) {
    COL_ASSERT(modulus->limbs >=
               3 * BLOCK);  // the block mixed into a reduction is off the diagonal
    const int limbs = (int)modulus->limbs;
    const col_lanes *m = modulus->m;
    col_lanes q[COL_LIMBS_MAX];
    col_lanes column[2 * BLOCK];
    columns sum;
    start_columns(&sum, bias());
    add_block(&sum, a, b, b[0]);
    for (int d = 0; d < limbs; d += BLOCK) {
        add_blocks(&sum, a, b, d, BLOCK, d + 1);
        add_blocks(&sum, q, m, d, 0, d);
        join(column, &sum);
        const bool is_last = d + BLOCK == limbs;
        const int i = is_last ? BLOCK : 0;
        const col_lanes *other = b + d + BLOCK - i;
        reduce_and_add_block(&sum, column, q + d, modulus,
                             is_last ? _mm512_setzero_si512() : bias(), a + i, other, other[0]);
    }
    col_lanes carry = _mm512_setzero_si512();
    for (int d = limbs; d < 2 * limbs - BLOCK; d += BLOCK) {
        const int first = d - limbs + BLOCK;
        add_blocks(&sum, a, b, d, d == limbs ? first + BLOCK : first, limbs);
        add_blocks(&sum, q, m, d, first, limbs);
        join(column, &sum);
        // Of a and b only limbs from `first` on are read from here on: r may be one of them.
        carry = write_limbs(r + d - limbs, column, carry);
        start_diagonal(&sum, column + BLOCK);
    }
    write_limbs(r + limbs - BLOCK, sum.a, carry);
}

/// 2 a, so that the products of different limbs need to be added once. A limb of 2 a holds the top
/// bit of the limb of a below it, which is not to be multiplied by that limb itself: for neighbours
/// stands `even`, without that bit.
typedef struct {
    col_lanes even[COL_LIMBS_MAX];
    col_lanes all[COL_LIMBS_MAX];
} doubled;

COL_INLINE col_lanes double_limbs(doubled *twice, const col_lanes *a, int first, col_lanes below) {
    COL_UNROLL for (int i = first; i < first + BLOCK; i++) {
        twice->even[i] = _mm512_add_epi64(a[i], a[i]);
        const col_lanes top = _mm512_srli_epi64(below, COL_LIMB_BITS - 1);
        const col_lanes bit = _mm512_and_si512(top, _mm512_set1_epi64(1));
        twice->all[i] = _mm512_or_si512(twice->even[i], bit);
        below = a[i];
    }
    return below;
}

/// The square of a's block at `i`: the limbs' squares and twice their products.
COL_INLINE void add_square_block(columns *sum, const col_lanes *a, const doubled *twice, int i) {
    COL_UNROLL for (int x = 0; x < BLOCK; x++) {
        const col_lanes factor = a[i + x];
        COL_UNROLL for (int y = x; y < BLOCK; y++) {
            const col_lanes other = y == x       ? factor
                                    : y == x + 1 ? twice->even[i + y]
                                                 : twice->all[i + y];
            sum->a[x + y] = LOW(sum->a[x + y], factor, other);
            sum->b[x + y + 1] = HIGH(sum->b[x + y + 1], factor, other);
        }
    }
}

COL_INLINE col_lanes corner_of(const doubled *twice, int x, int y) {
    return y == x + BLOCK ? twice->even[y] : twice->all[y];
}

/// The blocks of diagonal `d` of a * a from `first` on, each pair once.
COL_INLINE void add_square(columns *sum, const col_lanes *a, const doubled *twice, int d,
                           int first) {
    int i = first;
    for (; i < d - i; i += BLOCK) {
        add_block(sum, a + i, twice->all + d - i, corner_of(twice, i, d - i));
    }
    if (i == d - i) add_square_block(sum, a, twice, i);
}

void col_ifma_square(col_lanes *r, const col_lanes *a, const col_modulus *modulus) {
    COL_ASSERT(modulus->limbs >=
               3 * BLOCK);  // the block mixed into a reduction is off the diagonal
    const int limbs = (int)modulus->limbs;
    const col_lanes *m = modulus->m;
    doubled twice;
    col_lanes below = double_limbs(&twice, a, 0, _mm512_setzero_si512());
    col_lanes q[COL_LIMBS_MAX];
    col_lanes column[2 * BLOCK];
    columns sum;
    start_columns(&sum, bias());
    for (int d = 0; d < limbs; d += BLOCK) {
        add_square(&sum, a, &twice, d, d > 0 ? BLOCK : 0);
        if (d + BLOCK < limbs) below = double_limbs(&twice, a, d + BLOCK, below);
        add_blocks(&sum, q, m, d, 0, d);
        join(column, &sum);
        const bool is_last = d + BLOCK == limbs;
        const int x = is_last ? BLOCK : 0;
        const int y = d + BLOCK - x;
        reduce_and_add_block(&sum, column, q + d, modulus,
                             is_last ? _mm512_setzero_si512() : bias(), a + x, twice.all + y,
                             corner_of(&twice, x, y));
    }
    col_lanes carry = _mm512_setzero_si512();
    for (int d = limbs; d < 2 * limbs - BLOCK; d += BLOCK) {
        const int first = d - limbs + BLOCK;
        add_square(&sum, a, &twice, d, d == limbs ? first + BLOCK : first);
        add_blocks(&sum, q, m, d, first, limbs);
        join(column, &sum);
        carry = write_limbs(r + d - limbs, column, carry);
        start_diagonal(&sum, column + BLOCK);
    }
    write_limbs(r + limbs - BLOCK, sum.a, carry);
}

void col_ifma_product(col_lanes *r, const col_lanes *a, const col_lanes *b, uint32_t limbs) {
    const int count = (int)limbs;
    col_lanes column[2 * BLOCK];
    columns sum;
    start_columns(&sum, _mm512_setzero_si512());
    col_lanes carry = _mm512_setzero_si512();
    for (int d = 0; d < 2 * count - BLOCK; d += BLOCK) {
        const int first = d < count ? 0 : d - count + BLOCK;
        add_blocks(&sum, a, b, d, first, d < count ? d + 1 : count);
        join(column, &sum);
        carry = write_limbs(r + d, column, carry);
        start_diagonal(&sum, column + BLOCK);
    }
    write_limbs(r + 2 * count - BLOCK, sum.a, carry);
}
