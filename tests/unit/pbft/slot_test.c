// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/slot.h"

#include "tests/unit/pbft/harness.h"

#define SLOTS 12
#define SEAL_BYTES 300

typedef struct {
    col_arena arena;
    col_slots slots;
} ring;

static int setup(void **state) {
    static ring made;
    made = (ring){0};
    const col_result opened =
        col_arena_open(&made.arena, col_slots_footprint(SLOTS, 4, SEAL_BYTES, 1024));
    assert_true(opened.ok);
    col_slots_init(&made.slots, &made.arena, SLOTS, 4, SEAL_BYTES, 1024);
    *state = &made;
    return 0;
}

static int teardown(void **state) {
    col_arena_close(&((ring *)*state)->arena);
    return 0;
}

static void an_untouched_round_is_not_found(void **state) {
    const ring *r = *state;
    assert_null(col_slots_find(&r->slots, 1));
    assert_null(col_slots_find(&r->slots, 0));
    assert_null(col_slots_find(&r->slots, SLOTS));
}

static void an_entry_is_taken_over_only_when_its_round_was_executed(void **state) {
    ring *r = *state;
    col_slot *first = col_slots_take(&r->slots, 3, 0);
    assert_non_null(first);
    first->committed = true;
    assert_null(col_slots_take(&r->slots, 3 + SLOTS, 2));
    assert_ptr_equal(col_slots_find(&r->slots, 3), first);
    col_slot *again = col_slots_take(&r->slots, 3 + SLOTS, 3);
    assert_ptr_equal(again, first);
    assert_false(again->committed);
    assert_null(col_slots_find(&r->slots, 3));
}

static void an_old_round_does_not_push_out_a_newer_one(void **state) {
    ring *r = *state;
    assert_non_null(col_slots_take(&r->slots, 3 + SLOTS, 0));
    assert_null(col_slots_take(&r->slots, 3, UINT64_MAX));
}

static void a_reused_entry_forgets_votes_seals_body_and_proposal(void **state) {
    ring *r = *state;
    col_slot *slot = col_slots_take(&r->slots, 3, 0);
    const col_value value = {{{7}}, 0};
    uint32_t matching;
    (void)col_votes_add(&slot->prepares, 1, &value, &matching);
    (void)col_votes_add(&slot->commits, 1, &value, &matching);
    col_slot_keep_seal(&r->slots, slot, 1, text("seal"));
    col_slot_keep_body(&r->slots, slot, text("body"),
                       &(col_batch_check){.digest = value.digest, .time_ns = 5, .authentic = true});
    slot->proposed = 3;
    slot = col_slots_take(&r->slots, 3 + SLOTS, 3);
    assert_int_equal(slot->prepares.voted, 0);
    assert_int_equal(slot->commits.voted, 0);
    assert_int_equal(slot->sealed, 0);
    assert_int_equal(slot->proposed, 0);
    assert_false(col_slot_has_body(slot, &value));
    assert_null(col_slot_wanted(slot));
}

static void seals_of_replicas_stand_apart_and_too_long_ones_are_not_kept(void **state) {
    ring *r = *state;
    static const uint8_t endless[SEAL_BYTES + 1];
    col_slot *slot = col_slots_take(&r->slots, 1, 0);
    col_slot_keep_seal(&r->slots, slot, 0, text("zero"));
    col_slot_keep_seal(&r->slots, slot, 3, text("three"));
    col_slot_keep_seal(&r->slots, slot, 1, (col_seal){endless, sizeof endless});
    assert_int_equal(slot->sealed, 0x9);
    assert_int_equal(col_slot_seal(&r->slots, slot, 0).length, 4);
    assert_memory_equal(col_slot_seal(&r->slots, slot, 3).at, "three", 5);
}

static void a_body_serves_only_the_value_with_its_digest(void **state) {
    ring *r = *state;
    const col_value a = {{{1}}, 0}, b = {{{2}}, 0}, run = null_run(3);
    col_slot *slot = col_slots_take(&r->slots, 1, 0);
    assert_false(col_slot_has_body(slot, &a));
    assert_true(col_slot_has_body(slot, &run));
    col_slot_keep_body(&r->slots, slot, text("of a"),
                       &(col_batch_check){.digest = a.digest, .time_ns = 5});
    assert_true(col_slot_has_body(slot, &a));
    assert_false(col_slot_has_body(slot, &b));
    assert_false(slot->authentic);
}

static void a_decided_value_is_wanted_before_a_prepared_and_a_proposed_one(void **state) {
    ring *r = *state;
    col_slot *slot = col_slots_take(&r->slots, 1, 0);
    slot->proposal = (col_value){{{1}}, 0};
    slot->prepared_value = (col_value){{{2}}, 0};
    slot->decided_value = (col_value){{{3}}, 0};
    slot->proposed = 1;
    assert_int_equal(col_slot_wanted(slot)->digest.byte[0], 1);
    slot->prepared = true;
    assert_int_equal(col_slot_wanted(slot)->digest.byte[0], 2);
    slot->decided = true;
    assert_int_equal(col_slot_wanted(slot)->digest.byte[0], 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_untouched_round_is_not_found),
        TEST(an_entry_is_taken_over_only_when_its_round_was_executed),
        TEST(an_old_round_does_not_push_out_a_newer_one),
        TEST(a_reused_entry_forgets_votes_seals_body_and_proposal),
        TEST(seals_of_replicas_stand_apart_and_too_long_ones_are_not_kept),
        TEST(a_body_serves_only_the_value_with_its_digest),
        TEST(a_decided_value_is_wanted_before_a_prepared_and_a_proposed_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
