// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "tests/system/switch/script.h"

/// What holds for each link now, and what becomes of its frames.

typedef struct {
    uint32_t loss, duplicate, reorder, corrupt;  ///< of a million frames
    uint64_t delay_ns, jitter_ns;
    bool cut;
} switch_rule;

typedef struct {
    uint64_t seed;
    switch_rule link[SWITCH_NODES][SWITCH_NODES];  ///< [from][to]
} switch_rules;

/// A frame that is reordered comes so much later at most that others overtake it.
#define SWITCH_REORDER_NS UINT64_C(2000000)

typedef struct {
    bool cut, lost;  ///< nothing else holds then
    bool corrupted, reordered;
    uint32_t copies;       ///< 1, or 2 when it is duplicated
    uint64_t delay_ns[2];  ///< of each copy
    uint64_t damage;       ///< how it is corrupted: argument of switch_damage
} switch_decision;

/// Let one event of a script take effect.
void switch_rules_apply(switch_rules *rules, const switch_event *event);

/// Decide about the `number`-th frame of a link: a pure function of seed, link, number and the rule
/// that holds, so that traffic on one link does not change what another link's frames meet.
switch_decision switch_decide(const switch_rules *rules, uint32_t from, uint32_t to,
                              uint64_t number);

/// Damage a frame behind its Ethernet header: cut its end off, or change a few bytes in a row.
/// @return its new length; the frame is always another than before
uint32_t switch_damage(uint64_t damage, uint8_t *frame, uint32_t length);
