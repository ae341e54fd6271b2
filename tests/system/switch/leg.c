// SPDX-License-Identifier: Apache-2.0
#include "tests/system/switch/leg.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACE_BYTES 10240u  // a frame of mtu 9000 and the kernel's header
#define BLOCK_BYTES (2 * PLACE_BYTES)
#define PLACES 1024u  // a burst of all replicas while the switch waits for the processor
#define RING_BYTES ((size_t)PLACES * PLACE_BYTES)

static struct tpacket2_hdr *place_at(const switch_leg *leg) {
    return (struct tpacket2_hdr *)(leg->ring + (size_t)leg->next * PLACE_BYTES);
}

static bool set_up_ring(switch_leg *leg) {
    const int version = TPACKET_V2, on = 1;
    const struct tpacket_req request = {.tp_block_size = BLOCK_BYTES,
                                        .tp_block_nr = PLACES / 2,
                                        .tp_frame_size = PLACE_BYTES,
                                        .tp_frame_nr = PLACES};
    // What this socket sends would come back to it.
    if (setsockopt(leg->descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        setsockopt(leg->descriptor, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
        setsockopt(leg->descriptor, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0)
        return false;
    leg->ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, leg->descriptor, 0);
    return leg->ring != MAP_FAILED;
}

static bool bind_to(const switch_leg *leg, const char *device) {
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_protocol = htons(ETH_P_ALL),
                                        .sll_ifindex = (int)if_nametoindex(device)};
    return address.sll_ifindex != 0 &&
           bind(leg->descriptor, (const struct sockaddr *)&address, sizeof address) == 0;
}

col_result switch_leg_open(switch_leg *leg, const char *device) {
    // Protocol 0: nothing arrives before the socket is bound.
    *leg =
        (switch_leg){.descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (leg->descriptor >= 0 && set_up_ring(leg) && bind_to(leg, device)) return col_ok();
    return col_error(
        "%s: %s: run the switch with `colonnade cluster exec`, after taking the device off the "
        "bridge",
        device, strerror(errno));
}

void switch_leg_close(switch_leg *leg) {
    munmap(leg->ring, RING_BYTES);
    close(leg->descriptor);
}

bool switch_leg_receive(switch_leg *leg, col_bytes *frame) {
    for (;;) {
        const struct tpacket2_hdr *place = place_at(leg);
        // Pairs with the kernel's barrier before it hands a place over.
        if (!(__atomic_load_n(&place->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) return false;
        *frame = (col_bytes){(const uint8_t *)place + place->tp_mac, place->tp_snaplen};
        if (place->tp_snaplen == place->tp_len) return true;
        leg->truncated++;
        switch_leg_release(leg);
    }
}

void switch_leg_release(switch_leg *leg) {
    __atomic_store_n(&place_at(leg)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    leg->next = (leg->next + 1) % PLACES;
}

bool switch_leg_send(const switch_leg *leg, col_bytes frame) {
    return send(leg->descriptor, frame.at, frame.length, MSG_DONTWAIT) == (ssize_t)frame.length;
}

uint64_t switch_leg_missed(const switch_leg *leg) {
    struct tpacket_stats seen = {0};
    socklen_t length = sizeof seen;
    (void)getsockopt(leg->descriptor, SOL_PACKET, PACKET_STATISTICS, &seen, &length);
    return seen.tp_drops;
}
