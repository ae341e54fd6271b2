// SPDX-License-Identifier: Apache-2.0
#include "src/cli/histogram.h"

#include <math.h>

#include "src/base/assert.h"

#define STEPS (1u << COL_HISTOGRAM_STEPS_LOG2)

/// Values below STEPS have a bucket each; above, the top bits after the leading one choose.
static uint32_t bucket_of(uint64_t value) {
    if (value < STEPS) return (uint32_t)value;
    const uint32_t power = 63u - (uint32_t)__builtin_clzll(value);
    const uint32_t shift = power - COL_HISTOGRAM_STEPS_LOG2;
    return ((shift + 1) << COL_HISTOGRAM_STEPS_LOG2) + (uint32_t)((value >> shift) & (STEPS - 1));
}

static uint64_t upper_end(uint32_t bucket) {
    if (bucket < STEPS) return bucket;
    const uint32_t shift = (bucket >> COL_HISTOGRAM_STEPS_LOG2) - 1;
    const uint64_t step = (bucket & (STEPS - 1)) + STEPS;
    return (step << shift) + ((UINT64_C(1) << shift) - 1);
}

void col_histogram_add(col_histogram *histogram, uint64_t value) {
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->maximum) histogram->maximum = value;
    histogram->bucket[bucket_of(value)]++;
}

void col_histogram_merge(col_histogram *into, const col_histogram *from) {
    into->count += from->count;
    into->sum += from->sum;
    if (from->maximum > into->maximum) into->maximum = from->maximum;
    for (uint32_t i = 0; i < COL_HISTOGRAM_BUCKETS; i++) into->bucket[i] += from->bucket[i];
}

uint64_t col_histogram_percentile(const col_histogram *histogram, double fraction) {
    COL_ASSERT(fraction > 0 && fraction <= 1);

    if (!histogram->count) return 0;
    const uint64_t rank = (uint64_t)ceil(fraction * (double)histogram->count);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < COL_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen < rank) continue;
        const uint64_t end = upper_end(i);
        return end < histogram->maximum ? end : histogram->maximum;
    }
    return histogram->maximum;
}
