// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/config/files.h"

static char client_key[2][COL_PATH_MAX] = {"keys/client-0.pub", "keys/client-1.pub"};

static void defaults_with_clients(col_cluster *cluster) {
    col_cluster_defaults(cluster);
    cluster->genesis.clients = 2;
    cluster->genesis.client_key = client_key;
    // Where the fixture of files.h differs, so that every value is written and read.
    cluster->genesis.checkpoint_interval = 32;
    cluster->genesis.window = 64;
    cluster->genesis.operation_bytes_max = 4096;
    cluster->genesis.result_bytes_max = 4096;
}

static void write_good(const col_cluster *cluster, const char *path) {
    const col_result result = col_cluster_write(cluster, path);
    if (!result.ok) fail_msg("%s", result.text);
}

static void read_text(const char *path, char text[TEXT_MAX]) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, TEXT_MAX - 1, file)] = 0;
    fclose(file);
}

static void a_written_file_is_the_documented_one(void **state) {
    (void)state;
    col_cluster defaults;
    defaults_with_clients(&defaults);
    write_good(&defaults, "cluster.yaml");

    // The same file without its comments and empty lines.
    FILE *file = fopen("cluster.yaml", "r");
    char line[512], bare[TEXT_MAX] = "";
    while (fgets(line, sizeof line, file)) {
        const char first = line[strspn(line, " ")];
        if (first != '#' && first != '\n') strcat(bare, line);
    }
    fclose(file);
    assert_string_equal(bare, good_cluster);
}

static void every_key_is_explained_by_the_comment_above_it(void **state) {
    (void)state;
    col_cluster defaults;
    defaults_with_clients(&defaults);
    write_good(&defaults, "cluster.yaml");
    FILE *file = fopen("cluster.yaml", "r");
    char line[512], before[512] = "";
    unsigned keys = 0;
    while (fgets(line, sizeof line, file)) {
        assert_true(strlen(line) <= 110);
        const char first = line[strspn(line, " ")];
        if (first >= 'a' && first <= 'z') {
            keys++;
            // result_bytes_max, batch_bytes and the like share the comment of the line above.
            const char *above = before + strspn(before, " ");
            const bool explained = *above == '#' || strstr(above, "_max:") ||
                                   strstr(above, "batch_requests:") ||
                                   strstr(above, "application:");
            if (!explained) fail_msg("no comment above %s", line);
        }
        strcpy(before, line);
    }
    fclose(file);
    assert_int_equal(keys, 24);
}

static void what_was_written_is_read_and_written_again(void **state) {
    (void)state;
    col_cluster defaults;
    defaults_with_clients(&defaults);
    col_genesis *genesis = &defaults.genesis;
    genesis->replicas = 7;
    genesis->faults = 2;
    genesis->leaders = COL_LEADERS_SINGLE;
    genesis->replicas_scheme = COL_SCHEME_ED25519;
    genesis->clients_scheme = COL_SCHEME_ECDSA_P256;
    for (unsigned i = 0; i < 7; i++) write_key_of(COL_SCHEME_ED25519, "replica", i);
    for (unsigned i = 0; i < 2; i++) write_key_of(COL_SCHEME_ECDSA_P256, "client", i);
    genesis->time_ahead_max_ns = UINT64_C(1234000000);
    strcpy(genesis->application_options, "path=\"C:\\x y\", # {a: b} \xc3\xa9");
    strcpy(genesis->replica_key[1], "keys/odd, name.pub");
    strcpy(client_key[1], "keys/client-0.pub");
    write_file("keys/odd, name.pub", "ed25519 odd");
    write_good(&defaults, "first.yaml");
    strcpy(client_key[1], "keys/client-1.pub");

    col_cluster *first = read_good("first.yaml");
    assert_int_equal(first->genesis.replicas, 7);
    assert_int_equal(first->genesis.leaders, COL_LEADERS_SINGLE);
    assert_int_equal(first->genesis.replicas_scheme, COL_SCHEME_ED25519);
    assert_int_equal(first->genesis.clients_scheme, COL_SCHEME_ECDSA_P256);
    assert_int_equal(first->genesis.time_ahead_max_ns, UINT64_C(1234000000));
    assert_string_equal(first->genesis.application_options, genesis->application_options);

    write_good(first, "second.yaml");
    col_cluster *second = read_good("second.yaml");
    assert_true(col_digest_equal(&first->id, &second->id));
    char text[2][TEXT_MAX];
    read_text("first.yaml", text[0]);
    read_text("second.yaml", text[1]);
    assert_string_equal(text[0], text[1]);
    col_cluster_destroy(first);
    col_cluster_destroy(second);
}

