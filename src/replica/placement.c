// SPDX-License-Identifier: Apache-2.0
#include "src/replica/placement.h"

#include <string.h>

#include "src/base/assert.h"

static uint32_t count_of(const col_profile_thread *thread, uint32_t pillars) {
    const bool capped = thread->stages & COL_PLACE_PILLARS;
    if (thread->count == COL_COUNT_PER_PILLAR) return pillars;
    // More loops than pillars would have nothing to run.
    return capped && thread->count > pillars ? pillars : thread->count;
}

static void place_single(col_placement *placement, const col_profile_thread *thread,
                         uint32_t loop) {
    if (thread->stages & COL_PLACE_RECEIVER) placement->receiver_loop = loop;
    if (thread->stages & COL_PLACE_MERGE) placement->merge_loop = loop;
    if (thread->stages & COL_PLACE_TRANSMIT) placement->transmit_loop = loop;
}

static void place_pillars(col_placement *placement, uint32_t first, uint32_t count,
                          uint32_t pillars) {
    COL_ASSERT(count > 0);
    for (uint32_t k = 0; k < pillars; k++) {
        placement->pillar_loop[k] = first + k % count;
        placement->loop[first + k % count].pillars |= 1u << k;
    }
}

col_result col_placement_make(const col_profile *profile, uint32_t pillars,
                              col_placement *placement) {
    memset(placement, 0, sizeof *placement);
    for (uint32_t t = 0; t < profile->threads; t++) {
        const col_profile_thread *thread = &profile->thread[t];
        const uint32_t count = count_of(thread, pillars);
        const uint32_t first = placement->loops;
        const bool signs = thread->stages & COL_PLACE_SIGNER;
        if (first + count > COL_LOOPS_MAX ||
            (signs && placement->signers + count > COL_PILLARS_MAX)) {
            return col_error(
                "%s: the profile needs more than %d threads or %d signers with %u pillars: lower a "
                "count",
                profile->path, COL_LOOPS_MAX, COL_PILLARS_MAX, pillars);
        }
        for (uint32_t i = 0; i < count; i++) {
            const int32_t core = thread->cores == 0 ? -1 : (int32_t)thread->core[i % thread->cores];
            placement->loop[first + i] = (col_placed_loop){.stages = thread->stages, .core = core};
            if (signs) placement->signer_loop[placement->signers++] = first + i;
        }
        place_single(placement, thread, first);
        if (thread->stages & COL_PLACE_PILLARS) place_pillars(placement, first, count, pillars);
        placement->loops += count;
    }
    return col_ok();
}
