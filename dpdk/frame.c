// SPDX-License-Identifier: Apache-2.0
#include "dpdk/frame.h"

#include "src/base/assert.h"
#include "src/base/limits.h"

enum {
    TYPE_AT = 12,
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,

    IP_AT = COL_FRAME_ETHERNET_BYTES,
    IP_LENGTH_AT = 2,
    IP_FRAGMENT_AT = 6,
    IP_TTL_AT = 8,
    IP_PROTOCOL_AT = 9,
    IP_CHECKSUM_AT = 10,
    IP_SOURCE_AT = 12,
    IP_DESTINATION_AT = 16,
    IP_BYTES_MIN = 20,
    IP_TTL = 64,
    IP_PROTOCOL_UDP = 17,
    IP_DO_NOT_FRAGMENT = 0x4000,
    IP_FRAGMENT_MASK = 0x3fff,  // offset and "more fragments"

    UDP_LENGTH_AT = 4,
    UDP_CHECKSUM_AT = 6,
    UDP_BYTES = 8,

    ARP_AT = COL_FRAME_ETHERNET_BYTES,
    ARP_OPERATION_AT = 6,
    ARP_SENDER_MAC_AT = 8,
    ARP_SENDER_AT = 14,
    ARP_TARGET_MAC_AT = 18,
    ARP_TARGET_AT = 24,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
};
static_assert(COL_FRAME_HEADERS_BYTES == IP_AT + IP_BYTES_MIN + UDP_BYTES, "no options");
static_assert(COL_DATAGRAM_BYTES_MAX + UDP_BYTES + IP_BYTES_MIN <= UINT16_MAX, "lengths fit");

// Ethernet hardware, IPv4 protocol, 6 and 4 bytes of address.
static const uint8_t arp_kind[] = {0, 1, 8, 0, 6, 4};

static uint16_t get_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

static void put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value) {
    put_u16(at, (uint16_t)(value >> 16));
    put_u16(at + 2, (uint16_t)value);
}

static col_mac get_mac(const uint8_t *at) {
    col_mac mac;
    memcpy(mac.byte, at, sizeof mac.byte);
    return mac;
}

static void put_mac(uint8_t *at, const col_mac *mac) {
    memcpy(at, mac->byte, sizeof mac->byte);
}

/// Add big-endian 16-bit words to a ones' complement sum; an odd last byte counts as a high byte.
static uint64_t sum_bytes(uint64_t sum, const uint8_t *at, size_t length) {
    size_t i = 0;
    for (; i + 4 <= length; i += 4) sum += get_u32(at + i);
    if (i + 2 <= length) {
        sum += get_u16(at + i);
        i += 2;
    }
    if (i < length) sum += (uint64_t)at[i] << 8;
    return sum;
}

