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
#include "src/base/limits.h"

static const col_app *const app = &col_app_counter;

static uint64_t number_at(const uint8_t *bytes) {
    uint64_t number;
    memcpy(&number, bytes, sizeof number);
    return le64toh(number);
}

static uint64_t count_one(void *self, uint64_t session) {
    uint8_t result[64];
    const col_app_request request = {.session = session, .operation = NULL, .length = 0};
    assert_int_equal(app->execute(self, &request, result, sizeof result), 8);
    return number_at(result);
}

static uint64_t ask(const void *self, uint64_t session) {
    uint8_t result[64];
    const uint64_t operation = htole64(session);
    const uint8_t *bytes = (const uint8_t *)&operation;
    assert_int_equal(app->query(self, bytes, sizeof operation, result, sizeof result), 8);
    return number_at(result);
}

/// The session that the i-th of many operations belongs to.
static uint64_t session_of(uint64_t i) {
    return i * UINT64_C(0x9e3779b97f4a7c15);
}

static void each_session_has_its_own_count(void **state) {
    (void)state;
    void *self = app->create("");
    assert_int_equal(count_one(self, 7), 1);
    assert_int_equal(count_one(self, 7), 2);
    assert_int_equal(count_one(self, 0), 1);
    assert_int_equal(count_one(self, UINT64_MAX), 1);
    assert_int_equal(count_one(self, 7), 3);
    app->destroy(self);
}

static void counts_survive_growth(void **state) {
    (void)state;
    void *self = app->create("");
    for (uint64_t round = 1; round <= 3; round++) {
        for (uint64_t i = 0; i < 5000; i++) assert_int_equal(count_one(self, session_of(i)), round);
    }
    for (uint64_t i = 0; i < 5000; i++) assert_int_equal(ask(self, session_of(i)), 3);
    app->destroy(self);
}

static void a_session_beyond_the_largest_number_has_an_empty_result(void **state) {
    (void)state;
    void *self = app->create("");
    uint8_t result[8];
    for (uint64_t i = COL_SESSIONS_MAX; i > 0; i--) assert_int_equal(count_one(self, i), 1);
    const col_app_request request = {.session = COL_SESSIONS_MAX + 1};
    assert_int_equal(app->execute(self, &request, result, sizeof result), 0);
    assert_int_equal(count_one(self, COL_SESSIONS_MAX), 2);
    app->destroy(self);
}

static void a_query_changes_nothing(void **state) {
    (void)state;
    void *self = app->create("");
    count_one(self, 5);
    assert_int_equal(ask(self, 5), 1);
    assert_int_equal(ask(self, 6), 0);
    assert_int_equal(ask(self, 5), 1);
    assert_int_equal(app->snapshot_begin(self), 2);
    uint8_t chunk[COL_APP_CHUNK_BYTES];
    assert_int_equal(app->snapshot_chunk(self, 1, chunk, sizeof chunk), 16);
    app->snapshot_end(self);
    app->destroy(self);
}

static void a_query_that_is_no_session_has_an_empty_result(void **state) {
    (void)state;
    void *self = app->create("");
    uint8_t result[8];
    const uint8_t operation[9] = {0};
    assert_int_equal(app->query(self, operation, 7, result, sizeof result), 0);
    assert_int_equal(app->query(self, operation, 9, result, sizeof result), 0);
    app->destroy(self);
}

static void replies_are_padded_to_the_size_of_the_option(void **state) {
    (void)state;
    void *self = app->create("reply_bytes=100");
    uint8_t result[200];
    memset(result, 0xff, sizeof result);
    const col_app_request request = {.session = 1};
    assert_int_equal(app->execute(self, &request, result, sizeof result), 100);
    assert_int_equal(number_at(result), 1);
    for (int i = 8; i < 100; i++) assert_int_equal(result[i], 0);
    assert_int_equal(result[100], 0xff);
    assert_int_equal(app->execute(self, &request, result, 50), 50);
    assert_int_equal(number_at(result), 2);
    app->destroy(self);
}

