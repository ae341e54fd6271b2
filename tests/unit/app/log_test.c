// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/app/app.h"

static const col_app *const app = &col_app_log;

#define RESULT_BYTES 40
#define KEPT 1024
#define HEAD_BYTES 40

static uint64_t number_at(const uint8_t *bytes) {
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return le64toh(number);
}

static void append(void *self, const void *operation, size_t length, uint8_t *result) {
    const col_app_request request = {.operation = operation, .length = length};
    assert_int_equal(app->execute(self, &request, result, RESULT_BYTES), RESULT_BYTES);
}

static void append_text(void *self, const char *operation) {
    uint8_t result[RESULT_BYTES];
    append(self, operation, strlen(operation), result);
}

/// Append `count` operations of very different lengths that follow from `first`.
static void append_many(void *self, uint32_t first, uint32_t count) {
    static uint8_t operation[6000];
    uint8_t result[RESULT_BYTES];
    for (uint32_t i = first; i < first + count; i++) {
        const size_t length = i % 100 == 0 ? sizeof operation : i % 50;
        memset(operation, (int)i, length);
        append(self, operation, length, result);
    }
}

static size_t ask(const void *self, uint64_t index, uint8_t *result, size_t capacity) {
    const uint64_t wire = htole64(index);
    return app->query(self, (const uint8_t *)&wire, sizeof wire, result, capacity);
}

static void results_are_the_index_and_the_digest_of_everything_so_far(void **state) {
    (void)state;
    static const char *const operation[] = {"one", "", "three"};
    // sha256(zeros, "one"), sha256(that), sha256(that, "three"), computed elsewhere
    static const uint8_t digest[3][32] = {
        {0x4e, 0x23, 0x3b, 0xa6, 0xac, 0x70, 0x32, 0xd3, 0x89, 0x4e, 0xce,
         0xa5, 0x97, 0x4f, 0xd9, 0x61, 0x76, 0xe5, 0x64, 0xb0, 0x24, 0xaf,
         0x45, 0x74, 0x7e, 0xb4, 0x63, 0x57, 0xaf, 0x8d, 0x24, 0x01},
        {0x0e, 0x30, 0xc4, 0x73, 0x40, 0x9d, 0xb1, 0x88, 0x0f, 0xf8, 0x55,
         0x45, 0xa7, 0xe4, 0xe6, 0xaa, 0x47, 0x86, 0xdc, 0xab, 0xdf, 0x8c,
         0xa1, 0x2c, 0xe1, 0xca, 0x50, 0xb0, 0xaa, 0xbd, 0x47, 0x01},
        {0x82, 0x05, 0xc6, 0x49, 0xa5, 0xfd, 0xf4, 0x1b, 0x8e, 0x9a, 0x22,
         0x46, 0x0e, 0xdf, 0xe0, 0x27, 0x42, 0xd4, 0xe6, 0x03, 0x0b, 0x29,
         0x8f, 0xeb, 0x40, 0xa0, 0xc9, 0xc0, 0x8e, 0x9f, 0x67, 0x53},
    };
    void *self = app->create("");
    for (int i = 0; i < 3; i++) {
        uint8_t result[RESULT_BYTES];
        append(self, operation[i], strlen(operation[i]), result);
        assert_int_equal(number_at(result), i + 1);
        assert_memory_equal(result + 8, digest[i], 32);
    }
    uint8_t newest[RESULT_BYTES];
    assert_int_equal(app->query(self, NULL, 0, newest, sizeof newest), RESULT_BYTES);
    assert_int_equal(number_at(newest), 3);
    assert_memory_equal(newest + 8, digest[2], 32);
    app->destroy(self);
}

