// SPDX-License-Identifier: Apache-2.0
#include "crypto/ifma/exponent.h"

#include <openssl/crypto.h>

#include "src/base/assert.h"

#define ENTRIES (1 << COL_WINDOW_BITS)
#define AT_ONCE 5  // limbs looked up together
static_assert(64 % COL_WINDOW_BITS == 0, "no window crosses a word of the exponent");

typedef struct {
    col_lanes power[ENTRIES][COL_PRIME_LIMBS_MAX];  ///< x^0 .. x^15, tight or loose
} table;

static void fill(table *powers, const col_lanes *x, const col_lanes *one,
                 const col_modulus *modulus) {
    for (uint32_t i = 0; i < modulus->limbs; i++) {
        powers->power[0][i] = one[i];
        powers->power[1][i] = x[i];
    }
    for (int i = 2; i < ENTRIES; i += 2) {
        col_ifma_square(powers->power[i], powers->power[i / 2], modulus);
        col_ifma_multiply(powers->power[i + 1], powers->power[i], x, modulus);
    }
}

/// r = power[window], each lane its own: reads everything, with loads that no mask depends on.
static void look_up(col_lanes *r, const table *powers, col_lanes window, uint32_t limbs) {
    col_lanes is_it[ENTRIES];  // stay in registers
    col_lanes bit = _mm512_srlv_epi64(_mm512_set1_epi64(INT64_MIN), window);
    COL_UNROLL for (int entry = 0; entry < ENTRIES; entry++) {
        is_it[entry] = _mm512_srai_epi64(bit, 63);
        bit = _mm512_add_epi64(bit, bit);
    }
    for (uint32_t first = 0; first < limbs; first += AT_ONCE) {
        col_lanes found[AT_ONCE];
        COL_UNROLL for (int i = 0; i < AT_ONCE; i++) found[i] = _mm512_setzero_si512();
        COL_UNROLL for (int entry = 0; entry < ENTRIES; entry++) {
            const col_lanes *power = powers->power[entry] + first;
            COL_UNROLL for (int i = 0; i < AT_ONCE; i++) {
                found[i] = _mm512_or_si512(found[i], _mm512_and_si512(power[i], is_it[entry]));
            }
        }
        COL_UNROLL for (int i = 0; i < AT_ONCE; i++) r[first + (uint32_t)i] = found[i];
    }
}

static col_lanes window_of(const col_lanes *exponent, uint32_t bit) {
    const col_lanes word = _mm512_srli_epi64(exponent[bit / 64], bit % 64);
    return _mm512_and_si512(word, _mm512_set1_epi64(ENTRIES - 1));
}

void col_ifma_power_secret(col_lanes *r, const col_lanes *x, const col_lanes *one,
                           const col_lanes *exponent, uint32_t bits, const col_modulus *modulus) {
    COL_ASSERT(modulus->limbs <= COL_PRIME_LIMBS_MAX && modulus->limbs % AT_ONCE == 0);
    COL_ASSERT(bits > 0 && bits % 64 == 0);
    table powers;
    col_lanes factor[COL_PRIME_LIMBS_MAX];
    fill(&powers, x, one, modulus);
    uint32_t bit = bits - COL_WINDOW_BITS;
    look_up(r, &powers, window_of(exponent, bit), modulus->limbs);
    while (bit > 0) {
        bit -= COL_WINDOW_BITS;
        look_up(factor, &powers, window_of(exponent, bit), modulus->limbs);
        for (int i = 0; i < COL_WINDOW_BITS; i++) col_ifma_square(r, r, modulus);
        col_ifma_multiply(r, r, factor, modulus);
    }
    OPENSSL_cleanse(&powers, sizeof powers);
    OPENSSL_cleanse(factor, sizeof factor);
}

void col_ifma_power_65537(col_lanes *r, const col_lanes *x, const col_lanes *square,
                          const col_modulus *modulus) {
    col_ifma_multiply(r, x, square, modulus);
    for (int i = 0; i < 16; i++) col_ifma_square(r, r, modulus);
    col_ifma_multiply(r, r, x, modulus);
}
