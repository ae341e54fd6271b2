// SPDX-License-Identifier: Apache-2.0
#include "src/base/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/assert.h"

#define ALIGNMENT ((size_t)64)

// With the address sanitizer, unreadable bytes stand behind each place, so that running over its
// end is found as it would be in memory from malloc.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARDED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GUARDED 1
#endif

#ifdef GUARDED
#include <sanitizer/asan_interface.h>
#define GUARD_BYTES ALIGNMENT
#define GUARDS_BYTES_MAX ((size_t)1 << 22)
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define GUARD_BYTES ((size_t)0)
#define GUARDS_BYTES_MAX ((size_t)0)
#endif

static size_t mapped_bytes(const col_arena *arena) {
    return arena->size + GUARDS_BYTES_MAX;
}

static size_t padded(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

col_result col_arena_open(col_arena *arena, size_t size) {
    COL_ASSERT(size > 0);

    *arena = (col_arena){.size = padded(size)};
    void *base = mmap(NULL, mapped_bytes(arena), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return col_error(
            "cannot reserve %zu bytes of memory: %s: lower the sizes in the profile or raise "
            "`ulimit -v`",
            size, strerror(errno));
    }
    arena->base = base;
    return col_ok();
}

void *col_arena_take(col_arena *arena, size_t count, size_t size) {
    size_t bytes;
    const bool overflow = __builtin_mul_overflow(count, size, &bytes);
    COL_ASSERT(!overflow && bytes <= arena->size - arena->used);
    COL_ASSERT((arena->taken + 1) * GUARD_BYTES <= GUARDS_BYTES_MAX);

    const size_t rounded = padded(bytes);
    unsigned char *taken = arena->base + arena->used + arena->taken * GUARD_BYTES;
    ASAN_POISON_MEMORY_REGION(taken + bytes, rounded - bytes + GUARD_BYTES);
    arena->used += rounded;
    arena->taken++;
    return taken;
}

void col_arena_close(col_arena *arena) {
    if (arena->base != NULL) {
        ASAN_UNPOISON_MEMORY_REGION(arena->base, mapped_bytes(arena));
        munmap(arena->base, mapped_bytes(arena));
    }
    *arena = (col_arena){0};
}
