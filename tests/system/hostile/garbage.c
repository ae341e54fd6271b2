// SPDX-License-Identifier: Apache-2.0
// What an attacker without a key can send.
#include "crypto/mac.h"
#include "crypto/session_keys.h"
#include "src/base/cursor.h"
#include "src/wire/bodies.h"
#include "tests/system/hostile/hostile.h"

static uint64_t cluster_tag(const hostile *self) {
    col_reader reader = col_reader_of((col_bytes){self->cluster->id.byte, 8});
    return col_read_u64(&reader);
}

static void random_bytes(hostile *self, hostile_frame *frame) {
    const uint32_t length = (uint32_t)sim_below(&self->random, COL_DATAGRAM_BYTES_MIN);
    hostile_random_bytes(self, hostile_payload(frame), length);
    const uint32_t pillars = self->cluster->genesis.pillars;
    const uint32_t port = (uint32_t)sim_below(&self->random, pillars + 2);
    hostile_address(self, frame, self->self, hostile_replica(self), port, length);
}

/// What a made-up bundle claims.
typedef struct {
    col_endpoint from;
    uint32_t to;
    uint32_t pillar;  ///< in the header
    uint32_t port;
    uint8_t role;
    uint32_t signer;
    uint64_t session;  ///< that has MACs; 0: signed, in some session
    uint64_t cluster_tag;
} pretence;

static pretence claim_of(hostile *self, uint8_t role, uint32_t signer) {
    const uint32_t pillar = hostile_pillar(self);
    return (pretence){.from = self->self,
                      .to = hostile_replica(self),
                      .pillar = pillar,
                      .port = pillar,
                      .role = role,
                      .signer = signer,
                      .cluster_tag = cluster_tag(self)};
}

static col_header header_of(hostile *self, const pretence *claim) {
    const bool replica = claim->role == COL_ROLE_REPLICA;
    const uint64_t round = 1 + sim_below(&self->random, 100000);
    col_header header = {.role = claim->role,
                         .type = replica ? COL_COMMIT : COL_REQUEST,
                         .pillar = (uint8_t)claim->pillar,
                         .sender = claim->signer,
                         .sequence = round,
                         .fragments = 1};
    if (replica) header.sequence = round * self->cluster->genesis.pillars + claim->pillar;
    if (replica) hostile_random_bytes(self, header.digest.byte, sizeof header.digest);
    return header;
}

/// Garbage of the form that `key`'s signatures have: below any modulus and any group's order, or it
/// would be refused before it has cost anything. @return its length
static uint32_t make_signature(hostile *self, const col_key *key, uint8_t *signature) {
    const uint32_t length = col_key_signature_bytes(key);
    hostile_random_bytes(self, signature, length);
    signature[0] &= 0x7f;
    signature[length - 1] &= 0x0f;  // Ed25519's numbers are little-endian
    return length;
}

/// What seals the claim: a signature, or a MAC for each replica.
static col_bytes make_seal(hostile *self, const pretence *claim, col_bundle *bundle) {
    static uint8_t seal[HOSTILE_SIGNATURE_BYTES_MAX];
    const col_key *key = self->known_key[claim->role];
    bundle->scheme = (uint8_t)col_key_scheme(key);
    bundle->key_version = COL_KEY_VERSION;
    if (claim->session == 0) return (col_bytes){seal, make_signature(self, key, seal)};
    bundle->scheme = COL_SCHEME_HMAC;
    bundle->key_version = col_session_key_version(claim->session);
    const uint32_t length = self->cluster->genesis.replicas * COL_MAC_BYTES;
    hostile_random_bytes(self, seal, length);
    return (col_bytes){seal, length};
}

/// A well-formed bundle whose seal is garbage.
static void write_claim(hostile *self, hostile_frame *frame, const pretence *claim) {
    uint8_t operation[64];
    hostile_random_bytes(self, operation, sizeof operation);
    col_bundle bundle = {.pillar = (uint8_t)claim->pillar,
                         .role = claim->role,
                         .signer = claim->signer,
                         .leaves = 1,
                         .entries = 1,
                         .cluster_tag = claim->cluster_tag};
    bundle.signature = make_seal(self, claim, &bundle);
    col_entry entry = {.message = {.header = header_of(self, claim)}};
    uint8_t body[COL_REQUEST_OVERHEAD + sizeof operation];
    col_writer writer = col_writer_of(body, sizeof body);
    const uint64_t some = self->cluster->genesis.pillars * (1 + sim_below(&self->random, 64));
    const col_request request = {.client = claim->signer,
                                 .session = claim->session ? claim->session : some + claim->pillar,
                                 .number = entry.message.header.sequence,
                                 .pillar = (uint8_t)claim->pillar,
                                 .operation = {operation, sizeof operation}};
    col_request_write(&writer, &request);
    if (claim->role == COL_ROLE_CLIENT) entry.message.bytes = (col_bytes){body, sizeof body};
    writer = col_writer_of(hostile_payload(frame), COL_DATAGRAM_BYTES_MIN);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    hostile_address(self, frame, claim->from, claim->to, claim->port,
                    (uint32_t)col_writer_used(&writer));
}

