// SPDX-License-Identifier: Apache-2.0
// Sealed messages of the simulator. Beside crypto/opener.c, the only place that makes a
// col_verified.
#include <stdlib.h>

#include "crypto/backend.h"
#include "src/wire/join.h"
#include "tests/simulator/simulator.h"

#define SIGNATURE_BYTES 8

static uint64_t rotate(uint64_t value, uint32_t bits) {
    return value << bits | value >> (64 - bits);
}

/// A digest without cryptography: equal inputs give equal digests, others do not by chance.
static void hash(const col_hasher *self, const col_bytes *message, uint32_t count,
                 col_digest *digest) {
    (void)self;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t lane[4] = {1, 2, 3, message[i].length};
        for (size_t at = 0; at < message[i].length; at += 8) {
            uint64_t word = 0;
            const size_t left = message[i].length - at;
            memcpy(&word, message[i].at + at, left < 8 ? left : 8);
            for (uint32_t k = 0; k < 4; k++) {
                lane[k] = rotate(lane[k] ^ word * (UINT64_C(0x9e3779b97f4a7c15) + 2 * k), 29) *
                          UINT64_C(0xbf58476d1ce4e5b9);
            }
        }
        for (uint32_t k = 0; k < 4; k++) lane[k] = sim_mix(lane[k]);
        memcpy(digest[i].byte, lane, sizeof lane);
    }
}

col_hasher sim_hasher(void) {
    return (col_hasher){hash};
}

/// What only the sender can compute: everything that a real seal covers.
static uint64_t signature_of(const col_header *header) {
    uint64_t digest[4];
    memcpy(digest, header->digest.byte, sizeof digest);
    uint64_t sum = sim_mix(UINT64_C(0x5ea1) + header->sender);
    const uint64_t field[] = {header->role, header->type,     header->pillar,   header->run,
                              header->view, header->sequence, header->fragment, header->fragments};
    for (uint32_t i = 0; i < sizeof field / sizeof *field; i++) sum = sim_mix(sum + field[i] + 1);
    for (uint32_t i = 0; i < 4; i++) sum = sim_mix(sum + digest[i]);
    return sum;
}

size_t sim_seal_write(const col_header *header, uint8_t *seal) {
    const uint64_t signature = signature_of(header);
    const col_seal_view view = {.leaves = 1,
                                .scheme = COL_SCHEME_NONE,
                                .signature = {(const uint8_t *)&signature, SIGNATURE_BYTES}};
    return col_seal_write(&view, seal);
}

bool sim_seal_check(const col_header *header, col_seal seal) {
    col_seal_view view;
    if (!col_seal_read(seal, &view)) return false;
    if (view.scheme != COL_SCHEME_NONE || view.leaves != 1) return false;
    const uint64_t signature = signature_of(header);
    return view.signature.length == SIGNATURE_BYTES &&
           memcmp(view.signature.at, &signature, SIGNATURE_BYTES) == 0;
}

sim_packet *sim_packet_make(const col_header *header, col_bytes body) {
    sim_packet *packet = malloc(sizeof *packet + body.length);
    COL_ASSERT(packet != NULL);
    packet->holders = 1;
    packet->header = *header;
    packet->seal_length = 0;
    packet->length = (uint32_t)body.length;
    if (body.length > 0) memcpy(packet->bytes, body.at, body.length);
    return packet;
}

void sim_packet_hold(sim_packet *packet) {
    packet->holders++;
}

void sim_packet_release(sim_packet *packet) {
    if (--packet->holders == 0) free(packet);
}

sim_packet *sim_packet_seal(const sim_run *sim, uint32_t replica, const col_header *header,
                            col_bytes body) {
    col_header complete = *header;
    complete.role = COL_ROLE_REPLICA;
    complete.sender = replica;
    complete.fragment = 0;
    complete.fragments = 1;
    if (!col_type_digest_is_given(header->type)) col_hash(&sim->hasher, body, &complete.digest);
    sim_packet *packet = sim_packet_make(&complete, body);
    packet->seal_length = (uint32_t)sim_seal_write(&complete, packet->seal);
    return packet;
}

col_verified sim_packet_verified(const sim_packet *packet) {
    return (col_verified){.message = {packet->header, {packet->bytes, packet->length}},
                          .seal = {packet->seal, packet->seal_length}};
}
