// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"

/// Where finished datagrams go: a DPDK port, a socket, a test.
///
/// Thread: each egress belongs to one thread.
typedef struct col_egress {
    /// Largest UDP payload, COL_DATAGRAM_BYTES_MIN .. COL_DATAGRAM_BYTES_MAX.
    uint32_t datagram_bytes;
    /// Room for one datagram of `datagram_bytes`, or NULL when there is none now (it is counted,
    /// and the datagram is lost: the network is lossy anyway). Reserving again reuses unsent room.
    uint8_t *(*reserve)(struct col_egress *self);
    /// Send the first `length` bytes of the reserved room.
    void (*send)(struct col_egress *self, col_endpoint to, uint32_t length);
} col_egress;
