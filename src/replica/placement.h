// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/config/profile.h"

/// Which loop runs what: a tuning profile applied to P pillars.
typedef struct {
    uint32_t stages;   ///< set of col_place
    uint32_t pillars;  ///< set of pillar numbers
    int32_t core;      ///< -1 for any
} col_placed_loop;

typedef struct {
    uint32_t loops;
    col_placed_loop loop[COL_LOOPS_MAX];
    uint32_t signers;
    uint32_t signer_loop[COL_PILLARS_MAX];
    uint32_t pillar_loop[COL_PILLARS_MAX];
    uint32_t receiver_loop, merge_loop, transmit_loop;
} col_placement;

/// @return error: more loops or signers than the program's bounds; names the profile and the
/// remedy.
COL_MUST_USE col_result col_placement_make(const col_profile *profile, uint32_t pillars,
                                           col_placement *placement);
