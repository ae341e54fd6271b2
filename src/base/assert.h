// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>

/// Programmer's errors. On in every build: a replica that has lost an invariant must not vote.
#define COL_ASSERT(condition) \
    ((condition) ? (void)0 : col_assert_failed(#condition, __FILE__, __LINE__))

/// Print the broken condition and abort.
_Noreturn void col_assert_failed(const char *condition, const char *file, int line);
