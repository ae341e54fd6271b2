// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/base/cursor.h"
#include "src/wire/message.h"

/// Bodies of the messages, each with its codec. Integers are little-endian. `_read` borrows from
/// the bytes and returns false when they are not exactly one such body; `_write` asserts nothing
/// and leaves `writer->failed` when there was no room.
///
/// PRE-PREPARE, PREPARE, COMMIT and CHECKPOINT have no body: their header says all.

/// SESSION-OPEN: u32 client, u8 pillar, u64 nonce, u32 reply address, u16 reply port, 32 bytes
/// share.
typedef struct {
    uint32_t client;
    uint8_t pillar;
    uint64_t nonce;
    col_endpoint reply_to;   ///< where every replica sends this session's replies
    col_exchange_key share;  ///< for MACs (crypto/exchange.h); zero where sessions are signed
} col_session_open;
#define COL_SESSION_OPEN_BYTES (4 + 1 + 8 + 4 + 2 + 32)
bool col_session_open_read(col_bytes bytes, col_session_open *body);
void col_session_open_write(col_writer *writer, const col_session_open *body);

/// Answers of SESSION-OPENED.
typedef enum {
    COL_OPENED = 0,  ///< `session` is the new session
    COL_OPEN_LATER,  ///< nonce too far above the agreed time ("ahead")
    COL_OPEN_BELOW,  ///< nonce not above the client's last one or the floor; `floor` tells
    COL_OPEN_UNKNOWN_CLIENT,
} col_open_status;

/// SESSION-OPENED: u32 client, u8 pillar, u8 status, u64 nonce, u64 session, u64 floor.
typedef struct {
    uint32_t client;
    uint8_t pillar;
    uint8_t status;  ///< col_open_status
    uint64_t nonce;
    uint64_t session;
    uint64_t floor;  ///< a nonce must be above it
} col_session_opened;
bool col_session_opened_read(col_bytes bytes, col_session_opened *body);
void col_session_opened_write(col_writer *writer, const col_session_opened *body);

/// REQUEST: u32 client, u64 session, u64 number, u8 pillar, u8 flags (0), operation (the rest).
typedef struct {
    uint32_t client;
    uint64_t session;
    uint64_t number;  ///< 1, 2, ... within the session
    uint8_t pillar;
    uint8_t flags;
    col_bytes operation;
} col_request;
#define COL_REQUEST_OVERHEAD 22
bool col_request_read(col_bytes bytes, col_request *body);
void col_request_write(col_writer *writer, const col_request *body);

typedef enum {
    COL_REPLY_RESULT = 0,
    COL_REPLY_EXPIRED,  ///< the session is unknown, was closed or evicted
    COL_REPLY_REFUSED,  ///< the operation or its result is longer than the cluster allows
} col_reply_status;

/// REPLY: u32 client, u64 session, u64 number, u8 status, result (the rest). Equal results give
/// equal bodies, so replies match when their body digests do.
typedef struct {
    uint32_t client;
    uint64_t session;
    uint64_t number;
    uint8_t status;  ///< col_reply_status
    col_bytes result;
} col_reply;
#define COL_REPLY_OVERHEAD 21
bool col_reply_read(col_bytes bytes, col_reply *body);
void col_reply_write(col_writer *writer, const col_reply *body);

typedef enum {
    COL_BUSY_MISSING = 0,  ///< send number `value` again: a later one waits for it
    COL_BUSY_SIGN,         ///< send number `value` again, signed: MACs of this client have failed
} col_busy_reason;

/// BUSY: u32 client, u64 session, u8 reason, u64 value.
typedef struct {
    uint32_t client;
    uint64_t session;
    uint8_t reason;  ///< col_busy_reason
    uint64_t value;
} col_busy;
bool col_busy_read(col_bytes bytes, col_busy *body);
void col_busy_write(col_writer *writer, const col_busy *body);

/// What a replica holds of one slot.
typedef struct {
    uint8_t flags;      ///< COL_SLOT_*
    uint32_t prepares;  ///< bit i: holds replica i's PREPARE
    uint32_t commits;
} col_status_slot;
#define COL_SLOT_PROPOSAL 1   ///< accepted a PRE-PREPARE
#define COL_SLOT_BODY 2       ///< holds the batch body (or the slot is NULL)
#define COL_SLOT_COMMITTED 4  ///< holds a commit certificate and the body

