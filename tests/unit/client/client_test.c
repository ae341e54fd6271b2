// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include "src/base/clock.h"
#include "src/client/colonnade_client.h"
#include "tests/unit/client/fake_cluster.h"

/// The client as users have it, against replicas that seal and open for real.

typedef struct {
    uint32_t count;
    uint32_t by_status[4];
    uint64_t tag;
    uint8_t result[FAKE_RESULT_MAX];
    size_t length;
} results;

static void take_result(void *context, const col_client_outcome *outcome) {
    results *taken = context;
    taken->count++;
    taken->by_status[outcome->status]++;
    taken->tag = outcome->tag;
    taken->length = outcome->length;
    if (outcome->length > 0) memcpy(taken->result, outcome->result, outcome->length);
}

static col_client *open_client(uint32_t sessions, uint64_t timeout_ns, uint64_t retransmit_ns,
                               results *taken) {
    *taken = (results){0};
    char error[COL_CLIENT_ERROR_BYTES] = "";
    const col_client_options options = {.cluster = cluster.directory,
                                        .done = take_result,
                                        .context = taken,
                                        .client = 1,
                                        .sessions = sessions,
                                        .timeout_ns = timeout_ns,
                                        .retransmit_ns = retransmit_ns};
    col_client *client = col_client_open(&options, sizeof options, error, sizeof error);
    if (client == NULL) fail_msg("%s", error);
    return client;
}

static void poll_until(col_client *client, const results *taken, uint32_t count) {
    const uint64_t end = col_clock_monotonic_ns() + 20000 * MS;
    while (taken->count < count && col_clock_monotonic_ns() < end)
        col_client_poll(client, 100 * MS);
    assert_int_equal(taken->count, count);
}

/// Submit one operation and wait for what becomes of it.
static void call(col_client *client, results *taken, const char *operation) {
    const uint32_t before = taken->count;
    assert_int_equal(col_client_submit(client, 0, operation, strlen(operation), before), 0);
    poll_until(client, taken, before + 1);
    assert_int_equal(taken->tag, before);
}

static void assert_result(const results *taken, const char *result) {
    assert_int_equal(taken->length, strlen(result));
    assert_memory_equal(taken->result, result, taken->length);
}

static void an_operation_gets_its_result(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 0, 0, &taken);
    call(client, &taken, "stressed");
    assert_int_equal(taken.by_status[COL_CLIENT_RESULT], 1);
    assert_result(&taken, "desserts");
    assert_int_equal(col_client_outstanding(client), 0);
    col_client_close(client);
}

static void requests_of_many_sessions_share_signatures_and_datagrams(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(4, 0, 0, &taken);
    col_client_statistics before;
    col_client_statistics_read(client, &before, sizeof before);
    const uint32_t total = 640;
    uint32_t submitted = 0;
    while (taken.count < total) {
        for (uint32_t i = 0; i < 4; i++) {
            while (submitted < total && col_client_room(client, i) > 0) {
                assert_int_equal(col_client_submit(client, i, &submitted, 4, submitted), 0);
                submitted++;
            }
        }
        poll_until(client, &taken, taken.count + col_client_poll(client, 1000 * MS));
    }
    assert_int_equal(taken.by_status[COL_CLIENT_RESULT], total);
    col_client_statistics after;
    col_client_statistics_read(client, &after, sizeof after);
    assert_true(after.signatures - before.signatures <= total / 2);
    assert_true(after.datagrams_sent - before.datagrams_sent <= total / 2);
    assert_true(after.verifies > before.verifies);
    assert_true(after.messages_received - before.messages_received >= 2 * total);
    assert_true(after.datagrams_received > before.datagrams_received);
    assert_int_equal(after.primary_changes, 0);
    col_client_close(client);
}

static void a_lying_replica_changes_no_result(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 0, 0, &taken);
    for (uint32_t liar = 0; liar < REPLICAS; liar++) {
        cluster.lying = 1u << liar;
        for (uint32_t i = 0; i < 10; i++) {
            call(client, &taken, "abc");
            assert_result(&taken, "cba");
        }
    }
    col_client_close(client);
}