static uint16_t fold(uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/// The pseudo-header of UDP: both addresses, the protocol and the UDP length.
static uint64_t sum_pseudo_header(const uint8_t *ip, uint16_t udp_bytes) {
    return sum_bytes(IP_PROTOCOL_UDP + (uint64_t)udp_bytes, ip + IP_SOURCE_AT, 8);
}

col_frame_kind col_frame_kind_of(col_bytes frame) {
    if (frame.length < COL_FRAME_ETHERNET_BYTES) return COL_FRAME_OTHER;
    switch (get_u16(frame.at + TYPE_AT)) {
        case TYPE_ARP:
            return COL_FRAME_ARP;
        case TYPE_IPV4:
            return COL_FRAME_IPV4;
        default:
            return COL_FRAME_OTHER;
    }
}

static bool is_single_station(const col_mac *mac) {
    static const col_mac none;
    return (mac->byte[0] & 1) == 0 && memcmp(mac, &none, sizeof none) != 0;
}

col_drop col_frame_parse_arp(col_bytes frame, col_frame_arp *arp) {
    if (frame.length < COL_FRAME_ARP_BYTES) return COL_DROP_TRUNCATED;

    const uint8_t *packet = frame.at + ARP_AT;
    if (memcmp(packet, arp_kind, sizeof arp_kind) != 0) return COL_DROP_NOT_OURS;
    const uint16_t operation = get_u16(packet + ARP_OPERATION_AT);
    if (operation != ARP_REQUEST && operation != ARP_REPLY) return COL_DROP_MALFORMED;

    *arp = (col_frame_arp){
        .reply = operation == ARP_REPLY,
        .sender_mac = get_mac(packet + ARP_SENDER_MAC_AT),
        .sender = get_u32(packet + ARP_SENDER_AT),
        .target = get_u32(packet + ARP_TARGET_AT),
    };
    return is_single_station(&arp->sender_mac) ? COL_DROP_NONE : COL_DROP_MALFORMED;
}

void col_frame_write_arp(uint8_t *frame, const col_frame_arp *arp, const col_mac *to) {
    static const col_mac everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    static const col_mac unknown;
    col_frame_set_destination_mac(frame, to != NULL ? to : &everyone);
    put_mac(frame + sizeof(col_mac), &arp->sender_mac);
    put_u16(frame + TYPE_AT, TYPE_ARP);

    uint8_t *packet = frame + ARP_AT;
    memcpy(packet, arp_kind, sizeof arp_kind);
    put_u16(packet + ARP_OPERATION_AT, arp->reply ? ARP_REPLY : ARP_REQUEST);
    put_mac(packet + ARP_SENDER_MAC_AT, &arp->sender_mac);
    put_u32(packet + ARP_SENDER_AT, arp->sender);
    put_mac(packet + ARP_TARGET_MAC_AT, to != NULL ? to : &unknown);
    put_u32(packet + ARP_TARGET_AT, arp->target);
}

/// @param ip a whole IPv4 packet, as long as its header says, whose header is in order
static col_drop parse_udp(col_bytes ip, size_t header_bytes, bool check_udp_checksum,
                          col_frame_datagram *datagram) {
    const uint8_t *udp = ip.at + header_bytes;
    const size_t available = ip.length - header_bytes;
    if (available < UDP_BYTES) return COL_DROP_TRUNCATED;
    const uint16_t udp_bytes = get_u16(udp + UDP_LENGTH_AT);
    if (udp_bytes > available) return COL_DROP_TRUNCATED;
    if (udp_bytes < available) return COL_DROP_MALFORMED;  // no kernel sends a tail after UDP

    if (check_udp_checksum && get_u16(udp + UDP_CHECKSUM_AT) != 0) {
        const uint64_t sum = sum_bytes(sum_pseudo_header(ip.at, udp_bytes), udp, udp_bytes);
        if (fold(sum) != 0xffff) return COL_DROP_BAD_CHECKSUM;
    }
    datagram->from = (col_endpoint){get_u32(ip.at + IP_SOURCE_AT), get_u16(udp)};
    datagram->to = (col_endpoint){get_u32(ip.at + IP_DESTINATION_AT), get_u16(udp + 2)};
    datagram->payload = (col_bytes){udp + UDP_BYTES, udp_bytes - UDP_BYTES};
    return COL_DROP_NONE;
}

col_drop col_frame_parse_datagram(col_bytes frame, bool check_udp_checksum,
                                  col_frame_datagram *datagram) {
    if (frame.length < IP_AT + IP_BYTES_MIN) return COL_DROP_TRUNCATED;
    const uint8_t *ip = frame.at + IP_AT;
    const size_t header_bytes = (size_t)(ip[0] & 0xf) * 4;
    const size_t ip_bytes = get_u16(ip + IP_LENGTH_AT);
    if (ip[0] >> 4 != 4 || header_bytes < IP_BYTES_MIN || ip_bytes < header_bytes) {
        return COL_DROP_MALFORMED;
    }
    if (ip_bytes > frame.length - IP_AT) return COL_DROP_TRUNCATED;
    if (fold(sum_bytes(0, ip, header_bytes)) != 0xffff) return COL_DROP_BAD_CHECKSUM;
    if (ip[IP_PROTOCOL_AT] != IP_PROTOCOL_UDP) return COL_DROP_NOT_OURS;
    if ((get_u16(ip + IP_FRAGMENT_AT) & IP_FRAGMENT_MASK) != 0) return COL_DROP_NOT_OURS;

    datagram->destination_mac = get_mac(frame.at);
    return parse_udp((col_bytes){ip, ip_bytes}, header_bytes, check_udp_checksum, datagram);
}

void col_frame_write_headers(uint8_t *frame, const col_mac *from_mac, col_endpoint from,
                             col_endpoint to, uint16_t payload_bytes, col_frame_checksum checksum) {
    COL_ASSERT(payload_bytes <= COL_DATAGRAM_BYTES_MAX);
    const uint16_t udp_bytes = (uint16_t)(UDP_BYTES + payload_bytes);

    put_mac(frame + sizeof(col_mac), from_mac);
    put_u16(frame + TYPE_AT, TYPE_IPV4);

    uint8_t *ip = frame + IP_AT;
    memset(ip, 0, IP_BYTES_MIN);
    ip[0] = 4 << 4 | IP_BYTES_MIN / 4;
    put_u16(ip + IP_LENGTH_AT, (uint16_t)(IP_BYTES_MIN + udp_bytes));
    put_u16(ip + IP_FRAGMENT_AT, IP_DO_NOT_FRAGMENT);  // so the identification stays 0 (RFC 6864)
    ip[IP_TTL_AT] = IP_TTL;
    ip[IP_PROTOCOL_AT] = IP_PROTOCOL_UDP;
    put_u32(ip + IP_SOURCE_AT, from.address);
    put_u32(ip + IP_DESTINATION_AT, to.address);
    put_u16(ip + IP_CHECKSUM_AT, (uint16_t)~fold(sum_bytes(0, ip, IP_BYTES_MIN)));

    uint8_t *udp = ip + IP_BYTES_MIN;
    const bool partial = checksum == COL_FRAME_CHECKSUM_PARTIAL;
    put_u16(udp, from.port);
    put_u16(udp + 2, to.port);
    put_u16(udp + UDP_LENGTH_AT, udp_bytes);
    put_u16(udp + UDP_CHECKSUM_AT, partial ? fold(sum_pseudo_header(ip, udp_bytes)) : 0);
}

uint32_t col_frame_destination(const uint8_t *frame) {
    return get_u32(frame + IP_AT + IP_DESTINATION_AT);
}

void col_frame_set_destination_mac(uint8_t *frame, const col_mac *to) {
    put_mac(frame, to);
}
