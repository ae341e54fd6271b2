// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "src/base/limits.h"
#include "src/base/result.h"

/// What a switch does to its frames, and when: a small language, one moment a line.
///
///     # comment
///     at 0s    loss 5% ; duplicate 1% ; delay 2ms jitter 1ms ; reorder 3% ; corrupt 10%
///     at 4s    loss 50% from 1 to clients ; delay 5ms to 2 3
///     at 10s   partition 3 | 0 1 2 clients
///     at 13.5s heal
///
/// Moments count from the start of the switch and do not go back. Times end in s, ms or us, shares
/// in %; both may have a fraction. A share or delay holds until another of its kind is set for the
/// same link; without `from` and `to` it is for all links. A partition names every node once and
/// cuts the links between its groups; `heal` ends it.

#define SWITCH_CLIENTS COL_REPLICAS_MAX  ///< the node where all clients are
#define SWITCH_NODES (COL_REPLICAS_MAX + 1)
#define SWITCH_EVENTS_MAX 256  ///< actions of one script

typedef enum {
    SWITCH_LOSS,
    SWITCH_DUPLICATE,
    SWITCH_REORDER,
    SWITCH_CORRUPT,
    SWITCH_DELAY,
    SWITCH_PARTITION,
    SWITCH_HEAL,
} switch_action;

typedef struct {
    uint64_t at_ns;
    switch_action action;
    uint32_t share;  ///< of a million frames
    uint64_t delay_ns, jitter_ns;
    uint64_t from, to;            ///< sets of nodes
    uint8_t group[SWITCH_NODES];  ///< partition: 1, 2, ...
} switch_event;

typedef struct {
    uint32_t events;
    switch_event event[SWITCH_EVENTS_MAX];
} switch_script;

/// Read a script.
///
/// @param name     of the script, for messages
/// @param text     zero-terminated
/// @param replicas of the cluster: the nodes 0 .. replicas-1, besides `clients`
/// @param script   out: events in the order of their moments
/// @return a failure that names line and remedy
COL_MUST_USE col_result switch_script_parse(const char *name, const char *text, uint32_t replicas,
                                            switch_script *script);
