// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// Monotonic time in ns. The only clocks of the product; never called by pure code.
uint64_t col_clock_monotonic_ns(void);

/// Wall clock in ns since 1970.
uint64_t col_clock_wall_ns(void);