static void a_silent_replica_delays_no_session_and_no_result(void **state) {
    (void)state;
    static results taken;
    cluster.silent = 1u << 3;
    col_client *client = open_client(2, 0, 0, &taken);
    call(client, &taken, "abc");
    assert_result(&taken, "cba");
    col_client_statistics statistics;
    col_client_statistics_read(client, &statistics, sizeof statistics);
    assert_int_equal(statistics.retransmits, 0);
    col_client_close(client);
}

static void operations_and_results_of_many_datagrams_arrive_whole(void **state) {
    (void)state;
    static results taken;
    static uint8_t operation[COL_OPERATION_BYTES_MAX];
    const uint32_t length = cluster.file->genesis.operation_bytes_max;
    col_client *client = open_client(1, 0, 0, &taken);
    for (uint32_t i = 0; i < length; i++) operation[i] = (uint8_t)(i * 7 + i / 256);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(col_client_submit(client, 0, operation, length, i), 0);
    }
    poll_until(client, &taken, 3);
    assert_int_equal(taken.by_status[COL_CLIENT_RESULT], 3);
    assert_int_equal(taken.length, length);
    for (uint32_t i = 0; i < length; i++) {
        assert_int_equal(taken.result[i], operation[length - 1 - i]);
    }
    assert_int_equal(col_client_submit(client, 0, operation, length + 1, 9), COL_CLIENT_TOO_LONG);
    col_client_close(client);
}

static void the_next_primary_is_learned_from_replies(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 0, 50 * MS, &taken);
    call(client, &taken, "ab");
    assert_int_equal(cluster.requests[1], 0);
    col_client_statistics first;
    col_client_statistics_read(client, &first, sizeof first);
    cluster.silent = 1u << 0;
    cluster.view = 1;
    call(client, &taken, "cd");  // reaches the others by retransmission
    assert_result(&taken, "dc");
    col_client_statistics after_change;
    col_client_statistics_read(client, &after_change, sizeof after_change);
    assert_int_equal(after_change.primary_changes, 1);
    const uint64_t to_all = after_change.retransmits - first.retransmits;
    assert_true(to_all > 0);
    for (int i = 0; i < 1000 && cluster.requests[2] < to_all; i++) usleep(1000);
    assert_int_equal(cluster.requests[2], to_all);

    call(client, &taken, "ef");
    assert_result(&taken, "fe");
    col_client_statistics after;
    col_client_statistics_read(client, &after, sizeof after);
    assert_int_equal(after.retransmits, after_change.retransmits);
    fake_cluster_settle(&cluster);
    assert_int_equal(cluster.requests[2], to_all);
    col_client_close(client);
}

static void one_poll_retransmits_while_it_waits(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 0, 50 * MS, &taken);
    cluster.silent = 1u << 0;
    cluster.view = 1;
    assert_int_equal(col_client_submit(client, 0, "ab", 2, 0), 0);
    assert_int_equal(col_client_poll(client, 8000 * MS), 1);
    assert_result(&taken, "ba");
    col_client_close(client);
}

static void late_replies_cost_no_verification(void **state) {
    (void)state;
    static results taken;
    cluster.late = 1u << 2 | 1u << 3;
    col_client *client = open_client(1, 0, 0, &taken);
    cluster.release = true;
    col_client_poll(client, 50 * MS);
    cluster.release = false;
    call(client, &taken, "ab");
    col_client_statistics before;
    col_client_statistics_read(client, &before, sizeof before);
    cluster.release = true;
    col_client_statistics after = before;
    for (int i = 0; i < 100 && after.datagrams_received < before.datagrams_received + 2; i++) {
        col_client_poll(client, 20 * MS);
        col_client_statistics_read(client, &after, sizeof after);
    }
    assert_int_equal(after.datagrams_received, before.datagrams_received + 2);
    assert_int_equal(after.verifies, before.verifies);
    assert_int_equal(after.messages_received, before.messages_received);
    col_client_close(client);
}

