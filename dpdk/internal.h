// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include "dpdk/neighbours.h"
#include "dpdk/network.h"

/// What the files of this folder share. Nothing outside includes it.

/// Frames that the port takes or gives in one call.
#define COL_NET_BURST 32
/// Bursts that the receiver takes in one turn: what arrives in 5 ms of a flood of 25,000 frames a
/// second, and a tenth of a millisecond's work.
#define COL_NET_BURSTS_OF_TURN 4
/// Frames that wait for their receiver's link address: the first messages to every peer of a
/// cluster, in two fragments each.
#define COL_NET_HELD_MAX (2 * COL_REPLICAS_MAX)
/// Producer threads: every loop, and the thread that starts them.
#define COL_NET_EGRESSES_MAX (COL_LOOPS_MAX + 1)
/// Bytes of the ring from receiver to transmit: some hundred ARP packets.
#define COL_NET_ARP_RING_BYTES 8192

// Buffers. Pools and ports hand them from thread to thread in code of DPDK that ThreadSanitizer
// does not see; these tell it, and cost nothing otherwise.

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define COL_NET_BUFFER_TAKEN(buffer) __tsan_acquire(buffer)
#define COL_NET_BUFFER_GIVEN(buffer) __tsan_release(buffer)
/// Around calls into the port, whose copies would be seen without what orders them.
#define COL_NET_PORT_BEGIN \
    (AnnotateIgnoreReadsBegin(__FILE__, __LINE__), AnnotateIgnoreWritesBegin(__FILE__, __LINE__))
#define COL_NET_PORT_END \
    (AnnotateIgnoreWritesEnd(__FILE__, __LINE__), AnnotateIgnoreReadsEnd(__FILE__, __LINE__))
#else
#define COL_NET_BUFFER_TAKEN(buffer) ((void)0)
#define COL_NET_BUFFER_GIVEN(buffer) ((void)0)
#define COL_NET_PORT_BEGIN ((void)0)
#define COL_NET_PORT_END ((void)0)
#endif

/// An empty buffer, or NULL when there is none.
static inline struct rte_mbuf *col_net_buffer_take(struct rte_mempool *pool) {
    struct rte_mbuf *buffer = rte_mbuf_raw_alloc(pool);
    if (buffer == NULL) return NULL;
    COL_NET_BUFFER_TAKEN(buffer);
    rte_pktmbuf_reset(buffer);
    return buffer;
}

static inline void col_net_buffer_give(struct rte_mbuf *buffer) {
    COL_NET_BUFFER_GIVEN(buffer);
    rte_pktmbuf_free(buffer);
}

// eal.c

/// Start EAL without touching the calling thread's affinity, and without output.
/// @param pci probe options->device, else no PCI device
COL_MUST_USE col_result col_net_eal_start(const col_net_options *options, bool pci);
void col_net_eal_stop(void);

/// The first error that DPDK logged since its start or col_net_eal_forget_message: the cause, where
/// later ones are what follows from it. "no message" if there was none.
const char *col_net_eal_message(void);
void col_net_eal_forget_message(void);

// port.c

typedef struct {
    uint16_t id;
    col_mac mac;
    struct rte_mempool *receive_pool;
    struct rte_mempool *transmit_pool;
    int wait_descriptor;          ///< readable when frames wait; -1 when the device has none
    bool checks_udp;              ///< marks received frames by their UDP checksum
    col_frame_checksum checksum;  ///< what a frame to be sent needs
} col_net_port;

/// "0000:3b:00.0", and not the name of a kernel interface.
bool col_net_is_pci(const char *device);

/// Whether the device exists, may be used and suits the options: all that can be said without DPDK.
COL_MUST_USE col_result col_net_port_check(const col_net_options *options);

/// Find the device, make its pools, start it with one queue each way.
COL_MUST_USE col_result col_net_port_open(const col_net_options *options, col_net_port *port);
void col_net_port_close(col_net_port *port);

// transmit.c

typedef struct col_net_transmitter col_net_transmitter;

/// An egress and what it owns.
typedef struct {
    col_egress egress;
    col_net_transmitter *transmitter;
    col_ring *ring;         ///< NULL: same thread as transmit
    struct rte_mbuf *open;  ///< reserved, not sent
    col_counter lost;       ///< no room in pool or ring; written by the egress' thread
    uint64_t lost_counted;  ///< part of `lost` that transmit has counted
} col_net_egress_port;

struct col_net_transmitter {
    col_stage stage;
    const col_net_port *port;
    col_net_counters *counters;
    col_endpoint self;
    uint32_t subnet_mask;
    uint32_t gateway;
    uint32_t datagram_bytes;

    col_net_egress_port egress[COL_NET_EGRESSES_MAX];
    uint32_t egresses;
    uint32_t next_egress;  ///< whose ring is looked at first, in turn

    /// From the receiver: col_frame_arp, one signal of stage.wait_descriptor before each.
    col_ring arp;
    col_neighbours neighbours;
    bool announced;  ///< own address told to the link

    uint64_t now_ns;  ///< of the last poll
    uint32_t taken;   ///< frames since the last poll returned
    struct rte_mbuf *burst[COL_NET_BURST];
    uint16_t burst_count;
    struct {
        struct rte_mbuf *frame;
        uint64_t until_ns;
    } held[COL_NET_HELD_MAX];
    uint32_t held_count;
    uint64_t held_retry_ns;
};

/// @param arena gives the ARP ring
COL_MUST_USE col_result col_net_transmitter_open(col_net_transmitter *transmitter,
                                                 const col_net_options *options,
                                                 const col_net_port *port,
                                                 col_net_counters *counters, col_arena *arena);
void col_net_transmitter_close(col_net_transmitter *transmitter);

/// See col_net_egress.
col_net_egress_port *col_net_transmitter_egress(col_net_transmitter *transmitter, col_ring *ring);

/// Hand an ARP packet over. Thread: the receiver.
/// @return false when transmit is too far behind
bool col_net_transmitter_arp(col_net_transmitter *transmitter, const col_frame_arp *arp);

/// Tells whether an address can be reached on the link itself.
static inline bool col_net_on_link(const col_net_transmitter *transmitter, uint32_t address) {
    return ((address ^ transmitter->self.address) & transmitter->subnet_mask) == 0;
}

// receiver.c

typedef struct {
    col_stage stage;
    const col_net_port *port;
    col_net_counters *counters;
    col_net_transmitter *transmitter;  ///< only for col_net_transmitter_arp and its constants
    col_ring *const *pillar_ring;
    uint32_t pillars;
    bool check_udp_checksum;
    uint64_t polled_ns;
} col_net_receiver_stage;

void col_net_receiver_open(col_net_receiver_stage *receiver, const col_net_options *options,
                           const col_net_port *port, col_net_counters *counters,
                           col_net_transmitter *transmitter);
