// SPDX-License-Identifier: Apache-2.0
#include "src/base/recent_least.h"

void col_recent_least_add(col_recent_least *of, uint64_t now_ns, uint64_t sample_ns) {
    const uint64_t age_ns = now_ns - of->since_ns;
    if (age_ns >= COL_RECENT_PERIOD_NS) {
        of->least[1] = age_ns < 2 * COL_RECENT_PERIOD_NS ? of->least[0] : 0;
        of->least[0] = 0;
        of->since_ns = now_ns;
    }
    if (of->least[0] == 0 || sample_ns < of->least[0]) of->least[0] = sample_ns;
}

uint64_t col_recent_least_of(const col_recent_least *of) {
    const uint64_t a = of->least[0], b = of->least[1];
    return b != 0 && b < a ? b : a;
}
