// SPDX-License-Identifier: Apache-2.0
#include <rte_ethdev.h>

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dpdk/internal.h"
#include "src/base/assert.h"

// A frame whose receiver does not answer is given up after this time: the protocol sends again.
#define HOLD_NS UINT64_C(1000000000)

// The port

/// Hand the burst to the port; what it refuses twice is lost. Frames become the port's.
static void flush(col_net_transmitter *transmitter) {
    const uint16_t count = transmitter->burst_count;
    if (count == 0) return;
    uint32_t payload_bytes[COL_NET_BURST];  // of ARP packets: 0
    for (uint16_t i = 0; i < count; i++) {
        payload_bytes[i] = transmitter->burst[i]->pkt_len - COL_FRAME_HEADERS_BYTES;
        COL_NET_BUFFER_GIVEN(transmitter->burst[i]);
    }

    uint16_t sent = 0;
    COL_NET_PORT_BEGIN;
    for (int attempt = 0; attempt < 2 && sent < count; attempt++) {
        sent += rte_eth_tx_burst(transmitter->port->id, 0, transmitter->burst + sent, count - sent);
    }
    COL_NET_PORT_END;
    for (uint16_t i = 0; i < sent; i++) {
        if (payload_bytes[i] == 0) continue;
        col_count(&transmitter->counters->sent, 1);
        col_count(&transmitter->counters->sent_bytes, payload_bytes[i]);
    }
    if (sent < count) {
        rte_pktmbuf_free_bulk(transmitter->burst + sent, count - sent);
        col_count(&transmitter->counters->drops[COL_DROP_PORT_FULL], count - sent);
    }
    transmitter->burst_count = 0;
}

static void append(col_net_transmitter *transmitter, struct rte_mbuf *frame) {
    if (transmitter->burst_count == COL_NET_BURST) flush(transmitter);
    transmitter->burst[transmitter->burst_count++] = frame;
}

static void drop_frame(col_net_transmitter *transmitter, struct rte_mbuf *frame, col_drop drop) {
    col_count(&transmitter->counters->drops[drop], 1);
    col_net_buffer_give(frame);
}

// Neighbours

/// @param to NULL to ask everybody
static void send_arp(col_net_transmitter *transmitter, bool reply, uint32_t target,
                     const col_mac *to) {
    struct rte_mbuf *frame = col_net_buffer_take(transmitter->port->transmit_pool);
    if (frame == NULL) {
        col_count(&transmitter->counters->drops[COL_DROP_QUEUE_FULL], 1);
        return;
    }
    const col_frame_arp arp = {.reply = reply,
                               .sender_mac = transmitter->port->mac,
                               .sender = transmitter->self.address,
                               .target = target};
    frame->data_len = COL_FRAME_ARP_BYTES;
    frame->pkt_len = COL_FRAME_ARP_BYTES;
    col_frame_write_arp(rte_pktmbuf_mtod(frame, uint8_t *), &arp, to);
    append(transmitter, frame);
}

/// The address on the link that a frame is handed to; 0 when there is no way.
static uint32_t next_hop(const col_net_transmitter *transmitter, const struct rte_mbuf *frame) {
    const uint32_t to = col_frame_destination(rte_pktmbuf_mtod(frame, const uint8_t *));
    return col_net_on_link(transmitter, to) ? to : transmitter->gateway;
}

/// Send a frame if the station of `hop` is known. @return whether it was; else the frame is the
/// caller's
static bool send_to(col_net_transmitter *transmitter, struct rte_mbuf *frame, uint32_t hop) {
    col_mac mac;
    bool ask;
    const bool known =
        col_neighbours_find(&transmitter->neighbours, hop, transmitter->now_ns, &mac, &ask);
    if (ask) send_arp(transmitter, false, hop, NULL);
    if (!known) return false;
    col_frame_set_destination_mac(rte_pktmbuf_mtod(frame, uint8_t *), &mac);
    append(transmitter, frame);
    return true;
}

/// Keep a frame until its station answers, in place of the oldest when there are too many.
static void hold(col_net_transmitter *transmitter, struct rte_mbuf *frame) {
    if (transmitter->held_count == COL_NET_HELD_MAX) {
        drop_frame(transmitter, transmitter->held[0].frame, COL_DROP_NO_NEIGHBOUR);
        transmitter->held_count--;
        memmove(transmitter->held, transmitter->held + 1,
                transmitter->held_count * sizeof transmitter->held[0]);
    }
    if (transmitter->held_count == 0) {
        transmitter->held_retry_ns = transmitter->now_ns + COL_NEIGHBOUR_ASK_NS;
    }
    transmitter->held[transmitter->held_count].frame = frame;
    transmitter->held[transmitter->held_count].until_ns = transmitter->now_ns + HOLD_NS;
    transmitter->held_count++;
}

