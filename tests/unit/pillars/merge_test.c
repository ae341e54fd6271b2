// SPDX-License-Identifier: Apache-2.0
#include "pillars/merge.h"

#include "tests/unit/pbft/harness.h"
#include "tests/unit/wire/random.h"

#define INTERVAL 4
#define SESSIONS_MAX 16

// An application that checks what it is given: per session, numbers 1, 2, 3 ... without gap or
// repetition.

typedef struct {
    uint64_t last[1024];
    uint64_t executed;
    uint64_t time_ns;
    uint64_t trace;  ///< hash of all operations in order
} checked_app;

static uint64_t mix(uint64_t hash, const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 31;
}

static size_t app_execute(void *app, const col_app_request *request, uint8_t *result,
                          size_t capacity) {
    checked_app *checked = app;
    assert_true(request->session < 1024);
    assert_int_equal(request->number, checked->last[request->session] + 1);
    assert_true(request->time_ns >= checked->time_ns);
    checked->time_ns = request->time_ns;
    checked->last[request->session]++;
    checked->executed++;
    checked->trace = mix(checked->trace, &request->session, 8);
    checked->trace = mix(checked->trace, &request->time_ns, 8);
    checked->trace = mix(checked->trace, request->operation, request->length);
    assert_true(capacity >= 8);
    memcpy(result, &checked->executed, 8);
    return 8;
}

static uint32_t app_begin(void *app) {
    (void)app;
    return 1;
}

static size_t app_chunk(void *app, uint32_t index, uint8_t *chunk, size_t capacity) {
    assert_true(index == 0 && capacity >= 8);
    memcpy(chunk, &((checked_app *)app)->trace, 8);
    return 8;
}

static void app_end(void *app) {
    (void)app;
}

static const col_app app_table = {.name = "checked",
                                  .execute = app_execute,
                                  .snapshot_begin = app_begin,
                                  .snapshot_chunk = app_chunk,
                                  .snapshot_end = app_end};

// One merge, and all that it says

typedef struct {
    col_arena arena;
    col_merge_counters counters;
    checked_app app;
    col_merge *merge;
    uint32_t replies, opened, expired, checkpoints;
    col_reply last_reply;
    col_session_opened last_opened;
    col_endpoint last_to;
    uint32_t outcomes[COL_PILLARS_MAX];
    col_outcome last_outcome[COL_PILLARS_MAX];
    uint64_t outcome_trace[COL_PILLARS_MAX];
    uint64_t reply_trace;
    col_digest checkpoint[64];
} bench;

static void on_reply(void *context, const col_header *header, col_bytes body,
                     const col_session *session, col_endpoint to) {
    (void)session;
    bench *b = context;
    b->reply_trace = mix(b->reply_trace, body.at, body.length);
    b->last_to = to;
    if (header->type == COL_SESSION_OPENED) {
        b->opened++;
        assert_true(col_session_opened_read(body, &b->last_opened));
        return;
    }
    assert_int_equal(header->type, COL_REPLY);
    assert_true(col_reply_read(body, &b->last_reply));
    b->replies++;
    b->expired += b->last_reply.status == COL_REPLY_EXPIRED;
}

static void on_outcome(void *context, uint32_t pillar, const col_outcome *what) {
    bench *b = context;
    b->outcomes[pillar]++;
    b->last_outcome[pillar] = *what;
    b->outcome_trace[pillar] = mix(b->outcome_trace[pillar], &what->kind, sizeof what->kind);
    b->outcome_trace[pillar] = mix(b->outcome_trace[pillar], &what->session, 8);
    b->outcome_trace[pillar] = mix(b->outcome_trace[pillar], &what->number, 8);
}

static void on_checkpoint(void *context, uint64_t checkpoint, const col_digest *digest) {
    bench *b = context;
    assert_int_equal(checkpoint, ++b->checkpoints);
    assert_true(checkpoint < 64);
    b->checkpoint[checkpoint] = *digest;
}

static bench *bench_open(uint32_t pillars) {
    bench *b = calloc(1, sizeof *b);
    const col_merge_options options = {
        .pillars = pillars,
        .checkpoint_interval = INTERVAL,
        .operation_bytes_max = 512,
        .sessions = {.pillars = pillars,
                     .clients = 4,
                     .sessions_max = SESSIONS_MAX,
                     .client_sessions_max = 6,
                     .outstanding = 4,
                     .result_bytes_max = 64,
                     .time_ahead_max_ns = 1000 * MS},
        .app = &app_table,
        .app_state = &b->app,
        .hasher = &harness_hasher,
        .sink = {b, on_reply, on_outcome, on_checkpoint},
        .counters = &b->counters,
    };
    const col_result opened = col_arena_open(&b->arena, col_merge_footprint(&options));
    assert_true(opened.ok);
    b->merge = col_merge_create(&b->arena, &options);
    return b;
}

