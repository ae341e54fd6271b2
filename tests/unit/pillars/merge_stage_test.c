// SPDX-License-Identifier: Apache-2.0
#include "pillars/merge_stage.h"

#include <pthread.h>
#include <sched.h>

#include "tests/unit/pbft/harness.h"

#define PILLARS 2
#define REQUESTS_MAX 8
#define SELF 2

static const col_digest cluster = {{0xC1, 0x05}};

// Two pillars' rings, the application `log`, and one signing ring.

typedef struct {
    col_arena arena;
    col_words words;
    col_merge_counters counters;
    col_ring committed[PILLARS], questions[PILLARS], notes[PILLARS], signing;
    void *app;
    col_merge_stage *merge;
    test_batch batch[16];
    uint32_t batches;
} fixture;

/// @param exchange of replica SELF; NULL: sessions are signed
static fixture *fixture_open_with(uint64_t signing_bytes, const col_key *exchange) {
    fixture *f = calloc(1, sizeof *f);
    assert_true(col_arena_open(&f->arena, (size_t)64 << 20).ok);
    f->app = col_app_log.create("");
    assert_non_null(f->app);
    col_merge_stage_options options = {
        .merge = {.pillars = PILLARS,
                  .checkpoint_interval = 4,
                  .operation_bytes_max = 512,
                  .sessions = {.pillars = PILLARS,
                               .clients = 4,
                               .sessions_max = 8,
                               .client_sessions_max = 8,
                               .outstanding = 4,
                               .result_bytes_max = 64,
                               .time_ahead_max_ns = 1000 * MS},
                  .app = &col_app_log,
                  .app_state = f->app,
                  .counters = &f->counters},
        .batch_requests_max = REQUESTS_MAX,
        .exchange = exchange,
        .cluster = cluster,
        .self = SELF,
        .words = &f->words,
        .signing = {.ring = {&f->signing}, .rings = 1},
    };
    col_ring_init(&f->signing, &f->arena, signing_bytes, NULL);
    for (uint32_t k = 0; k < PILLARS; k++) {
        col_ring_init(&f->committed[k], &f->arena, 4096, NULL);
        col_ring_init(&f->questions[k], &f->arena, 4096, NULL);
        col_ring_init(&f->notes[k], &f->arena, col_merge_notes_bytes(REQUESTS_MAX), NULL);
        options.committed[k] = &f->committed[k];
        options.questions[k] = &f->questions[k];
        options.notes[k] = &f->notes[k];
    }
    f->merge = col_merge_stage_create(&f->arena, &options);
    return f;
}

static fixture *fixture_open(uint64_t signing_bytes) {
    return fixture_open_with(signing_bytes, NULL);
}

static void fixture_close(fixture *f) {
    col_merge_stage_destroy(f->merge);
    col_app_log.destroy(f->app);
    col_arena_close(&f->arena);
    free(f);
}

static uint32_t poll(fixture *f, uint32_t budget) {
    col_stage *stage = col_merge_stage_of(f->merge);
    return stage->poll(stage, 1000, budget);
}

static uint64_t deadline(const fixture *f) {
    const col_stage *stage = col_merge_stage_of(f->merge);
    return stage->deadline_ns(stage);
}

static void give(fixture *f, uint32_t pillar, const col_committed *committed) {
    col_committed *record = col_ring_reserve(&f->committed[pillar], sizeof *record);
    assert_non_null(record);
    *record = *committed;
    col_ring_publish(&f->committed[pillar]);
}

static void give_null(fixture *f, uint32_t pillar, uint64_t round, uint32_t run) {
    give(f, pillar, &(col_committed){.round = round, .run = run});
}

static test_batch *next_batch(fixture *f, uint32_t pillar) {
    test_batch *batch = &f->batch[f->batches++];
    batch_start(batch, pillar, WALL);
    return batch;
}

static void give_batch(fixture *f, uint64_t round, test_batch *batch) {
    batch_finish(batch);
    give(f, batch->pillar,
         &(col_committed){.round = round, .body = batch->bytes, .length = batch->length});
}

/// Take all notes of a pillar. @return how many
static uint32_t take_notes(fixture *f, uint32_t pillar, col_merge_note *last) {
    uint32_t count = 0, bytes;
    const col_merge_note *note;
    while ((note = col_ring_front(&f->notes[pillar], &bytes)) != NULL) {
        *last = *note;
        col_ring_release(&f->notes[pillar]);
        count++;
    }
    return count;
}