/// Send the held frames whose stations have answered, give up the old ones, ask for the others.
static void retry_held(col_net_transmitter *transmitter) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < transmitter->held_count; i++) {
        struct rte_mbuf *frame = transmitter->held[i].frame;
        if (send_to(transmitter, frame, next_hop(transmitter, frame))) continue;
        if (transmitter->now_ns >= transmitter->held[i].until_ns) {
            drop_frame(transmitter, frame, COL_DROP_NO_NEIGHBOUR);
        } else {
            transmitter->held[kept++] = transmitter->held[i];
        }
    }
    transmitter->held_count = kept;
    transmitter->held_retry_ns = transmitter->now_ns + COL_NEIGHBOUR_ASK_NS;
}

static void take_frame(col_net_transmitter *transmitter, struct rte_mbuf *frame) {
    const uint32_t hop = next_hop(transmitter, frame);
    transmitter->taken++;
    if (hop == 0) {
        drop_frame(transmitter, frame, COL_DROP_NO_NEIGHBOUR);
    } else if (!send_to(transmitter, frame, hop)) {
        hold(transmitter, frame);
    }
}

bool col_net_transmitter_arp(col_net_transmitter *transmitter, const col_frame_arp *arp) {
    col_frame_arp *record = col_ring_reserve(&transmitter->arp, sizeof *record);
    if (record == NULL) return false;
    *record = *arp;
    // The signal first: transmit takes one signal per record, so that none is left without the
    // other. EAGAIN is impossible: the ring is much smaller than the counter.
    const ssize_t written =
        write(transmitter->stage.wait_descriptor, &(uint64_t){1}, sizeof(uint64_t));
    COL_ASSERT(written == sizeof(uint64_t));
    col_ring_publish(&transmitter->arp);
    return true;
}

static void learn(col_net_transmitter *transmitter, const col_frame_arp *arp, bool request) {
    bool ask = false;
    col_drop drop = COL_DROP_NOT_OURS;
    if (col_net_on_link(transmitter, arp->sender)) {
        drop = col_neighbours_learn(&transmitter->neighbours, arp->sender, &arp->sender_mac,
                                    request, transmitter->now_ns, &ask);
    }
    if (drop != COL_DROP_NONE) col_count(&transmitter->counters->drops[drop], 1);
    if (ask) send_arp(transmitter, false, arp->sender, NULL);
}

static void on_arp(col_net_transmitter *transmitter, const col_frame_arp *arp) {
    const bool for_us = arp->target == transmitter->self.address;
    const bool request = for_us && !arp->reply;
    if (arp->sender != 0) learn(transmitter, arp, request);  // 0 only asks who has an address
    if (request) send_arp(transmitter, true, arp->sender, &arp->sender_mac);
}

static uint32_t take_arp(col_net_transmitter *transmitter) {
    uint32_t count = 0;
    uint32_t bytes;
    const col_frame_arp *arp;
    while (count < COL_NET_BURST && (arp = col_ring_front(&transmitter->arp, &bytes)) != NULL) {
        uint64_t signal;
        const ssize_t got = read(transmitter->stage.wait_descriptor, &signal, sizeof signal);
        COL_ASSERT(got == sizeof signal);  // written before the record was published
        on_arp(transmitter, arp);
        col_ring_release(&transmitter->arp);
        count++;
    }
    return count;
}

// The stage

static void take_rings(col_net_transmitter *transmitter, uint32_t budget) {
    for (uint32_t i = 0; i < transmitter->egresses && budget > 0; i++) {
        const uint32_t index = (transmitter->next_egress + i) % transmitter->egresses;
        col_ring *ring = transmitter->egress[index].ring;
        uint32_t bytes;
        struct rte_mbuf *const *record;
        while (ring != NULL && budget > 0 && (record = col_ring_front(ring, &bytes)) != NULL) {
            struct rte_mbuf *frame = *record;
            col_ring_release(ring);
            take_frame(transmitter, frame);
            budget--;
        }
    }
    // Whoever was served last in a full turn does not stay last.
    if (transmitter->egresses > 0) {
        transmitter->next_egress = (transmitter->next_egress + 1) % transmitter->egresses;
    }
}

/// Counters have one writer each; the producers' losses are added here.
static void count_lost(col_net_transmitter *transmitter) {
    for (uint32_t i = 0; i < transmitter->egresses; i++) {
        col_net_egress_port *egress = &transmitter->egress[i];
        const uint64_t lost = col_counter_read(&egress->lost);
        if (lost == egress->lost_counted) continue;
        col_count(&transmitter->counters->drops[COL_DROP_QUEUE_FULL], lost - egress->lost_counted);
        egress->lost_counted = lost;
    }
}