static void an_unanswered_request_times_out_once(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 300 * MS, 50 * MS, &taken);
    cluster.silent = ALL;
    const uint64_t begin = col_clock_monotonic_ns();
    call(client, &taken, "ab");
    const uint64_t took = col_clock_monotonic_ns() - begin;
    assert_true(took >= 300 * MS && took < 3000 * MS);
    assert_int_equal(taken.by_status[COL_CLIENT_TIMED_OUT], 1);
    assert_int_equal(col_client_outstanding(client), 0);
    cluster.silent = 0;
    call(client, &taken, "cd");  // the session goes on: number 1 was still sent
    assert_int_equal(taken.by_status[COL_CLIENT_RESULT], 1);
    assert_int_equal(taken.count, 2);
    assert_result(&taken, "dc");
    col_client_close(client);
}

static uint64_t cpu_ns(const struct rusage *usage) {
    const struct timeval *user = &usage->ru_utime;
    const struct timeval *system = &usage->ru_stime;
    return (uint64_t)(user->tv_sec + system->tv_sec) * 1000 * MS +
           (uint64_t)(user->tv_usec + system->tv_usec) * 1000;
}

static void poll_waits_without_using_the_processor(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 0, 0, &taken);
    struct rusage before;
    struct rusage after;
    const uint64_t begin = col_clock_monotonic_ns();
    getrusage(RUSAGE_THREAD, &before);
    while (col_clock_monotonic_ns() - begin < 300 * MS) {
        assert_int_equal(col_client_poll(client, 300 * MS), 0);
    }
    getrusage(RUSAGE_THREAD, &after);
    const uint64_t used = cpu_ns(&after) - cpu_ns(&before);
    assert_true(used < 50 * MS);
    col_client_close(client);
}

static void an_expired_session_is_replaced_under_the_user(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(2, 0, 50 * MS, &taken);
    call(client, &taken, "ab");
    cluster.forget = true;
    fake_cluster_settle(&cluster);
    call(client, &taken, "cd");
    assert_int_equal(taken.by_status[COL_CLIENT_EXPIRED], 1);
    call(client, &taken, "ef");
    assert_int_equal(taken.by_status[COL_CLIENT_RESULT], 2);
    assert_result(&taken, "fe");
    col_client_close(client);
}

/// Replies in the name of replicas 1 and 2, sealed with the key of replica 3, and noise.
static void forge_replies(const fake_session *session) {
    for (uint32_t signer = 1; signer <= 2; signer++) {
        static fake_replica forger;
        forger.socket[0] = cluster.replica[3].socket[0];
        col_sealer *sealer = fake_sealer(&cluster, &forger, signer, cluster.replica_private[3]);
        const col_reply reply = {
            .client = 1, .session = session->id, .number = 1, .result = {(const uint8_t *)"x", 1}};
        uint8_t bytes[64];
        col_writer writer = col_writer_of(bytes, sizeof bytes);
        col_reply_write(&writer, &reply);
        const col_header header = {.type = COL_REPLY, .pillar = session->pillar, .sequence = 1};
        assert_true(col_sealer_add(sealer, &header, (col_bytes){bytes, col_writer_used(&writer)},
                                   (col_destination){.client = session->reply_to}));
        col_sealer_flush(sealer);
        col_sealer_destroy(sealer);
        for (uint32_t cut = 0; cut < 200; cut += 7) {  // and every kind of stump
            fake_send(&forger.egress, session->reply_to, cut);
            forger.datagram[cut] ^= 0x55;
            fake_send(&forger.egress, session->reply_to, 300);
        }
    }
}

static void forged_replies_and_noise_change_nothing(void **state) {
    (void)state;
    static results taken;
    col_client *client = open_client(1, 300 * MS, 0, &taken);
    cluster.silent = ALL;
    fake_cluster_settle(&cluster);
    assert_int_equal(col_client_submit(client, 0, "ab", 2, 0), 0);
    col_client_flush(client);
    col_client_statistics before;
    col_client_statistics_read(client, &before, sizeof before);
    forge_replies(&cluster.session[cluster.sessions - 1]);
    poll_until(client, &taken, 1);
    assert_int_equal(taken.by_status[COL_CLIENT_TIMED_OUT], 1);
    col_client_statistics after;
    col_client_statistics_read(client, &after, sizeof after);
    assert_true(after.verifies >= before.verifies + 2);
    assert_int_equal(after.messages_received, before.messages_received);
    col_client_close(client);
}

