// SPDX-License-Identifier: Apache-2.0
#include <openssl/bn.h>
#include <openssl/rand.h>

#include "crypto/ifma/exponent.h"
#include "crypto/ifma/numbers.h"
#include "crypto/ifma/rsa_internal.h"
#include "src/base/assert.h"

/// How often r is squared before a new one is drawn: the inverse that a new one needs costs about
/// as much as a signature.
#define USES_MAX 64

/// A secret random number below 2^(bits - 1) in every lane, so below the modulus.
static void draw(col_lanes *r, uint32_t bits) {
    uint8_t bytes[COL_LANES][COL_SIGNATURE_BYTES_MAX];
    const uint8_t *all[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) {
        COL_ASSERT(RAND_priv_bytes(bytes[lane], (int)bits / 8) == 1);
        bytes[lane][0] &= 0x7f;
        all[lane] = bytes[lane];
    }
    col_ifma_from_bytes(r, col_limbs_of(bits), all, bits / 8);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

/// Move every lane to where its number differs in bit `bit`.
static void exchange(col_lanes *r, const col_lanes *x, int64_t bit, uint32_t limbs) {
    const col_lanes order =
        _mm512_xor_si512(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi64(bit));
    for (uint32_t i = 0; i < limbs; i++) r[i] = _mm512_permutexvar_epi64(order, x[i]);
}

/// all = the product of all lanes' r, others = the product of the other lanes' r, times powers of
/// 1/R: products of Montgomery forms are Montgomery forms.
static void multiply_lanes(col_lanes *all, col_lanes *others, const col_lanes *r,
                           const col_modulus *modulus) {
    col_lanes exchanged[COL_LIMBS_MAX];
    exchange(others, r, 1, modulus->limbs);
    col_ifma_multiply(all, r, others, modulus);
    for (int64_t bit = 2; bit < COL_LANES; bit *= 2) {
        exchange(exchanged, all, bit, modulus->limbs);
        col_ifma_multiply(others, others, exchanged, modulus);
        col_ifma_multiply(all, all, exchanged, modulus);
    }
    OPENSSL_cleanse(exchanged, sizeof exchanged);
}

/// inverse = 1/x modulo n, in every lane, of lane 0 of a tight x. @return false when there is none
static bool invert(col_lanes *inverse, const col_lanes *x, const col_rsa_context *context) {
    const col_rsa_public_lanes *lanes = &context->secret.open;
    const uint32_t limbs = lanes->modulus.limbs;
    uint8_t bytes[COL_SIGNATURE_BYTES_MAX];
    const uint32_t length = lanes->bits / 8;
    BIGNUM *number = context->number;
    BIGNUM *modulus = context->inverted_modulo;
    col_ifma_to_bytes(bytes, length, (const uint64_t *)lanes->m, COL_LANES, limbs);
    COL_ASSERT(BN_bin2bn(bytes, (int)length, modulus));
    col_ifma_to_bytes(bytes, length, (const uint64_t *)x, COL_LANES, limbs);
    COL_ASSERT(BN_bin2bn(bytes, (int)length, number));
    const bool exists = BN_mod_inverse(number, number, modulus, context->scratch) != NULL;
    if (exists) {
        COL_ASSERT(BN_bn2binpad(number, bytes, (int)length) == (int)length);
        const uint8_t *all[COL_LANES];
        for (int lane = 0; lane < COL_LANES; lane++) all[lane] = bytes;
        col_ifma_from_bytes(inverse, limbs, all, length);
    }
    BN_clear(number);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return exists;
}

static void renew(col_rsa_context *context) {
    col_rsa_blinding *blinding = &context->blinding;
    const col_rsa_public_lanes *open = &context->secret.open;
    const col_modulus *modulus = &open->modulus;
    const uint32_t limbs = modulus->limbs;
    col_lanes r[COL_LIMBS_MAX];
    col_lanes all[COL_LIMBS_MAX];
    col_lanes others[COL_LIMBS_MAX];
    col_lanes plain[COL_LIMBS_MAX];
    col_lanes plain_one[COL_LIMBS_MAX] = {_mm512_set1_epi64(1)};
    do {
        // r is taken as a Montgomery form already: of another random number.
        draw(r, open->bits);
        multiply_lanes(all, others, r, modulus);
        col_ifma_multiply(plain, all, plain_one, modulus);
        col_ifma_tighten(plain, limbs);
        col_ifma_subtract_once(plain, open->m, limbs);
    } while (!invert(all, plain, context));  // once in 2^1000: a factor of n was drawn
    col_ifma_multiply(all, all, open->square, modulus);
    col_ifma_multiply(blinding->lower, all, others, modulus);
    // r is of form x R: plain x, x^65537, and its form
    col_ifma_multiply(plain, r, plain_one, modulus);
    col_ifma_power_65537(blinding->raise, plain, open->square, modulus);
    col_ifma_multiply(blinding->raise, blinding->raise, open->square, modulus);
    blinding->uses = 0;
    OPENSSL_cleanse(r, sizeof r);
    OPENSSL_cleanse(all, sizeof all);
    OPENSSL_cleanse(others, sizeof others);
    OPENSSL_cleanse(plain, sizeof plain);
}

void col_rsa_blinding_advance(col_rsa_context *context) {
    col_rsa_blinding *blinding = &context->blinding;
    const col_rsa_public_lanes *open = &context->secret.open;
    if (blinding->uses % USES_MAX == 0) {
        renew(context);
    } else {  // squares of a pair are a pair
        col_ifma_square(blinding->raise, blinding->raise, &open->modulus);
        col_ifma_square(blinding->lower, blinding->lower, &open->modulus);
    }
    blinding->uses++;
    blinding->left = COL_LANES;
}
