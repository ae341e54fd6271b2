// SPDX-License-Identifier: Apache-2.0
// One operation alone: what rsa_sign.c and rsa_public.c do for eight, with one number across the
// lanes. Half of a signature's two exponentiations fills the waits of the other half.
#include <openssl/crypto.h>

#include "crypto/ifma/exponent.h"
#include "crypto/ifma/numbers.h"
#include "crypto/ifma/rsa_internal.h"
#include "crypto/ifma/secret.h"
#include "src/base/assert.h"

#define ENTRIES (1 << COL_WINDOW_BITS)

/// r = a + b - c over `limbs`; b or c may be NULL for 0.
static void add_subtract(col_wide *r, const col_wide *a, const col_wide *b, const col_wide *c,
                         uint32_t limbs) {
    int64_t carry = 0;
    for (uint32_t i = 0; i < limbs; i++) {
        carry += (int64_t)a->limb[i];
        if (b != NULL) carry += (int64_t)b->limb[i];
        if (c != NULL) carry -= (int64_t)c->limb[i];
        r->limb[i] = (uint64_t)carry & COL_LIMB_MASK;
        carry >>= COL_LIMB_BITS;
    }
}

/// -1 where a < b, else 0.
static int64_t is_below(const col_wide *a, const col_wide *b, uint32_t limbs) {
    int64_t carry = 0;
    for (uint32_t i = 0; i < limbs; i++) {
        carry += (int64_t)a->limb[i] - (int64_t)b->limb[i];
        carry >>= COL_LIMB_BITS;
    }
    return carry;
}

/// x mod m for x < 2 m.
static void subtract_once(col_wide *x, const col_wide_modulus *modulus) {
    const uint64_t taken = ~(uint64_t)is_below(x, &modulus->m, modulus->limbs);
    col_wide part;
    for (uint32_t i = 0; i < modulus->limbs; i++) part.limb[i] = modulus->m.limb[i] & taken;
    add_subtract(x, x, NULL, &part, modulus->limbs);
}

static bool are_equal(const col_wide *a, const col_wide *b, uint32_t limbs) {
    uint64_t difference = 0;
    for (uint32_t i = 0; i < limbs; i++) difference |= a->limb[i] ^ b->limb[i];
    COL_DECLASSIFY(&difference, sizeof difference);
    return difference == 0;
}

static void take_lane(col_wide *r, const col_lanes *x, uint32_t lane, uint32_t limbs) {
    *r = (col_wide){0};
    for (uint32_t i = 0; i < limbs; i++) {
        r->limb[i] = ((const uint64_t *)x)[(size_t)i * COL_LANES + lane] & COL_LIMB_MASK;
    }
}

static void encode(col_wide *m, const col_digest *digest, const col_rsa_context *context,
                   uint32_t bits) {
    col_lanes lanes[COL_LIMBS_MAX];
    const uint8_t *all[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) all[lane] = digest->byte;
    col_rsa_encode(lanes, all, context, bits);
    take_lane(m, lanes, 0, col_limbs_of(bits));
}

/// r = s^65537 modulo n
static void public_operation(col_wide *r, const col_wide *s, const col_rsa_key *key) {
    col_wide_multiply(r, s, &key->square, &key->n);
    for (int i = 0; i < 16; i++) col_wide_multiply(r, r, r, &key->n);
    col_wide_multiply(r, r, s, &key->n);
    subtract_once(r, &key->n);
}

typedef struct {
    col_wide power[ENTRIES][2];
} table;

/// r = power[window], each of the two its own: reads everything.
static void look_up(col_wide r[2], const table *powers, const uint64_t window[2], uint32_t limbs) {
    for (int which = 0; which < 2; which++) {
        const col_lanes wanted = _mm512_set1_epi64((int64_t)window[which]);
        for (uint32_t at = 0; at < limbs; at += 8) {
            col_lanes found = _mm512_setzero_si512();
            for (int entry = 0; entry < ENTRIES; entry++) {
                const col_lanes power = _mm512_load_si512(powers->power[entry][which].limb + at);
                found = _mm512_or_si512(found, _mm512_and_si512(power, col_ifma_is(wanted, entry)));
            }
            _mm512_store_si512(r[which].limb + at, found);
        }
    }
}