/// The whole text; `$` stands for the directory of the cluster file.
static void assert_refused(col_client_options options, const char *text) {
    static results taken;
    char error[COL_CLIENT_ERROR_BYTES] = "", expected[COL_CLIENT_ERROR_BYTES] = "";
    options.done = take_result;
    options.context = &taken;
    if (options.cluster == NULL) options.cluster = cluster.directory;
    for (size_t used = 0; *text != 0; text++) {
        const bool place = *text == '$';
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%.*s", place ? 64 : 1,
                                 place ? cluster.directory : text);
    }
    assert_null(col_client_open(&options, sizeof options, error, sizeof error));
    assert_string_equal(error, expected);
}

static void a_cluster_that_does_not_answer_is_named_with_the_remedy(void **state) {
    (void)state;
    const uint64_t begin = col_clock_monotonic_ns();
    char text[256];
    snprintf(text, sizeof text,
             "no replica of loopback answered at 127.0.0.1:%u within 0.2 s: is the cluster "
             "running? `colonnade cluster status $`",
             cluster.file->genesis.replica[0].port);
    assert_refused((col_client_options){.timeout_ns = 200 * MS}, text);
    assert_true(col_clock_monotonic_ns() - begin >= 200 * MS);
}

static void too_few_answers_are_told(void **state) {
    (void)state;
    cluster.silent = ALL & ~(1u << 2);
    assert_refused((col_client_options){.timeout_ns = 300 * MS},
                   "1 of 4 replicas of loopback answered within 0.3 s, and 2 must agree on each "
                   "session: are enough replicas running? `colonnade cluster status $`");
}

static void what_does_not_fit_the_cluster_file_is_refused(void **state) {
    (void)state;
    char key[COL_PATH_MAX];
    snprintf(key, sizeof key, "%s/keys/client-1.pem", cluster.directory);
    assert_refused(
        (col_client_options){.cluster = "/nonexistent/cluster.yaml"},
        "/nonexistent/: No such file or directory: make that directory, or name another");
    assert_refused((col_client_options){.client = 7},
                   "$/cluster.yaml: client 7 is not in the registry, which has 2 clients, numbered "
                   "from 0: use one of them, or add its public key before the cluster is started "
                   "for the first time");
    assert_refused(
        (col_client_options){.sessions = 9},
        "$/cluster.yaml: 9 sessions are asked for and a client may have 8: ask for fewer");
    assert_refused((col_client_options){.client = 0, .key = key},
                   "$/keys/client-1.pem is not the key of client 0 in $/cluster.yaml: name the key "
                   "that belongs to $/keys/client-0.pub.pem");
    assert_refused(
        (col_client_options){.key = "/nonexistent.pem"},
        "/nonexistent.pem: cannot read the private key: No such file or directory: name "
        "a file that this user may read, or make a pair with `colonnade keygen --scheme rsa`");
}

#define against_the_cluster(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        against_the_cluster(an_operation_gets_its_result),
        against_the_cluster(requests_of_many_sessions_share_signatures_and_datagrams),
        against_the_cluster(a_lying_replica_changes_no_result),
        against_the_cluster(a_silent_replica_delays_no_session_and_no_result),
        against_the_cluster(operations_and_results_of_many_datagrams_arrive_whole),
        against_the_cluster(the_next_primary_is_learned_from_replies),
        against_the_cluster(one_poll_retransmits_while_it_waits),
        against_the_cluster(late_replies_cost_no_verification),
        against_the_cluster(an_unanswered_request_times_out_once),
        against_the_cluster(poll_waits_without_using_the_processor),
        against_the_cluster(an_expired_session_is_replaced_under_the_user),
        against_the_cluster(forged_replies_and_noise_change_nothing),
        against_the_cluster(too_few_answers_are_told),
        cmocka_unit_test(a_cluster_that_does_not_answer_is_named_with_the_remedy),
        cmocka_unit_test(what_does_not_fit_the_cluster_file_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