static uint32_t transmit(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    col_net_transmitter *transmitter = (col_net_transmitter *)stage;
    transmitter->now_ns = now_ns;
    if (!transmitter->announced) {
        // Stations that knew this address before a restart learn its link address at once.
        send_arp(transmitter, false, transmitter->self.address, NULL);
        transmitter->announced = true;
    }
    const uint32_t learned = take_arp(transmitter);
    if (transmitter->held_count > 0 && (learned > 0 || now_ns >= transmitter->held_retry_ns)) {
        retry_held(transmitter);
    }
    take_rings(transmitter, budget);
    flush(transmitter);
    count_lost(transmitter);

    const uint32_t work = learned + transmitter->taken;
    transmitter->taken = 0;
    return work;
}

static uint64_t held_deadline_ns(const col_stage *stage) {
    const col_net_transmitter *transmitter = (const col_net_transmitter *)stage;
    return transmitter->held_count > 0 ? transmitter->held_retry_ns : COL_NEVER;
}

col_result col_net_transmitter_open(col_net_transmitter *transmitter,
                                    const col_net_options *options, const col_net_port *port,
                                    col_net_counters *counters, col_arena *arena) {
    const int signal = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
    if (signal < 0)
        return col_error("cannot open an eventfd: %s: raise `ulimit -n`", strerror(errno));

    const uint32_t length = options->prefix_length;
    *transmitter = (col_net_transmitter){
        .stage = {.name = "transmit",
                  .poll = transmit,
                  .deadline_ns = held_deadline_ns,
                  .wait_descriptor = signal},
        .port = port,
        .counters = counters,
        .self = {options->address, options->base_port},
        .subnet_mask = length == 0 ? 0 : UINT32_MAX << (32 - length),
        .gateway = options->gateway,
        .datagram_bytes = options->mtu - (COL_FRAME_HEADERS_BYTES - COL_FRAME_ETHERNET_BYTES),
    };
    col_ring_init(&transmitter->arp, arena, COL_NET_ARP_RING_BYTES, NULL);
    return col_ok();
}

void col_net_transmitter_close(col_net_transmitter *transmitter) {
    close(transmitter->stage.wait_descriptor);
}

// Egress

static uint8_t *reserve(col_egress *base) {
    col_net_egress_port *egress = (col_net_egress_port *)base;
    if (egress->open == NULL) {
        egress->open = col_net_buffer_take(egress->transmitter->port->transmit_pool);
    }
    if (egress->open == NULL) {
        col_count(&egress->lost, 1);
        return NULL;
    }
    return rte_pktmbuf_mtod_offset(egress->open, uint8_t *, COL_FRAME_HEADERS_BYTES);
}

static void write_frame(const col_net_transmitter *transmitter, struct rte_mbuf *frame,
                        col_endpoint to, uint32_t length) {
    frame->data_len = (uint16_t)(COL_FRAME_HEADERS_BYTES + length);
    frame->pkt_len = frame->data_len;
    if (transmitter->port->checksum == COL_FRAME_CHECKSUM_PARTIAL) {
        frame->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
        frame->l2_len = COL_FRAME_ETHERNET_BYTES;
        frame->l3_len = sizeof(struct rte_ipv4_hdr);
    }
    col_frame_write_headers(rte_pktmbuf_mtod(frame, uint8_t *), &transmitter->port->mac,
                            transmitter->self, to, (uint16_t)length, transmitter->port->checksum);
}

static void send_frame(col_egress *base, col_endpoint to, uint32_t length) {
    col_net_egress_port *egress = (col_net_egress_port *)base;
    COL_ASSERT(egress->open != NULL);
    COL_ASSERT(length > 0 && length <= base->datagram_bytes);

    write_frame(egress->transmitter, egress->open, to, length);
    if (egress->ring == NULL) {
        take_frame(egress->transmitter, egress->open);
        egress->open = NULL;
        return;
    }
    struct rte_mbuf **record = col_ring_reserve(egress->ring, sizeof *record);
    if (record == NULL) {
        col_count(&egress->lost, 1);  // the buffer stays open for the next datagram
        return;
    }
    *record = egress->open;
    egress->open = NULL;
    col_ring_publish(egress->ring);
}

col_net_egress_port *col_net_transmitter_egress(col_net_transmitter *transmitter, col_ring *ring) {
    COL_ASSERT(transmitter->egresses < COL_NET_EGRESSES_MAX);
    col_net_egress_port *egress = &transmitter->egress[transmitter->egresses++];
    *egress = (col_net_egress_port){
        .egress = {.datagram_bytes = transmitter->datagram_bytes,
                   .reserve = reserve,
                   .send = send_frame},
        .transmitter = transmitter,
        .ring = ring,
    };
    return egress;
}
