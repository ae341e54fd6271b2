// SPDX-License-Identifier: Apache-2.0
// Tuning profiles: read within their limits, or refused with a line and a remedy.
#include "src/config/profile.h"
#include "tests/fuzz/files.h"

#define MACHINE_CORES 8

static void check(const col_profile *profile) {
    uint32_t stages = 0, loops = 0;
    COL_ASSERT(profile->threads >= 1 && profile->threads <= COL_LOOPS_MAX);
    COL_ASSERT(profile->mtu >= 1500 && profile->mtu <= 9000);
    for (uint32_t i = 0; i < profile->threads; i++) {
        const col_profile_thread *thread = &profile->thread[i];
        COL_ASSERT(thread->stages != 0 && thread->count != 0);
        COL_ASSERT(thread->cores <= COL_PILLARS_MAX);
        for (uint32_t j = 0; j < thread->cores; j++) COL_ASSERT(thread->core[j] < MACHINE_CORES);
        stages |= thread->stages;
        loops += thread->count == COL_COUNT_PER_PILLAR ? COL_PILLARS_MAX : thread->count;
    }
    COL_ASSERT(loops <= COL_LOOPS_MAX);
    COL_ASSERT(stages == (COL_PLACE_RECEIVER | COL_PLACE_PILLARS | COL_PLACE_SIGNER |
                          COL_PLACE_MERGE | COL_PLACE_TRANSMIT));
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
