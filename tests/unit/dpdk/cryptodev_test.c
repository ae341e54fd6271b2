// SPDX-License-Identifier: Apache-2.0
// DPDK's virtual device crypto_openssl signs, as an accelerator would.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_cryptodev.h>
#include <rte_errno.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/keys.h"
#include "crypto/rsa_numbers.h"
#include "dpdk/cryptodev.h"
#include "dpdk/internal.h"

#define JOBS 32
#define DEVICE "crypto_openssl"

static col_cryptodev_counters counters[2];

static void assert_ok(col_result result) {
    if (!result.ok) fail_msg("%s", result.text);
}

static col_key *make_key(col_scheme scheme, uint32_t bits) {
    col_key *key = NULL;
    assert_ok(col_key_generate(scheme, bits, "key.pem", "key.pub"));
    assert_ok(col_key_read_private("key.pem", scheme, &key));
    unlink("key.pem");
    unlink("key.pub");
    return key;
}

/// Messages to sign, and room for their signatures.
typedef struct {
    col_sign_job job[JOBS];
    uint8_t message[JOBS][40];
    uint8_t signature[JOBS][COL_SIGNATURE_BYTES_MAX];
} work;

static work *work_for(const col_key *key) {
    static work made;
    static uint8_t next;
    memset(&made, 0, sizeof made);
    for (uint32_t i = 0; i < JOBS; i++) {
        memset(made.message[i], (int)i, sizeof made.message[i]);
        made.message[i][0] = next++;
        made.job[i] = (col_sign_job){.key = key,
                                     .message = {made.message[i], sizeof made.message[i]},
                                     .signature = made.signature[i]};
    }
    return &made;
}

/// Every one of the first `count` is what OpenSSL verifies.
static void assert_all_verify(const work *made, uint32_t count) {
    void *oracle = col_backend_openssl.context_create();
    for (uint32_t i = 0; i < count; i++) {
        col_verify_job check = {
            .key = made->job[i].key,
            .message = made->job[i].message,
            .signature = {made->signature[i], col_key_signature_bytes(made->job[i].key)}};
        col_backend_openssl.verify_variable_time(oracle, &check, 1);
        assert_true(check.valid);
    }
    col_backend_openssl.context_destroy(oracle);
}

static void *open_device(const col_key *key) {
    memset(counters, 0, sizeof counters);
    assert_false(col_backend_cryptodev.available());
    assert_ok(col_cryptodev_open(DEVICE, key, 1, counters));
    assert_true(col_backend_cryptodev.available());
    return col_backend_cryptodev.context_create();
}

static void close_device(void *context) {
    col_backend_cryptodev.context_destroy(context);
    col_cryptodev_close();
}

static void expect_counts(uint64_t signatures, uint64_t refused) {
    assert_int_equal(col_counter_read(&counters[0].signatures), signatures);
    assert_int_equal(col_counter_read(&counters[0].refused), refused);
}

static void bursts_of_all_lengths_and_keys_verify(void **state) {
    (void)state;
    for (uint32_t bits = 2048; bits <= 4096; bits += 1024) {
        col_key *key = make_key(COL_SCHEME_RSA, bits);
        void *context = open_device(key);
        uint64_t signatures = 0;
        // Long keys take long.
        for (uint32_t count = 1; count <= JOBS; count += bits == 2048 ? 1 : 5) {
            work *made = work_for(key);
            col_backend_cryptodev.sign(context, made->job, count);
            assert_all_verify(made, count);
            signatures += count;
        }
        expect_counts(signatures, 0);
        close_device(context);
        col_key_destroy(key);
    }
}

static void each_signer_has_a_queue_pair_of_its_own(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    memset(counters, 0, sizeof counters);
    assert_ok(col_cryptodev_open(DEVICE, key, 2, counters));
    for (uint32_t signer = 0; signer < 2; signer++) {
        void *context = col_backend_cryptodev.context_create();
        work *made = work_for(key);
        col_backend_cryptodev.sign(context, made->job, 3 + signer);
        assert_all_verify(made, 3 + signer);
        assert_int_equal(col_counter_read(&counters[signer].signatures), 3 + signer);
        col_backend_cryptodev.context_destroy(context);
    }
    col_cryptodev_close();
    col_key_destroy(key);
}

static void other_keys_are_signed_with_on_the_cpu(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    col_key *longer = make_key(COL_SCHEME_RSA, 3072);
    col_key *other = make_key(COL_SCHEME_ED25519, 0);
    void *context = open_device(key);
    work *made = work_for(key);
    for (uint32_t i = 1; i < JOBS; i += 5) made->job[i].key = longer;
    for (uint32_t i = 2; i < JOBS; i += 5) made->job[i].key = other;
    col_backend_cryptodev.sign(context, made->job, JOBS);
    assert_all_verify(made, JOBS);
    expect_counts(JOBS - 7 - 6, 0);
    close_device(context);
    col_key_destroy(key);
    col_key_destroy(longer);
    col_key_destroy(other);
}

// A device that fails: calls of the driver go through these.

static dequeue_pkt_burst_t real_dequeue;
static enqueue_pkt_burst_t real_enqueue;
static uint16_t damaged_byte;
static uint32_t refused_operations;

static uint16_t dequeue_damaged(void *queue_pair, struct rte_crypto_op **operation,
                                uint16_t count) {
    const uint16_t done = real_dequeue(queue_pair, operation, count);
    for (uint16_t i = 0; i < done; i += 2) {
        assert_int_equal(operation[i]->status, RTE_CRYPTO_OP_STATUS_SUCCESS);
        operation[i]->asym->rsa.sign.data[damaged_byte] ^= 1;
    }
    return done;
}

