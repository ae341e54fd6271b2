// SPDX-License-Identifier: Apache-2.0
// Exactly once: each request of a session executes at most once, in order 1, 2, 3, ..., and only if
// a client made it; clients get the result of that execution; every request finishes.
#include <stdlib.h>

#include "tests/simulator/simulator.h"

#define PLACES 8192          // twice the distinct messages of all clients of a run
#define SESSION_PLACES 1024  // more than the sessions of a run

typedef struct {
    uint64_t session;
    uint64_t last;  ///< 0: the place is free
} session_place;

typedef struct {
    bool executed;
    bool finished;
    uint64_t sum;  ///< of its result
} request_place;

struct sim_once {
    uint64_t issued[PLACES];  ///< open addressing, 0: free
    uint32_t issued_count;
    session_place session[SIM_REPLICAS_MAX][SESSION_PLACES];
    request_place *request[SIM_CLIENTS_MAX];
};

void sim_once_init(sim_run *sim) {
    sim->once = calloc(1, sizeof *sim->once);
    COL_ASSERT(sim->once != NULL);
    for (uint32_t c = 0; c < sim->plan.clients; c++) {
        sim->once->request[c] = calloc(sim->plan.requests, sizeof(request_place));
        COL_ASSERT(sim->once->request[c] != NULL);
    }
}

void sim_once_close(sim_run *sim) {
    for (uint32_t c = 0; c < sim->plan.clients; c++) free(sim->once->request[c]);
    free(sim->once);
}

static uint64_t key_of(const col_header *header) {
    uint64_t digest[4];
    memcpy(digest, header->digest.byte, sizeof digest);
    uint64_t key = sim_mix(header->type * 256u + header->pillar + 1);
    key = sim_mix(key + header->sender);
    key = sim_mix(key + header->sequence);
    for (uint32_t i = 0; i < 4; i++) key = sim_mix(key + digest[i]);
    return key | 1;
}

static uint64_t *place_of(const sim_run *sim, uint64_t key) {
    uint64_t at = key >> 20;
    while (sim->once->issued[at % PLACES] != 0 && sim->once->issued[at % PLACES] != key) at++;
    return &sim->once->issued[at % PLACES];
}

void sim_once_issued(sim_run *sim, const col_header *header) {
    uint64_t *place = place_of(sim, key_of(header));
    if (*place != 0) return;
    COL_ASSERT(++sim->once->issued_count < PLACES / 2);
    *place = key_of(header);
}

bool sim_once_was_issued(const sim_run *sim, const col_header *header) {
    return *place_of(sim, key_of(header)) != 0;
}

static session_place *session_of(sim_run *sim, uint32_t replica, uint64_t session) {
    session_place *places = sim->once->session[replica];
    uint64_t at = sim_mix(session) % SESSION_PLACES;
    while (places[at].last != 0 && places[at].session != session) at = (at + 1) % SESSION_PLACES;
    return &places[at];
}

static uint64_t sum_of(const sim_run *sim, col_bytes result) {
    col_digest digest;
    col_hash(&sim->hasher, result, &digest);
    uint64_t sum;
    memcpy(&sum, digest.byte, sizeof sum);
    return sum;
}

/// A client really made this request, byte for byte.
static bool is_genuine(const sim_run *sim, const col_app_request *request) {
    uint8_t bytes[COL_REQUEST_OVERHEAD + 256];
    const uint8_t pillar = (uint8_t)(request->session % sim->plan.pillars);
    const col_request body = {.client = request->client,
                              .session = request->session,
                              .number = request->number,
                              .pillar = pillar,
                              .operation = {request->operation, request->length}};
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_request_write(&writer, &body);
    COL_ASSERT(!writer.failed);
    col_header header = {.type = COL_REQUEST,
                         .pillar = pillar,
                         .sender = request->client,
                         .sequence = request->number};
    col_hash(&sim->hasher, (col_bytes){bytes, col_writer_used(&writer)}, &header.digest);
    return sim_once_was_issued(sim, &header);
}

/// The request that an operation belongs to: see client.c.
static request_place *request_of(sim_run *sim, const col_app_request *request) {
    uint32_t client, tag;
    if (request->length < 8 || !is_genuine(sim, request)) return NULL;
    memcpy(&client, request->operation, sizeof client);
    memcpy(&tag, request->operation + 4, sizeof tag);
    if (client >= sim->plan.clients || tag >= sim->plan.requests) return NULL;
    if (client != request->client) return NULL;
    return &sim->once->request[client][tag];
}

void sim_once_executed(sim_run *sim, uint32_t replica, const col_app_request *request,
                       col_bytes result) {
    if (!sim_is_correct(sim, replica)) return;
    session_place *place = session_of(sim, replica, request->session);
    if (request->number != place->last + 1) {
        sim_fail(sim, "once: replica %u executes number %lu of session %lu after number %lu",
                 replica, request->number, request->session, place->last);
    }
    *place = (session_place){request->session, request->number};
    request_place *made = request_of(sim, request);
    if (made == NULL) {
        sim_fail(sim, "once: replica %u executes an operation that no client made", replica);
    }
    // The first replica to execute it says what the result is; order.c compares the others.
    if (!made->executed) made->sum = sum_of(sim, result);
    made->executed = true;
}

void sim_once_finished(sim_run *sim, uint32_t client, uint64_t tag, col_client_status status,
                       col_bytes result) {
    request_place *made = &sim->once->request[client][tag];
    if (made->finished) {
        sim_fail(sim, "once: request %lu of client %u finishes twice", tag, client);
    }
    made->finished = true;
    sim_trace(sim, "client %u: request %lu finished with status %d", client, tag, status);
    if (status == COL_CLIENT_EXPIRED && sim->plan.client_sessions_max < sim->plan.sessions) return;
    if (status != COL_CLIENT_RESULT) {
        sim_fail(sim, "once: request %lu of client %u ends with status %d", tag, client, status);
    }
    if (!made->executed || made->sum != sum_of(sim, result)) {
        sim_fail(sim, "once: client %u believes a result of request %lu that nobody computed",
                 client, tag);
    }
}

uint64_t sim_once_unfinished(const sim_run *sim) {
    uint64_t unfinished = 0;
    for (uint32_t c = 0; c < sim->plan.clients; c++) {
        if (sim->plan.gap_client && c + 1 == sim->plan.clients) continue;
        for (uint32_t i = 0; i < sim->plan.requests; i++) {
            unfinished += !sim->once->request[c][i].finished;
        }
    }
    return unfinished;
}

void sim_once_none_waits(const sim_run *sim) {
    if (sim->plan.gap_client) return;
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        for (uint32_t k = 0; sim_is_correct(sim, r) && k < sim->plan.pillars; k++) {
            const col_pbft_figures figures = sim_figures(&sim->replica[r], k);
            // A SESSION-OPEN may: one that was refused and came again, or for a session without use
            // yet.
            if (figures.pending <= sim->plan.clients) continue;
            sim_fail(sim, "once: %lu requests wait at replica %u, pillar %u, and all are answered",
                     figures.pending, r, k);
        }
    }
}
