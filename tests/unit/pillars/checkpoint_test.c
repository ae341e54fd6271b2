// SPDX-License-Identifier: Apache-2.0
#include "pillars/checkpoint.h"

#include "tests/unit/pbft/harness.h"

// Replica 2 of 4, pillar 1 of 4: checkpoints 1, 5, 9, ...
typedef struct {
    col_arena arena;
    col_checkpoints *checkpoints;
} fixture;

static const col_digest state_a = {{0xA}}, state_b = {{0xB}};

static int setup(void **state) {
    static fixture made;
    const col_checkpoints_options options = {.replicas = 4,
                                             .quorum = 3,
                                             .self = 2,
                                             .pillar = 1,
                                             .pillars = 4,
                                             .signature_bytes_max = 256};
    const col_result opened = col_arena_open(&made.arena, col_checkpoints_footprint(&options));
    assert_true(opened.ok);
    made.checkpoints = col_checkpoints_create(&made.arena, &options);
    *state = &made;
    return 0;
}

static int teardown(void **state) {
    col_arena_close(&((fixture *)*state)->arena);
    return 0;
}

static col_drop vote(const fixture *f, uint32_t sender, uint64_t checkpoint,
                     const col_digest *digest) {
    char seal[16];
    snprintf(seal, sizeof seal, "seal of %u", sender);
    return col_checkpoints_add(f->checkpoints, sender, checkpoint, digest, text(seal));
}

static void three_matching_votes_of_four_make_a_checkpoint_stable(void **state) {
    const fixture *f = *state;
    assert_int_equal(vote(f, 0, 1, &state_a), COL_DROP_NONE);
    assert_int_equal(vote(f, 1, 1, &state_a), COL_DROP_NONE);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 0);
    assert_int_equal(vote(f, 3, 1, &state_a), COL_DROP_NONE);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 1);
}

static void one_replica_counts_once(void **state) {
    const fixture *f = *state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(vote(f, 0, 1, &state_a), i == 0 ? COL_DROP_NONE : COL_DROP_REPEATED);
    }
    assert_int_equal(vote(f, 1, 1, &state_a), COL_DROP_NONE);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 0);
}

static void votes_for_different_states_do_not_add_up(void **state) {
    const fixture *f = *state;
    (void)vote(f, 0, 1, &state_a);
    (void)vote(f, 1, 1, &state_a);
    assert_int_equal(vote(f, 3, 1, &state_b), COL_DROP_NONE);
    assert_int_equal(vote(f, 0, 1, &state_b), COL_DROP_CONFLICTING);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 0);
}

static void checkpoints_of_other_pillars_and_number_0_are_refused(void **state) {
    const fixture *f = *state;
    assert_int_equal(vote(f, 0, 0, &state_a), COL_DROP_WRONG_PILLAR);
    assert_int_equal(vote(f, 0, 2, &state_a), COL_DROP_WRONG_PILLAR);
    assert_int_equal(vote(f, 0, 4, &state_a), COL_DROP_WRONG_PILLAR);
    assert_int_equal(vote(f, 0, UINT64_MAX, &state_a), COL_DROP_WRONG_PILLAR);
    assert_int_equal(vote(f, 0, 5, &state_a), COL_DROP_NONE);
}

static void a_replica_that_missed_any_number_learns_the_newest(void **state) {
    const fixture *f = *state;
    for (uint32_t r = 0; r < 4; r++) {
        if (r != 2) assert_int_equal(vote(f, r, 4001, &state_a), COL_DROP_NONE);
    }
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 4001);
}

static void a_faulty_replica_far_ahead_spends_only_its_own_places(void **state) {
    const fixture *f = *state;
    const uint64_t absurd = UINT64_MAX - 2;
    assert_int_equal(absurd % 4, 1);
    assert_int_equal(vote(f, 3, absurd, &state_a), COL_DROP_NONE);
    for (uint64_t c = 1; c < 100; c += 4) {
        for (uint32_t r = 0; r < 3; r++) assert_int_equal(vote(f, r, c, &state_a), COL_DROP_NONE);
        assert_int_equal(col_checkpoints_stable(f->checkpoints), c);
    }
}

static void replicas_some_checkpoints_apart_still_meet(void **state) {
    const fixture *f = *state;
    // Replica 0 is three of this pillar's checkpoints ahead of replicas 1 and 3.
    for (uint64_t c = 1; c <= 13; c += 4) (void)vote(f, 0, c, &state_a);
    (void)vote(f, 1, 1, &state_a);
    (void)vote(f, 3, 1, &state_a);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 1);
}

static void older_votes_than_stable_are_stale_and_late_equal_ones_are_kept(void **state) {
    const fixture *f = *state;
    for (uint32_t r = 0; r < 3; r++) (void)vote(f, r, 5, &state_a);
    assert_int_equal(vote(f, 3, 1, &state_a), COL_DROP_STALE);
    assert_int_equal(vote(f, 3, 5, &state_a), COL_DROP_NONE);
}

