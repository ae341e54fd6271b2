// SPDX-License-Identifier: Apache-2.0
#include "tests/system/switch/script.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 32

typedef struct {
    const char *name;
    const char *at;  ///< behind the word
    uint32_t line;
    uint32_t replicas;
    char word[WORD_BYTES];  ///< present one, empty at the end of a line
    uint64_t at_ns;         ///< moment of the present line
} parser;

#define FAIL(parser, format, ...) \
    col_error("%s:%u: " format, (parser)->name, (parser)->line, __VA_ARGS__)

static bool is(const parser *of, const char *word) {
    return strcmp(of->word, word) == 0;
}

/// Take the next word of the line; `;` and `|` are words by themselves.
static void advance(parser *of) {
    of->at += strspn(of->at, " \t\r");
    size_t length = strcspn(of->at, " \t\r\n;|#");
    if (length == 0 && (*of->at == ';' || *of->at == '|')) length = 1;
    const size_t kept = length < WORD_BYTES - 1 ? length : WORD_BYTES - 1;
    memcpy(of->word, of->at, kept);
    of->word[kept] = 0;
    of->at += length;
}

/// A number of at most `maximum` before its unit. @return the unit, NULL for no such number
static const char *split_number(const char *word, double maximum, double *number) {
    char *unit;
    *number = strtod(word, &unit);
    const bool plain = strspn(word, "0123456789.") == (size_t)(unit - word);
    return unit != word && plain && *number <= maximum ? unit : NULL;
}

static col_result parse_time(parser *of, uint64_t *ns) {
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}};
    double number;
    const char *unit = split_number(of->word, 1e6, &number);
    for (uint32_t i = 0; unit != NULL && i < 3; i++) {
        if (strcmp(unit, units[i].unit) != 0) continue;
        *ns = (uint64_t)(number * units[i].ns + 0.5);
        advance(of);
        return col_ok();
    }
    return FAIL(of, "'%s' is no time: write one like 10s, 2.5ms or 300us", of->word);
}

static col_result parse_share(parser *of, uint32_t *share) {
    double number;
    const char *unit = split_number(of->word, 100, &number);
    if (unit == NULL || strcmp(unit, "%") != 0)
        return FAIL(of, "'%s' is no share: write one like 5%% or 0.1%%, up to 100%%", of->word);
    *share = (uint32_t)(number * 1e4 + 0.5);
    advance(of);
    return col_ok();
}

/// @return the node that the present word names, SWITCH_NODES for none
static uint32_t node_of(const parser *of) {
    if (is(of, "clients")) return SWITCH_CLIENTS;
    double number;
    const char *rest = split_number(of->word, of->replicas - 1, &number);
    return rest != NULL && *rest == 0 && strchr(of->word, '.') == NULL ? (uint32_t)number
                                                                       : SWITCH_NODES;
}

static col_result parse_nodes(parser *of, uint64_t *nodes) {
    *nodes = 0;
    for (uint32_t node; (node = node_of(of)) < SWITCH_NODES; advance(of))
        *nodes |= UINT64_C(1) << node;
    if (*nodes != 0) return col_ok();
    return FAIL(of, "'%s' is no node: write clients, or replicas from 0 to %u", of->word,
                of->replicas - 1);
}

static uint64_t all_nodes(const parser *of) {
    return ((UINT64_C(1) << of->replicas) - 1) | UINT64_C(1) << SWITCH_CLIENTS;
}

static col_result parse_link(parser *of, switch_event *event) {
    event->from = event->to = all_nodes(of);
    while (is(of, "from") || is(of, "to")) {
        uint64_t *nodes = is(of, "from") ? &event->from : &event->to;
        advance(of);
        COL_TRY(parse_nodes(of, nodes));
    }
    return col_ok();
}

static col_result parse_partition(parser *of, switch_event *event) {
    uint64_t placed = 0;
    for (uint8_t group = 1;; group++) {
        uint64_t nodes;
        COL_TRY(parse_nodes(of, &nodes));
        if (nodes & placed) return FAIL(of, "group %u repeats a node: name each node once", group);
        placed |= nodes;
        for (uint32_t node = 0; node < SWITCH_NODES; node++)
            if (nodes >> node & 1) event->group[node] = group;
        if (!is(of, "|")) break;
        advance(of);
    }
    if (placed == all_nodes(of)) return col_ok();
    return FAIL(of, "a partition leaves nodes out: name clients and the replicas from 0 to %u",
                of->replicas - 1);
}

static col_result parse_delay(parser *of, switch_event *event) {
    COL_TRY(parse_time(of, &event->delay_ns));
    if (is(of, "jitter")) {
        advance(of);
        COL_TRY(parse_time(of, &event->jitter_ns));
    }
    return parse_link(of, event);
}

static col_result parse_action(parser *of, switch_event *event) {
    static const char *const names[] = {
        [SWITCH_LOSS] = "loss",       [SWITCH_DUPLICATE] = "duplicate",
        [SWITCH_REORDER] = "reorder", [SWITCH_CORRUPT] = "corrupt",
        [SWITCH_DELAY] = "delay",     [SWITCH_PARTITION] = "partition",
        [SWITCH_HEAL] = "heal",
    };
    uint32_t action = 0;
    while (action <= SWITCH_HEAL && !is(of, names[action])) action++;
    if (action > SWITCH_HEAL) {
        return FAIL(of,
                    "'%s' is no action: use loss, duplicate, reorder, corrupt, delay, partition or "
                    "heal",
                    of->word);
    }
    advance(of);
    *event = (switch_event){.at_ns = of->at_ns, .action = (switch_action)action};
    if (action == SWITCH_HEAL) return col_ok();
    if (action == SWITCH_DELAY) return parse_delay(of, event);
    if (action == SWITCH_PARTITION) return parse_partition(of, event);
    COL_TRY(parse_share(of, &event->share));
    return parse_link(of, event);
}

static col_result parse_moment(parser *of) {
    if (!is(of, "at")) return FAIL(of, "'%s': begin the line with a moment: at 10s ...", of->word);
    advance(of);
    const uint64_t before_ns = of->at_ns;
    COL_TRY(parse_time(of, &of->at_ns));
    if (of->at_ns >= before_ns) return col_ok();
    return FAIL(of, "the moment lies before that of %s: sort the lines", "an earlier line");
}

static col_result parse_line(parser *of, switch_script *script) {
    advance(of);
    if (!*of->word) return col_ok();
    COL_TRY(parse_moment(of));
    for (;;) {
        if (script->events == SWITCH_EVENTS_MAX)
            return FAIL(of, "more than %u actions: shorten the script", SWITCH_EVENTS_MAX);
        COL_TRY(parse_action(of, &script->event[script->events++]));
        if (!*of->word) return col_ok();
        if (!is(of, ";")) return FAIL(of, "'%s': put ; between two actions", of->word);
        advance(of);
    }
}

col_result switch_script_parse(const char *name, const char *text, uint32_t replicas,
                               switch_script *script) {
    parser of = {.name = name, .at = text, .replicas = replicas};
    script->events = 0;
    while (*of.at) {
        of.line++;
        COL_TRY(parse_line(&of, script));
        of.at += strcspn(of.at, "\n");
        of.at += *of.at == '\n';
    }
    return col_ok();
}
