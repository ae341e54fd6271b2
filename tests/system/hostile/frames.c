// SPDX-License-Identifier: Apache-2.0
// The attacker's port: raw frames out, honest frames seen.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/hostile/hostile.h"

#define SEND_BUFFER_BYTES (4 * 1024 * 1024)
#define BURST_MAX 64

void hostile_fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("hostile: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(2);
}

static int packet_socket(const char *device, uint16_t protocol) {
    const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol));
    const struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                        .sll_protocol = htons(protocol),
                                        .sll_ifindex = (int)if_nametoindex(device)};
    if (descriptor < 0 || address.sll_ifindex == 0 ||
        bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
        hostile_fail("cannot open a packet socket on %s: %s", device, strerror(errno));
    }
    return descriptor;
}

void hostile_open(hostile *self, const char *device) {
    self->raw = packet_socket(device, 0);  // receives nothing
    const int bytes = SEND_BUFFER_BYTES;
    (void)setsockopt(self->raw, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    struct ifreq request = {0};
    memcpy(request.ifr_name, device, strlen(device) + 1);
    if (ioctl(self->raw, SIOCGIFHWADDR, &request) != 0) {
        hostile_fail("%s has no link address: %s", device, strerror(errno));
    }
    memcpy(self->mac.byte, request.ifr_hwaddr.sa_data, sizeof self->mac.byte);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint32_t hostile_replica_at(const hostile *self, uint32_t address) {
    const col_genesis *genesis = &self->cluster->genesis;
    uint32_t i = 0;
    while (i < genesis->replicas && genesis->replica[i].address != address) i++;
    return i;
}

/// The last places are for what clients send: a burst of replicas' fills the others at once.
static void record_one(hostile *self, int descriptor) {
    hostile_frame *frame = &self->record[self->records];
    const ssize_t length = recv(descriptor, frame->bytes, sizeof frame->bytes, MSG_DONTWAIT);
    col_frame_datagram datagram;
    if (length <= 0) return;
    frame->length = (uint32_t)length;
    const col_bytes bytes = {frame->bytes, (size_t)length};
    if (col_frame_kind_of(bytes) != COL_FRAME_IPV4 ||
        col_frame_parse_datagram(bytes, false, &datagram) != COL_DROP_NONE) {
        return;
    }
    const bool is_last = self->records >= HOSTILE_RECORDS_MAX - HOSTILE_RECORDS_OF_CLIENTS;
    const bool of_client =
        hostile_replica_at(self, datagram.from.address) == self->cluster->genesis.replicas;
    if (!is_last || of_client) self->records++;
}

void hostile_record(hostile *self, double seconds) {
    struct pollfd port[COL_REPLICAS_MAX];
    const uint32_t replicas = self->cluster->genesis.replicas;
    for (uint32_t i = 0; i < replicas; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%u", i);
        port[i] = (struct pollfd){.fd = packet_socket(name, ETH_P_ALL), .events = POLLIN};
    }
    const double end = seconds_now() + seconds;
    while (self->records < HOSTILE_RECORDS_MAX && seconds_now() < end) {
        if (poll(port, replicas, 10) <= 0) continue;
        for (uint32_t i = 0; i < replicas && self->records < HOSTILE_RECORDS_MAX; i++) {
            if (port[i].revents & POLLIN) record_one(self, port[i].fd);
        }
    }
    for (uint32_t i = 0; i < replicas; i++) close(port[i].fd);
    if (self->records == 0) hostile_fail("no honest datagram within %g s: run a load", seconds);
}

uint32_t hostile_send(hostile *self, hostile_frame *frame, uint32_t count) {
    struct mmsghdr message[BURST_MAX];
    struct iovec part[BURST_MAX];
    uint32_t sent = 0;
    for (uint32_t first = 0; first < count; first += BURST_MAX) {
        const uint32_t burst = count - first < BURST_MAX ? count - first : BURST_MAX;
        for (uint32_t i = 0; i < burst; i++) {
            part[i] = (struct iovec){frame[first + i].bytes, frame[first + i].length};
            message[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &part[i], .msg_iovlen = 1}};
        }
        for (uint32_t done = 0; done < burst;) {
            const int taken = sendmmsg(self->raw, message + done, burst - done, 0);
            if (taken > 0) sent += (uint32_t)taken;
            done += taken > 0 ? (uint32_t)taken : 1;  // a refused frame is not sent
        }
    }
    return sent;
}

static col_mac port_of(uint32_t replica) {
    return (col_mac){{2, 0xc0, 0x10, 0, 0, (uint8_t)replica}};
}

col_mac hostile_mac_of(const hostile *self, uint32_t replica) {
    const col_mac sink = {{2, 0xc0, 0x10, 0, 1, 0}};
    return self->sink ? sink : port_of(replica);
}

uint32_t hostile_receivers(const hostile *self, const hostile_frame *frame) {
    const uint32_t replicas = self->cluster->genesis.replicas;
    if (frame->bytes[0] & 1) return replicas;
    for (uint32_t i = 0; i < replicas; i++) {
        const col_mac port = port_of(i);
        if (memcmp(frame->bytes, &port, sizeof port) == 0) return 1;
    }
    return 0;
}

void hostile_address(hostile *self, hostile_frame *frame, col_endpoint from, uint32_t replica,
                     uint32_t port, uint32_t length) {
    col_endpoint to = self->cluster->genesis.replica[replica];
    const col_mac mac = hostile_mac_of(self, replica);
    to.port = (uint16_t)(to.port + port);
    col_frame_write_headers(frame->bytes, &self->mac, from, to, (uint16_t)length,
                            COL_FRAME_CHECKSUM_NONE);
    col_frame_set_destination_mac(frame->bytes, &mac);
    frame->length = HOSTILE_HEADERS + length;
}

uint32_t hostile_replica(hostile *self) {
    return (uint32_t)sim_below(&self->random, self->cluster->genesis.replicas);
}

uint32_t hostile_pillar(hostile *self) {
    return (uint32_t)sim_below(&self->random, self->cluster->genesis.pillars);
}

void hostile_random_bytes(hostile *self, uint8_t *at, size_t length) {
    for (size_t i = 0; i < length; i += 8) {
        const uint64_t word = sim_next(&self->random);
        memcpy(at + i, &word, length - i < 8 ? length - i : 8);
    }
}
