// SPDX-License-Identifier: Apache-2.0
#pragma once

// Lanes as OpenSSL's big numbers, for comparison.

#include <openssl/bn.h>

#include "crypto/ifma/montgomery.h"
#include "crypto/ifma/rsa.h"
#include "tests/unit/crypto/support.h"

static inline uint64_t *lane_at(col_lanes *x, uint32_t limb, uint32_t lane) {
    return (uint64_t *)x + (size_t)limb * COL_LANES + lane;
}

static inline uint64_t random_word(void) {
    uint64_t word;
    random_fill(&word, sizeof word);
    return word;
}

/// -1/odd modulo 2^52
static inline uint64_t negative_inverse(uint64_t odd) {
    uint64_t inverse = 1;
    for (int i = 0; i < 6; i++) inverse *= 2 - odd * inverse;
    return -inverse & COL_LIMB_MASK;
}

/// The number whose limbs are `stride` words apart: what stands above their 52 bits does not count.
static inline BIGNUM *number_of_limbs(const uint64_t *limb, uint32_t stride, uint32_t limbs) {
    BIGNUM *number = BN_new();
    assert_non_null(number);
    for (uint32_t i = limbs; i-- > 0;) {
        assert_int_equal(BN_lshift(number, number, COL_LIMB_BITS), 1);
        assert_int_equal(BN_add_word(number, limb[(size_t)i * stride] & COL_LIMB_MASK), 1);
    }
    return number;
}

static inline BIGNUM *number_of(const col_lanes *x, uint32_t limbs, uint32_t lane) {
    return number_of_limbs((const uint64_t *)x + lane, COL_LANES, limbs);
}

static inline void set_number(col_lanes *x, uint32_t limbs, uint32_t lane, const BIGNUM *number) {
    BIGNUM *rest = BN_dup(number);
    assert_non_null(rest);
    for (uint32_t i = 0; i < limbs; i++) {
        BIGNUM *limb = BN_dup(rest);
        assert_non_null(limb);
        BN_mask_bits(limb, COL_LIMB_BITS);
        *lane_at(x, i, lane) = BN_get_word(limb);
        BN_rshift(rest, rest, COL_LIMB_BITS);
        BN_free(limb);
    }
    assert_true(BN_is_zero(rest));
    BN_free(rest);
}

/// Tests of lanes end as skipped on a CPU that has none.
#define SKIPPED 77