static void keys_outside_the_directory_keep_absolute_paths(void **state) {
    (void)state;
    write_file("cluster.yaml", good_cluster);
    col_cluster *cluster = read_good("cluster.yaml");
    assert_int_equal(mkdir("next", 0700), 0);
    write_good(cluster, "next/cluster.yaml");
    col_cluster *other = read_good("next");
    assert_string_equal(other->genesis.replica_key[3], cluster->genesis.replica_key[3]);
    assert_true(col_digest_equal(&other->id, &cluster->id));
    col_cluster_destroy(cluster);
    col_cluster_destroy(other);
}

static void a_cluster_without_clients_is_an_empty_list(void **state) {
    (void)state;
    col_cluster defaults;
    col_cluster_defaults(&defaults);
    write_good(&defaults, "cluster.yaml");
    col_cluster *cluster = read_good("cluster.yaml");
    assert_int_equal(cluster->genesis.clients, 0);
    col_cluster_destroy(cluster);
}

static void a_control_character_is_left_to_the_reader_to_refuse(void **state) {
    (void)state;
    col_cluster defaults;
    defaults_with_clients(&defaults);
    strcpy(defaults.genesis.application_options, "a\nb");
    write_good(&defaults, "cluster.yaml");
    col_cluster *cluster = NULL;
    const col_result result = col_cluster_read("cluster.yaml", &hasher, fingerprint, &cluster);
    assert_false(result.ok);
    assert_non_null(strstr(result.text,
                           "application_options contains a line break or control character: write "
                           "it on one line"));
}

static void expect_error(const char *path, const char *expected) {
    col_cluster defaults;
    defaults_with_clients(&defaults);
    const col_result result = col_cluster_write(&defaults, path);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
}

static void an_existing_file_is_not_overwritten(void **state) {
    (void)state;
    write_file("cluster.yaml", "precious\n");
    expect_error("cluster.yaml", "cluster.yaml: File exists: remove it, or name another file");
    char text[TEXT_MAX];
    read_text("cluster.yaml", text);
    assert_string_equal(text, "precious\n");
}

static void a_missing_directory_is_an_error(void **state) {
    (void)state;
    expect_error("nowhere/cluster.yaml",
                 "nowhere/: No such file or directory: make that directory, or name another");
}

static void a_full_device_leaves_no_half_file(void **state) {
    (void)state;
    col_cluster defaults;
    defaults_with_clients(&defaults);
    // Beyond this limit a write fails, as on a full device.
    struct rlimit limit, saved;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    limit = (struct rlimit){.rlim_cur = 1000, .rlim_max = saved.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const col_result result = col_cluster_write(&defaults, "cluster.yaml");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "cluster.yaml: File too large: make room, or name a file elsewhere");
    assert_int_not_equal(access("cluster.yaml", F_OK), 0);
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_written_file_is_the_documented_one),
        IN_DIRECTORY(every_key_is_explained_by_the_comment_above_it),
        IN_DIRECTORY(what_was_written_is_read_and_written_again),
        IN_DIRECTORY(keys_outside_the_directory_keep_absolute_paths),
        IN_DIRECTORY(a_cluster_without_clients_is_an_empty_list),
        IN_DIRECTORY(a_control_character_is_left_to_the_reader_to_refuse),
        IN_DIRECTORY(an_existing_file_is_not_overwritten),
        IN_DIRECTORY(a_missing_directory_is_an_error),
        IN_DIRECTORY(a_full_device_leaves_no_half_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
