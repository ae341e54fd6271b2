// SPDX-License-Identifier: Apache-2.0
#include "crypto/signing_pool.h"

#include "src/base/assert.h"

bool col_seal_job_put(col_ring *ring, const col_header *header, col_bytes body,
                      col_destination to) {
    COL_ASSERT(body.length <= COL_MESSAGE_BYTES_MAX);

    const size_t keys = to.link ? to.link->count : 0;
    col_seal_job *job = col_ring_reserve(ring, (uint32_t)COL_SEAL_JOB_BYTES(body.length, keys));
    if (!job) return false;
    job->header = *header;
    job->link = to.link ? *to.link : (col_link_seal){0};
    job->to = to;
    job->to.link = NULL;
    job->length = (uint32_t)body.length;
    job->reserved = 0;
    if (body.length > 0) memcpy(job->body, body.at, body.length);
    if (keys > 0) memcpy(job->body + body.length, to.link->key, keys * sizeof *to.link->key);
    col_ring_publish(ring);
    return true;
}

/// Move a ring's messages into the open tree while it takes them. @return how many
static uint32_t drain(col_sealer *sealer, col_ring *ring) {
    uint32_t taken = 0;
    uint32_t bytes;
    const col_seal_job *job;
    while ((job = col_ring_front(ring, &bytes)) != NULL) {
        COL_ASSERT(bytes >= COL_SEAL_JOB_BYTES(job->length, job->link.count));
        const col_bytes body = {job->body, job->length};
        const col_link_seal link = {job->link.key_version, job->link.count,
                                    (const col_mac_key *)(job->body + job->length)};
        col_destination to = job->to;
        if (link.count > 0) to.link = &link;
        if (!col_sealer_add(sealer, &job->header, body, to)) break;
        col_ring_release(ring);
        taken++;
    }
    return taken;
}

/// The budget is not used: a turn costs one signature whatever it seals, so a fuller tree is
/// cheaper for everybody. The tree itself is the bound.
static uint32_t poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    (void)now_ns, (void)budget;
    col_signer *self = (col_signer *)stage;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < self->rings; i++) {
        taken += drain(self->sealer, self->ring[(self->next + i) % self->rings]);
    }
    if (self->rings > 0) self->next = (self->next + 1) % self->rings;
    col_sealer_flush(self->sealer);
    return taken;
}

void col_signer_init(col_signer *signer, const char *name, col_sealer *sealer) {
    *signer = (col_signer){.stage = {.name = name, .poll = poll, .wait_descriptor = -1},
                           .sealer = sealer};
}

void col_signer_add(col_signer *signer, col_ring *ring) {
    COL_ASSERT(signer->rings < COL_SIGNER_RINGS_MAX);
    signer->ring[signer->rings++] = ring;
}
