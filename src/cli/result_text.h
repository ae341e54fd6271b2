// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/// Results as people read them.

/// Print a result of `application` on one line, without the newline: the counter's count, the log's
/// index and digest; of others the text when it is printable, else hexadecimal.
void col_result_print(FILE *stream, const char *application, const uint8_t *result, size_t length);