/// r = x^d modulo p and q, in Montgomery form.
static void power_secret(col_wide r[2], const col_wide x[2], const col_rsa_key *key) {
    table powers;
    col_wide factor[2] = {0};
    for (int which = 0; which < 2; which++) {
        powers.power[0][which] = key->prime_one[which];
        powers.power[1][which] = x[which];
    }
    for (int i = 2; i < ENTRIES; i++) {
        col_wide_multiply_pair(powers.power[i], powers.power[i - 1], x, key->prime);
    }
    const uint32_t limbs = key->prime[0].limbs;
    memcpy(r, key->prime_one, sizeof key->prime_one);
    for (uint32_t bit = key->bits / 2; bit > 0;) {
        bit -= COL_WINDOW_BITS;
        uint64_t window[2];
        for (int which = 0; which < 2; which++) {
            window[which] = key->exponent[which][bit / 64] >> bit % 64 & (ENTRIES - 1);
        }
        look_up(factor, &powers, window, limbs);
        for (int i = 0; i < COL_WINDOW_BITS; i++) col_wide_multiply_pair(r, r, r, key->prime);
        col_wide_multiply_pair(r, r, factor, key->prime);
    }
    OPENSSL_cleanse(&powers, sizeof powers);
    OPENSSL_cleanse(factor, sizeof factor);
}

/// s = m^d modulo p and modulo q, below them.
static void power_of_halves(col_wide s[2], const col_wide *m, const col_rsa_key *key) {
    static const col_wide ones[2] = {{{1}}, {{1}}};
    const uint32_t limbs = key->prime[0].limbs;
    col_wide low[2] = {0};
    col_wide high[2] = {0};
    for (int which = 0; which < 2; which++) {
        memcpy(low[which].limb, m->limb, limbs * sizeof *m->limb);
        memcpy(high[which].limb, m->limb + limbs, limbs * sizeof *m->limb);
    }
    // m = high R + low; m R = high R^3 / R + low R^2 / R
    col_wide_multiply_pair(low, low, key->prime_square, key->prime);
    col_wide_multiply_pair(high, high, key->prime_cube, key->prime);
    for (int which = 0; which < 2; which++) {
        add_subtract(&low[which], &low[which], &high[which], NULL, limbs);
    }
    power_secret(s, low, key);
    col_wide_multiply_pair(s, s, ones, key->prime);
    for (int which = 0; which < 2; which++) subtract_once(&s[which], &key->prime[which]);
}

/// Garner: s = s_q + q ((s_p - s_q) / q modulo p), below 2 n.
static void join_primes(col_wide *s, const col_wide half[2], const col_rsa_key *key) {
    const col_wide_modulus *p = &key->prime[0];
    col_wide difference = {0};
    // s_q < q < 2 p, since p and q have equally many bits
    add_subtract(&difference, &half[0], &p->m, NULL, p->limbs);
    add_subtract(&difference, &difference, &p->m, &half[1], p->limbs);
    col_wide_multiply(&difference, &difference, &key->inverse, p);
    subtract_once(&difference, p);
    col_wide_multiply(s, &difference, &key->q_form, &key->n);
    add_subtract(s, s, &half[1], NULL, key->n.limbs);
}

uint8_t col_rsa_sign_one(col_rsa_context *context, const col_rsa_key *key, const col_digest *digest,
                         uint8_t *signature) {
    col_rsa_private_lanes_set(context, key);
    if (context->blinding.left == 0) col_rsa_blinding_advance(context);
    const uint32_t lane = COL_LANES - context->blinding.left--;
    const uint32_t limbs = key->n.limbs;
    col_wide m, s, factor, opened;
    col_wide half[2] = {0};
    encode(&m, digest, context, key->bits);
    take_lane(&factor, context->blinding.raise, lane, limbs);
    col_wide_multiply(&s, &m, &factor, &key->n);
    power_of_halves(half, &s, key);
    join_primes(&s, half, key);
    take_lane(&factor, context->blinding.lower, lane, limbs);
    col_wide_multiply(&s, &s, &factor, &key->n);
    subtract_once(&s, &key->n);
    public_operation(&opened, &s, key);
    const bool good = are_equal(&opened, &m, limbs);
    if (good) col_ifma_to_bytes(signature, key->bits / 8, s.limb, 1, limbs);
    OPENSSL_cleanse(half, sizeof half);
    OPENSSL_cleanse(&s, sizeof s);
    return good;
}

uint8_t col_rsa_verify_one_variable_time(const col_rsa_context *context, const col_rsa_key *key,
                                         const col_digest *digest, const uint8_t *signature) {
    const uint32_t limbs = key->n.limbs;
    col_lanes lanes[COL_LIMBS_MAX];
    const uint8_t *all[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) all[lane] = signature;
    col_wide s, opened, expected;
    col_ifma_from_bytes(lanes, limbs, all, key->bits / 8);
    take_lane(&s, lanes, 0, limbs);
    if (!is_below(&s, &key->n.m, limbs)) return 0;
    public_operation(&opened, &s, key);
    encode(&expected, digest, context, key->bits);
    return are_equal(&opened, &expected, limbs);
}
