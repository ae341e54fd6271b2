// SPDX-License-Identifier: Apache-2.0
#include "src/config/genesis.h"

#include "tests/unit/config/files.h"

static col_digest id_of(const char *text) {
    write_file("cluster.yaml", text);
    col_cluster *cluster = read_good("cluster.yaml");
    const col_digest id = cluster->id;
    col_cluster_destroy(cluster);
    return id;
}

static void the_id_changes_with_every_genesis_value(void **state) {
    (void)state;
    static const char *const edits[][2] = {
        {"name: demo", "name: demp"},
        {"faults: 1\n", "faults: 2\n"},
        {"pillars: 4", "pillars: 3"},
        {"leaders: rotating", "leaders: single"},
        {"checkpoint_interval: 32", "checkpoint_interval: 16"},
        {"window: 64", "window: 96"},
        {"session_outstanding: 64", "session_outstanding: 65"},
        {"sessions_max: 1024", "sessions_max: 1025"},
        {"client_sessions_max: 256", "client_sessions_max: 257"},
        {"operation_bytes_max: 4096", "operation_bytes_max: 4095"},
        {"result_bytes_max: 4096", "result_bytes_max: 4095"},
        {"batch_requests_max: 256", "batch_requests_max: 255"},
        {"batch_bytes_max: 65536", "batch_bytes_max: 65535"},
        {"time_ahead_max_ms: 5000", "time_ahead_max_ms: 5001"},
        {"application: counter", "application: bounter"},
        {"reply_bytes=100", "reply_bytes=101"},
        {"application: counter\n  application_options: \"reply_bytes=100\"",
         "application: counterr\n  application_options: \"eply_bytes=100\""},
        {"10.77.0.4", "10.77.0.5"},
        {"10.77.0.4, port: 7000", "10.77.0.4, port: 7001"},
        {"keys/replica-3.pub", "keys/replica-9.pub"},
        {"    - {address: 10.77.0.7, port: 7000, public_key: keys/replica-6.pub}\n",
         "    - {address: 10.77.0.7, port: 7000, public_key: keys/replica-6.pub}\n"
         "    - {address: 10.77.0.8, port: 7000, public_key: keys/replica-7.pub}\n"},
        {"keys/client-1.pub", "keys/client-0.pub"},
        {"    - {public_key: keys/client-1.pub}\n", ""},
    };
    enum { EDITS = sizeof edits / sizeof edits[0] };
    char seven[TEXT_MAX], text[TEXT_MAX];
    replace(good_cluster, "  clients:\n",
            "    - {address: 10.77.0.5, port: 7004, public_key: keys/replica-4.pub}\n"
            "    - {address: 10.77.0.6, port: 7000, public_key: keys/replica-5.pub}\n"
            "    - {address: 10.77.0.7, port: 7000, public_key: keys/replica-6.pub}\n"
            "  clients:\n",
            seven);
    col_digest id[EDITS + 1];
    id[EDITS] = id_of(seven);
    for (size_t i = 0; i < EDITS; i++) {
        replace(seven, edits[i][0], edits[i][1], text);
        id[i] = id_of(text);
    }
    for (size_t i = 0; i <= EDITS; i++) {
        for (size_t j = 0; j < i; j++) assert_false(col_digest_equal(&id[i], &id[j]));
    }
}

static void the_id_changes_with_a_key_in_an_unchanged_file(void **state) {
    (void)state;
    const col_digest before = id_of(good_cluster);
    write_file("keys/replica-2.pub", "rsa another key");
    const col_digest after = id_of(good_cluster);
    assert_false(col_digest_equal(&before, &after));
}

static void the_id_changes_with_each_sides_scheme(void **state) {
    (void)state;
    static const col_scheme schemes[][2] = {{COL_SCHEME_RSA, COL_SCHEME_RSA},
                                            {COL_SCHEME_RSA, COL_SCHEME_ED25519},
                                            {COL_SCHEME_ED25519, COL_SCHEME_RSA},
                                            {COL_SCHEME_ECDSA_P256, COL_SCHEME_RSA}};
    write_file("cluster.yaml", good_cluster);
    col_cluster *cluster = read_good("cluster.yaml");
    col_digest id[4];
    for (size_t i = 0; i < 4; i++) {
        cluster->genesis.replicas_scheme = schemes[i][0];
        cluster->genesis.clients_scheme = schemes[i][1];
        col_genesis_id(&cluster->genesis, &hasher, &id[i]);
        for (size_t j = 0; j < i; j++) assert_false(col_digest_equal(&id[i], &id[j]));
    }
    assert_true(col_digest_equal(&id[0], &cluster->id));
    col_cluster_destroy(cluster);
}

static void the_order_of_members_is_part_of_the_id(void **state) {
    (void)state;
    char text[TEXT_MAX];
    replace(good_cluster, "keys/client-0.pub}\n    - {public_key: keys/client-1.pub",
            "keys/client-1.pub}\n    - {public_key: keys/client-0.pub", text);
    const col_digest before = id_of(good_cluster);
    const col_digest after = id_of(text);
    assert_false(col_digest_equal(&before, &after));
}

