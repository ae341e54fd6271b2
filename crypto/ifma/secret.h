// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/// Say that `bytes` at `at`, computed from secrets, may decide where the program goes. Only the
/// check of constant time (tests/constant_time) looks at it: there, secrets count as undefined
/// memory, and clang's memory sanitizer reports each branch and each address that depends on them.
#if defined __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define COL_DECLASSIFY(at, bytes) __msan_unpoison(at, bytes)
#endif
#endif
#ifndef COL_DECLASSIFY
#define COL_DECLASSIFY(at, bytes) ((void)(at), (void)(bytes))
#endif
