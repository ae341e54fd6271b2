// SPDX-License-Identifier: Apache-2.0
#include "crypto/backend.h"

#include "src/base/assert.h"

/// Fastest first. The last one is always available.
static const col_backend *const backends[] = {&col_backend_ifma, &col_backend_openssl};

const col_backend *col_backend_best(void) {
    const size_t count = sizeof backends / sizeof backends[0];
    for (size_t i = 0; i + 1 < count; i++) {
        if (backends[i]->available()) return backends[i];
    }
    COL_ASSERT(backends[count - 1]->available());
    return backends[count - 1];
}
