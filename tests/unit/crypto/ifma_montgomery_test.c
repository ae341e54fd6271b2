// SPDX-License-Identifier: Apache-2.0
#include "crypto/ifma/montgomery.h"

#include "tests/unit/crypto/ifma_support.h"

static const uint32_t sizes[] = {15, 20, 30, 40, 60, 80};
#define SIZES (sizeof sizes / sizeof sizes[0])

static col_lanes m[COL_LIMBS_MAX], a[COL_LIMBS_MAX], b[COL_LIMBS_MAX], r[2 * COL_LIMBS_MAX];
static col_modulus modulus;
static BN_CTX *scratch;

/// Moduli of as many bits as are allowed, some with the limbs that carry most.
static void draw_moduli(uint32_t limbs) {
    uint64_t k0[COL_LANES];
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        for (uint32_t i = 0; i < limbs; i++) {
            *lane_at(m, i, lane) = lane == 0 ? COL_LIMB_MASK : random_word() & COL_LIMB_MASK;
        }
        *lane_at(m, 0, lane) |= 1;
        *lane_at(m, limbs - 1, lane) >>= 8;
        k0[lane] = negative_inverse(*lane_at(m, 0, lane));
    }
    modulus = (col_modulus){.limbs = limbs, .m = m, .k0 = _mm512_loadu_si512(k0)};
}

/// Below 16 m: 0, 1, m - 1, m, 16 m - 1 among them.
static void draw_operand(col_lanes *x, uint32_t limbs, uint32_t kind) {
    BIGNUM *number = BN_new();
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        BIGNUM *bound = number_of(m, limbs, lane);
        BN_zero(number);
        switch ((kind + lane) % 8) {
            case 0:
                break;
            case 1:
                BN_one(number);
                break;
            case 2:
                BN_sub(number, bound, BN_value_one());
                break;
            case 3:
                BN_copy(number, bound);
                break;
            case 4:
                BN_lshift(number, bound, 4);
                BN_sub_word(number, 1);
                break;
            default:
                BN_lshift(bound, bound, 4);
                BN_rand_range(number, bound);
        }
        set_number(x, limbs, lane, number);
        BN_free(bound);
    }
    BN_free(number);
    // Loose: what stands above a limb is of no account.
    for (uint32_t i = 0; i < limbs * COL_LANES; i++) {
        ((uint64_t *)x)[i] |= random_word() << COL_LIMB_BITS;
    }
}

/// r R = a b modulo m, and r < m + a b / R + 1.
static void check_product(uint32_t limbs, const col_lanes *x, const col_lanes *y) {
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        BIGNUM *n = number_of(m, limbs, lane);
        BIGNUM *product = number_of(x, limbs, lane);
        BIGNUM *other = number_of(y, limbs, lane);
        BIGNUM *result = number_of(r, limbs, lane);
        BIGNUM *scaled = BN_new();
        assert_int_equal(BN_mul(product, product, other, scratch), 1);
        BN_lshift(scaled, result, (int)limbs * COL_LIMB_BITS);
        BN_mod_sub(scaled, scaled, product, n, scratch);
        assert_true(BN_is_zero(scaled));
        BN_rshift(product, product, (int)limbs * COL_LIMB_BITS);
        BN_add(product, product, n);
        assert_true(BN_cmp(result, product) <= 0);
        BN_free(n);
        BN_free(product);
        BN_free(other);
        BN_free(result);
        BN_free(scaled);
    }
}

static void products_and_squares_are_those_of_big_numbers(void **state) {
    (void)state;
    for (size_t size = 0; size < SIZES; size++) {
        const uint32_t limbs = sizes[size];
        for (uint32_t round = 0; round < 24; round++) {
            draw_moduli(limbs);
            draw_operand(a, limbs, round);
            draw_operand(b, limbs, round / 3);
            col_ifma_multiply(r, a, b, &modulus);
            check_product(limbs, a, b);
            col_ifma_square(r, a, &modulus);
            check_product(limbs, a, a);
        }
    }
}

static void a_result_may_take_an_operands_place(void **state) {
    (void)state;
    static col_lanes apart[COL_LIMBS_MAX];
    for (size_t size = 0; size < SIZES; size++) {
        const uint32_t limbs = sizes[size];
        const size_t bytes = limbs * sizeof *a;
        draw_moduli(limbs);
        draw_operand(a, limbs, 5);
        draw_operand(b, limbs, 2);
        col_ifma_multiply(apart, a, b, &modulus);
        memcpy(r, a, bytes);
        col_ifma_multiply(r, r, b, &modulus);
        assert_memory_equal(r, apart, bytes);
        memcpy(r, b, bytes);
        col_ifma_multiply(r, a, r, &modulus);
        assert_memory_equal(r, apart, bytes);
        col_ifma_square(apart, a, &modulus);
        memcpy(r, a, bytes);
        col_ifma_square(r, r, &modulus);
        assert_memory_equal(r, apart, bytes);
    }
}

static void a_plain_product_has_all_limbs(void **state) {
    (void)state;
    for (size_t size = 0; size + 2 < SIZES; size++) {
        const uint32_t limbs = sizes[size];
        for (uint32_t round = 0; round < 8; round++) {
            draw_moduli(limbs);
            draw_operand(a, limbs, round);
            draw_operand(b, limbs, 3 * round);
            col_ifma_product(r, a, b, limbs);
            for (uint32_t lane = 0; lane < COL_LANES; lane++) {
                BIGNUM *x = number_of(a, limbs, lane);
                BIGNUM *y = number_of(b, limbs, lane);
                BIGNUM *product = number_of(r, 2 * limbs, lane);
                BN_mul(x, x, y, scratch);
                assert_int_equal(BN_cmp(x, product), 0);
                BN_free(x);
                BN_free(y);
                BN_free(product);
            }
        }
    }
}

int main(void) {
    if (!col_rsa_available()) return SKIPPED;
    scratch = BN_CTX_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_squares_are_those_of_big_numbers),
        cmocka_unit_test(a_result_may_take_an_operands_place),
        cmocka_unit_test(a_plain_product_has_all_limbs),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    BN_CTX_free(scratch);
    return failed;
}