static void the_last_1024_operations_can_be_read_and_no_others(void **state) {
    (void)state;
    void *self = app->create("");
    uint8_t result[RESULT_BYTES];
    assert_int_equal(ask(self, 0, result, sizeof result), 0);
    assert_int_equal(ask(self, 1, result, sizeof result), 0);
    for (uint32_t i = 1; i <= KEPT + 10; i++) append(self, &i, sizeof i, result);
    assert_int_equal(ask(self, 0, result, sizeof result), 0);
    assert_int_equal(ask(self, 10, result, sizeof result), 0);
    for (uint32_t i = 11; i <= KEPT + 10; i++) {
        assert_int_equal(ask(self, i, result, sizeof result), sizeof i);
        assert_memory_equal(result, &i, sizeof i);
    }
    assert_int_equal(ask(self, KEPT + 11, result, sizeof result), 0);
    assert_int_equal(ask(self, UINT64_MAX, result, sizeof result), 0);
    assert_int_equal(app->query(self, (const uint8_t *)"1234567", 7, result, sizeof result), 0);
    app->destroy(self);
}

static void options_create_nothing(void **state) {
    (void)state;
    assert_null(app->create("size=5"));
}

typedef struct {
    uint32_t count;
    size_t length[64];
    uint8_t chunk[64][COL_APP_CHUNK_BYTES];
} snapshot;

static void read_chunks(void *self, snapshot *taken) {
    assert_in_range(taken->count, 1, 64);
    for (uint32_t i = 0; i < taken->count; i++) {
        taken->length[i] = app->snapshot_chunk(self, i, taken->chunk[i], COL_APP_CHUNK_BYTES);
        assert_in_range(taken->length[i], 1, COL_APP_CHUNK_BYTES);
    }
}

static snapshot *snapshot_of(void *self) {
    snapshot *taken = calloc(1, sizeof *taken);
    taken->count = app->snapshot_begin(self);
    read_chunks(self, taken);
    app->snapshot_end(self);
    return taken;
}

static int restore(void *self, const snapshot *taken) {
    for (uint32_t i = 0; i < taken->count; i++) {
        if (app->restore(self, i, taken->count, taken->chunk[i], taken->length[i]) != 0) return -1;
    }
    return 0;
}

static void a_snapshot_is_head_and_framed_operations_cut_into_chunks(void **state) {
    (void)state;
    void *self = app->create("");
    append_text(self, "first");
    snapshot *taken = snapshot_of(self);
    uint8_t newest[RESULT_BYTES];
    app->query(self, NULL, 0, newest, sizeof newest);
    assert_int_equal(taken->count, 1);
    assert_int_equal(taken->length[0], HEAD_BYTES + 4 + 5);
    assert_memory_equal(taken->chunk[0], newest, HEAD_BYTES);
    assert_memory_equal(taken->chunk[0] + HEAD_BYTES, "\5\0\0\0first", 9);
    free(taken);

    static uint8_t operation[COL_APP_CHUNK_BYTES];
    uint8_t result[RESULT_BYTES];
    // 49 bytes so far; these fill the chunk exactly.
    append(self, operation, COL_APP_CHUNK_BYTES - 49 - 4, result);
    taken = snapshot_of(self);
    assert_int_equal(taken->count, 1);
    assert_int_equal(taken->length[0], COL_APP_CHUNK_BYTES);
    void *other = app->create("");
    assert_int_equal(restore(other, taken), 0);
    app->destroy(other);
    free(taken);
    app->destroy(self);
}

static void a_snapshot_stays_as_it_was_while_appending_goes_on(void **state) {
    (void)state;
    void *self = app->create("");
    append_many(self, 1, 2000);
    snapshot *before = snapshot_of(self);
    snapshot *during = calloc(1, sizeof *during);
    during->count = app->snapshot_begin(self);
    append_many(self, 1, 2000);
    read_chunks(self, during);
    app->snapshot_end(self);
    assert_true(during->count > 10);
    assert_memory_equal(before, during, sizeof *before);
    free(before);
    free(during);
    app->destroy(self);
}

static void a_restored_instance_equals_the_original_from_there_on(void **state) {
    (void)state;
    static const uint32_t appended[] = {0, 1, 500, KEPT, KEPT + 1, 3000};
    for (size_t i = 0; i < sizeof appended / sizeof *appended; i++) {
        void *self = app->create("");
        void *other = app->create("");
        append_text(other, "to be forgotten");
        append_many(self, 1, appended[i]);
        snapshot *taken = snapshot_of(self);
        assert_int_equal(restore(other, taken), 0);
        snapshot *again = snapshot_of(other);
        assert_memory_equal(taken, again, sizeof *taken);
        free(taken);
        free(again);

        append_many(self, 7, 30);
        append_many(other, 7, 30);
        taken = snapshot_of(self);
        again = snapshot_of(other);
        assert_memory_equal(taken, again, sizeof *taken);
        free(taken);
        free(again);
        app->destroy(self);
        app->destroy(other);
    }
}