static uint32_t take_jobs(fixture *f, uint8_t type) {
    uint32_t count = 0, bytes;
    const col_seal_job *job;
    while ((job = col_ring_front(&f->signing, &bytes)) != NULL) {
        count += job->header.type == type;
        assert_int_equal(job->to.replicas, 0);
        assert_true(job->to.client.port != 0);
        col_ring_release(&f->signing);
    }
    return count;
}

static void slots_run_in_order_of_sequence_whichever_ring_was_filled_first(void **state) {
    (void)state;
    fixture *f = fixture_open(65536);
    col_merge_note note;
    test_batch *open = next_batch(f, 1);
    batch_add_open(open, 1, 10);
    give_null(f, 0, 1, 2);
    assert_int_equal(poll(f, 32), 0);  // sequence 1 is pillar 1's
    give_batch(f, 1, open);
    assert_int_equal(poll(f, 32), 2);
    assert_int_equal(col_word_read(&f->words.executed), 2);
    assert_int_equal(take_notes(f, 1, &note), 1);
    assert_int_equal(note.outcome.kind, COL_OUTCOME_OPENED);
    assert_int_equal(note.outcome.session, 3);
    assert_int_equal(take_notes(f, 0, &note), 0);
    assert_int_equal(take_jobs(f, COL_SESSION_OPENED), 1);
    fixture_close(f);
}

static void the_budget_bounds_a_turn(void **state) {
    (void)state;
    fixture *f = fixture_open(65536);
    for (uint64_t round = 1; round <= 3; round++) {
        give_null(f, 1, round, 1);
        give_null(f, 0, round, 1);
    }
    assert_int_equal(poll(f, 4), 4);
    assert_int_equal(col_word_read(&f->words.executed), 4);
    assert_int_equal(poll(f, 4), 2);
    fixture_close(f);
}

static void a_checkpoint_is_noted_to_its_pillar(void **state) {
    (void)state;
    fixture *f = fixture_open(65536);
    col_merge_note note = {0};
    give_null(f, 1, 1, 4);
    give_null(f, 0, 1, 4);
    (void)poll(f, 32);
    assert_int_equal(take_notes(f, 1, &note), 1);
    assert_int_equal(note.kind, COL_NOTE_CHECKPOINT);
    assert_int_equal(note.checkpoint, 1);
    assert_int_equal(take_notes(f, 0, &note), 0);
    fixture_close(f);
}

static void a_slot_waits_until_the_notes_that_it_may_cause_have_room(void **state) {
    (void)state;
    fixture *f = fixture_open(1 << 20);
    col_merge_note note;
    uint32_t notes = 0, executed = 0;
    for (uint64_t round = 1; round <= 12; round++) {
        test_batch *batch = next_batch(f, 1);
        for (uint64_t i = 0; i < REQUESTS_MAX; i++) {
            batch_add_open(batch, 1, (round - 1) * REQUESTS_MAX + i + 1);
        }
        give_batch(f, round, batch);
        give_null(f, 0, round, 1);
    }
    executed += poll(f, 100);
    assert_true(executed > 0 && executed < 24);
    assert_int_not_equal(deadline(f), COL_NEVER);
    assert_int_equal(poll(f, 100), 0);
    for (uint32_t turn = 0; turn < 100 && executed < 24; turn++) {
        notes += take_notes(f, 1, &note);
        (void)take_notes(f, 0, &note);
        (void)take_jobs(f, 0);
        executed += poll(f, 100);
    }
    notes += take_notes(f, 1, &note);
    assert_int_equal(executed, 24);
    assert_int_equal(deadline(f), COL_NEVER);
    // 96 openings, evictions beyond the eighth, and checkpoints 1 and 3.
    assert_int_equal(notes, 96 + 88 + 2);
    fixture_close(f);
}

static void a_slot_waits_until_its_replies_have_room(void **state) {
    (void)state;
    fixture *f = fixture_open(col_merge_signing_bytes(REQUESTS_MAX, 64));
    col_merge_note note;
    uint32_t executed = 0, answers = 0;
    for (uint64_t round = 1; round <= 12; round++) {
        test_batch *batch = next_batch(f, 1);
        for (uint64_t i = 0; i < REQUESTS_MAX; i++) {
            batch_add_open(batch, 1, (round - 1) * REQUESTS_MAX + i + 1);
        }
        give_batch(f, round, batch);
        give_null(f, 0, round, 1);
    }
    for (uint32_t turn = 0; turn < 12; turn++) {  // the pillars keep up, the signer does not
        executed += poll(f, 100);
        (void)take_notes(f, 0, &note);
        (void)take_notes(f, 1, &note);
    }
    assert_true(executed > 0 && executed < 24);
    for (uint32_t turn = 0; turn < 100 && executed < 24; turn++) {
        answers += take_jobs(f, COL_SESSION_OPENED);
        executed += poll(f, 100);
        (void)take_notes(f, 0, &note);
        (void)take_notes(f, 1, &note);
    }
    answers += take_jobs(f, COL_SESSION_OPENED);
    assert_int_equal(executed, 24);
    assert_int_equal(answers, 96);
    assert_int_equal(col_counter_read(&f->counters.drops[COL_DROP_QUEUE_FULL]), 0);
    fixture_close(f);
}

