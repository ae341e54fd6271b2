// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "dpdk/frame.h"

#define PAYLOAD_BYTES 101
#define FRAME_BYTES (COL_FRAME_HEADERS_BYTES + PAYLOAD_BYTES)

static const col_mac replica_mac = {{0x02, 0, 0, 0, 0, 0x07}};
static const col_mac client_mac = {{0x02, 0, 0, 0, 0, 0x09}};
static const col_endpoint replica = {0x0a010203, 7000};
static const col_endpoint client = {0x0a0102fe, 40001};

// 192.168.1.10 to 8.8.8.8, written by hand; its checksums were computed apart from this code.
static const uint8_t captured[] = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0x08, 0x00,  //
    0x45, 0x00, 0x00, 0x1f, 0x12, 0x34, 0x00, 0x00, 0x40, 0x11, 0x96, 0xd8,              //
    0xc0, 0xa8, 0x01, 0x0a, 0x08, 0x08, 0x08, 0x08,                                      //
    0x30, 0x39, 0x00, 0x35, 0x00, 0x0b, 0x39, 0x45, 0x61, 0x62, 0x63};

static void write_datagram(uint8_t frame[FRAME_BYTES], col_frame_checksum checksum) {
    for (size_t i = 0; i < PAYLOAD_BYTES; i++) {
        frame[COL_FRAME_HEADERS_BYTES + i] = (uint8_t)(i * 7 + 1);
    }
    col_frame_write_headers(frame, &replica_mac, replica, client, PAYLOAD_BYTES, checksum);
    col_frame_set_destination_mac(frame, &client_mac);
}

static col_drop parse(const uint8_t *frame, size_t length, bool check) {
    // A copy of exact size, so that a sanitizer sees every byte read beyond the end.
    uint8_t *copy = malloc(length + 1);
    memcpy(copy, frame, length);
    uint8_t *exact = realloc(copy, length > 0 ? length : 1);
    col_frame_datagram datagram;
    const col_drop drop = col_frame_parse_datagram((col_bytes){exact, length}, check, &datagram);
    free(exact);
    return drop;
}

static void put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/// The plain definition of RFC 1071, one 16-bit word after the other.
static uint16_t reference_checksum(const uint8_t *at, size_t length, uint32_t sum) {
    for (size_t i = 0; i < length; i++) sum += (i & 1) ? at[i] : (uint32_t)at[i] << 8;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void mend_ip_checksum(uint8_t *frame) {
    put_u16(frame + 24, 0);
    put_u16(frame + 24, reference_checksum(frame + 14, (size_t)(frame[14] & 0xf) * 4, 0));
}

static void fill_udp_checksum(uint8_t *frame, size_t udp_bytes) {
    put_u16(frame + 40, 0);
    uint32_t pseudo = 17 + (uint32_t)udp_bytes;
    for (size_t i = 26; i < 34; i += 2) pseudo += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    put_u16(frame + 40, reference_checksum(frame + 34, udp_bytes, pseudo));
}

static void a_frame_is_parsed_into_what_it_was_written_from(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    write_datagram(frame, COL_FRAME_CHECKSUM_NONE);

    col_frame_datagram datagram;
    const col_bytes bytes = {frame, sizeof frame};
    assert_int_equal(col_frame_kind_of(bytes), COL_FRAME_IPV4);
    assert_int_equal(col_frame_parse_datagram(bytes, true, &datagram), COL_DROP_NONE);
    assert_memory_equal(&datagram.destination_mac, &client_mac, sizeof client_mac);
    assert_memory_equal(frame + 6, &replica_mac, sizeof replica_mac);
    assert_int_equal(datagram.from.address, replica.address);
    assert_int_equal(datagram.from.port, replica.port);
    assert_int_equal(datagram.to.address, client.address);
    assert_int_equal(datagram.to.port, client.port);
    assert_ptr_equal(datagram.payload.at, frame + COL_FRAME_HEADERS_BYTES);
    assert_int_equal(datagram.payload.length, PAYLOAD_BYTES);
    assert_int_equal(col_frame_destination(frame), client.address);
}

static void a_frame_from_elsewhere_is_accepted_with_both_checksums(void **state) {
    (void)state;
    col_frame_datagram datagram;
    const col_bytes bytes = {captured, sizeof captured};
    assert_int_equal(col_frame_parse_datagram(bytes, true, &datagram), COL_DROP_NONE);
    assert_int_equal(datagram.from.address, 0xc0a8010a);
    assert_int_equal(datagram.from.port, 12345);
    assert_int_equal(datagram.to.port, 53);
    assert_int_equal(datagram.payload.length, 3);
    assert_memory_equal(datagram.payload.at, "abc", 3);
}

static void every_truncation_is_dropped(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
    for (size_t length = 0; length < sizeof frame; length++) {
        assert_int_equal(parse(frame, length, true), COL_DROP_TRUNCATED);
    }
    assert_int_equal(parse(frame, sizeof frame, true), COL_DROP_NONE);
}

static void ethernet_padding_is_not_payload(void **state) {
    (void)state;
    uint8_t padded[60] = {0};
    memcpy(padded, captured, sizeof captured);
    col_frame_datagram datagram;
    const col_bytes bytes = {padded, sizeof padded};
    assert_int_equal(col_frame_parse_datagram(bytes, true, &datagram), COL_DROP_NONE);
    assert_int_equal(datagram.payload.length, 3);
}

static void every_flipped_bit_under_a_checksum_is_noticed(void **state) {
    (void)state;
    for (size_t bit = 14 * 8; bit < sizeof captured * 8; bit++) {
        uint8_t frame[sizeof captured];
        memcpy(frame, captured, sizeof frame);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(parse(frame, sizeof frame, true), COL_DROP_NONE);
    }
}

static void the_ipv4_checksum_is_always_checked(void **state) {
    (void)state;
    uint8_t frame[sizeof captured];
    memcpy(frame, captured, sizeof frame);
    frame[24] ^= 1;
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_BAD_CHECKSUM);
}

