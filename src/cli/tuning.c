// SPDX-License-Identifier: Apache-2.0
#include "src/cli/tuning.h"

#include "src/base/assert.h"

#define EMBED(name)                                                       \
    __asm__(                                                              \
        ".pushsection .rodata\n"                                          \
        ".global col_tuning_" #name ", col_tuning_" #name                 \
        "_end\n"                                                          \
        "col_tuning_" #name ": .incbin \"" COL_TUNING_DIRECTORY "/" #name \
        ".yaml\"\n"                                                       \
        "col_tuning_" #name                                               \
        "_end: .byte 0\n"                                                 \
        ".popsection\n");                                                 \
    extern const uint8_t col_tuning_##name[], col_tuning_##name##_end[]

EMBED(small);
EMBED(threads);

static const struct {
    const char *name;
    const uint8_t *text, *end;
} profile[COL_TUNINGS] = {
    {"small", col_tuning_small, col_tuning_small_end},
    {"threads", col_tuning_threads, col_tuning_threads_end},
};

const char *col_tuning_name(uint32_t index) {
    COL_ASSERT(index < COL_TUNINGS);
    return profile[index].name;
}

col_bytes col_tuning_text(uint32_t index) {
    COL_ASSERT(index < COL_TUNINGS);
    return (col_bytes){profile[index].text, (size_t)(profile[index].end - profile[index].text)};
}
