// SPDX-License-Identifier: Apache-2.0
#include "crypto/ifma/numbers.h"

#include <stddef.h>
#include <string.h>

#include "src/base/assert.h"

static col_lanes limb_mask(void) {
    return _mm512_set1_epi64((int64_t)COL_LIMB_MASK);
}

void col_ifma_tighten(col_lanes *x, uint32_t limbs) {
    for (uint32_t i = 0; i < limbs; i++) x[i] = _mm512_and_si512(x[i], limb_mask());
}

void col_ifma_add_subtract(col_lanes *r, const col_lanes *a, const col_lanes *b, const col_lanes *c,
                           uint32_t limbs) {
    col_lanes carry = _mm512_setzero_si512();
    for (uint32_t i = 0; i < limbs; i++) {
        col_lanes sum = _mm512_add_epi64(a[i], carry);
        if (b != NULL) sum = _mm512_add_epi64(sum, b[i]);
        if (c != NULL) sum = _mm512_sub_epi64(sum, c[i]);
        carry = _mm512_srai_epi64(sum, COL_LIMB_BITS);
        r[i] = _mm512_and_si512(sum, limb_mask());
    }
}

uint8_t col_ifma_below(const col_lanes *a, const col_lanes *b, uint32_t limbs) {
    col_lanes carry = _mm512_setzero_si512();
    for (uint32_t i = 0; i < limbs; i++) {
        const col_lanes difference = _mm512_sub_epi64(_mm512_add_epi64(a[i], carry), b[i]);
        carry = _mm512_srai_epi64(difference, COL_LIMB_BITS);
    }
    return _mm512_movepi64_mask(carry);
}

void col_ifma_subtract_once(col_lanes *x, const col_lanes *m, uint32_t limbs) {
    const __mmask8 stays = col_ifma_below(x, m, limbs);
    col_lanes taken[COL_LIMBS_MAX];
    for (uint32_t i = 0; i < limbs; i++) {
        taken[i] = _mm512_mask_mov_epi64(m[i], stays, _mm512_setzero_si512());
    }
    col_ifma_add_subtract(x, x, NULL, taken, limbs);
}

uint8_t col_ifma_equal(const col_lanes *a, const col_lanes *b, uint32_t limbs) {
    col_lanes difference = _mm512_setzero_si512();
    for (uint32_t i = 0; i < limbs; i++) {
        difference = _mm512_or_si512(difference, _mm512_xor_si512(a[i], b[i]));
    }
    return _mm512_testn_epi64_mask(difference, difference);
}

/// What the eight pointers point to, `offset` bytes further. The gather instruction is no faster,
/// and slow on CPUs that mend its leaks.
static col_lanes gather(const void *const *at, size_t offset) {
    int64_t word[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) {
        memcpy(&word[lane], (const char *)at[lane] + offset, sizeof word[lane]);
    }
    return _mm512_set_epi64(word[7], word[6], word[5], word[4], word[3], word[2], word[1], word[0]);
}

static col_lanes reverse_bytes(col_lanes x) {
    const __m128i order = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order));
}

void col_ifma_from_bytes(col_lanes *x, uint32_t limbs, const uint8_t *const *bytes,
                         uint32_t length) {
    COL_ASSERT(length >= sizeof(uint64_t) && 8 * length <= limbs * COL_LIMB_BITS);
    for (uint32_t i = 0; i < limbs; i++) {
        // The eight bytes that hold the limb, counted from the number's end; at its start, the
        // first eight.
        uint32_t end = i * COL_LIMB_BITS / 8;
        if (end > length - 8) end = length - 8;
        const uint32_t shift = i * COL_LIMB_BITS - 8 * end;
        const col_lanes word = reverse_bytes(gather((const void *const *)bytes, length - 8 - end));
        x[i] = _mm512_and_si512(_mm512_srli_epi64(word, shift), limb_mask());
    }
}

void col_ifma_to_bytes(uint8_t *bytes, uint32_t length, const uint64_t *limb, uint32_t stride,
                       uint32_t limbs) {
    COL_ASSERT(length % sizeof(uint64_t) == 0 && 8 * length <= limbs * COL_LIMB_BITS);
    unsigned __int128 rest = 0;  // bits not written yet
    uint32_t bits = 0;
    uint32_t next = 0;
    while (length > 0) {
        for (; bits < 64; bits += COL_LIMB_BITS) {
            rest |= (unsigned __int128)limb[(size_t)stride * next++] << bits;
        }
        const uint64_t word = __builtin_bswap64((uint64_t)rest);
        length -= sizeof word;
        memcpy(bytes + length, &word, sizeof word);
        rest >>= 64;
        bits -= 64;
    }
}

void col_ifma_from_words(col_lanes *x, uint32_t words, const uint64_t *const *word) {
    for (uint32_t i = 0; i < words; i++) {
        x[i] = gather((const void *const *)word, sizeof(uint64_t) * i);
    }
}

void col_ifma_broadcast(col_lanes *x, uint32_t words, const uint64_t *word) {
    for (uint32_t i = 0; i < words; i++) x[i] = _mm512_set1_epi64((int64_t)word[i]);
}
