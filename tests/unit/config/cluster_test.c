// SPDX-License-Identifier: Apache-2.0
#include "src/config/cluster.h"

#include <time.h>

#include "src/base/quorum.h"
#include "tests/unit/config/files.h"

// ---- Good files ----

static void a_file_gives_every_value(void **state) {
    (void)state;
    write_file("cluster.yaml", good_cluster);
    col_cluster *cluster = read_good("cluster.yaml");
    const col_genesis *genesis = &cluster->genesis;

    assert_string_equal(genesis->name, "demo");
    assert_int_equal(genesis->replicas, 4);
    assert_int_equal(genesis->faults, 1);
    assert_int_equal(genesis->pillars, 4);
    assert_int_equal(genesis->leaders, COL_LEADERS_ROTATING);
    assert_int_equal(genesis->checkpoint_interval, 32);
    assert_int_equal(genesis->window, 64);
    assert_int_equal(genesis->session_outstanding, 64);
    assert_int_equal(genesis->sessions_max, 1024);
    assert_int_equal(genesis->client_sessions_max, 256);
    assert_int_equal(genesis->operation_bytes_max, 4096);
    assert_int_equal(genesis->result_bytes_max, 4096);
    assert_int_equal(genesis->batch_requests_max, 256);
    assert_int_equal(genesis->batch_bytes_max, 65536);
    assert_int_equal(genesis->time_ahead_max_ns, UINT64_C(5000000000));
    assert_int_equal(genesis->replicas_scheme, COL_SCHEME_RSA);
    assert_int_equal(genesis->clients_scheme, COL_SCHEME_RSA);
    assert_string_equal(genesis->application, "counter");
    assert_string_equal(genesis->application_options, "reply_bytes=100");
    assert_int_equal(genesis->replica[3].address, 0x0a4d0004);
    assert_int_equal(genesis->replica[3].port, 7000);
    assert_int_equal(genesis->clients, 2);
    assert_int_equal(cluster->tunables.batch_requests, 100);
    assert_int_equal(cluster->tunables.batch_bytes, 32768);
    assert_int_equal(cluster->tunables.status_interval_ns, 50000000);
    col_cluster_destroy(cluster);
}

static void key_paths_are_absolute_and_fingerprints_are_of_their_files(void **state) {
    (void)state;
    write_file("cluster.yaml", good_cluster);
    col_cluster *cluster = read_good("cluster.yaml");
    char path[COL_PATH_MAX];
    snprintf(path, sizeof path, "%s/keys/replica-2.pub", directory);
    assert_string_equal(cluster->genesis.replica_key[2], path);
    snprintf(path, sizeof path, "%s/keys/client-1.pub", directory);
    assert_string_equal(cluster->genesis.client_key[1], path);

    col_digest expected;
    assert_true(fingerprint("keys/replica-2.pub", COL_SCHEME_RSA, &expected).ok);
    assert_true(col_digest_equal(&cluster->genesis.replica_fingerprint[2], &expected));
    assert_true(fingerprint("keys/client-1.pub", COL_SCHEME_RSA, &expected).ok);
    assert_true(col_digest_equal(&cluster->genesis.client_fingerprint[1], &expected));
    col_cluster_destroy(cluster);
}

static void a_directory_stands_for_its_cluster_file(void **state) {
    (void)state;
    write_file("cluster.yaml", good_cluster);
    char path[COL_PATH_MAX];
    snprintf(path, sizeof path, "%s/cluster.yaml", directory);
    const char *const spellings[] = {"cluster.yaml", "./cluster.yaml", ".",
                                     "keys/..",      directory,        path};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        col_cluster *cluster = read_good(spellings[i]);
        assert_string_equal(cluster->directory, directory);
        assert_string_equal(cluster->path, path);
        col_cluster_destroy(cluster);
    }
}

