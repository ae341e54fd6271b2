// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/counter.h"
#include "src/base/datagram.h"
#include "src/base/drop.h"
#include "src/base/egress.h"
#include "src/base/limits.h"
#include "src/base/result.h"
#include "src/base/ring.h"
#include "src/base/stage.h"

/// The network of one replica: EAL, one port, its receivers and transmitters. All that the rest of
/// the product sees of DPDK.

/// How a replica's port is found and set up.
typedef struct {
    /// PCI address ("0000:3b:00.0") or kernel interface for net_af_packet ("veth0").
    const char *device;
    const char *prefix;  ///< of DPDK's files, unique in its directory: "replica-0"
    /// Where the telemetry socket stands, as dpdk/<prefix>/dpdk_telemetry.v2: only for this user.
    /// NULL for no telemetry.
    const char *runtime_directory;
    /// What col_cryptodev_open will be told, or NULL: DPDK looks for PCI devices only at its start.
    const char *signing_device;
    uint32_t address;       ///< own IPv4 address, host byte order
    uint8_t prefix_length;  ///< of the subnet: receivers outside it are reached through `gateway`
    uint32_t gateway;       ///< 0 for none
    uint16_t base_port;     ///< pillar k receives at base_port + k
    uint32_t pillars;
    uint32_t mtu;  ///< 1500 .. 9000, of the link
    bool hugepages;
    uint32_t memory_mb;       ///< for DPDK
    uint32_t buffers;         ///< mbufs, half to receive into and half to send from
    bool check_udp_checksum;  ///< false for virtual devices whose kernel peers leave it unfinished
} col_net_options;

typedef struct {
    col_counter received;  ///< datagrams for us
    col_counter received_bytes;
    col_counter sent;
    col_counter sent_bytes;
    col_counter drops[COL_DROP_COUNT];
} col_net_counters;

typedef struct col_net col_net;

/// Start EAL, open the port and its queues. Once per process.
/// @param counters borrowed; [0] written by the receiver, [1] by transmit
/// @return error: device missing or busy, permission, memory, MTU. Each names the remedy.
COL_MUST_USE col_result col_net_open(const col_net_options *options, col_net_counters counters[2],
                                     col_net **net);

/// Stop the port, end EAL, remove what it left in the runtime directory.
void col_net_close(col_net *net);

/// Make the calling thread known to EAL (mbuf caches). Every thread that touches the network, once.
COL_MUST_USE col_result col_net_join_thread(void);

/// Give a datagram's buffer back. The thread that consumed it.
void col_net_release(void *buffer);

/// The receiver stage: polls the port, answers ARP, checks Ethernet, IPv4 and UDP, and dispatches
/// by destination port (which must agree with the bundle header's pillar byte) into `ring[pillar]`.
/// @param ring [pillars]; records are col_datagram; a full ring drops and counts QUEUE_FULL
/// @return borrowed from `net`. Its wait_descriptor is the device's, where it has one.
col_stage *col_net_receiver(col_net *net, col_ring *const *ring);

/// An egress that frames datagrams and hands them to transmit.
/// @param ring NULL to send from the calling loop itself (then the transmit stage is in that loop);
///             else the SPSC ring from this producer's thread to the transmit stage, whose loop's
///             waker it signals
/// @return borrowed from `net`; one per producer thread
col_egress *col_net_egress(col_net *net, col_ring *ring);

/// The transmit stage: resolves neighbours, completes checksums and bursts frames out of the port.
col_stage *col_net_transmit(col_net *net);
