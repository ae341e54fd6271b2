// SPDX-License-Identifier: Apache-2.0
#include "src/replica/tuner.h"

#include "crypto/root_cache.h"
#include "tests/unit/pbft/harness.h"

// A pillar stage that has rings and no keys: what it is tuned to shows in when its next STATUS is
// due.

typedef struct {
    col_arena arena;
    col_words words;
    col_keyring keyring;
    col_pillar_counters counters;
    col_opener_counters opened;
    col_ring ingress, notes, committed, questions, signing;
    col_pillar_stage *pillar;
    uint64_t now_ns;
    uint64_t stable;
} fixture;

static void release(void *buffer) {
    (void)buffer;
}

static fixture *fixture_open(void) {
    fixture *f = calloc(1, sizeof *f);
    assert_true(col_arena_open(&f->arena, (size_t)256 << 20).ok);
    col_ring_init(&f->ingress, &f->arena, 4096, NULL);
    col_ring_init(&f->notes, &f->arena, 4096, NULL);
    col_ring_init(&f->committed, &f->arena, 4096, NULL);
    col_ring_init(&f->questions, &f->arena, 4096, NULL);
    col_ring_init(&f->signing, &f->arena, 1 << 20, NULL);
    static const col_endpoint nowhere[COL_REPLICAS_MAX];
    const col_pillar_stage_options options = {
        .name = "pillar 0",
        .pbft = backup_options(),
        .backend = &col_backend_openssl,
        .keyring = &f->keyring,
        .roots = col_root_cache_create(&f->arena, 64),
        .words = &f->words,
        .replica = nowhere,
        .ingress = &f->ingress,
        .release = release,
        .notes = &f->notes,
        .committed = &f->committed,
        .questions = &f->questions,
        .signing = {.ring = {&f->signing}, .rings = 1},
        .counters = &f->counters,
        .opener_counters = &f->opened,
    };
    f->pillar = col_pillar_stage_create(&f->arena, &options);
    f->now_ns = 1000 * MS;
    return f;
}

static void fixture_close(fixture *f) {
    col_pillar_stage_destroy(f->pillar);
    col_arena_close(&f->arena);
    free(f);
}

/// A checkpoint becomes stable elsewhere. @return how long the pillar waits before it tells its
/// peers
static uint64_t patience(fixture *f) {
    col_stage *stage = col_pillar_stage_of(f->pillar);
    f->now_ns += 3600 * 1000 * MS;
    (void)stage->poll(stage, f->now_ns, COL_STAGE_BUDGET);
    atomic_store(&f->words.stable, ++f->stable);
    f->now_ns += 3600 * 1000 * MS;
    (void)stage->poll(stage, f->now_ns, COL_STAGE_BUDGET);
    return stage->deadline_ns(stage) - f->now_ns;
}

static void publish(uint64_t status_interval_ns) {
    col_cluster *cluster = calloc(1, sizeof *cluster);
    col_profile *profile = calloc(1, sizeof *profile);
    cluster->tunables.status_interval_ns = status_interval_ns;
    cluster->tunables.batch_requests = 4;
    cluster->tunables.batch_bytes = 1024;
    col_config_publish(cluster, profile);
}

static void every_pillar_of_the_loop_takes_new_tunables_once(void **state) {
    (void)state;
    fixture *f[2] = {fixture_open(), fixture_open()};
    col_tuner tuner;
    col_tuner_init(&tuner);
    col_config_register_reader();
    for (uint32_t i = 0; i < 2; i++) {
        col_tuner_add(&tuner, f[i]->pillar);
        assert_int_equal(patience(f[i]), 20 * MS);
    }
    const uint64_t intervals[] = {30 * MS, 70 * MS};
    for (uint32_t i = 0; i < 2; i++) {
        col_config_quiescent(NULL, false);  // publishing waits for readers
        publish(intervals[i]);
        col_config_quiescent(NULL, true);
        assert_int_equal(tuner.stage.poll(&tuner.stage, 0, COL_STAGE_BUDGET), 1);
        assert_int_equal(tuner.stage.poll(&tuner.stage, 0, COL_STAGE_BUDGET), 0);
        for (uint32_t p = 0; p < 2; p++) {
            const uint64_t waits = patience(f[p]);
            assert_true(waits == intervals[i]);
        }
    }
    col_config_unregister_reader();
    col_config_publish(NULL, NULL);
    fixture_close(f[0]);
    fixture_close(f[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pillar_of_the_loop_takes_new_tunables_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
