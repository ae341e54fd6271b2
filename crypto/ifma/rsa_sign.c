// SPDX-License-Identifier: Apache-2.0
// Signing: m is blinded, raised modulo p and q, joined, unblinded and checked. Four signatures take
// the eight lanes of one exponentiation, p in the low ones and q in the high ones; eight take two.
// What would leave most of an exponentiation's lanes unused is signed alone (rsa_one.c).
#include "crypto/ifma/exponent.h"
#include "crypto/ifma/numbers.h"
#include "crypto/ifma/rsa_internal.h"
#include "crypto/ifma/secret.h"
#include "src/base/assert.h"

#define SIGNED_TOGETHER (COL_LANES / 2)

#define LOW_HALVES 0x44   // of _mm512_shuffle_i64x2: lanes 0-3 of both operands
#define HIGH_HALVES 0xee  // lanes 4-7 of both

static void choose_halves(col_lanes *out, const uint64_t *low, const uint64_t *high,
                          uint32_t words) {
    const uint64_t *word[COL_LANES] = {low, low, low, low, high, high, high, high};
    col_ifma_from_words(out, words, word);
}

void col_rsa_private_lanes_set(col_rsa_context *context, const col_rsa_key *key) {
    col_rsa_private_lanes *lanes = &context->secret;
    if (lanes->serial == key->serial) return;
    const uint32_t limbs = key->prime[0].limbs;
    choose_halves(lanes->m, key->prime[0].m.limb, key->prime[1].m.limb, limbs);
    choose_halves(lanes->square, key->prime_square[0].limb, key->prime_square[1].limb, limbs);
    choose_halves(lanes->cube, key->prime_cube[0].limb, key->prime_cube[1].limb, limbs);
    choose_halves(lanes->one, key->prime_one[0].limb, key->prime_one[1].limb, limbs);
    choose_halves(lanes->exponent, key->exponent[0], key->exponent[1], key->bits / 2 / 64);
    lanes->modulus = (col_modulus){.limbs = limbs, .m = lanes->m};
    choose_halves(&lanes->modulus.k0, &key->prime[0].k0, &key->prime[1].k0, 1);
    col_ifma_broadcast(lanes->p, limbs, key->prime[0].m.limb);
    col_ifma_broadcast(lanes->q, limbs, key->prime[1].m.limb);
    col_ifma_broadcast(lanes->inverse, limbs, key->inverse.limb);
    lanes->modulus_p = (col_modulus){.limbs = limbs, .m = lanes->p};
    col_ifma_broadcast(&lanes->modulus_p.k0, 1, &key->prime[0].k0);
    const col_rsa_key *keys[COL_LANES] = {key, key, key, key, key, key, key, key};
    col_rsa_public_lanes_set(&lanes->open, keys);
    lanes->serial = key->serial;
    context->blinding = (col_rsa_blinding){0};
}

/// s = m^d modulo p (lanes 0-3) and q (lanes 4-7), tight and below them.
/// @param m twice the limbs of s; of its lanes those of `half` are used
static void power_of_half(col_lanes *s, const col_lanes *m, int half,
                          const col_rsa_private_lanes *lanes) {
    const uint32_t limbs = lanes->modulus.limbs;
    col_lanes low[COL_PRIME_LIMBS_MAX];
    col_lanes high[COL_PRIME_LIMBS_MAX];
    for (uint32_t i = 0; i < limbs; i++) {
        const col_lanes a = m[i];
        const col_lanes b = m[limbs + i];
        low[i] =
            half ? _mm512_shuffle_i64x2(a, a, HIGH_HALVES) : _mm512_shuffle_i64x2(a, a, LOW_HALVES);
        high[i] =
            half ? _mm512_shuffle_i64x2(b, b, HIGH_HALVES) : _mm512_shuffle_i64x2(b, b, LOW_HALVES);
    }
    // m = high R + low; m R = high R^3 / R + low R^2 / R
    col_ifma_multiply(low, low, lanes->square, &lanes->modulus);
    col_ifma_multiply(high, high, lanes->cube, &lanes->modulus);
    col_ifma_tighten(low, limbs);
    col_ifma_tighten(high, limbs);
    col_ifma_add_subtract(low, low, high, NULL, limbs);
    col_ifma_power_secret(s, low, lanes->one, lanes->exponent, lanes->open.bits / 2,
                          &lanes->modulus);
    col_lanes plain_one[COL_PRIME_LIMBS_MAX] = {_mm512_set1_epi64(1)};
    col_ifma_multiply(s, s, plain_one, &lanes->modulus);
    col_ifma_tighten(s, limbs);
    col_ifma_subtract_once(s, lanes->m, limbs);
}

