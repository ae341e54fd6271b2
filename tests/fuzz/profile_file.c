// SPDX-License-Identifier: Apache-2.0
// Tuning profiles: read within their limits, or refused with a line and a remedy.
#include "src/config/profile.h"
#include "tests/fuzz/files.h"

#define MACHINE_CORES 8

#define SINGLE (COL_PLACE_RECEIVER | COL_PLACE_MERGE | COL_PLACE_TRANSMIT)
#define ALL (SINGLE | COL_PLACE_PILLARS | COL_PLACE_SIGNER)

static void check(const col_profile *profile) {
    uint32_t stages = 0, loops = 0;
    COL_ASSERT(profile->threads >= 1 && profile->threads <= COL_LOOPS_MAX);
    COL_ASSERT(profile->mtu >= 1500 && profile->mtu <= 9000);
    COL_ASSERT((uint64_t)profile->buffers * profile->mtu <= (uint64_t)profile->memory_mb << 20);
    for (uint32_t i = 0; i < profile->threads; i++) {
        const col_profile_thread *thread = &profile->thread[i];
        const uint32_t count =
            thread->count == COL_COUNT_PER_PILLAR ? COL_PILLARS_MAX : thread->count;
        COL_ASSERT(thread->stages != 0 && count >= 1 && count <= COL_PILLARS_MAX);
        COL_ASSERT(thread->count == 1 || (thread->stages & SINGLE) == 0);
        COL_ASSERT((stages & thread->stages & ~(uint32_t)COL_PLACE_SIGNER) == 0);
        COL_ASSERT(thread->cores <= count);
        for (uint32_t j = 0; j < thread->cores; j++) COL_ASSERT(thread->core[j] < MACHINE_CORES);
        stages |= thread->stages;
        loops += count;
    }
    COL_ASSERT(loops <= COL_LOOPS_MAX && stages == ALL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_path("input.yaml");
    fuzz_write_file(path, data, size);
    col_profile *profile = NULL;
    const col_result result = col_profile_read(path, MACHINE_CORES, &profile);
    if (result.ok) {
        check(profile);
        col_profile_destroy(profile);
    } else {
        fuzz_check_error(&result, path);
    }
    return 0;
}
