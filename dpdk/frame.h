// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/bytes.h"
#include "src/base/drop.h"

/// Ethernet, ARP, IPv4 and UDP as bytes: pure functions, and only what a replica needs of them.
/// Addresses and ports are in host byte order on this side, in network order in the frame.

#define COL_FRAME_ETHERNET_BYTES 14
/// Ethernet, IPv4 without options, UDP: what precedes the payload in the frames that we send.
#define COL_FRAME_HEADERS_BYTES 42
#define COL_FRAME_ARP_BYTES 42

/// An Ethernet address.
typedef struct {
    uint8_t byte[6];
} col_mac;

/// What a frame says that it carries.
typedef enum {
    COL_FRAME_ARP,
    COL_FRAME_IPV4,
    COL_FRAME_OTHER,  ///< also frames shorter than an Ethernet header
} col_frame_kind;

col_frame_kind col_frame_kind_of(col_bytes frame);

/// An ARP packet for IPv4 over Ethernet.
typedef struct {
    bool reply;  ///< false for a request
    col_mac sender_mac;
    uint32_t sender;
    uint32_t target;
} col_frame_arp;

/// Parse a frame of kind COL_FRAME_ARP.
/// @return COL_DROP_NONE, _TRUNCATED, _NOT_OURS (other hardware or protocol), _MALFORMED
///         (operation; a sender that is no single station)
/// Source: RFC 826.
col_drop col_frame_parse_arp(col_bytes frame, col_frame_arp *arp);

/// Write an ARP packet.
/// @param frame COL_FRAME_ARP_BYTES
/// @param to    station that asked or is asked; NULL to ask all
void col_frame_write_arp(uint8_t *frame, const col_frame_arp *arp, const col_mac *to);

/// A UDP datagram over IPv4.
typedef struct {
    col_mac destination_mac;
    col_endpoint from;
    col_endpoint to;
    col_bytes payload;  ///< borrowed from the frame
} col_frame_datagram;

/// Parse a frame of kind COL_FRAME_IPV4. Bytes after the IPv4 packet (Ethernet padding) are
/// ignored.
/// @param check_udp_checksum whether to sum the payload; a checksum of 0 means that there is none
/// @return COL_DROP_NONE, _TRUNCATED, _MALFORMED (version, lengths), _BAD_CHECKSUM,
///         _NOT_OURS (not UDP, or a fragment: the wire format has fragments of its own)
/// Cost: 20 bytes summed; with `check_udp_checksum` the payload too.
/// Source: RFC 791, 768, 1071.
col_drop col_frame_parse_datagram(col_bytes frame, bool check_udp_checksum,
                                  col_frame_datagram *datagram);

/// How the UDP checksum of an outgoing frame comes about.
typedef enum {
    COL_FRAME_CHECKSUM_NONE,     ///< 0: legal over IPv4, and every bundle is signed anyway
    COL_FRAME_CHECKSUM_PARTIAL,  ///< of the pseudo-header; the port adds the rest
} col_frame_checksum;

/// Write the headers of a datagram in front of its payload, all but the destination's link address.
/// @param frame   COL_FRAME_HEADERS_BYTES, followed by the payload
/// @param payload_bytes 0 .. COL_DATAGRAM_BYTES_MAX
void col_frame_write_headers(uint8_t *frame, const col_mac *from_mac, col_endpoint from,
                             col_endpoint to, uint16_t payload_bytes, col_frame_checksum checksum);

/// Of a frame that col_frame_write_headers wrote: where it goes.
uint32_t col_frame_destination(const uint8_t *frame);

/// Complete such a frame with the station that it is handed to.
void col_frame_set_destination_mac(uint8_t *frame, const col_mac *to);
