// SPDX-License-Identifier: Apache-2.0
#pragma once

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "src/base/assert.h"
#include "src/client/core.h"
#include "src/wire/bodies.h"

/// A core of client 5 with four replicas, and what came out of it.

#define MS UINT64_C(1000000)
#define TIMEOUT (1000 * MS)
#define RETRANSMIT (100 * MS)
#define WALL UINT64_C(1700000000000000000)
#define CLIENT 5
#define M 4
#define ALL 0xfu
#define FINISHED_MAX 64

typedef struct {
    uint64_t tag;
    col_client_status status;
    uint8_t result[16];
    size_t length;
    uint64_t latency_ns;
} finished_request;

typedef struct {
    col_arena arena;
    col_client_core *core;
    uint32_t pillars;
    uint64_t now;
    finished_request finished[FINISHED_MAX];
    uint32_t finished_count;
    int resubmit_to;            ///< session that `done` submits to, -1 for none
    uint32_t pairs;             ///< key pairs that were made
    uint32_t linked, unlinked;  ///< sessions that keys were made for, and dropped for
    uint32_t linked_pillar;
    uint64_t linked_nonce, linked_session, unlinked_session;  ///< the last ones
} fixture;

static void record(void *context, const col_client_outcome *outcome) {
    fixture *f = context;
    assert_true(f->finished_count < FINISHED_MAX);
    finished_request *finished = &f->finished[f->finished_count++];
    *finished = (finished_request){.tag = outcome->tag,
                                   .status = outcome->status,
                                   .length = outcome->length,
                                   .latency_ns = outcome->latency_ns};
    const size_t kept = outcome->length < 16 ? outcome->length : 16;
    if (kept > 0) memcpy(finished->result, outcome->result, kept);
    if (f->resubmit_to >= 0) {
        assert_int_equal(col_client_core_submit(f->core, (uint32_t)f->resubmit_to,
                                                (col_bytes){NULL, 0}, outcome->tag + 1000, f->now),
                         COL_CLIENT_SUBMITTED);
    }
}

static void begin_pair(void *context, uint32_t pillar, col_exchange_key *share) {
    fixture *f = context;
    *share = (col_exchange_key){{(uint8_t)++f->pairs, (uint8_t)pillar}};
}

static void link_session(void *context, uint32_t pillar, uint64_t nonce, uint64_t session) {
    fixture *f = context;
    f->linked++;
    f->linked_pillar = pillar;
    f->linked_nonce = nonce;
    f->linked_session = session;
}

static void unlink_session(void *context, uint64_t session) {
    fixture *f = context;
    f->unlinked++;
    f->unlinked_session = session;
}

static inline void fixture_open_with(fixture *f, uint32_t sessions, uint32_t pillars, bool macs) {
    *f = (fixture){.pillars = pillars, .resubmit_to = -1, .now = 10 * MS};
    col_client_core_options options = {
        .client = CLIENT,
        .sessions = sessions,
        .replicas = 4,
        .faults = 1,
        .pillars = pillars,
        .rotating = true,
        .outstanding = M,
        .operation_bytes_max = 32,
        .timeout_ns = TIMEOUT,
        .retransmit_ns = RETRANSMIT,
        .reply_to = {0x7f000001, 4000},
        .done = record,
        .context = f,
    };
    if (macs) options.links = (col_client_links){f, begin_pair, link_session, unlink_session};
    const col_result result = col_arena_open(&f->arena, col_client_core_footprint(&options));
    assert_true(result.ok);
    f->core = col_client_core_create(&f->arena, &options);
}

/// Sessions are signed.
static inline void fixture_open(fixture *f, uint32_t sessions, uint32_t pillars) {
    fixture_open_with(f, sessions, pillars, false);
}

static inline void fixture_close(fixture *f) {
    col_arena_close(&f->arena);
}

static inline void tick_at(fixture *f, uint64_t now) {
    f->now = now;
    col_client_core_tick(f->core, now, WALL + now);
}

/// Equal bodies have equal digests, different ones different digests; more the core does not ask.
static inline col_digest digest_of(col_bytes body) {
    uint64_t sum[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < body.length; i++) {
        for (int j = 0; j < 4; j++) sum[j] = (sum[j] ^ body.at[i]) * UINT64_C(0x100000001B3);
    }
    col_digest digest;
    memcpy(digest.byte, sum, sizeof digest.byte);
    return digest;
}

static inline col_drop receive(fixture *f, col_header header, const col_writer *writer) {
    const col_bytes body = {writer->start, col_writer_used(writer)};
    header.fragments = 1;
    header.digest = digest_of(body);
    const col_verified verified = {.message = {header, body}};
    const col_drop before = col_client_core_check_unverified(f->core, &verified.message, f->now);
    const col_drop after = col_client_core_receive(f->core, &verified, f->now);
    assert_int_equal(before, after);  // the check before the seal says what becomes of it
    return after;
}

static inline col_drop opened_from(fixture *f, uint32_t sender, uint64_t view,
                                   col_session_opened body) {
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    body.client = CLIENT;
    col_session_opened_write(&writer, &body);
    return receive(f,
                   (col_header){.type = COL_SESSION_OPENED,
                                .pillar = body.pillar,
                                .sender = sender,
                                .view = view,
                                .sequence = body.nonce},
                   &writer);
}

