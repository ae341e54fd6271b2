// SPDX-License-Identifier: Apache-2.0
#include "src/client/links.h"

#include "crypto/exchange.h"
#include "tests/unit/crypto/support.h"

// Client 1 with two sessions at most, and the replicas' side made by hand.

#define CLIENT 1
#define SESSIONS 2

static col_arena arena;
static col_key *replica[REPLICAS];
static col_client_link_keys links;
static col_client_links calls;
static col_opener_links to_open;

static int set_up(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, col_client_links_footprint(SESSIONS, REPLICAS)));
    links = (col_client_link_keys){.client = CLIENT, .replicas = REPLICAS, .cluster = {{0xC1}}};
    for (uint32_t r = 0; r < REPLICAS; r++) replica[r] = col_exchange_generate(&links.replica[r]);
    col_client_links_open(&links, &arena, SESSIONS);
    calls = col_client_links_of(&links);
    to_open = col_client_links_to_open(&links);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (uint32_t r = 0; r < REPLICAS; r++) col_key_destroy(replica[r]);
    col_client_links_close(&links);
    col_arena_close(&arena);
    return 0;
}

/// What replica `r` derives of a SESSION-OPEN.
static col_link_keys of_replica(uint32_t r, uint8_t pillar, uint64_t nonce,
                                const col_exchange_key *share) {
    const col_link link = {.cluster = &links.cluster,
                           .client = CLIENT,
                           .pillar = pillar,
                           .nonce = nonce,
                           .share = share,
                           .replica = r};
    col_link_keys keys;
    assert_true(col_link_keys_derive(replica[r], share, &link, &keys));
    return keys;
}

/// The client seals and opens with the keys that every replica has.
static void assert_linked(uint64_t session, uint8_t pillar, uint64_t nonce,
                          const col_exchange_key *share) {
    col_link_seal seal;
    assert_true(col_client_links_seal(&links, session, &seal));
    assert_int_equal(seal.key_version, (uint32_t)session);
    assert_int_equal(seal.count, REPLICAS);
    for (uint32_t r = 0; r < REPLICAS; r++) {
        const col_link_keys keys = of_replica(r, pillar, nonce, share);
        assert_memory_equal(&seal.key[r], &keys.request, sizeof keys.request);
        const col_mac_key *reply =
            to_open.find(to_open.context, COL_ROLE_REPLICA, r, (uint32_t)session);
        assert_non_null(reply);
        assert_memory_equal(reply, &keys.reply, sizeof keys.reply);
    }
}

static void a_session_has_the_keys_of_its_opening(void **state) {
    (void)state;
    col_exchange_key share[2];
    calls.begin(calls.context, 1, &share[0]);
    calls.begin(calls.context, 2, &share[1]);  // another pillar's, meanwhile
    calls.opened(calls.context, 1, 77, (UINT64_C(3) << 32) + 5);
    calls.opened(calls.context, 2, 78, 6);
    assert_linked((UINT64_C(3) << 32) + 5, 1, 77, &share[0]);
    assert_linked(6, 2, 78, &share[1]);
    for (uint32_t k = 1; k <= 2; k++) assert_null(links.pillar[k].pair);  // of no more use
}

static void the_pair_that_was_made_last_counts(void **state) {
    (void)state;
    col_exchange_key first, second;
    calls.begin(calls.context, 1, &first);
    calls.begin(calls.context, 1, &second);
    assert_memory_not_equal(&first, &second, sizeof first);
    calls.opened(calls.context, 1, 77, 5);
    assert_linked(5, 1, 77, &second);
}

static void a_closed_session_has_no_keys_and_leaves_room(void **state) {
    (void)state;
    col_link_seal seal;
    col_exchange_key share;
    for (uint64_t session = 1; session <= 3 * SESSIONS; session++) {
        assert_false(col_client_links_seal(&links, session, &seal));
        calls.begin(calls.context, 0, &share);
        calls.opened(calls.context, 0, session, session);
        assert_linked(session, 0, session, &share);
        calls.closed(calls.context, session);
        assert_false(col_client_links_seal(&links, session, &seal));
        assert_null(to_open.find(to_open.context, COL_ROLE_REPLICA, 0, (uint32_t)session));
    }
}

static void keys_are_looked_for_of_replicas_only(void **state) {
    (void)state;
    col_exchange_key share;
    calls.begin(calls.context, 0, &share);
    calls.opened(calls.context, 0, 77, 5);
    assert_non_null(to_open.find(to_open.context, COL_ROLE_REPLICA, REPLICAS - 1, 5));
    assert_null(to_open.find(to_open.context, COL_ROLE_REPLICA, REPLICAS, 5));
    assert_null(to_open.find(to_open.context, COL_ROLE_CLIENT, CLIENT, 5));
    assert_null(to_open.find(to_open.context, COL_ROLE_REPLICA, 0, 6));
}

static void a_replicas_key_that_gives_no_secret_leaves_the_session_its_signatures(void **state) {
    (void)state;
    col_link_seal seal;
    col_exchange_key share;
    links.replica[REPLICAS - 1] = (col_exchange_key){0};
    calls.begin(calls.context, 0, &share);
    calls.opened(calls.context, 0, 77, 5);
    assert_false(col_client_links_seal(&links, 5, &seal));
    assert_null(to_open.find(to_open.context, COL_ROLE_REPLICA, 0, 5));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_session_has_the_keys_of_its_opening),
        TEST(the_pair_that_was_made_last_counts),
        TEST(a_closed_session_has_no_keys_and_leaves_room),
        TEST(keys_are_looked_for_of_replicas_only),
        TEST(a_replicas_key_that_gives_no_secret_leaves_the_session_its_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
