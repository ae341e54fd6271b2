// SPDX-License-Identifier: Apache-2.0
#include "crypto/exchange.h"

#include "crypto/openssl_key.h"
#include "tests/unit/crypto/support.h"

/// A session's pair and a replica's, of bytes that count.
typedef struct {
    col_key *session;
    col_key *replica;
    col_exchange_key session_share;
    col_exchange_key replica_share;
    col_digest cluster;
    col_link link;
} pair;

static col_key *private_of(uint8_t first) {
    uint8_t raw[32];
    for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)(first + i);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, raw, sizeof raw);
    assert_non_null(pkey);
    col_key *key;
    assert_ok(col_key_adopt(pkey, "test", true, COL_SCHEME_HMAC, &key));
    return key;
}

static void pair_open(pair *p) {
    *p = (pair){.session = private_of(0), .replica = private_of(100)};
    col_exchange_share(p->session, &p->session_share);
    col_exchange_share(p->replica, &p->replica_share);
    memset(p->cluster.byte, 0xC1, sizeof p->cluster.byte);
    p->link = (col_link){.cluster = &p->cluster,
                         .client = 0x01020304,
                         .pillar = 5,
                         .nonce = UINT64_C(0x1122334455667788),
                         .share = &p->session_share,
                         .replica = 3};
}

static void pair_close(pair *p) {
    col_key_destroy(p->session);
    col_key_destroy(p->replica);
}

static void assert_secret(const col_mac_key *key, const char *hex) {
    for (size_t i = 0; i < COL_MAC_SECRET_BYTES; i++) {
        uint8_t byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &byte), 1);
        assert_int_equal(key->secret[i], byte);
    }
}

/// The answers are those of Python's `cryptography` (X25519, then HKDF with SHA-256, the cluster id
/// as salt, and as info the text, client, pillar, nonce, share and replica, little-endian).
static void the_keys_of_a_known_link_come_out(void **state) {
    (void)state;
    pair p;
    col_link_keys keys;
    pair_open(&p);
    assert_true(col_link_keys_derive(p.replica, &p.session_share, &p.link, &keys));
    assert_secret(&keys.request,
                  "8699cb09de4a0730054fd1859425c6720c814340959778a7c67b69c3f5b0bf69");
    assert_secret(&keys.reply, "ae2a65370cf404be9c21f1e79951fbe5390823468723b0c802591000083b5f36");
    pair_close(&p);
}

static void both_sides_derive_the_same_keys_ready_for_use(void **state) {
    (void)state;
    pair p;
    pair_open(&p);
    for (uint32_t i = 0; i < 20; i++) {
        col_exchange_key share;
        col_key *session = col_exchange_generate(&share);
        col_link_keys here, there;
        p.link.share = &share;
        p.link.nonce = i;
        assert_true(col_link_keys_derive(p.replica, &share, &p.link, &here));
        assert_true(col_link_keys_derive(session, &p.replica_share, &p.link, &there));
        assert_memory_equal(&here, &there, sizeof here);
        assert_memory_not_equal(&here.request, &here.reply, sizeof here.reply);
        col_mac_key again;
        col_mac_key_init(&again, here.request.secret);
        assert_memory_equal(&again, &here.request, sizeof again);
        col_key_destroy(session);
    }
    pair_close(&p);
}

/// Derive with `link`: both keys differ from those of the pair's own link.
static void assert_other_keys(const pair *p, const col_link *link) {
    col_link_keys keys, other;
    assert_true(col_link_keys_derive(p->replica, &p->session_share, &p->link, &keys));
    assert_true(col_link_keys_derive(p->replica, &p->session_share, link, &other));
    assert_memory_not_equal(keys.request.secret, other.request.secret, COL_MAC_SECRET_BYTES);
    assert_memory_not_equal(keys.reply.secret, other.reply.secret, COL_MAC_SECRET_BYTES);
}

static void keys_are_bound_to_all_that_a_link_is(void **state) {
    (void)state;
    pair p;
    pair_open(&p);
    col_digest cluster = p.cluster;
    cluster.byte[31] ^= 1;
    col_exchange_key share = p.session_share;
    share.byte[31] ^= 1;
    for (int field = 0; field < 6; field++) {
        col_link link = p.link;
        if (field == 0) link.cluster = &cluster;
        if (field == 1) link.client ^= 1u << 31;
        if (field == 2) link.pillar ^= 1;
        if (field == 3) link.nonce ^= UINT64_C(1) << 63;
        if (field == 4) link.share = &share;
        if (field == 5) link.replica ^= 1;
        assert_other_keys(&p, &link);
    }
    pair_close(&p);
}

static void who_has_neither_private_key_has_other_keys(void **state) {
    (void)state;
    pair p;
    pair_open(&p);
    col_exchange_key share;
    col_key *stranger = col_exchange_generate(&share);
    col_link_keys keys, theirs;
    assert_true(col_link_keys_derive(p.replica, &p.session_share, &p.link, &keys));
    assert_true(col_link_keys_derive(stranger, &p.replica_share, &p.link, &theirs));
    assert_memory_not_equal(&keys.request, &theirs.request, sizeof theirs.request);
    assert_true(col_link_keys_derive(stranger, &p.session_share, &p.link, &theirs));
    assert_memory_not_equal(&keys.request, &theirs.request, sizeof theirs.request);
    col_key_destroy(stranger);
    pair_close(&p);
}

/// All that give the secret 0, whosever private key meets them: RFC 7748, section 6.1, wants it
/// refused. The last three are not reduced.
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void a_share_that_gives_every_secret_alike_is_refused(void **state) {
    (void)state;
    pair p;
    pair_open(&p);
    for (size_t i = 0; i < 2 * sizeof low_order / sizeof *low_order; i++) {
        col_exchange_key share;
        for (size_t k = 0; k < sizeof share.byte; k++) {
            assert_int_equal(sscanf(low_order[i / 2] + 2 * k, "%2hhx", &share.byte[k]), 1);
        }
        share.byte[31] |= i % 2 ? 0x80 : 0;  // X25519 does not look at the highest bit
        col_link_keys keys;
        memset(&keys, 0x77, sizeof keys);
        assert_false(col_link_keys_derive(p.replica, &share, &p.link, &keys));
        assert_int_equal(keys.request.secret[0], 0x77);
    }
    col_link_keys keys;
    assert_true(col_link_keys_derive(p.replica, &p.session_share, &p.link, &keys));
    pair_close(&p);
}

static void every_pair_is_another_and_shows_its_public_half(void **state) {
    (void)state;
    col_exchange_key share[8];
    for (uint32_t i = 0; i < 8; i++) {
        col_exchange_key again;
        col_key *key = col_exchange_generate(&share[i]);
        assert_int_equal(col_key_scheme(key), COL_SCHEME_HMAC);
        col_exchange_share(key, &again);
        assert_memory_equal(&again, &share[i], sizeof again);
        for (uint32_t k = 0; k < i; k++) assert_memory_not_equal(&share[k], &share[i], 32);
        col_key_destroy(key);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_a_known_link_come_out),
        cmocka_unit_test(both_sides_derive_the_same_keys_ready_for_use),
        cmocka_unit_test(keys_are_bound_to_all_that_a_link_is),
        cmocka_unit_test(who_has_neither_private_key_has_other_keys),
        cmocka_unit_test(a_share_that_gives_every_secret_alike_is_refused),
        cmocka_unit_test(every_pair_is_another_and_shows_its_public_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
