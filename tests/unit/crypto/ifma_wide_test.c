// SPDX-License-Identifier: Apache-2.0
#include "crypto/ifma/wide.h"

#include "tests/unit/crypto/ifma_support.h"

static const uint32_t sizes[] = {20, 30, 40, 60, 80};
#define SIZES (sizeof sizes / sizeof sizes[0])

static BN_CTX *scratch;

static BIGNUM *wide_number(const col_wide *x, uint32_t limbs) {
    return number_of_limbs(x->limb, 1, limbs);
}

/// Of all bits set, of none, of a few, or as they come; below 2^(52 limbs - 8).
static void draw(col_wide *x, uint32_t limbs, uint32_t kind) {
    *x = (col_wide){0};
    for (uint32_t i = 0; i < limbs; i++) {
        const uint64_t random = random_word() & COL_LIMB_MASK;
        const uint64_t limb[] = {COL_LIMB_MASK, 0, random & 1 ? COL_LIMB_MASK : 0, random};
        x->limb[i] = limb[kind % 4];
    }
    x->limb[limbs - 1] >>= 8;
}

static void draw_modulus(col_wide_modulus *modulus, uint32_t limbs, uint32_t kind) {
    draw(&modulus->m, limbs, kind);
    modulus->m.limb[0] |= 1;
    modulus->m.limb[limbs - 1] >>= 1;
    modulus->m.limb[limbs - 1] |= UINT64_C(1) << 42;
    modulus->k0 = negative_inverse(modulus->m.limb[0]);
    modulus->limbs = limbs;
}

/// r R = a b modulo m, in tight limbs, with zeros above.
static void check(const col_wide *r, const col_wide *a, const col_wide *b,
                  const col_wide_modulus *modulus) {
    const uint32_t limbs = modulus->limbs;
    BIGNUM *x = wide_number(a, limbs);
    BIGNUM *y = wide_number(b, limbs);
    BIGNUM *m = wide_number(&modulus->m, limbs);
    BIGNUM *result = wide_number(r, limbs);
    BN_mul(x, x, y, scratch);
    BN_lshift(y, result, (int)limbs * COL_LIMB_BITS);
    BN_mod_sub(y, y, x, m, scratch);
    assert_true(BN_is_zero(y));
    BN_rshift(x, x, (int)limbs * COL_LIMB_BITS);
    BN_add(x, x, m);
    assert_true(BN_cmp(result, x) <= 0);
    for (uint32_t i = 0; i < limbs; i++) assert_true(r->limb[i] <= COL_LIMB_MASK);
    for (uint32_t i = limbs; i <= (limbs + 7) / 8 * 8; i++) assert_int_equal(r->limb[i], 0);
    BN_free(x);
    BN_free(y);
    BN_free(m);
    BN_free(result);
}

static void products_are_those_of_big_numbers(void **state) {
    (void)state;
    for (size_t size = 0; size < SIZES; size++) {
        for (uint32_t round = 0; round < 64; round++) {
            col_wide a[2], b[2], r[2];
            col_wide_modulus modulus[2];
            memset(r, 0x5a, sizeof r);  // nothing is expected of what is written over
            for (int i = 0; i < 2; i++) {
                draw(&a[i], sizes[size], round + (uint32_t)i);
                draw(&b[i], sizes[size], round / 4);
                draw_modulus(&modulus[i], sizes[size], round / 16 + 2 * (uint32_t)i);
                col_wide_multiply(&r[i], &a[i], &b[i], &modulus[i]);
                check(&r[i], &a[i], &b[i], &modulus[i]);
            }
            if (sizes[size] > COL_PRIME_LIMBS_MAX) continue;
            memset(r, 0x5a, sizeof r);
            col_wide_multiply_pair(r, a, b, modulus);
            for (int i = 0; i < 2; i++) check(&r[i], &a[i], &b[i], &modulus[i]);
        }
    }
}

static void results_go_on_to_be_multiplied_in_place(void **state) {
    (void)state;
    for (size_t size = 0; size < SIZES; size++) {
        col_wide x, before;
        col_wide_modulus modulus;
        draw(&x, sizes[size], 3);
        draw_modulus(&modulus, sizes[size], 3);
        for (int round = 0; round < 32; round++) {
            before = x;
            col_wide_multiply(&x, &x, &x, &modulus);
            check(&x, &before, &before, &modulus);
        }
    }
}

/// Carries that run through limbs of all ones: x R^2 / R / R for x that is such a number.
static void carries_ripple_through_full_limbs(void **state) {
    (void)state;
    for (size_t size = 0; size < SIZES; size++) {
        const uint32_t limbs = sizes[size];
        col_wide_modulus modulus;
        draw_modulus(&modulus, limbs, 3);
        BIGNUM *m = wide_number(&modulus.m, limbs);
        BIGNUM *square = BN_new();
        BN_one(square);
        BN_lshift(square, square, 2 * (int)limbs * COL_LIMB_BITS);
        BN_mod(square, square, m, scratch);
        col_wide form = {0};
        for (uint32_t i = 0; i < limbs; i++) {
            BIGNUM *limb = BN_dup(square);
            BN_mask_bits(limb, COL_LIMB_BITS);
            form.limb[i] = BN_get_word(limb);
            BN_rshift(square, square, COL_LIMB_BITS);
            BN_free(limb);
        }
        col_wide one = {.limb = {1}};
        for (uint32_t from = 0; from + 1 < limbs; from++) {
            col_wide x = {0}, r;
            for (uint32_t i = from; i + 1 < limbs; i++) x.limb[i] = COL_LIMB_MASK;
            col_wide_multiply(&r, &x, &form, &modulus);
            check(&r, &x, &form, &modulus);
            const col_wide between = r;
            col_wide_multiply(&r, &r, &one, &modulus);
            check(&r, &between, &one, &modulus);
        }
        BN_free(m);
        BN_free(square);
    }
}

int main(void) {
    if (!col_rsa_available()) return SKIPPED;
    scratch = BN_CTX_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_big_numbers),
        cmocka_unit_test(results_go_on_to_be_multiplied_in_place),
        cmocka_unit_test(carries_ripple_through_full_limbs),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    BN_CTX_free(scratch);
    return failed;
}
