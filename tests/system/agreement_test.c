// SPDX-License-Identifier: Apache-2.0
#include "src/cli/agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/hashing.h"
#include "crypto/sealer.h"

#define REPLICAS 4
#define PILLARS 2

static char directory[] = "/tmp/colonnade-agreement-XXXXXX";
static col_cluster cluster = {
    .genesis = {.replicas = REPLICAS, .replicas_scheme = COL_SCHEME_RSA, .pillars = PILLARS}};
static char private_key[REPLICAS][64];
static col_page pages[REPLICAS];
static const col_page *shown[REPLICAS];

static void assert_ok(col_result result) {
    if (!result.ok) fail_msg("%s", result.text);
}

static int make_keys(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    memset(cluster.id.byte, 0x5a, sizeof cluster.id.byte);
    for (uint32_t i = 0; i < REPLICAS; i++) {
        snprintf(private_key[i], sizeof private_key[i], "%s/%u.pem", directory, i);
        snprintf(cluster.genesis.replica_key[i], COL_PATH_MAX, "%s/%u.pub", directory, i);
        assert_ok(
            col_key_generate(COL_SCHEME_RSA, 2048, private_key[i], cluster.genesis.replica_key[i]));
    }
    return 0;
}

static int remove_keys(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) {
        unlink(private_key[i]);
        unlink(cluster.genesis.replica_key[i]);
    }
    return rmdir(directory);
}

static int clear_pages(void **state) {
    (void)state;
    memset(pages, 0, sizeof pages);
    for (uint32_t i = 0; i < REPLICAS; i++) shown[i] = &pages[i];
    return 0;
}

static uint8_t *reserve(col_egress *self) {
    static uint8_t room[COL_DATAGRAM_BYTES_MAX];
    (void)self;
    return room;
}

static void send_nowhere(col_egress *self, col_endpoint to, uint32_t length) {
    (void)self, (void)to, (void)length;
}

static void put(void *context, const col_header *header, col_seal seal) {
    col_page_put_checkpoint(context, header->sequence, &header->digest, seal);
}

/// Put a checkpoint, sealed with the key of `signer`, on the page of `replica`.
static void vote(uint32_t replica, uint32_t signer, uint64_t checkpoint, uint8_t digest) {
    col_arena arena;
    col_egress egress = {COL_DATAGRAM_BYTES_MAX, reserve, send_nowhere};
    col_sealer_counters counters = {0};
    col_hasher *hasher = col_hasher_openssl_create();
    col_key *key;
    assert_ok(col_key_read_private(private_key[signer], COL_SCHEME_RSA, &key));
    assert_ok(col_arena_open(&arena, col_sealer_footprint(&col_backend_openssl)));
    const col_sealer_options options = {.backend = &col_backend_openssl,
                                        .hasher = hasher,
                                        .key = key,
                                        .cluster = cluster.id,
                                        .role = COL_ROLE_REPLICA,
                                        .signer = signer,
                                        .replicas = REPLICAS,
                                        .egress = &egress,
                                        .sealed = put,
                                        .sealed_context = &pages[replica],
                                        .counters = &counters};
    col_sealer *sealer = col_sealer_create(&arena, &options);
    col_header header = {
        .type = COL_CHECKPOINT, .pillar = (uint8_t)(checkpoint % PILLARS), .sequence = checkpoint};
    memset(header.digest.byte, digest, sizeof header.digest.byte);
    assert_true(col_sealer_add(sealer, &header, (col_bytes){0}, (col_destination){.replicas = 1}));
    col_sealer_flush(sealer);
    col_sealer_destroy(sealer);
    col_arena_close(&arena);
    col_key_destroy(key);
    col_hasher_destroy(hasher);
}

static col_agreement check(void) {
    col_agreement agreement;
    assert_ok(col_agreement_check(&cluster, shown, REPLICAS, 0, &agreement));
    return agreement;
}

static void replicas_that_signed_the_same_agree(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) vote(i, i, 5, 0xaa);
    const col_agreement agreement = check();
    assert_string_equal(agreement.problem, "");
    assert_true(agreement.agree);
    assert_int_equal(agreement.compared, 4);
    assert_int_equal(agreement.checkpoint, 5);
    assert_int_equal(agreement.digest.byte[31], 0xaa);
}

static void another_digest_is_disagreement(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) vote(i, i, 5, i == 2 ? 0xbb : 0xaa);
    const col_agreement agreement = check();
    assert_false(agreement.agree);
    assert_string_equal(agreement.problem, "replica 2 signed another digest for checkpoint 5");
}

static void a_vote_that_its_replica_did_not_sign_does_not_count(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) vote(i, i == 3 ? 0 : i, 5, 0xaa);
    const col_agreement agreement = check();
    assert_false(agreement.agree);
    assert_string_equal(agreement.problem, "replica 3 has not signed its checkpoint 5");
}

static void a_digest_changed_on_the_page_is_not_what_was_signed(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) vote(i, i, 5, 0xaa);
    pages[1].checkpoint[5 % COL_PAGE_CHECKPOINTS].digest.byte[0] ^= 1;
    assert_string_equal(check().problem, "replica 1 has not signed its checkpoint 5");
}

static void the_newest_common_checkpoint_is_compared(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS; i++) vote(i, i, 5, 0xaa);
    vote(0, 0, 6, 0xcc);
    const col_agreement agreement = check();
    assert_true(agreement.agree);
    assert_int_equal(agreement.checkpoint, 5);
}

static void replicas_that_are_down_are_left_out(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) vote(i, i, 5, 0xaa);
    shown[3] = NULL;
    const col_agreement agreement = check();
    assert_true(agreement.agree);
    assert_int_equal(agreement.compared, 3);
}

static void without_checkpoints_nothing_agrees(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) vote(i, i, 5, 0xaa);
    assert_false(check().agree);  // replica 3 has none
    memset(shown, 0, sizeof shown);
    assert_false(check().agree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(replicas_that_signed_the_same_agree, clear_pages),
        cmocka_unit_test_setup(another_digest_is_disagreement, clear_pages),
        cmocka_unit_test_setup(a_vote_that_its_replica_did_not_sign_does_not_count, clear_pages),
        cmocka_unit_test_setup(a_digest_changed_on_the_page_is_not_what_was_signed, clear_pages),
        cmocka_unit_test_setup(the_newest_common_checkpoint_is_compared, clear_pages),
        cmocka_unit_test_setup(replicas_that_are_down_are_left_out, clear_pages),
        cmocka_unit_test_setup(without_checkpoints_nothing_agrees, clear_pages),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
