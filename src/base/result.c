// SPDX-License-Identifier: Apache-2.0
#include "src/base/result.h"

#include <stdarg.h>
#include <stdio.h>

col_result col_ok(void) {
    return (col_result){.ok = true};
}

col_result col_error(const char *format, ...) {
    col_result result = {.ok = false};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result.text, sizeof result.text, format, arguments);
    va_end(arguments);
    return result;
}
