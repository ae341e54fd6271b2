// SPDX-License-Identifier: Apache-2.0
#pragma once

// The product's C11 headers, for C++17. Three things differ: `_Alignas` and `_Noreturn` are spelled
// otherwise, and <stdatomic.h> exists only from C++23 on. As there, a C atomic is the std::atomic
// of the same type: this compiler gives both the same size, alignment and instructions.

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

using std::atomic_bool;
using std::atomic_load_explicit;
using std::atomic_store_explicit;
using std::atomic_uint_fast64_t;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

static_assert(sizeof(atomic_uint_fast64_t) == 8 && atomic_uint_fast64_t::is_always_lock_free);
static_assert(sizeof(atomic_bool) == 1 && atomic_bool::is_always_lock_free);

#define _Alignas alignas
#define _Noreturn [[noreturn]]

extern "C" {
#include "crypto/backend.h"
#include "crypto/exchange.h"
#include "crypto/hashing.h"
#include "crypto/keys.h"
#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "crypto/signing_pool.h"
#include "dpdk/frame.h"
#include "pillars/batch_check.h"
#include "pillars/merge.h"
#include "pillars/pillar_stage.h"
#include "src/base/clock.h"
#include "src/base/ring.h"
#include "src/cli/machine.h"
#include "src/client/core.h"
#include "src/wire/bodies.h"
#include "src/wire/bundle.h"
#include "src/wire/join.h"
}

#undef _Alignas
#undef _Noreturn