static void what_may_be_absent_has_its_default(void **state) {
    (void)state;
    write_file("cluster.yaml",
               "genesis:\n"
               "  name: demo\n"
               "  faults: 1\n"
               "  pillars: 4\n"
               "  checkpoint_interval: 32\n"
               "  window: 64\n"
               "  session_outstanding: 64\n"
               "  application: counter\n"
               "  replicas:\n"
               "    - {address: 10.77.0.1, port: 7000, public_key: keys/replica-0.pub}\n"
               "    - {address: 10.77.0.2, port: 7000, public_key: keys/replica-1.pub}\n"
               "    - {address: 10.77.0.3, port: 7000, public_key: keys/replica-2.pub}\n"
               "    - {address: 10.77.0.4, port: 7000, public_key: keys/replica-3.pub}\n"
               "  clients: []\n");
    col_cluster *cluster = read_good("cluster.yaml");
    col_cluster defaults;
    col_cluster_defaults(&defaults);
    assert_memory_equal(&cluster->tunables, &defaults.tunables, sizeof defaults.tunables);
    const col_genesis *genesis = &cluster->genesis;
    assert_int_equal(genesis->leaders, COL_LEADERS_ROTATING);
    assert_int_equal(genesis->sessions_max, 1024);
    assert_int_equal(genesis->client_sessions_max, 256);
    assert_int_equal(genesis->operation_bytes_max, 1024);
    assert_int_equal(genesis->result_bytes_max, 1024);
    assert_int_equal(genesis->batch_requests_max, 256);
    assert_int_equal(genesis->batch_bytes_max, 65536);
    assert_int_equal(genesis->time_ahead_max_ns, UINT64_C(5000000000));
    assert_string_equal(genesis->application_options, "");
    assert_int_equal(genesis->replicas_scheme, COL_SCHEME_RSA);
    assert_int_equal(genesis->clients_scheme, COL_SCHEME_RSA);
    assert_int_equal(genesis->clients, 0);
    col_cluster_destroy(cluster);
}

static void each_side_has_its_scheme_and_all_its_keys_are_of_it(void **state) {
    (void)state;
    static const struct {
        const char *by;
        col_scheme replicas, clients;
    } given[] = {
        {"{replicas: ed25519, clients: ecdsa-p256}", COL_SCHEME_ED25519, COL_SCHEME_ECDSA_P256},
        {"{clients: ed25519, replicas: ecdsa-p256}", COL_SCHEME_ECDSA_P256, COL_SCHEME_ED25519},
        {"{clients: ed25519}", COL_SCHEME_RSA, COL_SCHEME_ED25519},
        {"{replicas: ed25519}", COL_SCHEME_ED25519, COL_SCHEME_RSA},
        {"{}", COL_SCHEME_RSA, COL_SCHEME_RSA},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        for (unsigned k = 0; k < 4; k++) write_key_of(given[i].replicas, "replica", k);
        for (unsigned k = 0; k < 2; k++) write_key_of(given[i].clients, "client", k);
        char text[TEXT_MAX];
        replace(good_cluster, "{replicas: rsa, clients: rsa, sessions: signed}", given[i].by, text);
        write_file("cluster.yaml", text);
        col_cluster *cluster = read_good("cluster.yaml");
        assert_int_equal(cluster->genesis.replicas_scheme, given[i].replicas);
        assert_int_equal(cluster->genesis.clients_scheme, given[i].clients);
        col_cluster_destroy(cluster);
    }
}

static void an_absent_limit_follows_a_smaller_one(void **state) {
    (void)state;
    char text[TEXT_MAX], more[TEXT_MAX];
    replace(good_cluster, "  sessions_max: 1024\n  client_sessions_max: 256\n",
            "  sessions_max: 10\n", text);
    replace(text, "batch_requests_max: 256", "batch_requests_max: 20", more);
    replace(more, "batch_bytes_max: 65536", "batch_bytes_max: 10000", text);
    replace(text, "  batch_requests: 100\n  batch_bytes: 32768\n", "", more);
    write_file("cluster.yaml", more);
    col_cluster *cluster = read_good("cluster.yaml");
    assert_int_equal(cluster->genesis.client_sessions_max, 10);
    assert_int_equal(cluster->tunables.batch_requests, 20);
    assert_int_equal(cluster->tunables.batch_bytes, 10000);
    col_cluster_destroy(cluster);
}

