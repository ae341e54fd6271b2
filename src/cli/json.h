// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/// Writes JSON, indented, to a stream. `name` is NULL inside arrays and at the top.
typedef struct {
    FILE *stream;
    uint32_t depth;
    bool filled;  ///< the open object or array has a member already
} col_json;

void col_json_object(col_json *json, const char *name);
void col_json_object_end(col_json *json);
void col_json_array(col_json *json, const char *name);
void col_json_array_end(col_json *json);
void col_json_text(col_json *json, const char *name, const char *value);
void col_json_number(col_json *json, const char *name, uint64_t value);
void col_json_real(col_json *json, const char *name, double value);
void col_json_bool(col_json *json, const char *name, bool value);
void col_json_null(col_json *json, const char *name);