/// Restore a damaged snapshot into an instance: it refuses and keeps its state.
static void expect_refused(void *self, const snapshot *damaged) {
    snapshot *before = snapshot_of(self);
    assert_int_equal(restore(self, damaged), -1);
    snapshot *after = snapshot_of(self);
    assert_memory_equal(before, after, sizeof *before);
    free(before);
    free(after);
}

static void chunks_that_are_no_state_are_refused_and_change_nothing(void **state) {
    (void)state;
    void *self = app->create("");
    append_many(self, 1, 1500);
    snapshot *good = snapshot_of(self);
    snapshot *bad = calloc(1, sizeof *bad);
    const uint32_t last = good->count - 1;
    for (int damage = 0; damage < 7; damage++) {
        *bad = *good;
        switch (damage) {
            case 0:
                bad->length[0]--;
                break;
            case 1:
                bad->length[last]--;
                break;
            case 2:
                bad->length[last]++;
                break;
            case 3:
                bad->chunk[0][0] = 100, bad->chunk[0][1] = 0;
                break;  // fewer than there are
            case 4:
                memset(bad->chunk[0] + HEAD_BYTES, 0xff, 4);
                break;  // a length of 4 GiB
            case 5:
                bad->count = 1, bad->length[0] = 39;
                break;  // less than a head
            case 6:
                bad->count--;
                break;
        }
        expect_refused(self, bad);
    }
    free(bad);
    free(good);
    app->destroy(self);
}

static void a_chunk_above_the_largest_is_refused(void **state) {
    (void)state;
    void *self = app->create("");
    append_many(self, 99, 2);  // 49 bytes and 6000
    snapshot *taken = snapshot_of(self);
    assert_int_equal(taken->count, 2);
    const size_t length = COL_APP_CHUNK_BYTES + taken->length[1];
    assert_int_equal(app->restore(self, 0, 1, taken->chunk[0], length), -1);
    free(taken);
    app->destroy(self);
}

static void chunks_out_of_order_or_of_another_count_are_refused(void **state) {
    (void)state;
    void *self = app->create("");
    append_many(self, 1, 500);
    snapshot *good = snapshot_of(self);
    const uint32_t count = good->count;
    assert_true(count > 3);
    assert_int_equal(app->restore(self, 1, count, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, count, good->chunk[0], good->length[0]), 0);
    assert_int_equal(app->restore(self, 2, count, good->chunk[2], good->length[2]), -1);
    assert_int_equal(app->restore(self, 1, count, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, 2, good->chunk[0], good->length[0]), 0);
    assert_int_equal(app->restore(self, 1, count, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, 0, good->chunk[0], good->length[0]), -1);
    assert_int_equal(app->restore(self, 0, UINT32_MAX, good->chunk[0], good->length[0]), -1);
    assert_int_equal(app->restore(self, 0, count, good->chunk[0], good->length[0]), 0);
    assert_int_equal(restore(self, good), 0);  // beginning again is allowed
    free(good);
    app->destroy(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_the_index_and_the_digest_of_everything_so_far),
        cmocka_unit_test(the_last_1024_operations_can_be_read_and_no_others),
        cmocka_unit_test(options_create_nothing),
        cmocka_unit_test(a_snapshot_is_head_and_framed_operations_cut_into_chunks),
        cmocka_unit_test(a_snapshot_stays_as_it_was_while_appending_goes_on),
        cmocka_unit_test(a_restored_instance_equals_the_original_from_there_on),
        cmocka_unit_test(chunks_that_are_no_state_are_refused_and_change_nothing),
        cmocka_unit_test(a_chunk_above_the_largest_is_refused),
        cmocka_unit_test(chunks_out_of_order_or_of_another_count_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
