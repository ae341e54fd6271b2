// SPDX-License-Identifier: Apache-2.0
// Frames from the wire: parsing stays inside the frame, and what was parsed is written again so
// that it parses alike.
#include "dpdk/frame.h"
#include "src/base/limits.h"
#include "tests/fuzz/fuzz.h"

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

static void datagram(col_bytes frame, bool check_udp_checksum) {
    col_frame_datagram parsed;
    if (col_frame_parse_datagram(frame, check_udp_checksum, &parsed) != COL_DROP_NONE) return;
    COL_ASSERT(lies_in(parsed.payload, frame));
    write_again(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const col_bytes frame = {data, size};
    switch (col_frame_kind_of(frame)) {
        case COL_FRAME_ARP:
            arp(frame);
            break;
        case COL_FRAME_IPV4:
            datagram(frame, true);
            datagram(frame, false);
            break;
        case COL_FRAME_OTHER:
            break;
    }
    return 0;
}
