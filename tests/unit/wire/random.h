// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
// cmocka.h needs the above.
#include <cmocka.h>

#include "src/base/bytes.h"
#include "src/base/hasher.h"

/// What the tests of this folder share: random values from a printed seed, memory with an
/// inaccessible page behind it, and a toy hash.

static uint64_t random_state;

static inline uint64_t random_u64(void) {
    random_state += UINT64_C(0x9e3779b97f4a7c15);  // splitmix64
    uint64_t z = random_state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/// 0 .. bound-1
static inline uint32_t random_below(uint32_t bound) {
    return (uint32_t)(random_u64() % bound);
}

static inline void random_fill(void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) ((uint8_t *)bytes)[i] = (uint8_t)random_u64();
}

/// Take the seed from COL_SEED, or a new one, and print how to repeat the run.
static inline void random_start(const char *program) {
    const char *given = getenv("COL_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    random_state = given != NULL ? strtoull(given, NULL, 10)
                                 : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    printf("repeat with: COL_SEED=%llu %s\n", (unsigned long long)random_state, program);
    fflush(stdout);
}

#define GUARDED_BYTES ((size_t)1 << 20)

/// `length` bytes of memory that end where an inaccessible page begins: reading or writing past
/// them ends the test. The same memory at every call.
static inline uint8_t *guarded(size_t length) {
    static uint8_t *base;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (base == NULL) {
        base = mmap(NULL, GUARDED_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
        assert_true(base != MAP_FAILED);
        assert_int_equal(mprotect(base + GUARDED_BYTES, page, PROT_NONE), 0);
    }
    assert_true(length <= GUARDED_BYTES);
    return base + GUARDED_BYTES - length;
}

static inline col_bytes guarded_copy(const uint8_t *bytes, size_t length) {
    uint8_t *copy = guarded(length);
    memmove(copy, bytes, length);
    return (col_bytes){copy, length};
}

/// FNV-1a, spread over 32 bytes: enough to tell messages apart in a test.
static inline void toy_digest(const col_hasher *self, const col_bytes *message, uint32_t count,
                              col_digest *digest) {
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        for (size_t j = 0; j < message[i].length; j++) {
            hash = (hash ^ message[i].at[j]) * UINT64_C(0x100000001b3);
        }
        for (uint32_t j = 0; j < 4; j++) {
            memcpy(digest[i].byte + (size_t)8 * j, &hash, sizeof hash);
            hash = (hash ^ j) * UINT64_C(0x100000001b3);
        }
    }
}

static const col_hasher toy_hasher = {.digest = toy_digest};
