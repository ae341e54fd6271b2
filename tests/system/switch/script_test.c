// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "tests/system/switch/script.h"

#define MS UINT64_C(1000000)

static switch_script script;

static void read(const char *text) {
    const col_result result = switch_script_parse("script", text, 4, &script);
    if (!result.ok) fail_msg("%s", result.text);
}

static void refuse(const char *text, const char *expected) {
    const col_result result = switch_script_parse("script", text, 4, &script);
    assert_false(result.ok);
    if (strstr(result.text, expected) == NULL) fail_msg("%s\nexpected: %s", result.text, expected);
}

static void every_action_is_read(void **state) {
    (void)state;
    read(
        "# what an ugly network does\n"
        "\n"
        "at 0s loss 5% ; duplicate 0.1% ; delay 2ms jitter 300us ; reorder 3% ; corrupt 100%\n"
        "at 1.5s partition 3 | 0 1 2 clients ; heal  # at once\n");
    assert_int_equal(script.events, 7);
    assert_int_equal(script.event[0].action, SWITCH_LOSS);
    assert_int_equal(script.event[0].share, 50000);
    assert_int_equal(script.event[1].share, 1000);
    assert_int_equal(script.event[2].delay_ns, 2 * MS);
    assert_int_equal(script.event[2].jitter_ns, 300000);
    assert_int_equal(script.event[3].action, SWITCH_REORDER);
    assert_int_equal(script.event[4].share, 1000000);
    assert_int_equal(script.event[5].at_ns, 1500 * MS);
    assert_int_equal(script.event[5].action, SWITCH_PARTITION);
    assert_int_equal(script.event[6].action, SWITCH_HEAL);
}

static void without_links_a_rule_is_for_all(void **state) {
    (void)state;
    read("at 0s loss 5%");
    assert_int_equal(script.event[0].from, 0xf | UINT64_C(1) << SWITCH_CLIENTS);
    assert_int_equal(script.event[0].to, script.event[0].from);
}

static void a_rule_may_be_for_some_links(void **state) {
    (void)state;
    read("at 0s loss 5% from 1 2 to clients ; delay 1s to 0");
    assert_int_equal(script.event[0].from, 0x6);
    assert_int_equal(script.event[0].to, UINT64_C(1) << SWITCH_CLIENTS);
    assert_int_equal(script.event[1].from, 0xf | UINT64_C(1) << SWITCH_CLIENTS);
    assert_int_equal(script.event[1].to, 0x1);
}

static void a_partition_puts_every_node_into_a_group(void **state) {
    (void)state;
    read("at 0s partition 3|0 1|2 clients");
    const uint8_t *group = script.event[0].group;
    assert_int_equal(group[3], 1);
    assert_int_equal(group[0], 2);
    assert_int_equal(group[1], 2);
    assert_int_equal(group[2], 3);
    assert_int_equal(group[SWITCH_CLIENTS], 3);
}

static void mistakes_are_named_with_their_line_and_a_remedy(void **state) {
    (void)state;
    refuse("\nloss 5%", "script:2: 'loss': begin the line with a moment");
    refuse("at 5", "'5' is no time: write one like");
    refuse("at -1s heal", "'-1s' is no time");
    refuse("at 2s heal\nat 1s heal",
           "script:2: the moment lies before that of an earlier line: sort");
    refuse("at 1s", "'' is no action: use loss");
    refuse("at 1s looss 5%", "'looss' is no action: use loss");
    refuse("at 1s loss 5", "'5' is no share");
    refuse("at 1s loss 101%", "'101%' is no share");
    refuse("at 1s loss nan%", "'nan%' is no share");
    refuse("at 1s loss 1e1%", "'1e1%' is no share");
    refuse("at 1s loss 5% from", "'' is no node: write clients, or replicas from 0 to 3");
    refuse("at 1s loss 5% from 4", "'4' is no node");
    refuse("at 1s loss 5% heal", "'heal': put ; between two actions");
    refuse("at 1s heal;", "'' is no action");
    refuse("at 1s partition 3 | 0 1 2", "leaves nodes out: name clients");
    refuse("at 1s partition 3 | 0 1 2 3 clients", "group 2 repeats a node");
    refuse("at 1s partition 3 | | 0", "'|' is no node");
    refuse("at 1s delay 1ms jitter", "'' is no time");
}

static void more_actions_than_there_is_room_for_are_refused(void **state) {
    (void)state;
    static char text[SWITCH_EVENTS_MAX * 16 + 16];
    for (uint32_t i = 0; i <= SWITCH_EVENTS_MAX; i++) strcat(text, "at 1s heal\n");
    refuse(text, "script:257: more than 256 actions: shorten");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_is_read),
        cmocka_unit_test(without_links_a_rule_is_for_all),
        cmocka_unit_test(a_rule_may_be_for_some_links),
        cmocka_unit_test(a_partition_puts_every_node_into_a_group),
        cmocka_unit_test(mistakes_are_named_with_their_line_and_a_remedy),
        cmocka_unit_test(more_actions_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
