// SPDX-License-Identifier: Apache-2.0
#include "src/config/genesis.h"

#include <stdlib.h>

#include "src/base/assert.h"
#include "src/base/cursor.h"

/// Keeps this hash apart from every other use of SHA-256, and names the form's version.
#define DOMAIN "colonnade genesis 3"

#define NUMBER_BYTES 8
#define NUMBERS 17
#define REPLICA_BYTES (4 + 2 + 32 + 32)

static size_t text_bytes(const char *text) {
    return 4 + strlen(text);
}

size_t col_genesis_bytes(const col_genesis *genesis) {
    return text_bytes(DOMAIN) + text_bytes(genesis->name) + text_bytes(genesis->application) +
           text_bytes(genesis->application_options) + (size_t)NUMBERS * NUMBER_BYTES +
           (size_t)genesis->replicas * REPLICA_BYTES + 4 +
           (size_t)genesis->clients * sizeof(col_digest);
}

static void write_text(col_writer *writer, const char *text) {
    const size_t length = strlen(text);
    col_write_u32(writer, (uint32_t)length);
    col_write_bytes(writer, (col_bytes){.at = (const uint8_t *)text, .length = length});
}

static void write_numbers(col_writer *writer, const col_genesis *genesis) {
    const uint64_t number[NUMBERS] = {
        genesis->replicas,
        genesis->faults,
        genesis->pillars,
        genesis->leaders,
        genesis->checkpoint_interval,
        genesis->window,
        genesis->session_outstanding,
        genesis->sessions_max,
        genesis->client_sessions_max,
        genesis->operation_bytes_max,
        genesis->result_bytes_max,
        genesis->batch_requests_max,
        genesis->batch_bytes_max,
        genesis->time_ahead_max_ns,
        genesis->replicas_scheme,
        genesis->clients_scheme,
        genesis->sessions,
    };
    for (size_t i = 0; i < NUMBERS; i++) col_write_u64(writer, number[i]);
}

void col_genesis_encode(const col_genesis *genesis, uint8_t *bytes) {
    col_writer writer = col_writer_of(bytes, col_genesis_bytes(genesis));
    write_text(&writer, DOMAIN);
    write_text(&writer, genesis->name);
    write_numbers(&writer, genesis);
    write_text(&writer, genesis->application);
    write_text(&writer, genesis->application_options);
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        col_write_u32(&writer, genesis->replica[i].address);
        col_write_u16(&writer, genesis->replica[i].port);
        col_write_digest(&writer, &genesis->replica_fingerprint[i]);
        col_write_digest(&writer, &genesis->exchange_fingerprint[i]);
    }
    col_write_u32(&writer, genesis->clients);
    for (uint32_t i = 0; i < genesis->clients; i++) {
        col_write_digest(&writer, &genesis->client_fingerprint[i]);
    }
    COL_ASSERT(!writer.failed && col_writer_used(&writer) == col_genesis_bytes(genesis));
}

void col_genesis_id(const col_genesis *genesis, const col_hasher *hasher, col_digest *id) {
    const size_t length = col_genesis_bytes(genesis);
    uint8_t *bytes = malloc(length);
    COL_ASSERT(bytes);
    col_genesis_encode(genesis, bytes);
    col_hash(hasher, (col_bytes){.at = bytes, .length = length}, id);
    free(bytes);
}