static void options_that_are_not_understood_create_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {"reply_bytes",    "reply_bytes=",
                                      "reply_bytes=7",  "reply_bytes=-9",
                                      "reply_bytes=8 ", "reply_bytes=32769",
                                      "reply_byte=8",   "reply_bytes= 8",
                                      " reply_bytes=8", "reply_bytes=99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_null(app->create(bad[i]));
    void *self = app->create("reply_bytes=32768");
    assert_non_null(self);
    app->destroy(self);
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

static void equal_states_give_equal_chunks_whatever_the_order_of_sessions(void **state) {
    (void)state;
    void *up = app->create("");
    void *down = app->create("reply_bytes=16");
    for (uint64_t i = 0; i < 1000; i++) count_one(up, session_of(i));
    for (uint64_t i = 1000; i-- > 0;) {
        uint8_t result[16];
        app->execute(down, &(col_app_request){.session = session_of(i)}, result, sizeof result);
    }
    snapshot *first = snapshot_of(up);
    snapshot *second = snapshot_of(down);
    assert_int_equal(first->count, 5);
    assert_memory_equal(first, second, sizeof *first);
    free(first);
    free(second);
    app->destroy(up);
    app->destroy(down);
}

static void a_snapshot_stays_as_it_was_while_counting_goes_on(void **state) {
    (void)state;
    void *self = app->create("");
    for (uint64_t i = 0; i < 300; i++) count_one(self, i);
    snapshot *before = snapshot_of(self);
    snapshot *during = calloc(1, sizeof *during);
    during->count = app->snapshot_begin(self);
    for (uint64_t i = 0; i < 900; i++) count_one(self, i);
    read_chunks(self, during);
    app->snapshot_end(self);
    assert_memory_equal(before, during, sizeof *before);
    snapshot *after = snapshot_of(self);
    assert_memory_not_equal(before, after, sizeof *before);
    free(before);
    free(during);
    free(after);
    app->destroy(self);
}

static void a_restored_instance_goes_on_where_the_snapshot_was_taken(void **state) {
    (void)state;
    void *self = app->create("");
    void *other = app->create("");
    for (uint64_t i = 0; i < 777; i++) {
        for (uint64_t j = 0; j <= i % 3; j++) count_one(self, session_of(i));
    }
    count_one(other, 123456);
    snapshot *taken = snapshot_of(self);
    assert_int_equal(restore(other, taken), 0);
    assert_int_equal(ask(other, 123456), 0);
    for (uint64_t i = 0; i < 777; i++) {
        assert_int_equal(count_one(other, session_of(i)), i % 3 + 2);
    }
    free(taken);
    app->destroy(self);
    app->destroy(other);
}

static void an_empty_state_has_a_snapshot_too(void **state) {
    (void)state;
    void *self = app->create("");
    void *other = app->create("");
    snapshot *taken = snapshot_of(self);
    assert_int_equal(taken->count, 1);
    count_one(other, 1);
    assert_int_equal(restore(other, taken), 0);
    assert_int_equal(ask(other, 1), 0);
    free(taken);
    app->destroy(self);
    app->destroy(other);
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
    for (uint64_t i = 1; i <= 300; i++) count_one(self, i);
    snapshot *good = snapshot_of(self);
    snapshot *bad = calloc(1, sizeof *bad);
    for (int damage = 0; damage < 9; damage++) {
        *bad = *good;
        switch (damage) {
            case 0:
                bad->length[0] = 7;
                break;
            case 1:
                bad->chunk[0][0] ^= 1;
                break;  // number of sessions
            case 2:
                bad->chunk[0][7] = 0xff;
                break;  // absurd number of them
            case 3:
                bad->length[2] -= 1;
                break;
            case 4:
                bad->length[2] -= 16;
                break;
            case 5:
                memset(bad->chunk[1] + 8, 0, 8);
                break;  // a count of nothing
            case 6:
                memcpy(bad->chunk[2] + 16, bad->chunk[2], 8);
                break;  // a session twice
            case 7:
                memcpy(bad->chunk[1], bad->chunk[2], 16);
                break;  // not ascending
            case 8:
                bad->length[0] = 9;
                break;
        }
        expect_refused(self, bad);
    }
    free(bad);
    free(good);
    app->destroy(self);
}

static void chunks_out_of_order_or_of_another_count_are_refused(void **state) {
    (void)state;
    void *self = app->create("");
    for (uint64_t i = 1; i <= 512; i++) count_one(self, i);
    snapshot *good = snapshot_of(self);
    assert_int_equal(good->count, 3);
    assert_int_equal(app->restore(self, 1, 3, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, 1, good->chunk[0], good->length[0]), -1);
    assert_int_equal(app->restore(self, 0, 3, good->chunk[0], good->length[0]), 0);
    assert_int_equal(app->restore(self, 2, 3, good->chunk[2], good->length[2]), -1);
    assert_int_equal(app->restore(self, 1, 3, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, 3, good->chunk[0], good->length[0]), 0);
    assert_int_equal(app->restore(self, 1, 2, good->chunk[1], good->length[1]), -1);
    assert_int_equal(app->restore(self, 0, 3, good->chunk[0], good->length[0]), 0);
    assert_int_equal(restore(self, good), 0);  // beginning again is allowed
    assert_int_equal(ask(self, 512), 1);
    free(good);
    app->destroy(self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_session_has_its_own_count),
        cmocka_unit_test(counts_survive_growth),
        cmocka_unit_test(a_session_beyond_the_largest_number_has_an_empty_result),
        cmocka_unit_test(a_query_changes_nothing),
        cmocka_unit_test(a_query_that_is_no_session_has_an_empty_result),
        cmocka_unit_test(replies_are_padded_to_the_size_of_the_option),
        cmocka_unit_test(options_that_are_not_understood_create_nothing),
        cmocka_unit_test(equal_states_give_equal_chunks_whatever_the_order_of_sessions),
        cmocka_unit_test(a_snapshot_stays_as_it_was_while_counting_goes_on),
        cmocka_unit_test(a_restored_instance_goes_on_where_the_snapshot_was_taken),
        cmocka_unit_test(an_empty_state_has_a_snapshot_too),
        cmocka_unit_test(chunks_that_are_no_state_are_refused_and_change_nothing),
        cmocka_unit_test(chunks_out_of_order_or_of_another_count_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