static void ask(fixture *f, uint64_t session) {
    col_pillar_question *question = col_ring_reserve(&f->questions[1], sizeof *question);
    *question = (col_pillar_question){
        .kind = COL_ASK_REQUEST,
        .request = {.client = 1, .session = session, .number = 1, .pillar = 1}};
    col_ring_publish(&f->questions[1]);
}

/// Anybody can send a client's old requests again, faster than their answers are sealed.
static void questions_leave_the_next_slot_its_room(void **state) {
    (void)state;
    fixture *f = fixture_open(col_merge_signing_bytes(REQUESTS_MAX, 64));
    col_merge_note note;
    test_batch *batch = next_batch(f, 1);
    batch_add_open(batch, 1, 10);
    batch_add_request(batch, 1, 3, 1, "op");
    give_batch(f, 1, batch);
    give_null(f, 0, 1, 1);
    assert_int_equal(poll(f, 32), 2);
    for (uint32_t turn = 0; turn < 1000; turn++) {
        ask(f, 3);
        assert_int_equal(poll(f, 32), 1);
    }
    assert_true(col_counter_read(&f->counters.drops[COL_DROP_QUEUE_FULL]) > 0);
    (void)take_notes(f, 1, &note);
    test_batch *next = next_batch(f, 1);
    batch_add_request(next, 1, 3, 2, "op");
    give_batch(f, 2, next);
    assert_int_equal(poll(f, 32), 1);
    assert_int_equal(col_counter_read(&f->counters.requests), 2);
    fixture_close(f);
}

static void questions_are_answered_from_the_table(void **state) {
    (void)state;
    fixture *f = fixture_open(65536);
    test_batch *batch = next_batch(f, 1);
    batch_add_open(batch, 1, 10);
    batch_add_request(batch, 1, 3, 1, "op");
    give_batch(f, 1, batch);
    (void)poll(f, 32);
    assert_int_equal(take_jobs(f, COL_REPLY), 1);
    ask(f, 3);
    ask(f, 99);
    assert_int_equal(poll(f, 32), 2);
    assert_int_equal(take_jobs(f, COL_REPLY), 2);
    assert_int_equal(col_counter_read(&f->counters.requests), 1);
    fixture_close(f);
}

// Sessions with MACs

/// Both ends of what a session and this replica share.
typedef struct {
    col_key *session, *replica;
    col_exchange_key share, replica_share;
    col_link_keys keys;
} link_ends;

/// For the opening with this nonce of client 1 on pillar 1.
static link_ends make_link(uint64_t nonce) {
    link_ends ends = {0};
    ends.session = col_exchange_generate(&ends.share);
    ends.replica = col_exchange_generate(&ends.replica_share);
    const col_link link = {.cluster = &cluster,
                           .client = 1,
                           .pillar = 1,
                           .nonce = nonce,
                           .share = &ends.share,
                           .replica = SELF};
    assert_true(col_link_keys_derive(ends.session, &ends.replica_share, &link, &ends.keys));
    return ends;
}

static void free_link(link_ends *ends) {
    col_key_destroy(ends->session);
    col_key_destroy(ends->replica);
}

static void batch_add_open_with(test_batch *batch, uint64_t nonce, const col_exchange_key *share) {
    const col_session_open open = {.client = 1,
                                   .pillar = (uint8_t)batch->pillar,
                                   .nonce = nonce,
                                   .reply_to = {0x0a000101, 5000},
                                   .share = *share};
    client_message message;
    col_writer writer = col_writer_of(message.bytes, sizeof message.bytes);
    col_session_open_write(&writer, &open);
    finish_client_message(&message, COL_SESSION_OPEN, (uint8_t)batch->pillar, 1, nonce,
                          col_writer_used(&writer));
    batch_add(batch, &message);
}

/// Take all notes of pillar 1. @return how many of them bring a key
static uint32_t take_keys(fixture *f) {
    uint32_t keys = 0, bytes;
    const col_merge_note *note;
    while ((note = col_ring_front(&f->notes[1], &bytes)) != NULL) {
        keys += note->has_key;
        col_ring_release(&f->notes[1]);
    }
    return keys;
}

