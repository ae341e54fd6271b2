// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "src/config/cluster.h"
#include "src/replica/page.h"

/// Do the replicas' signed checkpoints agree? The votes on their status pages are verified with the
/// public keys of the cluster file, so a page cannot claim what its replica has not signed.

typedef struct {
    bool agree;           ///< all compared replicas signed the same digest for `checkpoint`
    uint64_t checkpoint;  ///< the newest one that all of them have; 0: none
    uint32_t compared;    ///< replicas
    col_digest digest;    ///< of the first one
    char problem[160];    ///< "" when they agree
} col_agreement;

/// Compare the newest checkpoint that all pages have. Waits for the newest of all to be equal, as
/// long as they move.
/// @param page [count], pages of the replicas that run; NULL entries are skipped
/// @param wait_ns at most
/// @return error: a public key of the cluster file cannot be read
COL_MUST_USE col_result col_agreement_check(const col_cluster *cluster, const col_page *const *page,
                                            uint32_t count, uint64_t wait_ns,
                                            col_agreement *agreement);
