// SPDX-License-Identifier: Apache-2.0
#include "pillars/merge_stage.h"

#include "crypto/hashing.h"
#include "src/base/assert.h"

// A pillar takes its notes within one turn of its loop.
#define AGAIN_NS 100000

struct col_merge_stage {
    col_stage stage;
    col_merge_stage_options options;
    col_merge *merge;
    col_hasher *hasher;
    col_session_keys reply_keys;
    uint64_t again_ns;  // a pillar has not taken its notes yet: look again then
};

/// A batch causes at most two notes per request (an eviction and an opening), and a checkpoint one.
static uint64_t batch_notes_bytes(uint32_t batch_requests_max) {
    return (2 * (uint64_t)batch_requests_max + 2) * col_ring_space(sizeof(col_merge_note));
}

uint64_t col_merge_notes_bytes(uint32_t batch_requests_max) {
    return 2 * batch_notes_bytes(batch_requests_max);
}

/// Each with the largest result.
static uint64_t replies_bytes(uint32_t replies, uint32_t result_bytes_max) {
    return replies * col_ring_space(COL_SEAL_JOB_BYTES(COL_REPLY_OVERHEAD + result_bytes_max, 1));
}

uint64_t col_merge_signing_bytes(uint32_t batch_requests_max, uint32_t result_bytes_max) {
    return 2 * replies_bytes(batch_requests_max, result_bytes_max);
}

static void sink_reply(void *context, const col_header *header, col_bytes body,
                       const col_session *session, col_endpoint to) {
    col_merge_stage *stage = context;
    col_link_seal link;
    col_destination destination = {.client = to};
    if (session != NULL && stage->options.exchange != NULL &&
        col_session_keys_seal(&stage->reply_keys, session->id, session->client, 1, &link)) {
        destination.link = &link;
    }
    if (!col_signing_rings_put(&stage->options.signing, header, body, destination)) {
        // The client asks again and is answered from the session table.
        col_count(&stage->options.merge.counters->drops[COL_DROP_QUEUE_FULL], 1);
    }
}

static void put_note(col_merge_stage *stage, uint32_t pillar, const col_merge_note *note) {
    col_merge_note *record = col_ring_reserve(stage->options.notes[pillar], sizeof *record);
    COL_ASSERT(record != NULL);  // has_room looked before the slot was executed
    *record = *note;
    col_ring_publish(stage->options.notes[pillar]);
}

/// Both keys of a session that was opened: its replies' stays here, its requests' goes to the
/// pillar. @return false when the client gave a share that no secret comes from: it signs
static bool agree_on_keys(col_merge_stage *stage, uint32_t pillar, const col_outcome *opened,
                          col_mac_key *request_key) {
    const col_link link = {.cluster = &stage->options.cluster,
                           .client = opened->client,
                           .pillar = (uint8_t)pillar,
                           .nonce = opened->number,
                           .share = &opened->share,
                           .replica = stage->options.self};
    col_link_keys keys;
    if (!col_link_keys_derive(stage->options.exchange, &opened->share, &link, &keys)) return false;
    *col_session_keys_add(&stage->reply_keys, opened->session, opened->client) = keys.reply;
    *request_key = keys.request;
    return true;
}

static void sink_outcome(void *context, uint32_t pillar, const col_outcome *outcome) {
    col_merge_stage *stage = context;
    col_merge_note note = {.kind = COL_NOTE_OUTCOME, .outcome = *outcome};
    if (stage->options.exchange != NULL) {
        if (outcome->kind == COL_OUTCOME_EVICTED) {
            col_session_keys_remove(&stage->reply_keys, outcome->session);
        } else if (outcome->kind == COL_OUTCOME_OPENED) {
            note.has_key = agree_on_keys(stage, pillar, outcome, &note.request_key);
        }
    }
    put_note(stage, pillar, &note);
}

static void sink_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest) {
    col_merge_stage *stage = context;
    const uint32_t pillar = (uint32_t)(checkpoint % stage->options.merge.pillars);
    const col_merge_note note = {
        .kind = COL_NOTE_CHECKPOINT, .checkpoint = checkpoint, .digest = *digest};
    put_note(stage, pillar, &note);
}