/// What waits to be sealed first, taken: it must be of that type. @param link,key out
static void take_job(fixture *f, uint8_t type, col_link_seal *link, col_mac_key *key) {
    uint32_t bytes;
    const col_seal_job *job = col_ring_front(&f->signing, &bytes);
    assert_non_null(job);
    assert_int_equal(job->header.type, type);
    *link = job->link;
    if (link->count > 0) memcpy(key, job->body + job->length, sizeof *key);
    col_ring_release(&f->signing);
}

static void assert_signed(fixture *f, uint8_t type) {
    col_link_seal link;
    col_mac_key key;
    take_job(f, type, &link, &key);
    assert_int_equal(link.count, 0);
}

static void assert_has_mac(fixture *f, uint32_t session, const link_ends *ends) {
    col_link_seal link;
    col_mac_key key;
    take_job(f, COL_REPLY, &link, &key);
    assert_int_equal(link.count, 1);
    assert_int_equal(link.key_version, session);
    assert_memory_equal(&key, &ends->keys.reply, sizeof key);
}

static void an_opening_gives_the_pillar_its_key_and_replies_the_other(void **state) {
    (void)state;
    link_ends ends = make_link(10);
    fixture *f = fixture_open_with(65536, ends.replica);
    col_merge_note note = {0};
    test_batch *batch = next_batch(f, 1);
    batch_add_open_with(batch, 10, &ends.share);
    give_batch(f, 1, batch);
    (void)poll(f, 32);
    assert_int_equal(take_notes(f, 1, &note), 1);
    assert_int_equal(note.outcome.kind, COL_OUTCOME_OPENED);
    assert_true(note.has_key);
    assert_memory_equal(&note.request_key, &ends.keys.request, sizeof note.request_key);
    assert_signed(f, COL_SESSION_OPENED);  // it has to convince before there are keys

    give_null(f, 0, 1, 1);
    batch = next_batch(f, 1);
    batch_add_request(batch, 1, 3, 1, "op");
    give_batch(f, 2, batch);
    (void)poll(f, 32);
    assert_int_equal(take_keys(f), 0);
    assert_has_mac(f, 3, &ends);
    ask(f, 3);  // the same again
    (void)poll(f, 32);
    assert_has_mac(f, 3, &ends);
    fixture_close(f);
    free_link(&ends);
}

static void expired_is_signed(void **state) {
    (void)state;
    link_ends ends = make_link(10);
    fixture *f = fixture_open_with(65536, ends.replica);
    test_batch *batch = next_batch(f, 1);
    batch_add_open_with(batch, 10, &ends.share);
    batch_add_request(batch, 1, 99, 1, "op");
    give_batch(f, 1, batch);
    (void)poll(f, 32);
    assert_signed(f, COL_SESSION_OPENED);
    assert_signed(f, COL_REPLY);
    ask(f, 99);
    (void)poll(f, 32);
    assert_signed(f, COL_REPLY);
    fixture_close(f);
    free_link(&ends);
}

/// What a stage does that has no keys for a session: all is signed.
static void assert_opens_without_keys(fixture *f, const col_exchange_key *share) {
    test_batch *batch = next_batch(f, 1);
    batch_add_open_with(batch, 10, share);
    batch_add_request(batch, 1, 3, 1, "op");
    give_batch(f, 1, batch);
    (void)poll(f, 32);
    assert_int_equal(take_keys(f), 0);
    assert_signed(f, COL_SESSION_OPENED);
    assert_signed(f, COL_REPLY);
}

/// Its client has no keys either, and signs.
static void a_share_without_a_secret_opens_a_session_that_is_signed(void **state) {
    (void)state;
    link_ends ends = make_link(10);
    fixture *f = fixture_open_with(65536, ends.replica);
    assert_opens_without_keys(f, &(col_exchange_key){{0}});
    fixture_close(f);
    free_link(&ends);
}

static void in_a_cluster_of_signed_sessions_a_share_changes_nothing(void **state) {
    (void)state;
    link_ends ends = make_link(10);
    fixture *f = fixture_open(65536);
    assert_opens_without_keys(f, &ends.share);
    fixture_close(f);
    free_link(&ends);
}