static uint32_t some_client(hostile *self) {
    return (uint32_t)sim_below(&self->random, self->cluster->genesis.clients);
}

/// A replica other than the receiver.
static uint32_t peer_of(hostile *self, uint32_t replica) {
    const uint32_t replicas = self->cluster->genesis.replicas;
    return (replica + 1 + (uint32_t)sim_below(&self->random, replicas - 1)) % replicas;
}

static void garbage_replica(hostile *self, hostile_frame *frame) {
    const pretence claim = claim_of(self, COL_ROLE_REPLICA, hostile_replica(self));
    write_claim(self, frame, &claim);
}

static void garbage_client(hostile *self, hostile_frame *frame) {
    const pretence claim = claim_of(self, COL_ROLE_CLIENT, some_client(self));
    write_claim(self, frame, &claim);
}

static void garbage_unknown(hostile *self, hostile_frame *frame) {
    const uint8_t role = (uint8_t)sim_below(&self->random, 2);
    const pretence claim = claim_of(self, role, (uint32_t)sim_next(&self->random) | 1u << 31);
    write_claim(self, frame, &claim);
}

static void spoof_replica(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_REPLICA, 0);
    claim.signer = peer_of(self, claim.to);
    claim.from = self->cluster->genesis.replica[claim.signer];
    write_claim(self, frame, &claim);
}

/// Some honest client's datagram, of those that were seen, and where it came from.
static void see_client(hostile *self, col_bundle *bundle, col_endpoint *from) {
    const uint32_t first = (uint32_t)sim_below(&self->random, self->records);
    for (uint32_t i = 0; i < self->records; i++) {
        const hostile_frame *seen = &self->record[(first + i) % self->records];
        col_frame_datagram datagram;
        (void)col_frame_parse_datagram((col_bytes){seen->bytes, seen->length}, false, &datagram);
        *from = datagram.from;
        if (col_bundle_parse(datagram.payload, bundle) != COL_DROP_NONE) continue;
        if (bundle->role == COL_ROLE_CLIENT) return;
    }
    hostile_fail("no datagram of an honest client was seen");
}

static void spoof_client(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_CLIENT, some_client(self));
    col_bundle seen;
    see_client(self, &seen, &claim.from);
    write_claim(self, frame, &claim);
}

/// The session stands in the clear.
static void bad_macs(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_CLIENT, 0);
    col_bundle seen;
    see_client(self, &seen, &claim.from);
    claim.signer = seen.signer;
    claim.pillar = claim.port = seen.pillar;
    claim.session = seen.key_version;
    write_claim(self, frame, &claim);
}

static void spoof_random(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_CLIENT, some_client(self));
    claim.from = (col_endpoint){(uint32_t)sim_next(&self->random),
                                (uint16_t)sim_between(&self->random, 1024, 65535)};
    write_claim(self, frame, &claim);
}

static void wrong_cluster(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_CLIENT, some_client(self));
    claim.cluster_tag ^= 1;
    write_claim(self, frame, &claim);
}

static void wrong_version(hostile *self, hostile_frame *frame) {
    garbage_client(self, frame);
    hostile_payload(frame)[2]++;
}

static void wrong_pillar(hostile *self, hostile_frame *frame) {
    pretence claim = claim_of(self, COL_ROLE_CLIENT, some_client(self));
    claim.pillar = (claim.port + 1) % COL_PILLARS_MAX;
    write_claim(self, frame, &claim);
}

/// A recorded datagram on its way to a replica, with our own source address. @return its bytes
static uint32_t take_record(hostile *self, hostile_frame *frame, uint32_t *replica,
                            uint32_t *port) {
    const hostile_frame *seen = &self->record[sim_below(&self->random, self->records)];
    col_frame_datagram datagram;
    (void)col_frame_parse_datagram((col_bytes){seen->bytes, seen->length}, false, &datagram);
    const uint32_t to = hostile_replica_at(self, datagram.to.address);
    *replica = to < self->cluster->genesis.replicas ? to : hostile_replica(self);
    *port = datagram.payload.length > COL_BUNDLE_PILLAR_OFFSET
                ? datagram.payload.at[COL_BUNDLE_PILLAR_OFFSET]
                : 0;
    memcpy(hostile_payload(frame), datagram.payload.at, datagram.payload.length);
    return (uint32_t)datagram.payload.length;
}

static void replayed(hostile *self, hostile_frame *frame) {
    uint32_t replica, port;
    const uint32_t length = take_record(self, frame, &replica, &port);
    hostile_address(self, frame, self->self, replica, port, length);
}

static void truncated(hostile *self, hostile_frame *frame) {
    uint32_t replica, port;
    const uint32_t length = take_record(self, frame, &replica, &port);
    hostile_address(self, frame, self->self, replica, port,
                    (uint32_t)sim_below(&self->random, length + 1));
}