static void the_udp_checksum_is_checked_only_on_demand(void **state) {
    (void)state;
    uint8_t frame[sizeof captured];
    memcpy(frame, captured, sizeof frame);
    frame[sizeof frame - 1] ^= 1;
    assert_int_equal(parse(frame, sizeof frame, true), COL_DROP_BAD_CHECKSUM);
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_NONE);
}

static void udp_checksums_of_all_payload_lengths_agree_with_the_definition(void **state) {
    (void)state;
    uint8_t frame[COL_FRAME_HEADERS_BYTES + 64];
    for (uint16_t length = 0; length <= 64; length++) {
        for (size_t i = 0; i < 64; i++) frame[COL_FRAME_HEADERS_BYTES + i] = (uint8_t)(251 - i);
        col_frame_write_headers(frame, &replica_mac, replica, client, length,
                                COL_FRAME_CHECKSUM_NONE);
        fill_udp_checksum(frame, 8u + length);
        assert_int_equal(parse(frame, COL_FRAME_HEADERS_BYTES + length, true), COL_DROP_NONE);
    }
}

static void a_partial_checksum_is_completed_by_summing_the_datagram(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    write_datagram(frame, COL_FRAME_CHECKSUM_PARTIAL);
    assert_int_equal(parse(frame, sizeof frame, true), COL_DROP_BAD_CHECKSUM);
    // What a port does: the sum over the UDP part, the partial checksum in its field included.
    put_u16(frame + 40, reference_checksum(frame + 34, 8 + PAYLOAD_BYTES, 0));
    assert_int_equal(parse(frame, sizeof frame, true), COL_DROP_NONE);
}

static void lengths_that_contradict_each_other_are_malformed(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
    put_u16(frame + 38, 8 + PAYLOAD_BYTES - 1);  // UDP shorter than IPv4 says
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_MALFORMED);
    put_u16(frame + 38, 8 + PAYLOAD_BYTES + 1);  // and longer
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_TRUNCATED);
    put_u16(frame + 38, 7);  // shorter than its own header
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_MALFORMED);

    write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
    put_u16(frame + 16, 19);  // IPv4 shorter than its own header
    mend_ip_checksum(frame);
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_MALFORMED);
    put_u16(frame + 16, 27);  // no room for UDP
    mend_ip_checksum(frame);
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_TRUNCATED);
}

static void only_version_4_with_a_whole_header_is_accepted(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    for (unsigned first = 0; first < 256; first++) {
        write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
        frame[14] = (uint8_t)first;
        if (first >> 4 == 4 && (first & 0xf) >= 5) continue;
        assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_MALFORMED);
    }
}

static void options_in_the_ipv4_header_are_skipped(void **state) {
    (void)state;
    uint8_t plain[FRAME_BYTES];
    uint8_t frame[FRAME_BYTES + 4];
    write_datagram(plain, COL_FRAME_CHECKSUM_NONE);
    memcpy(frame, plain, 34);
    memset(frame + 34, 1, 4);  // no operation
    memcpy(frame + 38, plain + 34, sizeof plain - 34);
    frame[14] = 0x46;
    put_u16(frame + 16, sizeof frame - 14);
    mend_ip_checksum(frame);

    col_frame_datagram datagram;
    const col_bytes bytes = {frame, sizeof frame};
    assert_int_equal(col_frame_parse_datagram(bytes, false, &datagram), COL_DROP_NONE);
    assert_int_equal(datagram.payload.length, PAYLOAD_BYTES);
    assert_memory_equal(datagram.payload.at, plain + COL_FRAME_HEADERS_BYTES, PAYLOAD_BYTES);
}

