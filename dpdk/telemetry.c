// SPDX-License-Identifier: Apache-2.0
#include "dpdk/telemetry.h"

#include <rte_telemetry.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/assert.h"

/// DPDK hands a callback the command, and no context.
static struct {
    const char *command;
    col_telemetry_fn *answer;
    void *context;
} commands[COL_TELEMETRY_COMMANDS_MAX];
static uint32_t command_count;

/// @return false when the text is not a number
static bool read_index(const char *text, uint32_t *index) {
    *index = 0;
    if (text == NULL || *text == '\0') return true;
    char *end;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    *index = (uint32_t)value;
    return isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && value <= UINT32_MAX;
}

static int on_command(const char *command, const char *parameters, struct rte_tel_data *answer) {
    uint32_t index;
    if (!read_index(parameters, &index)) return -EINVAL;
    for (uint32_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].command, command) != 0) continue;
        rte_tel_data_start_dict(answer);
        return commands[i].answer(commands[i].context, index, answer) ? 0 : -EINVAL;
    }
    return -EINVAL;
}

col_result col_telemetry_add(const char *command, const char *help, col_telemetry_fn *answer,
                             void *context) {
    COL_ASSERT(command_count < COL_TELEMETRY_COMMANDS_MAX);
    commands[command_count].command = command;
    commands[command_count].answer = answer;
    commands[command_count++].context = context;
    const int failed = rte_telemetry_register_cmd(command, on_command, help);
    if (failed == 0) return col_ok();
    return col_error(
        "DPDK's telemetry refuses the command %s: %s: use the DPDK that this was built with",
        command, strerror(-failed));
}

static void allowed_name(const char *name, char allowed[RTE_TEL_MAX_STRING_LEN]) {
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < RTE_TEL_MAX_STRING_LEN; i++) {
        allowed[i] = isalnum((unsigned char)name[i]) ? name[i] : '_';
    }
    allowed[i] = '\0';
}

void col_telemetry_number(void *answer, const char *name, uint64_t value) {
    char allowed[RTE_TEL_MAX_STRING_LEN];
    allowed_name(name, allowed);
    (void)rte_tel_data_add_dict_u64(answer, allowed, value);
}

void col_telemetry_text(void *answer, const char *name, const char *value) {
    char allowed[RTE_TEL_MAX_STRING_LEN];
    char text[RTE_TEL_MAX_STRING_LEN];
    allowed_name(name, allowed);
    snprintf(text, sizeof text, "%s", value);
    (void)rte_tel_data_add_dict_string(answer, allowed, text);
}
