// SPDX-License-Identifier: Apache-2.0
#include "src/replica/tuner.h"

#include "src/base/assert.h"

static uint32_t poll(col_stage *self, uint64_t now_ns, uint32_t budget) {
    col_tuner *tuner = (col_tuner *)self;
    (void)now_ns;
    (void)budget;
    const col_config *config = col_config_read();
    if (config->version == tuner->version) return 0;
    tuner->version = config->version;
    const col_tunables *tunables = &config->cluster->tunables;
    for (uint32_t i = 0; i < tuner->pillars; i++) {
        col_pillar_stage_tune(tuner->pillar[i], tunables->batch_requests, tunables->batch_bytes,
                              tunables->status_interval_ns);
    }
    return 1;
}

void col_tuner_init(col_tuner *tuner) {
    *tuner = (col_tuner){.stage = {.name = "tuner", .poll = poll, .wait_descriptor = -1}};
}

void col_tuner_add(col_tuner *tuner, col_pillar_stage *pillar) {
    COL_ASSERT(tuner->pillars < COL_PILLARS_MAX);
    tuner->pillar[tuner->pillars++] = pillar;
}
