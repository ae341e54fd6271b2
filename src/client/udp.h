// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/arena.h"
#include "src/base/egress.h"
#include "src/base/limits.h"
#include "src/base/result.h"

/// Datagrams of one call into the kernel.
#define COL_CLIENT_BURST 32

/// Kernel buffer for what arrives between two polls: a thousand large results.
#define COL_CLIENT_RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)

/// The client's UDP socket: sends through its egress, in bursts, and receives in bursts.
///
/// Thread: one.
typedef struct {
    col_egress egress;   ///< datagram_bytes fits the routes to all replicas
    col_endpoint local;  ///< where replicas reach this socket
    int descriptor;
    uint32_t waiting;  ///< datagrams that were not given to the kernel yet
    uint64_t sent;
    uint64_t received;
    struct col_client_udp_buffers *buffers;
} col_client_udp;

size_t col_client_udp_footprint(void);

/// Open a socket bound to the address from which `replica[0]` is reached.
///
/// @param udp out, at a fixed address from then on
/// @param replica [replicas], their base endpoints
/// @return error when the kernel has no route to a replica or refuses the socket
COL_MUST_USE col_result col_client_udp_open(col_client_udp *udp, col_arena *arena,
                                            const col_endpoint *replica, uint32_t replicas);
void col_client_udp_close(col_client_udp *udp);

/// Give the kernel every datagram that was sent through the egress. What it refuses is lost.
void col_client_udp_flush(col_client_udp *udp);

/// Take what arrived, without waiting.
/// @param datagram out, [COL_CLIENT_BURST], borrowed until the next call
/// @return how many; fewer than COL_CLIENT_BURST do not mean that no more arrived
uint32_t col_client_udp_receive(col_client_udp *udp, col_bytes *datagram);

/// Wait until something arrived, or for `wait_ns`.
/// @return false when a signal ended the wait
bool col_client_udp_wait(col_client_udp *udp, uint64_t wait_ns);