/// The table has as many places as there are sessions: one that leaves makes room for the next.
static void keys_of_sessions_that_were_evicted_make_room(void **state) {
    (void)state;
    link_ends ends = make_link(30);
    fixture *f = fixture_open_with(65536, ends.replica);
    for (uint64_t round = 1; round <= 3; round++) {
        test_batch *batch = next_batch(f, 1);
        for (uint64_t i = 1; i <= REQUESTS_MAX; i++) {
            batch_add_open_with(batch, 10 * round + i - 1, &ends.share);
        }
        give_batch(f, round, batch);
        give_null(f, 0, round, 1);
        (void)poll(f, 32);
        assert_int_equal(take_keys(f), REQUESTS_MAX);
        assert_int_equal(take_jobs(f, COL_SESSION_OPENED), REQUESTS_MAX);
    }
    test_batch *batch = next_batch(f, 1);
    batch_add_request(batch, 1, 35, 1, "op");  // the 17th, with nonce 30; the first was 3
    batch_add_request(batch, 1, 33, 1, "op");  // the 16th
    give_batch(f, 4, batch);
    (void)poll(f, 32);
    assert_has_mac(f, 35, &ends);
    assert_signed(f, COL_REPLY);  // EXPIRED
    fixture_close(f);
    free_link(&ends);
}

#define ROUNDS 300

/// A pillar's loop and, for the last, the signer's.
typedef struct {
    fixture *f;
    uint32_t pillar;
    atomic_bool *stop;
    uint32_t notes, jobs;
} partner;

/// Gives a slot per round and writes the next batch over the last once that was executed.
static void *run_pillar(void *argument) {
    partner *self = argument;
    col_merge_note note;
    test_batch batch;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        const uint64_t before = PILLARS * (round - 1) - (self->pillar == 0 ? 0 : 1);
        while (round > 1 && col_word_read(&self->f->words.executed) < before) sched_yield();
        batch_start(&batch, self->pillar, WALL);
        batch_add_open(&batch, 1 + self->pillar, round);
        give_batch(self->f, round, &batch);
        self->notes += take_notes(self->f, self->pillar, &note);
    }
    while (!atomic_load(self->stop)) {
        self->notes += take_notes(self->f, self->pillar, &note);
        sched_yield();
    }
    self->notes += take_notes(self->f, self->pillar, &note);
    return NULL;
}

static void *run_signer(void *argument) {
    partner *self = argument;
    while (!atomic_load(self->stop)) {
        self->jobs += take_jobs(self->f, COL_SESSION_OPENED);
        sched_yield();
    }
    self->jobs += take_jobs(self->f, COL_SESSION_OPENED);
    return NULL;
}

static void pillars_merge_and_signer_run_on_threads_of_their_own(void **state) {
    (void)state;
    fixture *f = fixture_open(65536);
    atomic_bool stop = false;
    pthread_t thread[PILLARS + 1];
    partner with[PILLARS + 1];
    for (uint32_t i = 0; i <= PILLARS; i++) {
        with[i] = (partner){.f = f, .pillar = i, .stop = &stop};
        assert_int_equal(
            pthread_create(&thread[i], NULL, i < PILLARS ? run_pillar : run_signer, &with[i]), 0);
    }
    for (uint32_t executed = 0; executed < PILLARS * ROUNDS;) {
        const uint32_t work = poll(f, 32);
        executed += work;
        if (work == 0) sched_yield();
    }
    atomic_store(&stop, true);
    for (uint32_t i = 0; i <= PILLARS; i++) pthread_join(thread[i], NULL);
    assert_int_equal(with[PILLARS].jobs, PILLARS * ROUNDS);
    // Every opening, every eviction beyond the eighth session, a checkpoint every four rounds.
    assert_int_equal(with[0].notes + with[1].notes, 2 * PILLARS * ROUNDS - 8 + ROUNDS / 4);
    fixture_close(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_run_in_order_of_sequence_whichever_ring_was_filled_first),
        cmocka_unit_test(the_budget_bounds_a_turn),
        cmocka_unit_test(a_checkpoint_is_noted_to_its_pillar),
        cmocka_unit_test(a_slot_waits_until_the_notes_that_it_may_cause_have_room),
        cmocka_unit_test(a_slot_waits_until_its_replies_have_room),
        cmocka_unit_test(questions_leave_the_next_slot_its_room),
        cmocka_unit_test(questions_are_answered_from_the_table),
        cmocka_unit_test(an_opening_gives_the_pillar_its_key_and_replies_the_other),
        cmocka_unit_test(expired_is_signed),
        cmocka_unit_test(a_share_without_a_secret_opens_a_session_that_is_signed),
        cmocka_unit_test(in_a_cluster_of_signed_sessions_a_share_changes_nothing),
        cmocka_unit_test(keys_of_sessions_that_were_evicted_make_room),
        cmocka_unit_test(pillars_merge_and_signer_run_on_threads_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
