// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "tests/system/switch/rules.h"

#define FRAMES 100000u

static switch_rules rules;

static void given(uint64_t seed, const char *text) {
    static switch_script script;
    const col_result result = switch_script_parse("script", text, 4, &script);
    if (!result.ok) fail_msg("%s", result.text);
    rules = (switch_rules){.seed = seed};
    for (uint32_t i = 0; i < script.events; i++) switch_rules_apply(&rules, &script.event[i]);
}

static void without_rules_frames_pass_untouched(void **state) {
    (void)state;
    given(1, "");
    for (uint32_t i = 0; i < FRAMES; i++) {
        const switch_decision decision = switch_decide(&rules, 0, 1, i);
        assert_false(decision.cut || decision.lost || decision.corrupted || decision.reordered);
        assert_int_equal(decision.copies, 1);
        assert_int_equal(decision.delay_ns[0], 0);
    }
}

static void shares_are_met(void **state) {
    (void)state;
    given(2, "at 0s loss 5% ; duplicate 1% ; corrupt 10% ; reorder 3%");
    uint32_t lost = 0, duplicated = 0, corrupted = 0, reordered = 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        const switch_decision decision = switch_decide(&rules, 0, 1, i);
        lost += decision.lost;
        duplicated += decision.copies == 2;
        corrupted += decision.corrupted;
        reordered += decision.reordered;
    }
    assert_in_range(lost, 4800, 5200);
    assert_in_range(duplicated, 900, 1100);
    assert_in_range(corrupted, 9700, 10300);
    assert_in_range(reordered, 2850, 3150);
}

static void a_delay_lies_between_its_bounds(void **state) {
    (void)state;
    given(3, "at 0s delay 2ms jitter 1ms");
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < FRAMES; i++) {
        const uint64_t delay_ns = switch_decide(&rules, 0, 1, i).delay_ns[0];
        if (delay_ns < least) least = delay_ns;
        if (delay_ns > most) most = delay_ns;
    }
    assert_in_range(least, 2000000, 2001000);
    assert_in_range(most, 2999000, 3000000);
}

static bool same(const switch_decision *a, const switch_decision *b) {
    return a->lost == b->lost && a->corrupted == b->corrupted && a->copies == b->copies &&
           a->delay_ns[0] == b->delay_ns[0] && a->damage == b->damage;
}

static void a_decision_depends_on_seed_link_and_number_alone(void **state) {
    (void)state;
    const char *text = "at 0s loss 50% ; delay 1ms jitter 1ms";
    given(4, text);
    const switch_decision first = switch_decide(&rules, 1, 2, 7);
    (void)switch_decide(&rules, 2, 1, 7);
    const switch_decision again = switch_decide(&rules, 1, 2, 7);
    const switch_decision back = switch_decide(&rules, 2, 1, 7);
    const switch_decision next = switch_decide(&rules, 1, 2, 8);
    given(5, text);
    const switch_decision other = switch_decide(&rules, 1, 2, 7);
    assert_true(same(&first, &again));
    assert_false(same(&first, &back));
    assert_false(same(&first, &next));
    assert_false(same(&first, &other));
}

static void a_rule_for_some_links_leaves_the_others_alone(void **state) {
    (void)state;
    given(6, "at 0s loss 100% from 1 to clients");
    assert_true(switch_decide(&rules, 1, SWITCH_CLIENTS, 0).lost);
    assert_false(switch_decide(&rules, SWITCH_CLIENTS, 1, 0).lost);
    assert_false(switch_decide(&rules, 2, SWITCH_CLIENTS, 0).lost);
}

static void a_later_rule_replaces_an_earlier_one_of_its_kind(void **state) {
    (void)state;
    given(7, "at 0s loss 100% ; delay 1ms\nat 1s loss 0%");
    assert_false(switch_decide(&rules, 0, 1, 0).lost);
    assert_int_equal(switch_decide(&rules, 0, 1, 0).delay_ns[0], 1000000);
}

static void a_partition_cuts_between_groups_until_it_heals(void **state) {
    (void)state;
    given(8, "at 0s loss 100% from 0 to 1 ; partition 3 | 0 1 2 clients");
    assert_true(switch_decide(&rules, 3, 0, 0).cut);
    assert_true(switch_decide(&rules, SWITCH_CLIENTS, 3, 0).cut);
    assert_false(switch_decide(&rules, 0, SWITCH_CLIENTS, 0).cut);
    assert_true(switch_decide(&rules, 0, 1, 0).lost);
    given(8, "at 0s loss 100% from 0 to 1 ; partition 3 | 0 1 2 clients ; heal");
    assert_false(switch_decide(&rules, 3, 0, 0).cut);
    assert_true(switch_decide(&rules, 0, 1, 0).lost);
}

static void damage_changes_a_frame_behind_its_ethernet_header_only(void **state) {
    (void)state;
    uint32_t shortened = 0, first_half = 0;
    for (uint64_t damage = 0; damage < 10000; damage++) {
        uint8_t frame[100], before[100];
        memset(frame, 0x55, sizeof frame);
        memcpy(before, frame, sizeof before);
        const uint32_t length = switch_damage(damage, frame, sizeof frame);
        assert_memory_equal(frame, before, 14);
        assert_in_range(length, 14, sizeof frame);
        assert_true(length < sizeof frame || memcmp(frame, before, sizeof frame) != 0);
        shortened += length < sizeof frame;
        first_half += memcmp(frame, before, 57) != 0;
    }
    assert_in_range(shortened, 2300, 2700);
    assert_in_range(first_half, 3000, 5000);
}

static void the_smallest_frames_are_left_alone(void **state) {
    (void)state;
    uint8_t frame[14] = {0};
    assert_int_equal(switch_damage(1, frame, 14), 14);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_frames_pass_untouched),
        cmocka_unit_test(shares_are_met),
        cmocka_unit_test(a_delay_lies_between_its_bounds),
        cmocka_unit_test(a_decision_depends_on_seed_link_and_number_alone),
        cmocka_unit_test(a_rule_for_some_links_leaves_the_others_alone),
        cmocka_unit_test(a_later_rule_replaces_an_earlier_one_of_its_kind),
        cmocka_unit_test(a_partition_cuts_between_groups_until_it_heals),
        cmocka_unit_test(damage_changes_a_frame_behind_its_ethernet_header_only),
        cmocka_unit_test(the_smallest_frames_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