static void replicas_may_share_an_address_with_ports_apart(void **state) {
    (void)state;
    char text[TEXT_MAX];
    replace(good_cluster, "10.77.0.2, port: 7000", "10.77.0.1, port: 7004", text);
    write_file("cluster.yaml", text);
    col_cluster_destroy(read_good("cluster.yaml"));
}

static void the_largest_values_are_accepted(void **state) {
    (void)state;
    static const char *const edits[][2] = {
        {"pillars: 4", "pillars: 16"},
        {"window: 64", "window: 256"},
        {"checkpoint_interval: 32", "checkpoint_interval: 128"},
        {"session_outstanding: 64", "session_outstanding: 256"},
        {"sessions_max: 1024", "sessions_max: 65536"},
        {"client_sessions_max: 256", "client_sessions_max: 65536"},
        {"operation_bytes_max: 4096", "operation_bytes_max: 32768"},
        {"result_bytes_max: 4096", "result_bytes_max: 32768"},
        {"batch_requests_max: 256", "batch_requests_max: 1024"},
        {"batch_bytes_max: 65536", "batch_bytes_max: 98304"},
        {"10.77.0.4, port: 7000", "10.77.0.4, port: 65520"},
        {"batch_requests: 100", "batch_requests: 1024"},
        {"batch_bytes: 32768", "batch_bytes: 98304"},
    };
    char text[2][TEXT_MAX];
    strcpy(text[0], good_cluster);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        replace(text[i % 2], edits[i][0], edits[i][1], text[(i + 1) % 2]);
        write_file("cluster.yaml", text[(i + 1) % 2]);
        col_cluster_destroy(read_good("cluster.yaml"));
    }
}

static void a_quorum_intersects_in_a_correct_replica(void **state) {
    (void)state;
    assert_int_equal(col_quorum(4, 1), 3);
    assert_int_equal(col_quorum(5, 1), 4);
    assert_int_equal(col_quorum(6, 1), 4);
    assert_int_equal(col_quorum(7, 2), 5);
    for (uint32_t n = 4; n <= COL_REPLICAS_MAX; n++) {
        for (uint32_t f = 1; 3 * f + 1 <= n; f++) {
            const uint32_t q = col_quorum(n, f);
            assert_true(2 * q >= n + f + 1 && 2 * (q - 1) < n + f + 1 && q <= n - f);
        }
    }
}

static void a_thousand_clients_load_at_once(void **state) {
    (void)state;
    char text[TEXT_MAX];
    replace(good_cluster, "    - {public_key: keys/client-1.pub}\n", "@", text);
    char *const at = strchr(text, '@');
    FILE *file = fopen("cluster.yaml", "w");
    fprintf(file, "%.*s", (int)(at - text), text);
    for (int i = 1; i < 1000; i++) fprintf(file, "    - {public_key: keys/client-1.pub}\n");
    fputs(at + 1, file);
    fclose(file);

    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    col_cluster *cluster = read_good("cluster.yaml");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    const double ms =
        (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
    print_message("1000 clients: %.1f ms\n", ms);
    assert_int_equal(cluster->genesis.clients, 1000);
    assert_true(ms < 1000);
    col_cluster_destroy(cluster);
}

// ---- Mistakes ----

/// The good file with `find` replaced by `by` gives exactly this error ($DIR: the directory).
typedef struct {
    const char *find, *by, *error;
} mistake;

static const mistake mistakes[] = {
#include "tests/unit/config/cluster_mistakes.inc"
};

static void each_mistake_gives_its_line_and_remedy(void **state) {
    (void)state;
    const size_t count = sizeof mistakes / sizeof mistakes[0];
    assert_true(count >= 40);
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char text[TEXT_MAX], expected[TEXT_MAX];
        replace(good_cluster, mistakes[i].find, mistakes[i].by, text);
        strcpy(expected, mistakes[i].error);
        if (strstr(expected, "$DIR")) replace(mistakes[i].error, "$DIR", directory, expected);
        write_file("cluster.yaml", text);
        col_cluster *cluster = NULL;
        const col_result result = col_cluster_read("cluster.yaml", &hasher, fingerprint, &cluster);
        if (!result.ok && strcmp(result.text, expected) == 0) continue;
        wrong++;
        print_error("%s\n  expected: %s\n  got:      %s\n", mistakes[i].by, expected,
                    result.ok ? "no error" : result.text);
    }
    assert_int_equal(wrong, 0);
}

