// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#define COL_MUST_USE __attribute__((warn_unused_result))

/// Outcome of an operation that can fail for a reason outside the program (a file, a port, a key).
///
/// `text` is one line: what is wrong, where, and what the user does next. Empty when `ok`.
typedef struct {
    bool ok;
    char text[511];
} col_result;

/// The successful result.
COL_MUST_USE col_result col_ok(void);

/// A failure. `format` and arguments as printf; cut at 510 characters.
COL_MUST_USE col_result col_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Leave the calling function with the failure of `expression`, if it failed.
#define COL_TRY(expression)                             \
    do {                                                \
        const col_result col_try_result = (expression); \
        if (!col_try_result.ok) return col_try_result;  \
    } while (0)
