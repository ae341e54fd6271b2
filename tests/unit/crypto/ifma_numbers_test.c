// SPDX-License-Identifier: Apache-2.0
#include "crypto/ifma/numbers.h"

#include "tests/unit/crypto/ifma_support.h"

#define LIMBS 20

static col_lanes a[COL_LIMBS_MAX], b[COL_LIMBS_MAX], c[COL_LIMBS_MAX], r[COL_LIMBS_MAX];

static void draw(col_lanes *x, uint32_t top_bits) {
    for (uint32_t i = 0; i < LIMBS * COL_LANES; i++) {
        ((uint64_t *)x)[i] = random_word() & COL_LIMB_MASK;
    }
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        *lane_at(x, LIMBS - 1, lane) >>= COL_LIMB_BITS - top_bits;
    }
}

static void assert_tight(const col_lanes *x) {
    for (uint32_t i = 0; i < LIMBS * COL_LANES; i++) {
        assert_true(((const uint64_t *)x)[i] <= COL_LIMB_MASK);
    }
}

static void sums_and_differences_carry(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        draw(a, 40);
        draw(b, 40);
        draw(c, 30);
        *lane_at(a, LIMBS - 1, 0) = UINT64_C(1) << 41;  // a long borrow and a long carry
        for (uint32_t i = 0; i + 1 < LIMBS; i++) {
            *lane_at(a, i, 0) = round % 2 ? 0 : COL_LIMB_MASK;
        }
        col_ifma_add_subtract(r, a, b, round % 3 ? c : NULL, LIMBS);
        assert_tight(r);
        for (uint32_t lane = 0; lane < COL_LANES; lane++) {
            BIGNUM *x = number_of(a, LIMBS, lane);
            BIGNUM *y = number_of(b, LIMBS, lane);
            BIGNUM *z = number_of(c, LIMBS, lane);
            BIGNUM *result = number_of(r, LIMBS, lane);
            BN_add(x, x, y);
            if (round % 3) BN_sub(x, x, z);
            if (!BN_is_negative(x)) assert_int_equal(BN_cmp(x, result), 0);
            BN_free(x);
            BN_free(y);
            BN_free(z);
            BN_free(result);
        }
    }
}

static void comparisons_look_at_every_limb(void **state) {
    (void)state;
    draw(a, 40);
    for (uint32_t limb = 0; limb < LIMBS; limb++) {
        memcpy(b, a, sizeof a);
        assert_int_equal(col_ifma_equal(a, b, LIMBS), 0xff);
        assert_int_equal(col_ifma_below(a, b, LIMBS), 0);
        *lane_at(b, limb, 3) ^= 1;
        assert_int_equal(col_ifma_equal(a, b, LIMBS), 0xff & ~(1 << 3));
        const bool is_above = *lane_at(b, limb, 3) > *lane_at(a, limb, 3);
        assert_int_equal(col_ifma_below(a, b, LIMBS), is_above ? 1 << 3 : 0);
        assert_int_equal(col_ifma_below(b, a, LIMBS), is_above ? 0 : 1 << 3);
    }
}

static void a_modulus_is_subtracted_where_it_fits(void **state) {
    (void)state;
    draw(b, 40);
    for (int round = 0; round < 4; round++) {
        memcpy(a, b, sizeof a);  // lanes: m, m - 1, m + 1, 2 m - 1, random ones
        *lane_at(b, 0, 1) |= 2;
        *lane_at(a, 0, 1) = *lane_at(b, 0, 1) - 1;
        *lane_at(b, 0, 2) &= ~UINT64_C(2);
        *lane_at(a, 0, 2) = *lane_at(b, 0, 2) + 1;
        for (uint32_t lane = 3; lane < COL_LANES; lane++) {
            BIGNUM *m = number_of(b, LIMBS, lane);
            BN_lshift1(m, m);
            BIGNUM *x = BN_new();
            if (lane == 3) BN_sub(x, m, BN_value_one());
            if (lane > 3) BN_rand_range(x, m);
            set_number(a, LIMBS, lane, x);
            BN_free(x);
            BN_free(m);
        }
        memcpy(r, a, sizeof a);
        col_ifma_subtract_once(r, b, LIMBS);
        BN_CTX *scratch = BN_CTX_new();
        for (uint32_t lane = 0; lane < COL_LANES; lane++) {
            BIGNUM *x = number_of(a, LIMBS, lane);
            BIGNUM *m = number_of(b, LIMBS, lane);
            BIGNUM *result = number_of(r, LIMBS, lane);
            BN_mod(x, x, m, scratch);
            assert_int_equal(BN_cmp(x, result), 0);
            BN_free(x);
            BN_free(m);
            BN_free(result);
        }
        BN_CTX_free(scratch);
    }
}

static void bytes_become_limbs_and_back(void **state) {
    (void)state;
    static const struct {
        uint32_t length, limbs;
    } shape[] = {{8, 5}, {32, 5}, {256, 40}, {384, 60}, {512, 80}};
    uint8_t bytes[COL_LANES][512];
    const uint8_t *at[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) at[lane] = bytes[lane];
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        random_fill(bytes, sizeof bytes);
        memset(bytes[1], 0, sizeof bytes[1]);
        memset(bytes[2], 0xff, sizeof bytes[2]);
        const uint32_t length = shape[i].length;
        col_ifma_from_bytes(r, shape[i].limbs, at, length);
        for (uint32_t lane = 0; lane < COL_LANES; lane++) {
            BIGNUM *expected = BN_bin2bn(bytes[lane], (int)length, NULL);
            BIGNUM *number = number_of(r, shape[i].limbs, lane);
            assert_int_equal(BN_cmp(expected, number), 0);
            uint8_t back[512];
            col_ifma_to_bytes(back, length, lane_at(r, 0, lane), COL_LANES, shape[i].limbs);
            assert_memory_equal(back, bytes[lane], length);
            BN_free(expected);
            BN_free(number);
        }
    }
}

static void words_become_lanes(void **state) {
    (void)state;
    uint64_t word[COL_LANES][3];
    const uint64_t *at[COL_LANES];
    random_fill(word, sizeof word);
    for (int lane = 0; lane < COL_LANES; lane++) at[lane] = word[lane];
    col_ifma_from_words(r, 3, at);
    col_ifma_broadcast(a, 3, word[5]);
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(*lane_at(r, i, lane), word[lane][i]);
            assert_int_equal(*lane_at(a, i, lane), word[5][i]);
        }
    }
    col_ifma_tighten(r, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(*lane_at(r, i, 6), word[6][i] & COL_LIMB_MASK);
    }
}

int main(void) {
    if (!col_rsa_available()) return SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_differences_carry),
        cmocka_unit_test(comparisons_look_at_every_limb),
        cmocka_unit_test(a_modulus_is_subtracted_where_it_fits),
        cmocka_unit_test(bytes_become_limbs_and_back),
        cmocka_unit_test(words_become_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