static void expect_error(const char *path, const char *expected) {
    col_cluster *cluster = NULL;
    const col_result result = col_cluster_read(path, &hasher, fingerprint, &cluster);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
}

static void a_missing_file_is_named_with_its_remedy(void **state) {
    (void)state;
    expect_error("absent.yaml",
                 "absent.yaml: No such file or directory: make a cluster with `colonnade init`, or "
                 "name its file");
    expect_error("keys",
                 "keys/cluster.yaml: No such file or directory: make a cluster with `colonnade "
                 "init`, or name its file");
    expect_error("nowhere/cluster.yaml",
                 "nowhere/: No such file or directory: make that directory, or name another");
}

static void too_long_a_path_is_an_error(void **state) {
    (void)state;
    char path[2 * COL_PATH_MAX];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = 0;
    col_cluster *cluster = NULL;
    const col_result result = col_cluster_read(path, &hasher, fingerprint, &cluster);
    assert_false(result.ok);
    char expected[512];
    snprintf(expected, sizeof expected,
             "%.200s...: a path may have 511 characters: use a shorter one", path);
    assert_string_equal(result.text, expected);
}

static void more_clients_than_a_cluster_may_have_are_an_error(void **state) {
    (void)state;
    char text[TEXT_MAX];
    replace(good_cluster, "    - {public_key: keys/client-1.pub}\n", "@", text);
    char *const at = strchr(text, '@');
    FILE *file = fopen("cluster.yaml", "w");
    fprintf(file, "%.*s", (int)(at - text), text);
    for (int i = 1; i <= COL_CLIENTS_MAX; i++) fprintf(file, "    - {public_key: k}\n");
    fputs(at + 1, file);
    fclose(file);
    expect_error("cluster.yaml",
                 "cluster.yaml:24: clients has 65537 entries: a cluster has 0 .. 65536; remove 1");
}

static void too_long_a_path_of_a_key_is_an_error(void **state) {
    (void)state;
    char text[TEXT_MAX], key[COL_PATH_MAX];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = 0;
    replace(good_cluster, "keys/client-1.pub", key, text);
    write_file("cluster.yaml", text);
    expect_error("cluster.yaml",
                 "cluster.yaml:26: the absolute path of the key has more than 511 characters: "
                 "move the keys to a shorter path");
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_file_gives_every_value),
        IN_DIRECTORY(key_paths_are_absolute_and_fingerprints_are_of_their_files),
        IN_DIRECTORY(a_directory_stands_for_its_cluster_file),
        IN_DIRECTORY(what_may_be_absent_has_its_default),
        IN_DIRECTORY(each_side_has_its_scheme_and_all_its_keys_are_of_it),
        IN_DIRECTORY(an_absent_limit_follows_a_smaller_one),
        IN_DIRECTORY(replicas_may_share_an_address_with_ports_apart),
        IN_DIRECTORY(the_largest_values_are_accepted),
        cmocka_unit_test(a_quorum_intersects_in_a_correct_replica),
        IN_DIRECTORY(a_thousand_clients_load_at_once),
        IN_DIRECTORY(each_mistake_gives_its_line_and_remedy),
        IN_DIRECTORY(a_missing_file_is_named_with_its_remedy),
        IN_DIRECTORY(too_long_a_path_is_an_error),
        IN_DIRECTORY(more_clients_than_a_cluster_may_have_are_an_error),
        IN_DIRECTORY(too_long_a_path_of_a_key_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