static inline col_drop reply_full(fixture *f, uint32_t sender, uint64_t view, uint64_t session,
                                  uint64_t number, uint8_t status, const char *result) {
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_reply body = {.client = CLIENT,
                            .session = session,
                            .number = number,
                            .status = status,
                            .result = {(const uint8_t *)result, strlen(result)}};
    col_reply_write(&writer, &body);
    return receive(f,
                   (col_header){.type = COL_REPLY,
                                .pillar = (uint8_t)(session % f->pillars),
                                .sender = sender,
                                .view = view,
                                .sequence = number},
                   &writer);
}

static inline col_drop reply_from(fixture *f, uint32_t sender, uint64_t session, uint64_t number,
                                  const char *result) {
    return reply_full(f, sender, 0, session, number, COL_REPLY_RESULT, result);
}

static inline col_drop busy_full(fixture *f, uint32_t sender, uint64_t session, uint64_t number,
                                 col_busy_reason reason) {
    uint8_t bytes[64];
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    const col_busy body = {
        .client = CLIENT, .session = session, .reason = (uint8_t)reason, .value = number};
    col_busy_write(&writer, &body);
    return receive(f,
                   (col_header){.type = COL_BUSY,
                                .pillar = (uint8_t)(session % f->pillars),
                                .sender = sender,
                                .view = 1,
                                .sequence = 1},
                   &writer);
}

static inline col_drop busy_from(fixture *f, uint32_t sender, uint64_t session, uint64_t number) {
    return busy_full(f, sender, session, number, COL_BUSY_MISSING);
}

/// The next message must be a SESSION-OPEN to all.
static inline col_session_open expect_open(fixture *f) {
    col_client_message message;
    assert_true(col_client_core_next(f->core, &message));
    assert_int_equal(message.header.type, COL_SESSION_OPEN);
    assert_int_equal(message.replicas, ALL);
    assert_int_equal(message.session, 0);  // it is signed
    col_session_open body;
    assert_true(col_session_open_read(message.body, &body));
    assert_int_equal(body.client, CLIENT);
    assert_int_equal(body.pillar, message.header.pillar);
    assert_int_equal(body.nonce, message.header.sequence);
    return body;
}

/// The next message must be this number of this session, to these replicas.
static inline void expect_request_sealed(fixture *f, uint64_t session, uint64_t number,
                                         uint32_t replicas, bool macs) {
    col_client_message message;
    assert_true(col_client_core_next(f->core, &message));
    assert_int_equal(message.header.type, COL_REQUEST);
    assert_int_equal(message.header.role, COL_ROLE_CLIENT);
    assert_int_equal(message.header.pillar, session % f->pillars);
    assert_int_equal(message.header.sequence, number);
    assert_int_equal(message.replicas, replicas);
    assert_int_equal(message.session, macs ? session : 0);
    col_request body;
    assert_true(col_request_read(message.body, &body));
    assert_int_equal(body.client, CLIENT);
    assert_int_equal(body.session, session);
    assert_int_equal(body.number, number);
    assert_int_equal(body.pillar, session % f->pillars);
}

/// The same, signed.
static inline void expect_request(fixture *f, uint64_t session, uint64_t number,
                                  uint32_t replicas) {
    expect_request_sealed(f, session, number, replicas, false);
}

/// The same, with the session's MACs.
static inline void expect_mac_request(fixture *f, uint64_t session, uint64_t number,
                                      uint32_t replicas) {
    expect_request_sealed(f, session, number, replicas, true);
}

static inline void expect_silence(fixture *f) {
    col_client_message message;
    assert_false(col_client_core_next(f->core, &message));
}

/// Open the session that the pillar's SESSION-OPEN asks for, with f+1 answers.
static inline void grant(fixture *f, const col_session_open *open, uint64_t session) {
    const col_session_opened body = {
        .pillar = open->pillar, .status = COL_OPENED, .nonce = open->nonce, .session = session};
    assert_int_equal(opened_from(f, 0, 0, body), COL_DROP_NONE);
    assert_int_equal(opened_from(f, 1, 0, body), COL_DROP_NONE);
}

/// A core with one open session, number `session`, of the only pillar.
static inline void fixture_with_session_of(fixture *f, uint64_t session, bool macs) {
    fixture_open_with(f, 1, 1, macs);
    tick_at(f, f->now);
    const col_session_open open = expect_open(f);
    grant(f, &open, session);
    assert_int_equal(col_client_core_open_sessions(f->core), 1);
}

static inline void fixture_with_session(fixture *f, uint64_t session) {
    fixture_with_session_of(f, session, false);
}

static inline col_client_submission submit(fixture *f, uint32_t session, const char *operation,
                                           uint64_t tag) {
    return col_client_core_submit(
        f->core, session, (col_bytes){(const uint8_t *)operation, strlen(operation)}, tag, f->now);
}

/// A core with one open session whose primary has shown that it has its keys: number 1 is done.
static inline void fixture_with_macs(fixture *f, uint64_t session) {
    fixture_with_session_of(f, session, true);
    submit(f, 0, "first", 0);
    expect_request(f, session, 1, 1);
    for (uint32_t r = 0; r < 2; r++) (void)reply_from(f, r, session, 1, "yes");
    assert_int_equal(f->finished_count, 1);
}
