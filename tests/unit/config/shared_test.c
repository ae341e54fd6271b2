// SPDX-License-Identifier: Apache-2.0
#include "src/config/shared.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tests/unit/config/files.h"

#define READERS 3
#define PUBLICATIONS 1000

/// A snapshot that tells whether its parts belong together: the same number in all of them.
static void publish(uint32_t number) {
    col_cluster *cluster = calloc(1, sizeof *cluster);
    col_profile *profile = calloc(1, sizeof *profile);
    assert_true(cluster && profile);
    cluster->tunables.batch_requests = number;
    cluster->genesis.clients = 1;
    cluster->genesis.client_key = calloc(1, sizeof *cluster->genesis.client_key);
    snprintf(cluster->genesis.client_key[0], COL_PATH_MAX, "%u", number);
    profile->mtu = number;
    col_config_publish(cluster, profile);
}

static bool whole(const col_config *config) {
    const uint32_t number = config->cluster->tunables.batch_requests;
    return config->profile->mtu == number &&
           (uint32_t)atoi(config->cluster->genesis.client_key[0]) == number;
}

static void a_snapshot_replaces_the_one_before(void **state) {
    (void)state;
    assert_null(col_config_read());
    publish(1);
    const uint64_t first = col_config_read()->version;
    assert_true(whole(col_config_read()));
    publish(2);
    assert_int_equal(col_config_read()->version, first + 1);
    assert_int_equal(col_config_read()->profile->mtu, 2);
    col_config_publish(NULL, NULL);
    assert_null(col_config_read());
}

typedef struct {
    pthread_t thread;
    atomic_uint_fast64_t turns;
    uint64_t torn;       ///< snapshots of parts that do not belong together
    uint64_t backwards;  ///< versions below one read before
    uint64_t changes;
} reader;

static atomic_bool stop;
static atomic_int ready;

/// As a loop lives: many reads per turn, a quiescent point at its end, now and then asleep.
static void *read_until_stopped(void *context) {
    reader *self = context;
    uint64_t version = 0;
    col_config_register_reader();
    atomic_fetch_add(&ready, 1);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        const col_config *config = col_config_read();
        for (int i = 0; i < 10; i++) self->torn += !whole(config);
        self->backwards += config->version < version;
        self->changes += config->version != version;
        version = config->version;
        if (atomic_fetch_add(&self->turns, 1) % 16 == 0) {
            col_config_quiescent(NULL, false);
            sched_yield();
        }
        col_config_quiescent(NULL, true);
    }
    col_config_unregister_reader();
    return NULL;
}

/// Wait until every reader has begun a turn that it had not begun before the call.
static void let_readers_read(reader *readers) {
    for (int i = 0; i < READERS; i++) {
        const uint64_t before = atomic_load(&readers[i].turns);
        while (atomic_load(&readers[i].turns) < before + 2) sched_yield();
    }
}

static void readers_see_whole_snapshots_while_a_writer_publishes(void **state) {
    (void)state;
    static reader readers[READERS];
    publish(0);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_until_stopped, &readers[i]),
                         0);
    }
    while (atomic_load(&ready) < READERS) sched_yield();
    for (uint32_t number = 1; number <= PUBLICATIONS; number++) {
        publish(number);
        if (number % 10 == 0) let_readers_read(readers);
    }
    atomic_store(&stop, true);
    uint64_t changes = 0;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_int_equal(readers[i].torn, 0);
        assert_int_equal(readers[i].backwards, 0);
        changes += readers[i].changes;
    }
    print_message("%d publications, %lu seen by %d readers\n", PUBLICATIONS, (unsigned long)changes,
                  READERS);
    assert_true(changes >= READERS * PUBLICATIONS / 10);
    assert_int_equal(col_config_read()->cluster->tunables.batch_requests, PUBLICATIONS);
    col_config_publish(NULL, NULL);
}

static atomic_int progress;

static void *hold_a_snapshot(void *unused) {
    (void)unused;
    col_config_register_reader();
    const col_config *config = col_config_read();
    atomic_store(&progress, 1);
    while (atomic_load(&progress) != 2) sched_yield();
    const bool good = whole(config);  // replaced meanwhile, and still there
    col_config_quiescent(NULL, true);
    col_config_unregister_reader();
    return good ? "good" : "torn";
}

static void *publish_another(void *unused) {
    publish(8);
    atomic_store(&progress, 3);
    return unused;
}

static void a_snapshot_lives_until_its_reader_is_quiescent(void **state) {
    (void)state;
    publish(7);
    pthread_t holder, writer;
    assert_int_equal(pthread_create(&holder, NULL, hold_a_snapshot, NULL), 0);
    while (atomic_load(&progress) != 1) sched_yield();
    assert_int_equal(pthread_create(&writer, NULL, publish_another, NULL), 0);
    while (col_config_read()->profile->mtu != 8) sched_yield();
    usleep(20000);
    assert_int_equal(atomic_load(&progress), 1);  // the writer waits for the holder
    atomic_store(&progress, 2);
    void *answer;
    assert_int_equal(pthread_join(holder, &answer), 0);
    assert_string_equal((const char *)answer, "good");
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(atomic_load(&progress), 3);
    col_config_publish(NULL, NULL);
}

static void *sleep_offline(void *unused) {
    (void)unused;
    col_config_register_reader();
    col_config_quiescent(NULL, false);
    atomic_store(&progress, 1);
    while (atomic_load(&progress) != 2) sched_yield();
    col_config_quiescent(NULL, true);
    const bool newest = col_config_read()->profile->mtu == 10;
    col_config_unregister_reader();
    return newest ? "newest" : "old";
}

static void a_sleeping_reader_delays_nobody(void **state) {
    (void)state;
    atomic_store(&progress, 0);
    publish(9);
    pthread_t sleeper;
    assert_int_equal(pthread_create(&sleeper, NULL, sleep_offline, NULL), 0);
    while (atomic_load(&progress) != 1) sched_yield();
    publish(10);  // would wait for ever for a reader that is online
    atomic_store(&progress, 2);
    void *answer;
    assert_int_equal(pthread_join(sleeper, &answer), 0);
    assert_string_equal((const char *)answer, "newest");
    col_config_publish(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_replaces_the_one_before),
        cmocka_unit_test(readers_see_whole_snapshots_while_a_writer_publishes),
        cmocka_unit_test(a_snapshot_lives_until_its_reader_is_quiescent),
        cmocka_unit_test(a_sleeping_reader_delays_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
