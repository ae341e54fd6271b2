// SPDX-License-Identifier: Apache-2.0
#include "src/replica/telemetry.h"

#include "dpdk/telemetry.h"
#include "src/replica/figures.h"

static col_figures_sink sink_of(void *answer) {
    return (col_figures_sink){answer, col_telemetry_number, col_telemetry_text};
}

static bool answer_status(void *page, uint32_t index, void *answer) {
    const col_figures_sink sink = sink_of(answer);
    if (index != 0) return false;
    col_figures_replica(page, &sink);
    return true;
}

static bool answer_pillar(void *page, uint32_t index, void *answer) {
    const col_figures_sink sink = sink_of(answer);
    if (index >= ((const col_page *)page)->pillars) return false;
    col_figures_pillar(page, index, &sink);
    return true;
}

static bool answer_loop(void *page, uint32_t index, void *answer) {
    const col_figures_sink sink = sink_of(answer);
    if (index >= ((const col_page *)page)->loops) return false;
    col_figures_loop(page, index, &sink);
    col_figures_loop_busy_ns(page, index, &sink);
    return true;
}

static bool answer_drops(void *page, uint32_t index, void *answer) {
    const col_figures_sink sink = sink_of(answer);
    if (index != 0) return false;
    col_figures_drops(page, &sink);
    return true;
}

col_result col_replica_telemetry(col_page *page) {
    COL_TRY(col_telemetry_add("/colonnade/status", "What the replica does. No parameter.",
                              answer_status, page));
    COL_TRY(col_telemetry_add("/colonnade/pillar", "One pillar. Parameter: its number.",
                              answer_pillar, page));
    COL_TRY(col_telemetry_add("/colonnade/loop", "One thread. Parameter: its number.", answer_loop,
                              page));
    return col_telemetry_add("/colonnade/drops", "Unused network input by reason. No parameter.",
                             answer_drops, page);
}
