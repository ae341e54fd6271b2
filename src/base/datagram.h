// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// A received datagram on its way to a pillar: the record of a pillar's ingress ring.
typedef struct {
    col_bytes payload;  ///< UDP payload, until released
    col_endpoint from;  ///< as the packet says: anybody can write anything there
    void *buffer;       ///< for the release function
} col_datagram;

/// Gives a datagram's buffer back. Called by the thread that consumed it.
typedef void col_datagram_release_fn(void *buffer);
