// SPDX-License-Identifier: Apache-2.0
#include "src/cli/result_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static uint64_t number_at(const uint8_t *bytes) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static bool is_printable(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) return false;
    }
    return true;
}

static void print_hex(FILE *stream, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) fprintf(stream, "%02x", bytes[i]);
}

void col_result_print(FILE *stream, const char *application, const uint8_t *result, size_t length) {
    if (strcmp(application, "counter") == 0 && length >= 8) {
        fprintf(stream, "%" PRIu64, number_at(result));
    } else if (strcmp(application, "log") == 0 && length == 40) {
        fprintf(stream, "%" PRIu64 " ", number_at(result));
        print_hex(stream, result + 8, 32);
    } else if (is_printable(result, length)) {
        fwrite(result, 1, length, stream);
    } else {
        print_hex(stream, result, length);
    }
}