static void a_proof_has_the_seals_of_a_quorum_for_one_digest(void **state) {
    const fixture *f = *state;
    col_sealed_by seal[4];
    col_digest digest;
    assert_int_equal(col_checkpoints_proof(f->checkpoints, &digest, seal), 0);
    (void)vote(f, 0, 1, &state_b);
    (void)col_checkpoints_add(f->checkpoints, 2, 1, &state_a, (col_seal){0});  // not sealed yet
    (void)vote(f, 1, 1, &state_a);
    (void)vote(f, 3, 1, &state_a);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 1);
    assert_int_equal(col_checkpoints_proof(f->checkpoints, &digest, seal), 2);
    assert_true(col_digest_equal(&digest, &state_a));
    assert_int_equal(vote(f, 2, 1, &state_a), COL_DROP_REPEATED);  // the own seal comes back
    assert_int_equal(col_checkpoints_proof(f->checkpoints, &digest, seal), 3);
    assert_int_equal(seal[0].sender | seal[1].sender << 4 | seal[2].sender << 8, 0x321);
    assert_memory_equal(seal[1].seal.at, "seal of 2", 9);
}

static void the_own_votes_are_found_lowest_first(void **state) {
    const fixture *f = *state;
    uint64_t checkpoint;
    col_digest digest;
    assert_false(col_checkpoints_own(f->checkpoints, 0, &checkpoint, &digest));
    (void)vote(f, 2, 1, &state_a);
    (void)vote(f, 2, 5, &state_b);
    assert_true(col_checkpoints_own(f->checkpoints, 0, &checkpoint, &digest));
    assert_int_equal(checkpoint, 1);
    assert_true(col_checkpoints_own(f->checkpoints, 1, &checkpoint, &digest));
    assert_int_equal(checkpoint, 5);
    assert_true(col_digest_equal(&digest, &state_b));
    assert_false(col_checkpoints_own(f->checkpoints, 5, &checkpoint, &digest));
}

static void another_digest_than_the_own_is_noticed_in_either_order(void **state) {
    const fixture *f = *state;
    (void)vote(f, 2, 1, &state_b);
    for (uint32_t r = 0; r < 4; r++) {
        if (r != 2) (void)vote(f, r, 1, &state_a);
    }
    assert_int_equal(col_checkpoints_diverged(f->checkpoints), 1);
    for (uint32_t r = 0; r < 4; r++) {
        if (r != 2) (void)vote(f, r, 5, &state_a);
    }
    (void)vote(f, 2, 5, &state_b);
    assert_int_equal(col_checkpoints_diverged(f->checkpoints), 2);
    (void)vote(f, 2, 9, &state_a);
    for (uint32_t r = 0; r < 4; r++) (void)vote(f, r, 9, &state_a);
    assert_int_equal(col_checkpoints_diverged(f->checkpoints), 2);
}

static col_drop prove(const fixture *f, uint64_t checkpoint, const uint32_t sender[3]) {
    const col_sealed_by seal[3] = {
        {sender[0], text("seal x")}, {sender[1], text("seal y")}, {sender[2], text("seal z")}};
    return col_checkpoints_prove(f->checkpoints, checkpoint, &state_a, seal, 3);
}

static void a_proof_of_q_distinct_replicas_makes_a_checkpoint_stable_without_votes(void **state) {
    const fixture *f = *state;
    assert_int_equal(prove(f, 41, (uint32_t[]){0, 1, 1}), COL_DROP_BAD_PROOF);
    assert_int_equal(prove(f, 41, (uint32_t[]){0, 1, 4}), COL_DROP_BAD_PROOF);
    assert_int_equal(prove(f, 42, (uint32_t[]){0, 1, 3}), COL_DROP_WRONG_PILLAR);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 0);
    assert_int_equal(prove(f, 41, (uint32_t[]){0, 1, 3}), COL_DROP_NONE);
    assert_int_equal(col_checkpoints_stable(f->checkpoints), 41);
    assert_int_equal(prove(f, 41, (uint32_t[]){0, 1, 3}), COL_DROP_STALE);
    assert_int_equal(prove(f, 37, (uint32_t[]){0, 1, 3}), COL_DROP_STALE);
}

static void a_proof_that_was_received_can_be_passed_on(void **state) {
    const fixture *f = *state;
    (void)vote(f, 0, 41, &state_b);  // a faulty replica that tells everyone something else
    assert_int_equal(prove(f, 41, (uint32_t[]){0, 1, 3}), COL_DROP_NONE);
    col_sealed_by seal[4];
    col_digest digest;
    assert_int_equal(col_checkpoints_proof(f->checkpoints, &digest, seal), 3);
    assert_memory_equal(&digest, &state_a, sizeof digest);
    assert_int_equal(seal[0].sender, 0);
    assert_memory_equal(seal[0].seal.at, "seal x", 6);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(three_matching_votes_of_four_make_a_checkpoint_stable),
        TEST(one_replica_counts_once),
        TEST(votes_for_different_states_do_not_add_up),
        TEST(checkpoints_of_other_pillars_and_number_0_are_refused),
        TEST(a_replica_that_missed_any_number_learns_the_newest),
        TEST(a_faulty_replica_far_ahead_spends_only_its_own_places),
        TEST(replicas_some_checkpoints_apart_still_meet),
        TEST(older_votes_than_stable_are_stale_and_late_equal_ones_are_kept),
        TEST(a_proof_has_the_seals_of_a_quorum_for_one_digest),
        TEST(the_own_votes_are_found_lowest_first),
        TEST(another_digest_than_the_own_is_noticed_in_either_order),
        TEST(a_proof_of_q_distinct_replicas_makes_a_checkpoint_stable_without_votes),
        TEST(a_proof_that_was_received_can_be_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