static uint16_t dequeue_nothing(void *queue_pair, struct rte_crypto_op **operation,
                                uint16_t count) {
    (void)queue_pair, (void)operation, (void)count;
    return 0;
}

static uint16_t enqueue_some(void *queue_pair, struct rte_crypto_op **operation, uint16_t count) {
    const uint16_t taken = (uint16_t)(count - count / 3);
    refused_operations += count / 3u;
    return real_enqueue(queue_pair, operation, taken);
}

static struct rte_crypto_fp_ops *device_calls(void) {
    struct rte_crypto_fp_ops *calls = &rte_crypto_fp_ops[rte_cryptodev_get_dev_id(DEVICE)];
    real_dequeue = calls->dequeue_burst;
    real_enqueue = calls->enqueue_burst;
    return calls;
}

static void a_wrong_signature_is_never_released(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    void *context = open_device(key);
    device_calls()->dequeue_burst = dequeue_damaged;
    static const uint16_t places[] = {0, 1, 128, 255};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        damaged_byte = places[i];
        work *made = work_for(key);
        col_backend_cryptodev.sign(context, made->job, 8);
        assert_all_verify(made, 8);
        expect_counts(4 * (i + 1), 4 * (i + 1));
    }
    close_device(context);
    col_key_destroy(key);
}

static void what_the_device_does_not_take_is_signed_on_the_cpu(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    void *context = open_device(key);
    refused_operations = 0;
    device_calls()->enqueue_burst = enqueue_some;
    work *made = work_for(key);
    col_backend_cryptodev.sign(context, made->job, JOBS);
    assert_all_verify(made, JOBS);
    assert_true(refused_operations > 0);
    expect_counts(JOBS - refused_operations, refused_operations);
    close_device(context);
    col_key_destroy(key);
}

static void a_device_that_does_not_answer_is_given_up(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    void *context = open_device(key);
    device_calls()->dequeue_burst = dequeue_nothing;
    work *made = work_for(key);
    col_backend_cryptodev.sign(context, made->job, 5);
    assert_all_verify(made, 5);
    expect_counts(0, 5);
    device_calls()->enqueue_burst = NULL;  // to call it would be the end
    made = work_for(key);
    col_backend_cryptodev.sign(context, made->job, JOBS);
    assert_all_verify(made, JOBS);
    expect_counts(0, 5 + JOBS);
    close_device(context);
    col_key_destroy(key);
}

static void verification_is_the_cpus(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    void *context = open_device(key);
    work *made = work_for(key);
    col_backend_cryptodev.sign(context, made->job, 1);
    col_verify_job check = {
        .key = key, .message = made->job[0].message, .signature = {made->signature[0], 256}};
    col_backend_cryptodev.verify_variable_time(context, &check, 1);
    assert_true(check.valid);
    check.message = made->job[1].message;
    col_backend_cryptodev.verify_variable_time(context, &check, 1);
    assert_false(check.valid);
    close_device(context);
    col_key_destroy(key);
}

static void expect_error(const char *name, const col_key *key, uint32_t signers,
                         const char *expected) {
    static col_cryptodev_counters unused[COL_PILLARS_MAX];
    const col_result result = col_cryptodev_open(name, key, signers, unused);
    assert_false(result.ok);
    assert_string_equal(result.text, expected);
    assert_false(col_backend_cryptodev.available());
}

static void what_stands_in_the_way_is_named_with_its_remedy(void **state) {
    (void)state;
    col_key *key = make_key(COL_SCHEME_RSA, 2048);
    col_key *other = make_key(COL_SCHEME_ED25519, 0);
    expect_error("0000:ff:1f.7", key, 1,
                 "DPDK finds no signing_device 0000:ff:1f.7 (no message): name one of "
                 "`dpdk-devbind.py --status-dev crypto` in the tuning profile, or remove "
                 "signing_device to sign on the CPU");
    expect_error("crypto_null", key, 1,
                 "signing_device crypto_null does not sign with RSA keys of 2048 bits: name "
                 "another in the tuning profile, or remove signing_device to sign on the CPU");
    expect_error(DEVICE, key, 9,
                 "signing_device crypto_openssl has 8 queue pairs and the tuning profile 9 "
                 "signers: use 8 signers");
    expect_error(DEVICE, other, 1,
                 "signing_device crypto_openssl signs with RSA keys of two primes only, and this "
                 "replica's key is none: remove signing_device from the tuning profile");
    col_key_destroy(key);
    col_key_destroy(other);
}

static int start_eal(void **state) {
    (void)state;
    const col_net_options options = {.prefix = "cryptodev-test", .memory_mb = 16};
    const col_result started = col_net_eal_start(&options, false);
    if (!started.ok) print_error("%s\n", started.text);
    char directory[] = "/tmp/colonnade-XXXXXX";
    return started.ok && mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

static int stop_eal(void **state) {
    (void)state;
    char directory[64];
    const bool removed = getcwd(directory, sizeof directory) != NULL && rmdir(directory) == 0;
    col_net_eal_stop();
    return removed ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_of_all_lengths_and_keys_verify),
        cmocka_unit_test(each_signer_has_a_queue_pair_of_its_own),
        cmocka_unit_test(other_keys_are_signed_with_on_the_cpu),
        cmocka_unit_test(a_wrong_signature_is_never_released),
        cmocka_unit_test(what_the_device_does_not_take_is_signed_on_the_cpu),
        cmocka_unit_test(a_device_that_does_not_answer_is_given_up),
        cmocka_unit_test(verification_is_the_cpus),
        cmocka_unit_test(what_stands_in_the_way_is_named_with_its_remedy),
    };
    return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