static void bench_close(bench *b) {
    col_arena_close(&b->arena);
    free(b);
}

static void run_null(bench *b, uint64_t round, uint32_t run) {
    const col_committed committed = {.round = round, .run = run};
    col_merge_execute(b->merge, &committed);
}

static void run_batch(bench *b, uint64_t round, test_batch *batch) {
    batch_finish(batch);
    const col_committed committed = {
        .round = round, .view = 3, .length = batch->length, .body = batch->bytes};
    col_merge_execute(b->merge, &committed);
}

static test_batch batch;  // the one of the test that runs

static void open_one(bench *b, uint32_t client, uint64_t nonce) {
    batch_start(&batch, 0, WALL);
    batch_add_open(&batch, client, nonce);
    run_batch(b, col_merge_sequence(b->merge) + 1, &batch);
}

static void request_one(bench *b, uint32_t client, uint64_t session, uint64_t number) {
    batch_start(&batch, 0, WALL);
    batch_add_request(&batch, client, session, number, "operation");
    run_batch(b, col_merge_sequence(b->merge) + 1, &batch);
}

// Rules, with one pillar

static void an_opened_session_runs_its_requests_and_replies_to_its_client(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    assert_int_equal(b->last_opened.status, COL_OPENED);
    assert_int_equal(b->last_opened.session, 1);
    assert_int_equal(b->last_outcome[0].kind, COL_OUTCOME_OPENED);
    request_one(b, 1, 1, 1);
    assert_int_equal(b->app.executed, 1);
    assert_int_equal(b->last_reply.number, 1);
    assert_int_equal(b->last_reply.status, COL_REPLY_RESULT);
    assert_int_equal(b->last_to.address, 0x0a000101);
    assert_int_equal(b->last_outcome[0].kind, COL_OUTCOME_EXECUTED);
    bench_close(b);
}

static void a_duplicate_is_answered_and_runs_once(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    request_one(b, 1, 1, 1);
    const col_reply first = b->last_reply;
    const uint32_t outcomes = b->outcomes[0];
    request_one(b, 1, 1, 1);
    assert_int_equal(b->app.executed, 1);
    assert_int_equal(b->replies, 2);
    assert_int_equal(b->last_reply.number, first.number);
    assert_int_equal(b->outcomes[0], outcomes);
    assert_int_equal(col_counter_read(&b->counters.duplicates), 1);
    batch_start(&batch, 0, WALL);  // twice in one batch
    batch_add_request(&batch, 1, 1, 2, "a");
    batch_add_request(&batch, 1, 1, 2, "b");
    run_batch(b, 4, &batch);
    assert_int_equal(b->app.executed, 2);
    bench_close(b);
}

static void a_number_too_high_changes_nothing_and_is_not_answered(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    const uint32_t outcomes = b->outcomes[0];
    request_one(b, 1, 1, 2);
    request_one(b, 1, 1, UINT64_MAX);
    assert_int_equal(b->app.executed + b->replies, 0);
    assert_int_equal(col_counter_read(&b->counters.duplicates), 0);
    assert_int_equal(b->outcomes[0], outcomes);
    request_one(b, 1, 1, 1);
    request_one(b, 1, 1, 2);
    assert_int_equal(b->app.executed, 2);
    bench_close(b);
}

static void another_clients_session_is_not_run(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    open_one(b, 2, 10);
    request_one(b, 2, 1, 1);
    assert_int_equal(b->app.executed + b->replies, 0);
    bench_close(b);
}

static void an_unknown_session_is_answered_expired(void **state) {
    (void)state;
    bench *b = bench_open(1);
    request_one(b, 1, 1, 1);  // nobody knows where the client is
    assert_int_equal(b->replies, 0);
    open_one(b, 1, 10);
    request_one(b, 1, 99, 1);
    assert_int_equal(b->expired, 1);
    assert_int_equal(b->last_reply.session, 99);
    assert_int_equal(b->app.executed, 0);
    bench_close(b);
}

static void an_answer_from_the_table_changes_nothing(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    request_one(b, 1, 1, 1);
    const uint32_t outcomes = b->outcomes[0];
    const col_request again = {.client = 1, .session = 1, .number = 1};
    col_merge_answer(b->merge, &again);
    assert_int_equal(b->replies, 2);
    const col_request foreign = {.client = 2, .session = 1, .number = 1};
    col_merge_answer(b->merge, &foreign);
    const col_request future = {.client = 1, .session = 1, .number = 2};
    col_merge_answer(b->merge, &future);
    assert_int_equal(b->replies, 2);
    const col_session_open open = {.client = 1, .nonce = 10, .reply_to = {0x0a000199, 1}};
    col_merge_answer_open(b->merge, &open);
    assert_int_equal(b->last_opened.session, 1);
    assert_int_equal(b->last_to.address, 0x0a000199);
    assert_int_equal(b->outcomes[0], outcomes);
    assert_int_equal(b->app.executed, 1);
    bench_close(b);
}