/// STATUS of one pillar: u64 view, u64 executed round, u64 stable checkpoint, u8 pending, u8 asks,
/// u16 count, then per slot of rounds executed+1 .. executed+count: u8, u32, u32.
typedef struct {
    uint64_t view;
    uint64_t executed;    ///< the merge has executed this pillar's slots up to this round
    uint64_t stable;      ///< newest stable checkpoint
    bool pending;         ///< something waits: requests, or slots begun and not executed
    bool asks;            ///< the receiver's own STATUS is wanted in return
    uint16_t count;       ///< 0 .. COL_WINDOW_ROUNDS_MAX
    const uint8_t *slot;  ///< encoded, COL_STATUS_SLOT_BYTES each
} col_status;
#define COL_STATUS_SLOT_BYTES 9
bool col_status_read(col_bytes bytes, col_status *body);
/// Writes the fixed part; the caller then writes `count` slots.
void col_status_write(col_writer *writer, const col_status *body);
col_status_slot col_status_slot_read(const col_status *body, uint16_t index);
void col_status_slot_write(col_writer *writer, const col_status_slot *slot);

/// FETCH of one pillar: u16 count, u64 round each. Asks for the body and the commit certificate, or
/// what there is of them.
#define COL_FETCH_ROUNDS_MAX 32
typedef struct {
    uint16_t count;  ///< 1 .. COL_FETCH_ROUNDS_MAX
    uint64_t round[COL_FETCH_ROUNDS_MAX];
} col_fetch;
bool col_fetch_read(col_bytes bytes, col_fetch *body);
void col_fetch_write(col_writer *writer, const col_fetch *body);

/// FETCHED: stored messages with their own seals. u8 checkpoint (0 or 1), u64 sequence, u8 run, u64
/// view, digest, u8 seals, then per seal: u32 sender, u16 length, seal; then the batch body (the
/// rest).
///
/// checkpoint 0: one slot. The seals are COMMITs of (pillar, view, start sequence, run, digest), q
/// of which are a commit certificate; the body is empty for a null run. checkpoint 1: the proof of
/// stable checkpoint number `sequence`. The seals are CHECKPOINTs; the rest is 0 and empty.
typedef struct {
    uint32_t sender;
    col_seal seal;
} col_sealed_by;

typedef struct {
    bool checkpoint;
    uint64_t sequence;
    uint8_t run;
    uint64_t view;
    col_digest digest;
    uint8_t seals;  ///< 0 .. COL_REPLICAS_MAX
    col_sealed_by seal[COL_REPLICAS_MAX];
    col_bytes batch;
} col_fetched;

/// Bytes of a FETCHED with a seal of every replica and a batch: the largest message.
#define COL_FETCHED_BYTES(replicas, signature_bytes, batch_bytes) \
    (64 + (replicas) * (6 + COL_SEAL_BYTES(signature_bytes)) + (batch_bytes))
static_assert(COL_FETCHED_BYTES(COL_REPLICAS_MAX, COL_SIGNATURE_BYTES_MAX, COL_BATCH_BYTES_MAX) <=
                  COL_MESSAGE_BYTES_MAX,
              "any batch and its certificate are one message");
bool col_fetched_read(col_bytes bytes, col_fetched *body);
void col_fetched_write(col_writer *writer, const col_fetched *body);

/// BATCH: u64 time, u16 requests, u16 bundles, then per bundle: u32 length, the bundle of client
/// entries, as the client sealed them.
typedef struct {
    uint64_t time_ns;   ///< proposed by the primary, wall clock
    uint16_t requests;  ///< entries of all bundles, 1 .. COL_BATCH_REQUESTS_MAX
    uint16_t bundles;
    col_bytes content;  ///< the encoded bundles
} col_batch;
#define COL_BATCH_HEADER_BYTES 12
bool col_batch_read(col_bytes bytes, col_batch *body);
/// Writes the fixed part; bundles follow, each after its u32 length.
void col_batch_write(col_writer *writer, const col_batch *body);

/// Bytes whose hash is the batch digest: "batch", u64 time, u32 count, then `count` request
/// digests.
/// @param bytes out, room for COL_BATCH_DIGEST_BYTES(count)
#define COL_BATCH_DIGEST_BYTES(count) (5 + 8 + 4 + 32 * (size_t)(count))
void col_batch_digest_input(uint64_t time_ns, const col_digest *request, uint32_t count,
                            uint8_t *bytes);
