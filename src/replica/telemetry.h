// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/replica/page.h"

/// Answer on the telemetry socket from a page, for the rest of the process: the figures of
/// src/replica/figures.h under
///
///     /colonnade/status     the replica
///     /colonnade/pillar,K   one pillar
///     /colonnade/loop,N     one thread, with the busy ns of each of its stages
///     /colonnade/drops      drops by reason
///
/// with '_' for every other character in a name.
/// @param page borrowed until the process ends
COL_MUST_USE col_result col_replica_telemetry(col_page *page);