static void fragments_and_other_protocols_are_not_ours(void **state) {
    (void)state;
    uint8_t frame[FRAME_BYTES];
    static const uint16_t fragments[] = {0x2000, 0x0001, 0x1fff, 0x2001};
    for (size_t i = 0; i < 4; i++) {
        write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
        put_u16(frame + 20, fragments[i]);
        mend_ip_checksum(frame);
        assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_NOT_OURS);
    }
    write_datagram(frame, COL_FRAME_CHECKSUM_NONE);
    frame[23] = 6;
    mend_ip_checksum(frame);
    assert_int_equal(parse(frame, sizeof frame, false), COL_DROP_NOT_OURS);
}

static void the_ethernet_type_tells_the_kind(void **state) {
    (void)state;
    uint8_t frame[60] = {0};
    put_u16(frame + 12, 0x0800);
    assert_int_equal(col_frame_kind_of((col_bytes){frame, 60}), COL_FRAME_IPV4);
    put_u16(frame + 12, 0x0806);
    assert_int_equal(col_frame_kind_of((col_bytes){frame, 60}), COL_FRAME_ARP);
    put_u16(frame + 12, 0x86dd);
    assert_int_equal(col_frame_kind_of((col_bytes){frame, 60}), COL_FRAME_OTHER);
    put_u16(frame + 12, 0x0800);
    assert_int_equal(col_frame_kind_of((col_bytes){frame, 13}), COL_FRAME_OTHER);
}

static void an_arp_packet_is_parsed_into_what_it_was_written_from(void **state) {
    (void)state;
    for (int reply = 0; reply < 2; reply++) {
        const col_frame_arp written = {reply != 0, replica_mac, replica.address, client.address};
        uint8_t frame[COL_FRAME_ARP_BYTES];
        col_frame_write_arp(frame, &written, reply ? &client_mac : NULL);

        col_frame_arp arp;
        const col_bytes bytes = {frame, sizeof frame};
        assert_int_equal(col_frame_kind_of(bytes), COL_FRAME_ARP);
        assert_int_equal(col_frame_parse_arp(bytes, &arp), COL_DROP_NONE);
        assert_int_equal(arp.reply, reply != 0);
        assert_memory_equal(&arp.sender_mac, &replica_mac, sizeof replica_mac);
        assert_int_equal(arp.sender, replica.address);
        assert_int_equal(arp.target, client.address);
        assert_memory_equal(frame, reply ? (const void *)&client_mac : "\xff\xff\xff\xff\xff\xff",
                            6);
    }
}

static void broken_arp_packets_are_dropped(void **state) {
    (void)state;
    const col_frame_arp good = {true, replica_mac, replica.address, client.address};
    static const struct {
        size_t at;
        uint8_t value;
        col_drop drop;
    } cases[] = {
        {15, 6, COL_DROP_NOT_OURS},      // hardware
        {16, 0x86, COL_DROP_NOT_OURS},   // protocol
        {18, 8, COL_DROP_NOT_OURS},      // hardware address length
        {19, 16, COL_DROP_NOT_OURS},     // protocol address length
        {21, 3, COL_DROP_MALFORMED},     // operation
        {22, 0x03, COL_DROP_MALFORMED},  // a sender that is a group
    };
    uint8_t frame[COL_FRAME_ARP_BYTES];
    col_frame_arp arp;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        col_frame_write_arp(frame, &good, &client_mac);
        frame[cases[i].at] = cases[i].value;
        assert_int_equal(col_frame_parse_arp((col_bytes){frame, sizeof frame}, &arp),
                         cases[i].drop);
    }
    col_frame_write_arp(frame, &good, &client_mac);
    memset(frame + 22, 0, 6);  // no sender
    assert_int_equal(col_frame_parse_arp((col_bytes){frame, sizeof frame}, &arp),
                     COL_DROP_MALFORMED);
    for (size_t length = 0; length < sizeof frame; length++) {
        assert_int_equal(col_frame_parse_arp((col_bytes){frame, length}, &arp), COL_DROP_TRUNCATED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_parsed_into_what_it_was_written_from),
        cmocka_unit_test(a_frame_from_elsewhere_is_accepted_with_both_checksums),
        cmocka_unit_test(every_truncation_is_dropped),
        cmocka_unit_test(ethernet_padding_is_not_payload),
        cmocka_unit_test(every_flipped_bit_under_a_checksum_is_noticed),
        cmocka_unit_test(the_ipv4_checksum_is_always_checked),
        cmocka_unit_test(the_udp_checksum_is_checked_only_on_demand),
        cmocka_unit_test(udp_checksums_of_all_payload_lengths_agree_with_the_definition),
        cmocka_unit_test(a_partial_checksum_is_completed_by_summing_the_datagram),
        cmocka_unit_test(lengths_that_contradict_each_other_are_malformed),
        cmocka_unit_test(only_version_4_with_a_whole_header_is_accepted),
        cmocka_unit_test(options_in_the_ipv4_header_are_skipped),
        cmocka_unit_test(fragments_and_other_protocols_are_not_ours),
        cmocka_unit_test(the_ethernet_type_tells_the_kind),
        cmocka_unit_test(an_arp_packet_is_parsed_into_what_it_was_written_from),
        cmocka_unit_test(broken_arp_packets_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
