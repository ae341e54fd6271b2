// SPDX-License-Identifier: Apache-2.0
#include "src/cli/json.h"

#include <inttypes.h>
#include <math.h>

static void string(FILE *stream, const char *text) {
    fputc('"', stream);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\') {
            fprintf(stream, "\\%c", *at);
        } else if (*at < 0x20) {
            fprintf(stream, "\\u%04x", *at);
        } else {
            fputc(*at, stream);
        }
    }
    fputc('"', stream);
}

static void line(col_json *json) {
    fprintf(json->stream, "\n%*s", (int)(2 * json->depth), "");
}

static void member(col_json *json, const char *name) {
    if (json->filled) fputc(',', json->stream);
    if (json->depth) line(json);
    json->filled = true;
    if (!name) return;
    string(json->stream, name);
    fputs(": ", json->stream);
}

static void begin(col_json *json, const char *name, char bracket) {
    member(json, name);
    fputc(bracket, json->stream);
    json->depth++;
    json->filled = false;
}

static void end(col_json *json, char bracket) {
    json->depth--;
    if (json->filled) line(json);
    fputc(bracket, json->stream);
    json->filled = true;
    if (!json->depth) fputc('\n', json->stream);
}

void col_json_object(col_json *json, const char *name) {
    begin(json, name, '{');
}

void col_json_object_end(col_json *json) {
    end(json, '}');
}

void col_json_array(col_json *json, const char *name) {
    begin(json, name, '[');
}

void col_json_array_end(col_json *json) {
    end(json, ']');
}

void col_json_text(col_json *json, const char *name, const char *value) {
    member(json, name);
    string(json->stream, value);
}

void col_json_number(col_json *json, const char *name, uint64_t value) {
    member(json, name);
    fprintf(json->stream, "%" PRIu64, value);
}

void col_json_real(col_json *json, const char *name, double value) {
    if (!isfinite(value)) {
        col_json_null(json, name);
        return;
    }
    member(json, name);
    fprintf(json->stream, "%.6g", value);
}

void col_json_bool(col_json *json, const char *name, bool value) {
    member(json, name);
    fputs(value ? "true" : "false", json->stream);
}

void col_json_null(col_json *json, const char *name) {
    member(json, name);
    fputs("null", json->stream);
}
