// SPDX-License-Identifier: Apache-2.0
#include "tests/system/switch/counters.h"

#include "src/cli/json.h"

static void print_node(col_json *json, const char *name, uint32_t node) {
    if (node == SWITCH_CLIENTS) {
        col_json_text(json, name, "clients");
    } else {
        col_json_number(json, name, node);
    }
}

static void print_link(col_json *json, uint32_t from, uint32_t to, const switch_counters *link) {
    col_json_object(json, NULL);
    print_node(json, "from", from);
    print_node(json, "to", to);
    col_json_number(json, "frames", link->frames);
    col_json_number(json, "forwarded", link->forwarded);
    col_json_number(json, "cut", link->cut);
    col_json_number(json, "lost", link->lost);
    col_json_number(json, "duplicated", link->duplicated);
    col_json_number(json, "corrupted", link->corrupted);
    col_json_number(json, "delayed", link->delayed);
    col_json_number(json, "reordered", link->reordered);
    col_json_number(json, "overflowed", link->overflowed);
    col_json_number(json, "unsent", link->unsent);
    col_json_object_end(json);
}

void switch_count_print(const switch_count *count, uint64_t seed, FILE *stream) {
    col_json json = {.stream = stream};
    col_json_object(&json, NULL);
    col_json_number(&json, "seed", seed);
    col_json_number(&json, "missed", count->missed);
    col_json_number(&json, "truncated", count->truncated);
    col_json_array(&json, "links");
    for (uint32_t from = 0; from < SWITCH_NODES; from++) {
        for (uint32_t to = 0; to < SWITCH_NODES; to++) {
            const switch_counters *link = &count->link[from][to];
            if (link->frames > 0) print_link(&json, from, to, link);
        }
    }
    col_json_array_end(&json);
    col_json_object_end(&json);
}
