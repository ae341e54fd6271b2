// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pillars/pillar_stage.h"
#include "src/config/shared.h"

/// A stage that brings newly published tunables to the pillars of its loop: the reader of the RCU
/// configuration.
typedef struct {
    col_stage stage;
    col_pillar_stage *pillar[COL_PILLARS_MAX];
    uint32_t pillars;
    uint64_t version;  ///< applied last
} col_tuner;

void col_tuner_init(col_tuner *tuner);
void col_tuner_add(col_tuner *tuner, col_pillar_stage *pillar);
