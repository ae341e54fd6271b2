// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// Counts of values at a bounded relative error: every power of two is divided into 64 buckets of
/// equal width, so a percentile is at most 1/64 above the true one.

#define COL_HISTOGRAM_STEPS_LOG2 6
#define COL_HISTOGRAM_BUCKETS ((64 - COL_HISTOGRAM_STEPS_LOG2 + 1) << COL_HISTOGRAM_STEPS_LOG2)

/// Zero-initialised before use.
typedef struct {
    uint64_t count;
    uint64_t sum;
    uint64_t maximum;
    uint64_t bucket[COL_HISTOGRAM_BUCKETS];
} col_histogram;

void col_histogram_add(col_histogram *histogram, uint64_t value);

/// into += from.
void col_histogram_merge(col_histogram *into, const col_histogram *from);

/// The smallest recorded bucket's upper end that at least `fraction` of all values do not exceed.
/// @param fraction 0 < fraction <= 1 @return 0 when nothing was recorded
uint64_t col_histogram_percentile(const col_histogram *histogram, double fraction);
