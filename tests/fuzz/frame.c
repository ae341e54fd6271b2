// SPDX-License-Identifier: Apache-2.0
// Frames from the wire: parsing stays inside the frame, what was parsed is written again so that it
// parses alike, and no bit of it can change behind a checksum.
#include "dpdk/frame.h"
#include "src/base/limits.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESSES_AT (COL_FRAME_ETHERNET_BYTES + 12)  // in the IPv4 header

static bool lies_in(col_bytes inner, col_bytes outer) {
    return inner.at >= outer.at && inner.at + inner.length <= outer.at + outer.length;
}

static void arp(col_bytes frame) {
    col_frame_arp first, second;
    uint8_t written[COL_FRAME_ARP_BYTES];
    if (col_frame_parse_arp(frame, &first) != COL_DROP_NONE) return;
    col_frame_write_arp(written, &first, NULL);
    const col_bytes again = {written, sizeof written};
    COL_ASSERT(col_frame_kind_of(again) == COL_FRAME_ARP);
    COL_ASSERT(col_frame_parse_arp(again, &second) == COL_DROP_NONE);
    COL_ASSERT(first.reply == second.reply && first.sender == second.sender);
    COL_ASSERT(first.target == second.target);
    COL_ASSERT(memcmp(&first.sender_mac, &second.sender_mac, sizeof(col_mac)) == 0);
}

static void write_again(const col_frame_datagram *first) {
    const size_t length = first->payload.length;
    if (length > COL_DATAGRAM_BYTES_MAX) return;
    uint8_t *written = calloc(1, COL_FRAME_HEADERS_BYTES + length);
    col_frame_datagram second;
    col_frame_write_headers(written, &first->destination_mac, first->from, first->to,
                            (uint16_t)length, COL_FRAME_CHECKSUM_NONE);
    if (length > 0) memcpy(written + COL_FRAME_HEADERS_BYTES, first->payload.at, length);
    const col_bytes again = {written, COL_FRAME_HEADERS_BYTES + length};
    COL_ASSERT(col_frame_kind_of(again) == COL_FRAME_IPV4);
    COL_ASSERT(col_frame_parse_datagram(again, true, &second) == COL_DROP_NONE);
    COL_ASSERT(second.from.address == first->from.address && second.from.port == first->from.port);
    COL_ASSERT(second.to.address == first->to.address && second.to.port == first->to.port);
    COL_ASSERT(fuzz_equal(first->payload, second.payload));
    COL_ASSERT(col_frame_destination(written) == first->to.address);
    free(written);
}

/// A bit of the frame flips on the way.
static void damage(col_bytes frame, size_t at, uint8_t bit) {
    uint8_t *damaged = malloc(frame.length);
    col_frame_datagram parsed;
    memcpy(damaged, frame.at, frame.length);
    damaged[at] ^= (uint8_t)(1 << bit);
    const col_bytes arrived = {damaged, frame.length};
    COL_ASSERT(col_frame_parse_datagram(arrived, true, &parsed) != COL_DROP_NONE);
    free(damaged);
}

static void datagram(col_bytes frame) {
    col_frame_datagram parsed, checked;
    if (col_frame_parse_datagram(frame, false, &parsed) != COL_DROP_NONE) return;
    COL_ASSERT(lies_in(parsed.payload, frame));
    write_again(&parsed);
    damage(frame, ADDRESSES_AT, frame.at[0] % 8);

    if (col_frame_parse_datagram(frame, true, &checked) != COL_DROP_NONE) return;
    COL_ASSERT(fuzz_equal(parsed.payload, checked.payload));
    const bool has_checksum = parsed.payload.at[-1] != 0 || parsed.payload.at[-2] != 0;
    const size_t at = (size_t)(parsed.payload.at - frame.at);
    if (has_checksum && parsed.payload.length > 0) {
        damage(frame, at + frame.at[0] % parsed.payload.length, frame.at[1] % 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const col_bytes frame = {data, size};
    switch (col_frame_kind_of(frame)) {
        case COL_FRAME_ARP:
            arp(frame);
            break;
        case COL_FRAME_IPV4:
            datagram(frame);
            break;
        case COL_FRAME_OTHER:
            break;
    }
    return 0;
}
