// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "crypto/ifma/exponent.h"
#include "crypto/ifma/numbers.h"
#include "crypto/ifma/rsa_internal.h"
#include "crypto/rsa_message.h"
#include "src/base/assert.h"

#define DIGEST_BYTES 32
#define DIGEST_LIMBS 5
static_assert(DIGEST_LIMBS * COL_LIMB_BITS >= 8 * DIGEST_BYTES, "a digest's limbs");

static void set_padding(col_lanes *padding, uint32_t bits) {
    const uint32_t length = bits / 8;
    uint8_t bytes[COL_SIGNATURE_BYTES_MAX];
    col_rsa_message_encode(&(col_digest){{0}}, bytes, length);
    const uint8_t *all[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) all[lane] = bytes;
    col_ifma_from_bytes(padding, col_limbs_of(bits), all, length);
}

static int size_of(uint32_t bits) {
    return (int)(bits - 2048) / 1024;
}

void col_rsa_encode(col_lanes *m, const uint8_t *const *digest, const col_rsa_context *context,
                    uint32_t bits) {
    const col_lanes *padding = context->padding[size_of(bits)];
    col_lanes low[DIGEST_LIMBS];
    col_ifma_from_bytes(low, DIGEST_LIMBS, digest, DIGEST_BYTES);
    for (uint32_t i = 0; i < col_limbs_of(bits); i++) {
        m[i] = padding[i];
        if (i < DIGEST_LIMBS) m[i] = _mm512_or_si512(m[i], low[i]);
    }
}

static bool are_set(const col_rsa_public_lanes *lanes, const col_rsa_key *const *key) {
    for (int lane = 0; lane < COL_LANES; lane++) {
        if (lanes->serial[lane] != key[lane]->serial) return false;
    }
    return true;
}

void col_rsa_public_lanes_set(col_rsa_public_lanes *lanes, const col_rsa_key *const *key) {
    if (are_set(lanes, key)) return;
    const uint32_t limbs = key[0]->n.limbs;
    const uint64_t *m[COL_LANES];
    const uint64_t *square[COL_LANES];
    const uint64_t *k0[COL_LANES];
    for (int lane = 0; lane < COL_LANES; lane++) {
        COL_ASSERT(key[lane]->n.limbs == limbs);
        lanes->serial[lane] = key[lane]->serial;
        m[lane] = key[lane]->n.m.limb;
        square[lane] = key[lane]->square.limb;
        k0[lane] = &key[lane]->n.k0;
    }
    col_ifma_from_words(lanes->m, limbs, m);
    col_ifma_from_words(lanes->square, limbs, square);
    lanes->modulus = (col_modulus){.limbs = limbs, .m = lanes->m};
    col_ifma_from_words(&lanes->modulus.k0, 1, k0);
    lanes->bits = key[0]->bits;
}

void col_rsa_public_operation(col_lanes *r, const col_lanes *s, const col_rsa_public_lanes *lanes) {
    const uint32_t limbs = lanes->modulus.limbs;
    col_ifma_power_65537(r, s, lanes->square, &lanes->modulus);
    col_ifma_tighten(r, limbs);
    col_ifma_subtract_once(r, lanes->m, limbs);
}

uint8_t col_rsa_verify_variable_time(col_rsa_context *context, const col_rsa_key *const *key,
                                     const col_digest *digest, const uint8_t *const *signature,
                                     uint32_t count) {
    COL_ASSERT(count >= 1 && count <= COL_LANES);
    // So many one after the other take less time than a call of eight lanes.
    const uint32_t alone_max = key[0]->bits > 2048 ? 4 : 3;
    if (count <= alone_max) {
        uint8_t valid = 0;
        for (uint32_t i = 0; i < count; i++) {
            valid |= (uint8_t)(col_rsa_verify_one_variable_time(context, key[i], &digest[i],
                                                                signature[i])
                               << i);
        }
        return valid;
    }
    // Lanes that are not used repeat the first.
    const col_rsa_key *keys[COL_LANES];
    const uint8_t *digests[COL_LANES];
    const uint8_t *signatures[COL_LANES];
    for (uint32_t lane = 0; lane < COL_LANES; lane++) {
        const uint32_t job = lane < count ? lane : 0;
        keys[lane] = key[job];
        digests[lane] = digest[job].byte;
        signatures[lane] = signature[job];
    }
    col_rsa_public_lanes *lanes = &context->open;
    col_rsa_public_lanes_set(lanes, keys);
    const uint32_t limbs = lanes->modulus.limbs;
    col_lanes s[COL_LIMBS_MAX];
    col_lanes opened[COL_LIMBS_MAX];
    col_lanes expected[COL_LIMBS_MAX];
    col_ifma_from_bytes(s, limbs, signatures, lanes->bits / 8);
    const uint8_t below = col_ifma_below(s, lanes->m, limbs);
    col_rsa_public_operation(opened, s, lanes);
    col_rsa_encode(expected, digests, context, lanes->bits);
    return below & col_ifma_equal(opened, expected, limbs) & (uint8_t)((1U << count) - 1);
}

col_rsa_context *col_rsa_context_create(void) {
    col_rsa_context *context = aligned_alloc(sizeof(col_lanes), sizeof *context);
    COL_ASSERT(context);
    memset(context, 0, sizeof *context);
    context->scratch = BN_CTX_secure_new();
    context->number = BN_secure_new();
    context->inverted_modulo = BN_new();
    COL_ASSERT(context->scratch && context->number && context->inverted_modulo);
    BN_set_flags(context->number, BN_FLG_CONSTTIME);
    for (uint32_t bits = 2048; bits <= 4096; bits += 1024) {
        set_padding(context->padding[size_of(bits)], bits);
    }
    return context;
}

void col_rsa_context_destroy(col_rsa_context *context) {
    if (!context) return;
    BN_CTX_free(context->scratch);
    BN_clear_free(context->number);
    BN_free(context->inverted_modulo);
    OPENSSL_cleanse(context, sizeof *context);
    free(context);
}