static void an_eviction_is_told_to_the_evicted_sessions_pillar(void **state) {
    (void)state;
    bench *b = bench_open(2);
    for (uint32_t i = 0; i <= 6; i++) {  // the quota is 6: sequence 1 is pillar 1's, 2 pillar 0's
        batch_start(&batch, (i + 1) % 2, WALL);
        batch_add_open(&batch, 1, 10 + i);
        run_batch(b, i / 2 + 1, &batch);
    }
    assert_int_equal(b->last_opened.session, 4 * 2 + 1);
    assert_int_equal(b->outcomes[1], 5);  // four opened, one evicted
    assert_int_equal(b->outcomes[0], 3);
    const col_request gone = {.client = 1, .session = 3, .number = 1, .pillar = 1};
    col_merge_answer(b->merge, &gone);
    assert_int_equal(b->expired, 1);
    bench_close(b);
}

static void agreed_time_never_goes_back(void **state) {
    (void)state;
    bench *b = bench_open(1);
    open_one(b, 1, 10);
    batch_start(&batch, 0, WALL + 500);
    batch_add_request(&batch, 1, 1, 1, "late");
    run_batch(b, 2, &batch);
    request_one(b, 1, 1, 2);  // a batch with an older time
    assert_int_equal(b->app.time_ns, WALL + 500);
    bench_close(b);
}

static void a_checkpoint_comes_after_every_interval_of_rounds(void **state) {
    (void)state;
    bench *b = bench_open(3);
    for (uint64_t s = 1; s <= 3 * 3 * INTERVAL; s++) {
        run_null(b, col_round_of(s, 3), 1);
        assert_int_equal(b->checkpoints, s / (3 * INTERVAL));
    }
    assert_false(col_digest_equal(&b->checkpoint[1], &b->checkpoint[2]));
    bench_close(b);
}

static void null_runs_pass_together_up_to_the_slot_that_is_missing(void **state) {
    (void)state;
    bench *b = bench_open(4);
    assert_int_equal(col_merge_next_pillar(b->merge), 1);
    run_null(b, 1, 4);
    run_null(b, 1, 4);  // pillar 2
    assert_int_equal(col_merge_sequence(b->merge), 2);
    assert_int_equal(col_merge_next_pillar(b->merge), 3);
    run_null(b, 1, 2);
    assert_int_equal(col_merge_sequence(b->merge), 3);
    run_null(b, 1, 4);  // pillar 0: now two rounds are whole, and slots 1 and 2 of the third
    assert_int_equal(col_merge_sequence(b->merge), 10);
    assert_int_equal(col_merge_next_pillar(b->merge), 3);
    run_null(b, 3, 2);
    assert_int_equal(col_merge_sequence(b->merge), 16);
    assert_int_equal(b->checkpoints, 1);
    bench_close(b);
}

static void garbage_that_a_certificate_backs_is_the_same_no_op_everywhere(void **state) {
    (void)state;
    bench *b = bench_open(1);
    const col_committed garbage = {.round = 1, .length = 7, .body = (const uint8_t *)"garbage"};
    col_merge_execute(b->merge, &garbage);
    assert_int_equal(col_merge_sequence(b->merge), 1);
    bench_close(b);
}

// Any interleaving of the pillars' commits executes in the same order

#define ROUNDS 24
#define PERMUTATIONS 12

typedef struct {
    uint64_t nonce;      ///< of the pillar's client, drawn last
    uint64_t number[4];  ///< of its sessions
    uint32_t values;
    col_committed value[ROUNDS];  ///< in order of rounds
    test_batch batch[ROUNDS];
} pillar_history;

static pillar_history history[8];

/// Mostly what well-behaved clients send, one client and four sessions per pillar; the rest is
/// anything: duplicates, gaps, others' sessions, old nonces.
static void draw_entry(test_batch *drawn, pillar_history *h, uint32_t pillar, uint32_t pillars) {
    const bool behaves = random_below(100) < 70;
    const uint32_t client = behaves ? pillar % 4 : random_below(4);
    if (drawn->requests == 0 && h->nonce < 4) {
        batch_add_open(drawn, pillar % 4, ++h->nonce);
        return;
    }
    if (random_below(10) == 0) {
        batch_add_open(drawn, client, behaves ? ++h->nonce : 1 + random_below(200));
        return;
    }
    char operation[32];
    snprintf(operation, sizeof operation, "op %u", random_below(1000000));
    const uint32_t session = random_below(4);
    const uint64_t number = behaves ? ++h->number[session] : 1 + random_below(6);
    batch_add_request(drawn, client, (uint64_t)(1 + session) * pillars + pillar, number, operation);
}

