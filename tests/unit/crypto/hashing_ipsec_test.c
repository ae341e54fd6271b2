// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "crypto/hashing.h"
#include "tests/unit/crypto/support.h"

#define MESSAGES_MAX 400
#define MESSAGE_BYTES 301

static uint8_t bytes[MESSAGES_MAX + 70000];
static col_bytes message[MESSAGES_MAX];
static col_digest expected[MESSAGES_MAX];
static col_digest digest[MESSAGES_MAX];

static void agree(const col_hasher *hasher, const col_hasher *oracle, uint32_t count) {
    memset(digest, 0, sizeof digest);
    oracle->digest(oracle, message, count, expected);
    hasher->digest(hasher, message, count, digest);
    assert_memory_equal(digest, expected, count * sizeof *digest);
}

static void need_ipsec(col_hasher **hasher) {
    *hasher = col_hasher_ipsec_create();
    if (!*hasher) skip();
}

static void every_length_from_0_to_300_agrees_with_openssl_alone_and_in_bulk(void **state) {
    (void)state;
    col_hasher *hasher;
    need_ipsec(&hasher);
    col_hasher *oracle = col_hasher_openssl_create();
    random_fill(bytes, sizeof bytes);
    for (uint32_t i = 0; i < MESSAGE_BYTES; i++) {
        message[0] = (col_bytes){bytes + i, i};
        agree(hasher, oracle, 1);
    }
    for (uint32_t i = 0; i < MESSAGE_BYTES; i++) message[i] = (col_bytes){bytes + i, i};
    agree(hasher, oracle, MESSAGE_BYTES);
    col_hasher_destroy(oracle);
    col_hasher_destroy(hasher);
}

static void every_count_of_messages_of_mixed_lengths_agrees_with_openssl(void **state) {
    (void)state;
    col_hasher *hasher;
    need_ipsec(&hasher);
    col_hasher *oracle = col_hasher_openssl_create();
    random_fill(bytes, sizeof bytes);
    for (uint32_t count = 1; count <= MESSAGES_MAX; count++) {
        for (uint32_t i = 0; i < count; i++) {
            message[i] = (col_bytes){bytes + i, random_below(MESSAGE_BYTES)};
        }
        agree(hasher, oracle, count);
    }
    col_hasher_destroy(oracle);
    col_hasher_destroy(hasher);
}

static void long_messages_among_short_ones_agree_with_openssl(void **state) {
    (void)state;
    col_hasher *hasher;
    need_ipsec(&hasher);
    col_hasher *oracle = col_hasher_openssl_create();
    random_fill(bytes, sizeof bytes);
    const uint32_t lengths[] = {65536, 0, 8972, 1, 70000, 94, 64, 63, 65, 55, 56};
    const uint32_t count = sizeof lengths / sizeof *lengths;
    for (uint32_t i = 0; i < count; i++) message[i] = (col_bytes){bytes + i, lengths[i]};
    agree(hasher, oracle, count);
    col_hasher_destroy(oracle);
    col_hasher_destroy(hasher);
}

static void *hash_alone(void *context) {
    col_hasher *hasher = col_hasher_ipsec_create();
    col_digest *out = context;
    const uint8_t zeros[94] = {0};
    const col_bytes many[20] = {{zeros, 0},  {zeros, 94}, {zeros, 94}, {zeros, 1},  {zeros, 94},
                                {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94},
                                {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94},
                                {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94}, {zeros, 94}};
    for (uint32_t round = 0; hasher && round < 200; round++) {
        hasher->digest(hasher, many, 20, out);
    }
    col_hasher_destroy(hasher);
    return NULL;
}

static void threads_with_their_own_hashers_do_not_disturb_each_other(void **state) {
    (void)state;
    col_hasher *hasher;
    need_ipsec(&hasher);
    static col_digest out[4][20];
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hash_alone, out[i]), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
    const uint8_t zeros[94] = {0};
    col_digest of_zeros;
    col_hash(hasher, (col_bytes){zeros, sizeof zeros}, &of_zeros);
    for (int i = 0; i < 4; i++) assert_memory_equal(out[i][19].byte, of_zeros.byte, 32);
    for (int i = 1; i < 4; i++) assert_memory_equal(out[i], out[0], sizeof out[0]);
    col_hasher_destroy(hasher);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_from_0_to_300_agrees_with_openssl_alone_and_in_bulk),
        cmocka_unit_test(every_count_of_messages_of_mixed_lengths_agrees_with_openssl),
        cmocka_unit_test(long_messages_among_short_ones_agree_with_openssl),
        cmocka_unit_test(threads_with_their_own_hashers_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