static void the_id_does_not_change_with_tunables_spelling_or_comments(void **state) {
    (void)state;
    static const char *const edits[][2] = {
        {"batch_requests: 100", "batch_requests: 10"},
        {"batch_bytes: 32768", "batch_bytes: 32767"},
        {"status_interval_ms: 50", "status_interval_ms: 51"},
        {"tunables:\n  batch_requests: 100\n", "tunables:\n"},
        {"keys/replica-1.pub", "./keys/../keys/replica-1.pub"},
        {"keys/client-1.pub", "\"keys/client-1.pub\""},
        {"keys/client-1.pub", "copy.pub"},
        {"  window: 64\n", "\n  # a comment\n  \"window\": 64  # another\n"},
        {"  faults: 1\n  pillars: 4\n", "  pillars: 4\n  faults: 1\n"},
        {"  leaders: rotating\n", ""},
        {"  authentication: {replicas: rsa, clients: rsa, sessions: signed}\n", ""},
        {"replicas: rsa, clients: rsa", "clients: rsa, replicas: rsa"},
        {", sessions: signed", ""},
    };
    write_file("copy.pub", "rsa key of client 1");
    const col_digest before = id_of(good_cluster);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char text[TEXT_MAX];
        replace(good_cluster, edits[i][0], edits[i][1], text);
        const col_digest after = id_of(text);
        assert_true(col_digest_equal(&before, &after));
    }
}

/// The form is fixed for ever: an id outlives releases.
static void the_canonical_form_is_these_bytes(void **state) {
    (void)state;
    static col_genesis genesis;
    col_digest client = {.byte = {0xcc}};
    genesis = (col_genesis){.name = "ab",
                            .replicas = 1,
                            .faults = 2,
                            .pillars = 3,
                            .leaders = COL_LEADERS_SINGLE,
                            .checkpoint_interval = 4,
                            .window = 5,
                            .session_outstanding = 6,
                            .sessions_max = 7,
                            .client_sessions_max = 8,
                            .operation_bytes_max = 9,
                            .result_bytes_max = 10,
                            .batch_requests_max = 11,
                            .batch_bytes_max = 12,
                            .time_ahead_max_ns = 0x0102030405060708,
                            .replicas_scheme = COL_SCHEME_ED25519,
                            .clients_scheme = COL_SCHEME_ECDSA_P256,
                            .sessions = COL_SESSIONS_HMAC,
                            .application = "c",
                            .application_options = "",
                            .replica = {{.address = 0x0a4d0001, .port = 7000}},
                            .replica_fingerprint = {{.byte = {0xaa}}},
                            .exchange_fingerprint = {{.byte = {0xbb}}},
                            .clients = 1,
                            .client_fingerprint = &client};
    static const uint8_t expected[] = {
        19,   0,   0,    0,    'c',  'o',  'l', 'o', 'n', 'n', 'a', 'd', 'e', ' ', 'g', 'e',
        'n',  'e', 's',  'i',  's',  ' ',  '3',     // domain
        2,    0,   0,    0,    'a',  'b',           // name
        1,    0,   0,    0,    0,    0,    0,   0,  // replicas
        2,    0,   0,    0,    0,    0,    0,   0,  // faults
        3,    0,   0,    0,    0,    0,    0,   0,  // pillars
        1,    0,   0,    0,    0,    0,    0,   0,  // leaders
        4,    0,   0,    0,    0,    0,    0,   0,  // interval
        5,    0,   0,    0,    0,    0,    0,   0,  // window
        6,    0,   0,    0,    0,    0,    0,   0,  // outstanding
        7,    0,   0,    0,    0,    0,    0,   0,  // sessions
        8,    0,   0,    0,    0,    0,    0,   0,  // of a client
        9,    0,   0,    0,    0,    0,    0,   0,  // operation
        10,   0,   0,    0,    0,    0,    0,   0,  // result
        11,   0,   0,    0,    0,    0,    0,   0,  // requests
        12,   0,   0,    0,    0,    0,    0,   0,  // bytes
        8,    7,   6,    5,    4,    3,    2,   1,  // time ahead
        2,    0,   0,    0,    0,    0,    0,   0,  // replicas' scheme
        3,    0,   0,    0,    0,    0,    0,   0,  // clients' scheme
        1,    0,   0,    0,    0,    0,    0,   0,  // sessions with MACs
        1,    0,   0,    0,    'c',                 // application
        0,    0,   0,    0,                         // options
        1,    0,   0x4d, 0x0a, 0x58, 0x1b,          // endpoint
        0xaa, 0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,    0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0xbb, 0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,    0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        1,    0,   0,    0,  // clients
        0xcc, 0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,    0,   0,    0,    0,    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    };
    uint8_t bytes[sizeof expected];
    assert_int_equal(col_genesis_bytes(&genesis), sizeof expected);
    col_genesis_encode(&genesis, bytes);
    assert_memory_equal(bytes, expected, sizeof expected);
}

int main(void) {
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(the_id_changes_with_every_genesis_value),
        IN_DIRECTORY(the_id_changes_with_a_key_in_an_unchanged_file),
        IN_DIRECTORY(the_id_changes_with_each_sides_scheme),
        IN_DIRECTORY(the_order_of_members_is_part_of_the_id),
        IN_DIRECTORY(the_id_does_not_change_with_tunables_spelling_or_comments),
        cmocka_unit_test(the_canonical_form_is_these_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
