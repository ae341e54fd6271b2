// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// How often something may happen, in one number: when all that happened will be paid off, if each
/// time costs some ns and every ns that passes pays one. 0 before the first.

/// @param most_ns that may be owed for one more time
static inline bool col_debt_is_above(uint64_t paid_ns, uint64_t most_ns, uint64_t now_ns) {
    return paid_ns > now_ns + most_ns;
}

static inline void col_debt_add(uint64_t *paid_ns, uint64_t each_ns, uint64_t now_ns) {
    *paid_ns = (*paid_ns > now_ns ? *paid_ns : now_ns) + each_ns;
}