static bool replies_fit(const col_merge_stage *stage, uint32_t replies) {
    return col_ring_free(col_signing_ring_of_burst(&stage->options.signing)) >=
           replies_bytes(replies, stage->options.merge.sessions.result_bytes_max);
}

/// Notes are never dropped, replies only if a client asks too often: a slot waits until what it may
/// cause has room.
static bool has_room(const col_merge_stage *stage) {
    if (!replies_fit(stage, stage->options.batch_requests_max)) return false;
    const uint64_t needed = batch_notes_bytes(stage->options.batch_requests_max);
    for (uint32_t k = 0; k < stage->options.merge.pillars; k++) {
        if (col_ring_free(stage->options.notes[k]) < needed) return false;
    }
    return true;
}

static uint32_t take_committed(col_merge_stage *stage, uint64_t now_ns, uint32_t budget) {
    uint32_t work = 0, bytes;
    stage->again_ns = COL_NEVER;
    while (work < budget) {
        if (!has_room(stage)) {
            stage->again_ns = now_ns + AGAIN_NS;
            break;
        }
        col_ring *ring = stage->options.committed[col_merge_next_pillar(stage->merge)];
        const col_committed *committed = col_ring_front(ring, &bytes);
        if (committed == NULL) break;
        col_merge_execute(stage->merge, committed);
        col_ring_release(ring);
        work++;
    }
    if (work > 0) {
        // Pairs with col_word_read in the pillars: they may release what was executed.
        atomic_store_explicit(&stage->options.words->executed, col_merge_sequence(stage->merge),
                              memory_order_release);
    }
    return work;
}

/// Who asks again and again, or repeats what others asked, must not take the room of a slot's
/// replies: execution would wait for ever.
static void answer(col_merge_stage *stage, const col_pillar_question *question) {
    if (!replies_fit(stage, stage->options.batch_requests_max + 1)) {
        col_count(&stage->options.merge.counters->drops[COL_DROP_QUEUE_FULL], 1);
    } else if (question->kind == COL_ASK_REQUEST) {
        col_merge_answer(stage->merge, &question->request);
    } else {
        col_merge_answer_open(stage->merge, &question->open);
    }
}

static uint32_t take_questions(col_merge_stage *stage, uint32_t budget) {
    uint32_t work = 0, bytes;
    for (uint32_t k = 0; k < stage->options.merge.pillars; k++) {
        const col_pillar_question *question;
        while (work < budget &&
               (question = col_ring_front(stage->options.questions[k], &bytes)) != NULL) {
            answer(stage, question);
            col_ring_release(stage->options.questions[k]);
            work++;
        }
    }
    return work;
}

static uint32_t poll(col_stage *self, uint64_t now_ns, uint32_t budget) {
    col_merge_stage *stage = (col_merge_stage *)self;
    stage->options.signing.turn++;
    return take_committed(stage, now_ns, budget) + take_questions(stage, budget);
}

static uint64_t deadline_ns(const col_stage *self) {
    return ((const col_merge_stage *)self)->again_ns;
}

size_t col_merge_stage_footprint(const col_merge_stage_options *options) {
    return sizeof(col_merge_stage) + col_merge_footprint(&options->merge) +
           col_session_keys_footprint(options->merge.sessions.sessions_max, 1) + 2 * 64;
}

col_merge_stage *col_merge_stage_create(col_arena *arena, const col_merge_stage_options *options) {
    col_merge_stage *stage = col_arena_take(arena, 1, sizeof *stage);
    stage->options = *options;
    stage->hasher = col_hasher_create();
    stage->options.merge.hasher = stage->hasher;
    stage->options.merge.sink = (col_merge_sink){.context = stage,
                                                 .reply = sink_reply,
                                                 .outcome = sink_outcome,
                                                 .checkpoint = sink_checkpoint};
    stage->merge = col_merge_create(arena, &stage->options.merge);
    col_session_keys_init(&stage->reply_keys, arena, options->merge.sessions.sessions_max, 1);
    stage->again_ns = COL_NEVER;
    stage->stage = (col_stage){
        .name = "merge", .poll = poll, .deadline_ns = deadline_ns, .wait_descriptor = -1};
    return stage;
}

void col_merge_stage_destroy(col_merge_stage *stage) {
    col_hasher_destroy(stage->hasher);
}

col_stage *col_merge_stage_of(col_merge_stage *stage) {
    return &stage->stage;
}