/// Garner: s = s_q + q ((s_p - s_q) / q modulo p).
/// @param low,high of signatures 0-3 and 4-7, each with s_p in lanes 0-3 and s_q in lanes 4-7
/// @param s out, loose, [2 limbs], below n
static void join_primes(col_lanes *s, const col_lanes *low, const col_lanes *high,
                        const col_rsa_private_lanes *lanes) {
    const uint32_t limbs = lanes->modulus.limbs;
    col_lanes of_p[COL_PRIME_LIMBS_MAX];
    col_lanes of_q[2 * COL_PRIME_LIMBS_MAX] = {0};
    col_lanes difference[COL_PRIME_LIMBS_MAX];
    for (uint32_t i = 0; i < limbs; i++) {
        of_p[i] = _mm512_shuffle_i64x2(low[i], high[i], LOW_HALVES);
        of_q[i] = _mm512_shuffle_i64x2(low[i], high[i], HIGH_HALVES);
    }
    // s_q < q < 2 p, since p and q have equally many bits
    col_ifma_add_subtract(difference, of_p, lanes->p, NULL, limbs);
    col_ifma_add_subtract(difference, difference, lanes->p, of_q, limbs);
    col_ifma_multiply(difference, difference, lanes->inverse, &lanes->modulus_p);
    col_ifma_tighten(difference, limbs);
    col_ifma_subtract_once(difference, lanes->p, limbs);
    col_ifma_product(s, difference, lanes->q, limbs);
    col_ifma_tighten(s, 2 * limbs);
    col_ifma_add_subtract(s, s, of_q, NULL, 2 * limbs);
}

/// s = m^d modulo n, tight and below n, for as many lanes as `count` says.
static void private_operation(col_lanes *s, const col_lanes *m, uint32_t count,
                              const col_rsa_context *context) {
    const col_rsa_private_lanes *lanes = &context->secret;
    const uint32_t limbs = lanes->open.modulus.limbs;
    col_lanes blinded[COL_LIMBS_MAX];
    col_lanes half[2][COL_PRIME_LIMBS_MAX];
    col_ifma_multiply(blinded, m, context->blinding.raise, &lanes->open.modulus);
    power_of_half(half[0], blinded, 0, lanes);
    if (count > SIGNED_TOGETHER) power_of_half(half[1], blinded, 1, lanes);
    join_primes(s, half[0], half[count > SIGNED_TOGETHER], lanes);
    col_ifma_multiply(s, s, context->blinding.lower, &lanes->open.modulus);
    col_ifma_tighten(s, limbs);
    col_ifma_subtract_once(s, lanes->open.m, limbs);
    OPENSSL_cleanse(half, sizeof half);
}

/// Sign up to eight digests in lanes.
static uint8_t sign_in_lanes(col_rsa_context *context, const col_rsa_key *key,
                             const col_digest *digest, uint32_t count, uint8_t *const *signature) {
    const col_rsa_private_lanes *lanes = &context->secret;
    col_rsa_private_lanes_set(context, key);
    col_rsa_blinding_advance(context);
    // One exponentiation needs the low lanes' pairs only.
    context->blinding.left = count > SIGNED_TOGETHER ? 0 : COL_LANES - SIGNED_TOGETHER;

    const uint8_t *digests[COL_LANES];
    for (uint32_t i = 0; i < COL_LANES; i++) digests[i] = digest[i < count ? i : 0].byte;
    const uint32_t limbs = key->n.limbs;
    col_lanes m[COL_LIMBS_MAX];
    col_lanes s[COL_LIMBS_MAX];
    col_lanes opened[COL_LIMBS_MAX];
    col_rsa_encode(m, digests, context, key->bits);
    private_operation(s, m, count, context);
    col_rsa_public_operation(opened, s, &lanes->open);
    const uint8_t good = col_ifma_equal(opened, m, limbs) & (uint8_t)((1U << count) - 1);
    COL_DECLASSIFY(&good, sizeof good);
    for (uint32_t i = 0; i < count; i++) {
        if ((good >> i & 1) == 0) continue;
        col_ifma_to_bytes(signature[i], key->bits / 8, (const uint64_t *)s + i, COL_LANES, limbs);
    }
    OPENSSL_cleanse(s, sizeof s);
    return good;
}

uint8_t col_rsa_sign(col_rsa_context *context, const col_rsa_key *key, const col_digest *digest,
                     uint32_t count, uint8_t *const *signature) {
    COL_ASSERT(key->has_private);
    COL_ASSERT(count >= 1 && count <= COL_LANES);
    // So many one after the other take less time than an exponentiation of eight lanes.
    const uint32_t alone_max = key->bits > 2048 ? 2 : 1;
    const uint32_t rest = count % SIGNED_TOGETHER;
    const uint32_t in_lanes = rest <= alone_max ? count - rest : count;
    uint8_t good = 0;
    if (in_lanes > 0) good = sign_in_lanes(context, key, digest, in_lanes, signature);
    for (uint32_t i = in_lanes; i < count; i++) {
        good |= (uint8_t)(col_rsa_sign_one(context, key, &digest[i], signature[i]) << i);
    }
    return good;
}
