// SPDX-License-Identifier: Apache-2.0
#include "src/base/arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/assert.h"

#define ALIGNMENT ((size_t)64)

col_result col_arena_open(col_arena *arena, size_t size) {
    COL_ASSERT(size > 0);

    const size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *base = mmap(NULL, rounded, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return col_error(
            "cannot reserve %zu bytes of memory: %s: lower the sizes in the profile or "
            "raise `ulimit -v`",
            size, strerror(errno));
    }
    *arena = (col_arena){.base = base, .size = rounded};
    return col_ok();
}

void *col_arena_take(col_arena *arena, size_t count, size_t size) {
    size_t bytes;
    const bool overflow = __builtin_mul_overflow(count, size, &bytes);
    COL_ASSERT(!overflow && bytes <= arena->size - arena->used);

    unsigned char *taken = arena->base + arena->used;
    arena->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return taken;
}

void col_arena_close(col_arena *arena) {
    if (arena->base != NULL) munmap(arena->base, arena->size);
    *arena = (col_arena){0};
}
