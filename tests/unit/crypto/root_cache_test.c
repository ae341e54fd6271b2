// SPDX-License-Identifier: Apache-2.0
#include "crypto/root_cache.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/crypto/support.h"

#define ROOTS 64

static col_arena arena;
static col_root_cache *cache;

static int set_up(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, col_root_cache_footprint(ROOTS)));
    cache = col_root_cache_create(&arena, ROOTS);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_arena_close(&arena);
    return 0;
}

static col_root_key key_of(uint32_t root) {
    col_root_key key = {.signer = 3, .key_version = 1, .role = 0, .scheme = 1, .leaves = 7};
    memset(key.root.byte, 0, sizeof key.root.byte);
    memcpy(key.root.byte, &root, sizeof root);
    return key;
}

static uint8_t signature[COL_SIGNATURE_BYTES_MAX];

static col_bytes signed_by(uint8_t value, size_t length) {
    memset(signature, value, sizeof signature);
    return (col_bytes){signature, length};
}

static void what_was_added_is_found_and_nothing_else(void **state) {
    (void)state;
    const col_root_key key = key_of(1);
    assert_false(col_root_cache_has(cache, &key, signed_by(9, 256)));
    col_root_cache_add(cache, &key, signed_by(9, 256));
    assert_true(col_root_cache_has(cache, &key, signed_by(9, 256)));
    const col_root_key other_root = key_of(2);
    assert_false(col_root_cache_has(cache, &other_root, signed_by(9, 256)));
}

static void an_empty_cache_vouches_for_nothing_not_even_zeros(void **state) {
    (void)state;
    const col_root_key zeros = {0};
    assert_false(col_root_cache_has(cache, &zeros, signed_by(0, 256)));
    assert_false(col_root_cache_has(cache, &zeros, signed_by(0, 8)));
}

static void a_hit_needs_every_field_of_the_key(void **state) {
    (void)state;
    col_root_cache_add(cache, &(col_root_key){.signer = 3}, signed_by(9, 256));
    const col_root_key key = key_of(1);
    col_root_cache_add(cache, &key, signed_by(9, 256));
    col_root_key other = key;
    other.signer = 2;
    assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    other = key;
    other.key_version = 2;
    assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    other = key;
    other.role = 1;
    assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    other = key;
    other.scheme = 2;
    assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    other = key;
    other.leaves = 8;
    assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    for (int i = 0; i < 32; i++) {
        other = key;
        other.root.byte[i] ^= 1;
        assert_false(col_root_cache_has(cache, &other, signed_by(9, 256)));
    }
    assert_true(col_root_cache_has(cache, &key, signed_by(9, 256)));
}

static void a_hit_needs_every_byte_of_the_signature(void **state) {
    (void)state;
    const size_t lengths[] = {256, 384, 512};
    for (uint32_t i = 0; i < 3; i++) {
        const col_root_key key = key_of(100 + i);
        col_root_cache_add(cache, &key, signed_by(9, lengths[i]));
        assert_true(col_root_cache_has(cache, &key, signed_by(9, lengths[i])));
        assert_false(col_root_cache_has(cache, &key, signed_by(9, lengths[i] - 8)));
        for (size_t at = 0; at < lengths[i]; at++) {
            const col_bytes altered = signed_by(9, lengths[i]);
            signature[at] ^= 1;
            assert_false(col_root_cache_has(cache, &key, altered));
        }
    }
}

static void the_oldest_of_a_bucket_makes_room(void **state) {
    (void)state;
    const uint32_t buckets = ROOTS / 4;
    for (uint32_t i = 0; i < 5; i++) {
        const col_root_key key = key_of(5 + i * buckets);
        col_root_cache_add(cache, &key, signed_by((uint8_t)i, 256));
    }
    for (uint32_t i = 0; i < 5; i++) {
        const col_root_key key = key_of(5 + i * buckets);
        assert_int_equal(col_root_cache_has(cache, &key, signed_by((uint8_t)i, 256)), i > 0);
    }
    const col_root_key next = key_of(5 + 5 * buckets);
    col_root_cache_add(cache, &next, signed_by(5, 256));
    const col_root_key second = key_of(5 + buckets);
    assert_false(col_root_cache_has(cache, &second, signed_by(1, 256)));
}

/// Two writers fill one bucket with signatures of one byte value each; a reader asks for mixed ones
/// that a torn read would find. Signatures have few cache lines, between which reads tear.
#define LINE_BYTES 64
#define TEAR_BYTES (3 * LINE_BYTES)

typedef struct {
    atomic_bool *stop;
    uint64_t rounds;
} writer;

static void *write_pure_values(void *context) {
    writer *self = context;
    const col_root_key key = key_of(1);
    while (!atomic_load(self->stop)) {
        uint8_t pure[TEAR_BYTES];
        memset(pure, 1 + (int)(self->rounds++ % 5 % 2), sizeof pure);  // 5: each place gets both
        col_root_cache_add(cache, &key, (col_bytes){pure, sizeof pure});
    }
    return NULL;
}

static void no_reader_ever_sees_half_of_a_write(void **state) {
    (void)state;
    atomic_bool stop = false;
    writer writers[2] = {{&stop, 0}, {&stop, 0}};
    pthread_t thread[2];
    const uint8_t pure[TEAR_BYTES] = {[0 ... TEAR_BYTES - 1] = 1};
    const col_root_key key = key_of(1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, write_pure_values, &writers[i]), 0);
    }
    uint64_t torn = 0;
    uint64_t hits = 0;
    for (int round = 0; round < 400000; round++) {
        const int first = 1 + (round & 1);
        const size_t tear = round & 2 ? LINE_BYTES : 2 * LINE_BYTES;
        uint8_t mixed[TEAR_BYTES];
        memset(mixed, first, sizeof mixed);
        memset(mixed + tear, 3 - first, sizeof mixed - tear);
        torn += col_root_cache_has(cache, &key, (col_bytes){mixed, sizeof mixed});
        hits += col_root_cache_has(cache, &key, (col_bytes){pure, sizeof pure});
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(torn, 0);
    assert_true(hits > 0);
    assert_true(writers[0].rounds > 0 && writers[1].rounds > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_found_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_cache_vouches_for_nothing_not_even_zeros, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_hit_needs_every_field_of_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hit_needs_every_byte_of_the_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_a_bucket_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_reader_ever_sees_half_of_a_write, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
