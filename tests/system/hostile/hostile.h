// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crypto/keys.h"
#include "dpdk/frame.h"
#include "src/config/cluster.h"
#include "src/wire/bundle.h"
#include "tests/simulator/random.h"

/// What the files of the attacker share. It sends what a cluster must bear: every kind of datagram
/// has a name and a function that makes the next one. Seeded; bounded in count, rate and time.

#define HOSTILE_HEADERS COL_FRAME_HEADERS_BYTES
#define HOSTILE_FRAME_BYTES_MAX (COL_FRAME_ETHERNET_BYTES + 9000)
#define HOSTILE_RECORDS_MAX 512
#define HOSTILE_RECORDS_OF_CLIENTS 64  ///< of them, at least
#define HOSTILE_PREPARED_MAX 8192
#define HOSTILE_SIGNATURE_BYTES_MAX 512

typedef struct {
    uint32_t length;
    uint8_t bytes[HOSTILE_FRAME_BYTES_MAX];
} hostile_frame;

/// A datagram of ours, signed before the attack begins.
typedef struct {
    uint8_t pillar;
    uint32_t length;
    uint8_t *payload;
} hostile_prepared;

typedef struct {
    col_cluster *cluster;
    col_key *known_key[2];  ///< a public key of the cluster, by role
    col_hasher *hasher;
    sim_random random;
    int raw;      ///< packet socket on the attacker's own port of the bridge
    col_mac mac;  ///< of that port
    bool sink;    ///< all frames go to a port where no replica is
    col_endpoint self;
    uint32_t client;  ///< id in the registry whose key we have
    int udp;          ///< where replies to that client arrive

    hostile_frame *record;  ///< honest datagrams, as they were seen
    uint32_t records;
    hostile_prepared *prepared;
    uint32_t prepared_count;
    uint32_t next[2];   ///< of `prepared`, by `sink`
    uint64_t arrivals;  ///< frames for replicas in this attack; a broadcast is one for each
    uint64_t session[COL_PILLARS_MAX];
    uint64_t answers;   ///< datagrams that came back to `udp`
    uint64_t executed;  ///< highest request number that a replica answered with a result
} hostile;

typedef struct {
    const char *name;
    const char *what;                ///< for --help
    bool recorded;                   ///< needs honest datagrams
    void (*prepare)(hostile *self);  ///< before the attack, or NULL
    void (*make)(hostile *self, hostile_frame *frame);
} hostile_kind;

extern const hostile_kind hostile_garbage[], hostile_signed[];
extern const uint32_t hostile_garbage_count, hostile_signed_count;

// frames.c

_Noreturn void hostile_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Open the packet socket on `device`, which must be up.
void hostile_open(hostile *self, const char *device);

/// Record honest datagrams at the bridge's ports of the replicas, for at most `seconds`.
void hostile_record(hostile *self, double seconds);

/// Send `count` frames. @return how many the kernel took
uint32_t hostile_send(hostile *self, hostile_frame *frame, uint32_t count);

/// Put headers before the payload of `length` bytes that stands in `frame` already.
/// @param port added to the replica's base port
void hostile_address(hostile *self, hostile_frame *frame, col_endpoint from, uint32_t replica,
                     uint32_t port, uint32_t length);

/// How many replicas a frame is for, by its link address.
uint32_t hostile_receivers(const hostile *self, const hostile_frame *frame);

/// Link address of a replica, or of the sink.
col_mac hostile_mac_of(const hostile *self, uint32_t replica);

/// One of the replicas, one of the pillars, at random.
uint32_t hostile_replica(hostile *self);
/// Which replica has an address; n for none.
uint32_t hostile_replica_at(const hostile *self, uint32_t address);
uint32_t hostile_pillar(hostile *self);
void hostile_random_bytes(hostile *self, uint8_t *at, size_t length);

static inline uint8_t *hostile_payload(hostile_frame *frame) {
    return frame->bytes + HOSTILE_HEADERS;
}

// signed.c

/// Take in the replies that wait.
void hostile_take_answers(hostile *self);
