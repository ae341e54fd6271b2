// SPDX-License-Identifier: Apache-2.0
#include "src/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void col_assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
    abort();
}