static void draw_batch(test_batch *drawn, pillar_history *h, uint32_t pillar, uint32_t pillars) {
    batch_start(drawn, pillar, WALL + random_below(1000));
    const uint32_t entries = 1 + random_below(4);
    for (uint32_t i = 0; i < entries; i++) draw_entry(drawn, h, pillar, pillars);
    batch_finish(drawn);
}

static void draw_history(uint32_t pillars) {
    for (uint32_t k = 0; k < pillars; k++) {
        pillar_history *h = &history[k];
        h->values = 0;
        h->nonce = 0;
        memset(h->number, 0, sizeof h->number);
        for (uint64_t round = 1; round <= ROUNDS;) {
            col_committed *value = &h->value[h->values];
            test_batch *drawn = &h->batch[h->values++];
            *value = (col_committed){.round = round};
            if (random_below(3) == 0) {
                const uint64_t room = INTERVAL - (round - 1) % INTERVAL;
                value->run = 1 + random_below((uint32_t)room);
                round += value->run;
                continue;
            }
            draw_batch(drawn, h, k, pillars);
            value->length = drawn->length;
            value->body = drawn->bytes;
            round++;
        }
    }
}

/// Pillars commit in a drawn order; the merge takes what it can after each commit.
static bench *run_permutation(uint32_t pillars) {
    bench *b = bench_open(pillars);
    uint32_t committed[8] = {0}, taken[8] = {0}, left = 0;
    for (uint32_t k = 0; k < pillars; k++) left += history[k].values;
    while (left > 0) {
        const uint32_t k = random_below(pillars);
        if (committed[k] == history[k].values) continue;
        committed[k]++;
        left--;
        for (uint32_t next = col_merge_next_pillar(b->merge); taken[next] < committed[next];
             next = col_merge_next_pillar(b->merge)) {
            col_merge_execute(b->merge, &history[next].value[taken[next]++]);
        }
    }
    assert_int_equal(col_merge_sequence(b->merge), (uint64_t)ROUNDS * pillars);
    return b;
}

static void assert_same(const bench *a, const bench *b, uint32_t pillars) {
    assert_int_equal(a->app.executed, b->app.executed);
    assert_int_equal(a->app.trace, b->app.trace);
    assert_int_equal(a->reply_trace, b->reply_trace);
    assert_int_equal(a->checkpoints, ROUNDS / INTERVAL);
    assert_memory_equal(a->checkpoint, b->checkpoint, sizeof a->checkpoint);
    for (uint32_t k = 0; k < pillars; k++) {
        assert_int_equal(a->outcome_trace[k], b->outcome_trace[k]);
    }
}

static void any_interleaving_of_commits_executes_in_the_same_order(void **state) {
    (void)state;
    uint64_t executed_at_all = 0;
    for (uint32_t pillars = 1; pillars <= 8; pillars++) {
        draw_history(pillars);
        bench *reference = run_permutation(pillars);
        executed_at_all += reference->app.executed;
        for (uint32_t i = 0; i < PERMUTATIONS; i++) {
            bench *other = run_permutation(pillars);
            assert_same(reference, other, pillars);
            bench_close(other);
        }
        bench_close(reference);
    }
    assert_true(executed_at_all > 100);
}

int main(void) {
    random_start("unit_pillars_merge");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_opened_session_runs_its_requests_and_replies_to_its_client),
        cmocka_unit_test(a_duplicate_is_answered_and_runs_once),
        cmocka_unit_test(a_number_too_high_changes_nothing_and_is_not_answered),
        cmocka_unit_test(another_clients_session_is_not_run),
        cmocka_unit_test(an_unknown_session_is_answered_expired),
        cmocka_unit_test(an_answer_from_the_table_changes_nothing),
        cmocka_unit_test(an_eviction_is_told_to_the_evicted_sessions_pillar),
        cmocka_unit_test(agreed_time_never_goes_back),
        cmocka_unit_test(a_checkpoint_comes_after_every_interval_of_rounds),
        cmocka_unit_test(null_runs_pass_together_up_to_the_slot_that_is_missing),
        cmocka_unit_test(garbage_that_a_certificate_backs_is_the_same_no_op_everywhere),
        cmocka_unit_test(any_interleaving_of_commits_executes_in_the_same_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