static void flip_bits(hostile *self, uint8_t *at, uint32_t length) {
    const uint64_t flips = sim_between(&self->random, 1, 4);
    for (uint64_t i = 0; i < flips; i++) {
        at[sim_below(&self->random, length)] ^= (uint8_t)(1 << sim_below(&self->random, 8));
    }
}

static void flipped(hostile *self, hostile_frame *frame) {
    uint32_t replica, port;
    const uint32_t length = take_record(self, frame, &replica, &port);
    flip_bits(self, hostile_payload(frame), length);
    hostile_address(self, frame, self->self, replica, port, length);
}

/// As it was seen, its source addresses too.
static void echoed(hostile *self, hostile_frame *frame) {
    const hostile_frame *seen = &self->record[sim_below(&self->random, self->records)];
    frame->length = seen->length;
    memcpy(frame->bytes, seen->bytes, seen->length);
    if (self->sink) {
        const col_mac mac = hostile_mac_of(self, 0);
        col_frame_set_destination_mac(frame->bytes, &mac);
    }
}

/// Seen, damaged, and sent from its sender's address.
static void forged(hostile *self, hostile_frame *frame) {
    echoed(self, frame);
    const uint32_t payload = frame->length - HOSTILE_HEADERS;
    flip_bits(self, hostile_payload(frame), payload);
}

/// The largest frames of the link: full of zeros, cut by a wrong length, or well-formed up front.
static void oversized(hostile *self, hostile_frame *frame) {
    garbage_client(self, frame);
    memset(frame->bytes + frame->length, 0, sizeof frame->bytes - frame->length);
    hostile_address(self, frame, self->self, hostile_replica(self), hostile_payload(frame)[3],
                    COL_DATAGRAM_BYTES_MAX);
}

/// A fragment of an IPv4 packet: "more fragments", an offset, or both.
static void ip_fragments(hostile *self, hostile_frame *frame) {
    garbage_client(self, frame);
    uint8_t *ip = frame->bytes + COL_FRAME_ETHERNET_BYTES;
    const uint16_t old = (uint16_t)(ip[6] << 8 | ip[7]);
    const uint16_t new = (uint16_t)(0x2000 | (sim_below(&self->random, 1000) & 0x1fff));
    uint32_t sum = (uint16_t) ~(ip[10] << 8 | ip[11]);
    sum += (uint16_t)~old + (uint32_t) new;  // RFC 1624
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    ip[6] = (uint8_t)(new >> 8);
    ip[7] = (uint8_t) new;
    ip[10] = (uint8_t)(~sum >> 8);
    ip[11] = (uint8_t)~sum;
}

/// Replies and announcements that claim a replica's address for our port.
static void arp(hostile *self, hostile_frame *frame) {
    const uint32_t victim = hostile_replica(self);
    const uint32_t claimed = peer_of(self, victim);
    const col_genesis *genesis = &self->cluster->genesis;
    const bool announcement = sim_percent(&self->random, 25);
    const col_frame_arp packet = {
        .reply = !announcement && sim_percent(&self->random, 67),
        .sender_mac = self->mac,
        .sender = genesis->replica[claimed].address,
        .target = genesis->replica[announcement ? claimed : victim].address,
    };
    const col_mac to = hostile_mac_of(self, victim);
    col_frame_write_arp(frame->bytes, &packet, announcement && !self->sink ? NULL : &to);
    frame->length = COL_FRAME_ARP_BYTES;
}

const hostile_kind hostile_garbage[] = {
    {"random", "random bytes at every port", .make = random_bytes},
    {"garbage-replica", "garbage signatures that name replicas", .make = garbage_replica},
    {"garbage-client", "garbage signatures that name clients", .make = garbage_client},
    {"garbage-unknown", "garbage signatures that name nobody", .make = garbage_unknown},
    {"spoof-replica", "the same as replicas, from their addresses", .make = spoof_replica},
    {"spoof-client", "the same as clients, from an honest client's address", true,
     .make = spoof_client},
    {"bad-macs", "garbage MACs, from an honest client's address, in its session", true,
     .make = bad_macs},
    {"spoof-random", "the same as clients, from random addresses", .make = spoof_random},
    {"wrong-cluster", "bundles of another cluster", .make = wrong_cluster},
    {"wrong-version", "bundles of another version", .make = wrong_version},
    {"wrong-pillar", "bundles at another pillar's port", .make = wrong_pillar},
    {"truncated", "honest datagrams, cut", true, .make = truncated},
    {"flipped", "honest datagrams with flipped bits", true, .make = flipped},
    {"replayed", "honest datagrams again, from our address", true, .make = replayed},
    {"echoed", "honest frames again, source address and all", true, .make = echoed},
    {"forged", "honest frames with flipped bits, source address and all", true, .make = forged},
    {"oversized", "the largest frames of the link", .make = oversized},
    {"ip-fragments", "fragments of IPv4 packets", .make = ip_fragments},
    {"arp", "claims of replicas' addresses", .make = arp},
};
const uint32_t hostile_garbage_count = sizeof hostile_garbage / sizeof *hostile_garbage;
