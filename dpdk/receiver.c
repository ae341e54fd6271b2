// SPDX-License-Identifier: Apache-2.0
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "dpdk/internal.h"
#include "src/base/assert.h"
#include "src/wire/bundle.h"

// A device that cannot be waited on is looked at this often by a loop that sleeps. Twice the time
// saves half of the 8 % of a core that this costs.
#define LOOK_AGAIN_NS UINT64_C(50000)

static col_net_receiver_stage *receiver_of(col_stage *stage) {
    return (col_net_receiver_stage *)stage;
}

static col_drop on_arp(col_net_receiver_stage *receiver, col_bytes frame) {
    col_frame_arp arp;
    const col_drop drop = col_frame_parse_arp(frame, &arp);
    if (drop != COL_DROP_NONE) return drop;

    const uint32_t self = receiver->transmitter->self.address;
    const bool announcement = arp.sender == arp.target;
    if ((arp.target != self && !announcement) || arp.sender == self) return COL_DROP_NOT_OURS;
    return col_net_transmitter_arp(receiver->transmitter, &arp) ? COL_DROP_NONE
                                                                : COL_DROP_QUEUE_FULL;
}

/// @return the pillar that a datagram is for, by port and by content; `drop` says why there is none
static uint32_t pillar_of(const col_net_receiver_stage *receiver,
                          const col_frame_datagram *datagram, col_drop *drop) {
    const col_endpoint self = receiver->transmitter->self;
    const uint32_t pillar = (uint32_t)datagram->to.port - self.port;  // wraps below the base port
    *drop = COL_DROP_NOT_OURS;
    if (memcmp(&datagram->destination_mac, &receiver->port->mac, sizeof(col_mac)) != 0) return 0;
    if (datagram->to.address != self.address || pillar >= receiver->pillars) return 0;

    *drop = COL_DROP_TRUNCATED;
    if (datagram->payload.length <= COL_BUNDLE_PILLAR_OFFSET) return 0;
    const bool agrees = datagram->payload.at[COL_BUNDLE_PILLAR_OFFSET] == pillar;
    *drop = agrees ? COL_DROP_NONE : COL_DROP_WRONG_PILLAR;
    return pillar;
}

/// Takes the buffer if there is no drop.
static col_drop on_ipv4(col_net_receiver_stage *receiver, struct rte_mbuf *buffer,
                        col_bytes frame) {
    const uint64_t mark = buffer->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    const bool checked = receiver->port->checks_udp && mark == RTE_MBUF_F_RX_L4_CKSUM_GOOD;

    col_frame_datagram datagram;
    col_drop drop =
        col_frame_parse_datagram(frame, receiver->check_udp_checksum && !checked, &datagram);
    if (drop != COL_DROP_NONE) return drop;
    const uint32_t pillar = pillar_of(receiver, &datagram, &drop);
    if (drop != COL_DROP_NONE) return drop;

    col_ring *ring = receiver->pillar_ring[pillar];
    col_datagram *record = col_ring_reserve(ring, sizeof *record);
    if (record == NULL) return COL_DROP_QUEUE_FULL;
    *record = (col_datagram){.payload = datagram.payload, .from = datagram.from, .buffer = buffer};
    col_count(&receiver->counters->received, 1);
    col_count(&receiver->counters->received_bytes, datagram.payload.length);
    col_ring_publish(ring);
    return COL_DROP_NONE;
}

/// @return whether the frame was of use
static bool on_frame(col_net_receiver_stage *receiver, struct rte_mbuf *buffer) {
    const col_bytes frame = {rte_pktmbuf_mtod(buffer, const uint8_t *), buffer->data_len};
    col_drop drop = COL_DROP_NOT_OURS;
    bool taken = false;

    switch (col_frame_kind_of(frame)) {
        case COL_FRAME_ARP:
            drop = on_arp(receiver, frame);
            break;
        case COL_FRAME_IPV4:
            drop = buffer->nb_segs == 1 ? on_ipv4(receiver, buffer, frame) : COL_DROP_OVERSIZED;
            taken = drop == COL_DROP_NONE;
            break;
        case COL_FRAME_OTHER:
            break;
    }
    if (drop != COL_DROP_NONE) col_count(&receiver->counters->drops[drop], 1);
    if (!taken) col_net_buffer_give(buffer);
    return drop == COL_DROP_NONE;
}

/// @param work counts the frames of use. Refused ones are no work: else each of a flood would cost
/// its loop as much waiting awake as an honest burst does.
/// @return whether there may be more
static bool take_burst(col_net_receiver_stage *receiver, uint32_t *work) {
    struct rte_mbuf *frames[COL_NET_BURST];
    COL_NET_PORT_BEGIN;
    const uint16_t count = rte_eth_rx_burst(receiver->port->id, 0, frames, COL_NET_BURST);
    COL_NET_PORT_END;

    for (uint16_t i = 0; i < count; i++) {
        COL_NET_BUFFER_TAKEN(frames[i]);
        if (i + 1 < count) rte_prefetch0(rte_pktmbuf_mtod(frames[i + 1], void *));
        *work += on_frame(receiver, frames[i]);
    }
    return count == COL_NET_BURST;
}

/// The budget is not used: a flood would fill it and spread honest messages over more turns, each
/// of which costs a signature here and a verification wherever it goes.
static uint32_t receive(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    col_net_receiver_stage *receiver = receiver_of(stage);
    (void)budget;
    uint32_t work = 0;
    bool more = true;
    for (uint32_t i = 0; more && i < COL_NET_BURSTS_OF_TURN; i++) {
        more = take_burst(receiver, &work);
    }
    receiver->polled_ns = now_ns;
    return work + more;
}

static uint64_t look_again_ns(const col_stage *stage) {
    return ((const col_net_receiver_stage *)stage)->polled_ns + LOOK_AGAIN_NS;
}

void col_net_receiver_open(col_net_receiver_stage *receiver, const col_net_options *options,
                           const col_net_port *port, col_net_counters *counters,
                           col_net_transmitter *transmitter) {
    const bool can_wait = port->wait_descriptor >= 0;
    *receiver = (col_net_receiver_stage){
        .stage = {.name = "receiver",
                  .poll = receive,
                  .deadline_ns = can_wait ? NULL : look_again_ns,
                  .wait_descriptor = port->wait_descriptor},
        .port = port,
        .counters = counters,
        .transmitter = transmitter,
        .pillars = options->pillars,
        .check_udp_checksum = options->check_udp_checksum,
    };
}

void col_net_release(void *buffer) {
    col_net_buffer_give(buffer);
}
