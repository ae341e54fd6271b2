// SPDX-License-Identifier: Apache-2.0
#include "crypto/opener.h"

#include "src/wire/join.h"
#include "tests/unit/crypto/support.h"

static test_cluster cluster;
static col_arena arena;
static test_egress egress;
static col_sealer *sealer[REPLICAS + CLIENTS];
static col_sealer_counters sealer_counters;
static col_opener *opener;
static col_opener_counters counters;
static col_macs *macs;

#define ARENA_BYTES ((size_t)64 << 20)
#define PILLAR 2

static col_opener *new_opener(const col_keyring *keyring, col_opener_counters *of) {
    return col_opener_create(&arena, &counted_backend, cluster.hasher, keyring,
                             col_root_cache_create(&arena, 256), of);
}

static int open_cluster(void **state) {
    (void)state;
    test_cluster_open(&cluster);
    return 0;
}

static int close_cluster(void **state) {
    (void)state;
    test_cluster_close(&cluster);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    assert_ok(col_arena_open(&arena, ARENA_BYTES));
    test_egress_init(&egress, 1472);
    macs = col_macs_create();
    for (uint32_t i = 0; i < REPLICAS + CLIENTS; i++) {
        const bool client = i >= REPLICAS;
        col_sealer_options options =
            test_sealer_options(&cluster, client ? COL_ROLE_CLIENT : COL_ROLE_REPLICA,
                                client ? i - REPLICAS : i, &egress, &sealer_counters);
        options.macs = macs;
        sealer[i] = col_sealer_create(&arena, &options);
    }
    memset(&counters, 0, sizeof counters);
    opener = new_opener(&cluster.keyring, &counters);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (uint32_t i = 0; i < REPLICAS + CLIENTS; i++) col_sealer_destroy(sealer[i]);
    col_opener_destroy(opener);
    col_macs_destroy(macs);
    col_arena_close(&arena);
    return 0;
}

/// What an opener handed over.
#define KEPT_MAX 512
typedef struct {
    uint32_t count;
    struct {
        uint32_t bundle;
        bool whole;
        col_header header;
        uint8_t bytes[8192];
        size_t length;
        uint8_t seal[COL_SEAL_BYTES_MAX];
        size_t seal_length;
    } at[KEPT_MAX];
} kept_messages;
static kept_messages kept;

static void keep(void *context, const col_opened *opened) {
    kept_messages *self = context;
    assert_true(self->count < KEPT_MAX);
    const col_verified *verified = &opened->verified;
    assert_true(verified->message.bytes.length <= sizeof self->at[0].bytes);
    self->at[self->count].bundle = opened->bundle;
    self->at[self->count].whole = opened->whole;
    self->at[self->count].header = verified->message.header;
    self->at[self->count].length = verified->message.bytes.length;
    memcpy(self->at[self->count].bytes, verified->message.bytes.at, verified->message.bytes.length);
    self->at[self->count].seal_length = verified->seal.length;
    if (verified->seal.length > 0) {
        memcpy(self->at[self->count].seal, verified->seal.at, verified->seal.length);
    }
    self->count++;
}

static col_drop open_with(col_opener *with, col_bytes bytes) {
    col_drop drop;
    kept.count = 0;
    col_open_burst(with, &bytes, 1, &drop, keep, &kept);
    assert_int_equal(drop == COL_DROP_NONE, kept.count > 0);
    return drop;
}

static col_drop open_one(col_bytes bytes) {
    return open_with(opener, bytes);
}

/// A copy that a test may spoil. The same memory at every call.
static col_bytes copy_of(col_bytes bytes, uint8_t **at) {
    static uint8_t copy[COL_DATAGRAM_BYTES_MAX + 1];
    memcpy(copy, bytes.at, bytes.length);
    *at = copy;
    return (col_bytes){copy, bytes.length};
}

static col_seal kept_seal(uint32_t which) {
    return (col_seal){kept.at[which].seal, kept.at[which].seal_length};
}

static col_header header_of(uint8_t type, uint64_t sequence) {
    col_header header = {.type = type,
                         .pillar = PILLAR,
                         .view = col_type_role(type) == COL_ROLE_REPLICA ? 9 : 0,
                         .sequence = sequence};
    if (col_type_digest_is_given(type)) memset(header.digest.byte, 0xD0 + type, 32);
    return header;
}

static void seal(uint32_t signer, uint8_t type, uint64_t sequence, col_bytes body) {
    const col_header header = header_of(type, sequence);
    // to one receiver that no test replica is
    const col_destination to = {.client = {0x7f000001, 99}};
    assert_true(col_sealer_add(sealer[signer], &header, body, to));
}

/// One datagram of replica 0: a COMMIT, a STATUS, and a sibling for the third leaf that is sent
/// elsewhere.
static col_bytes small_bundle(void) {
    egress.count = 0;
    seal(0, COL_COMMIT, 41, (col_bytes){0});
    seal(0, COL_STATUS, 42, (col_bytes){(const uint8_t *)"four", 4});
    const col_header elsewhere = header_of(COL_PREPARE, 43);
    assert_true(col_sealer_add(sealer[0], &elsewhere, (col_bytes){0},
                               (col_destination){.client = {0x7f000001, 100}}));
    col_sealer_flush(sealer[0]);
    assert_int_equal(egress.count, 2);
    return sent_bytes(&egress, 0);
}

static bool seal_is_complete_for(uint8_t type) {
    return type == COL_PREPARE || type == COL_COMMIT || type == COL_CHECKPOINT ||
           type == COL_VIEW_CHANGE || type == COL_NEW_VIEW || type == COL_REQUEST ||
           type == COL_SESSION_OPEN;
}

static void every_type_arrives_as_it_was_sealed_and_with_the_seal_it_needs(void **state) {
    (void)state;
    uint8_t body[200];
    random_fill(body, sizeof body);
    col_opener *elsewhere = new_opener(&cluster.keyring, &counters);
    for (uint8_t type = 1; type < (uint8_t)COL_TYPE_COUNT; type++) {
        const bool client = col_type_role(type) == COL_ROLE_CLIENT;
        const bool given = col_type_digest_is_given(type);
        const uint32_t signer = client ? REPLICAS + 1 : 3;
        const col_bytes bytes = {body, given ? 0 : 10u * type};
        egress.count = 0;
        seal(signer, type, 100 + type, bytes);
        col_sealer_flush(sealer[signer]);
        assert_int_equal(open_one(sent_bytes(&egress, 0)), COL_DROP_NONE);
        assert_int_equal(kept.count, 1);
        const col_header *header = &kept.at[0].header;
        assert_int_equal(header->type, type);
        assert_int_equal(header->role, client ? COL_ROLE_CLIENT : COL_ROLE_REPLICA);
        assert_int_equal(header->sender, client ? 1 : 3);
        assert_int_equal(header->pillar, PILLAR);
        assert_int_equal(header->view, client ? 0 : 9);
        assert_int_equal(header->sequence, 100 + type);
        assert_int_equal(kept.at[0].length, bytes.length);
        assert_memory_equal(kept.at[0].bytes, body, bytes.length);
        col_digest digest = header_of(type, 0).digest;
        if (!given) col_hash(cluster.hasher, bytes, &digest);
        assert_memory_equal(header->digest.byte, digest.byte, 32);
        if (seal_is_complete_for(type)) {
            assert_int_equal(col_seal_check(elsewhere, header, kept_seal(0)), COL_DROP_NONE);
        } else {
            assert_int_equal(kept.at[0].seal_length, 0);
        }
    }
    col_opener_destroy(elsewhere);
}

/// The dispatch byte is the only one that no signature covers: it chooses the port's pillar, while
/// each entry names its own pillar under the seal.
static bool is_unauthenticated(size_t at) {
    return at == COL_BUNDLE_PILLAR_OFFSET;
}

static void check_tampering(bool cached) {
    uint8_t *copy;
    const col_bytes good = small_bundle();
    if (cached) assert_int_equal(open_one(good), COL_DROP_NONE);
    const col_bytes bytes = copy_of(good, &copy);
    for (size_t at = 0; at < bytes.length; at++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[at] ^= (uint8_t)(1 << bit);
            const col_drop drop = open_one(bytes);
            copy[at] ^= (uint8_t)(1 << bit);
            if (!is_unauthenticated(at)) {
                if (drop == COL_DROP_NONE) fail_msg("bit %d of byte %zu was not noticed", bit, at);
                continue;
            }
            if (drop != COL_DROP_NONE) {
                assert_int_equal(drop, COL_DROP_MALFORMED);  // no such pillar
                continue;
            }
            assert_int_equal(kept.count, 2);
            assert_int_equal(kept.at[0].header.pillar, PILLAR);
            assert_int_equal(kept.at[1].header.pillar, PILLAR);
            assert_memory_equal(kept.at[1].bytes, "four", 4);
        }
    }
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
}

static void every_bit_of_a_datagram_but_the_dispatch_byte_is_protected(void **state) {
    (void)state;
    check_tampering(false);
}

static void every_bit_is_protected_although_the_root_is_cached(void **state) {
    (void)state;
    check_tampering(true);
}

static void a_datagram_cut_short_or_longer_is_dropped(void **state) {
    (void)state;
    uint8_t *copy;
    col_bytes bytes = copy_of(small_bundle(), &copy);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    copy[bytes.length] = 0;
    assert_int_equal(open_one((col_bytes){copy, bytes.length + 1}), COL_DROP_MALFORMED);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_not_equal(open_one((col_bytes){copy, length}), COL_DROP_NONE);
    }
}

#define ROLE_OFFSET 4
#define SCHEME_OFFSET 5
#define SIGNATURE_BYTES_OFFSET 6
#define SIGNER_OFFSET 8
#define KEY_VERSION_OFFSET 12
#define LEAVES_OFFSET 16
#define TAG_OFFSET 24

static void a_signature_of_one_replica_does_not_vouch_for_another(void **state) {
    (void)state;
    uint8_t *copy;
    egress.count = 0;
    seal(1, COL_COMMIT, 41, (col_bytes){0});
    col_sealer_flush(sealer[1]);
    const col_bytes bytes = copy_of(sent_bytes(&egress, 0), &copy);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    copy[SIGNER_OFFSET] = 2;
    assert_int_equal(open_one(bytes), COL_DROP_BAD_SIGNATURE);
    col_opener *elsewhere = new_opener(&cluster.keyring, &counters);
    assert_int_equal(open_with(elsewhere, bytes), COL_DROP_BAD_SIGNATURE);
    col_opener_destroy(elsewhere);
}

static void senders_schemes_and_clusters_that_are_not_ours_have_their_reasons(void **state) {
    (void)state;
    uint8_t *copy;
    const col_bytes bytes = copy_of(small_bundle(), &copy);
    const struct {
        size_t at;
        uint8_t value;
        col_drop drop;
    } cases[] = {
        {SIGNER_OFFSET, 4, COL_DROP_UNKNOWN_SENDER},
        {SIGNER_OFFSET + 3, 1, COL_DROP_UNKNOWN_SENDER},
        {KEY_VERSION_OFFSET, 2, COL_DROP_UNKNOWN_SENDER},
        {SCHEME_OFFSET, 0, COL_DROP_WRONG_SCHEME},
        {SCHEME_OFFSET, COL_SCHEME_ED25519, COL_DROP_WRONG_SCHEME},
        {SCHEME_OFFSET, COL_SCHEME_ECDSA_P256, COL_DROP_WRONG_SCHEME},
        {SCHEME_OFFSET, 4, COL_DROP_WRONG_SCHEME},
        {SCHEME_OFFSET, 255, COL_DROP_WRONG_SCHEME},
        {TAG_OFFSET, 0, COL_DROP_OTHER_CLUSTER},
        {TAG_OFFSET + 7, 0, COL_DROP_OTHER_CLUSTER},
        {ROLE_OFFSET, COL_ROLE_CLIENT, COL_DROP_WRONG_ROLE},
        {0, 0, COL_DROP_WRONG_VERSION},
        {2, 9, COL_DROP_WRONG_VERSION},
        {LEAVES_OFFSET, 2, COL_DROP_BAD_PROOF},
        {SIGNATURE_BYTES_OFFSET + 1, 0, COL_DROP_BAD_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t right = copy[cases[i].at];
        copy[cases[i].at] = cases[i].value;
        assert_int_equal(open_one(bytes), cases[i].drop);
        copy[cases[i].at] = right;
    }
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
}

#define SEAL_SCHEME_OFFSET 10

static uint8_t own_vote_scheme;

static void note_scheme(void *context, const col_header *header, col_seal seal) {
    (void)context, (void)header;
    own_vote_scheme = seal.at[SEAL_SCHEME_OFFSET];
}

/// Seal one message as `role` of `mixed`. @return its datagram, to be spoilt at `copy`
static col_bytes sealed_by(const test_cluster *mixed, uint8_t role, uint8_t **copy) {
    col_sealer_options options = test_sealer_options(mixed, role, 1, &egress, &sealer_counters);
    options.sealed = note_scheme;
    col_sealer *own = col_sealer_create(&arena, &options);
    const col_header header = header_of(role == COL_ROLE_CLIENT ? COL_REQUEST : COL_COMMIT, 7);
    const col_bytes body = {(const uint8_t *)"body", role == COL_ROLE_CLIENT ? 4 : 0};
    egress.count = 0;
    assert_true(col_sealer_add(own, &header, body, (col_destination){.client = {0x7f000001, 99}}));
    col_sealer_flush(own);
    col_sealer_destroy(own);
    return copy_of(sent_bytes(&egress, 0), copy);
}

/// Under every number but its scheme's, a datagram and a seal are dropped, though the root is
/// known.
static void check_scheme(const test_cluster *mixed, uint8_t role, uint8_t scheme) {
    uint8_t *copy;
    const col_bytes bytes = sealed_by(mixed, role, &copy);
    col_opener *with = new_opener(&mixed->keyring, &counters);
    assert_int_equal(copy[SCHEME_OFFSET], scheme);
    if (role == COL_ROLE_REPLICA) assert_int_equal(own_vote_scheme, scheme);
    assert_int_equal(open_with(with, bytes), COL_DROP_NONE);
    uint8_t *seal_at = kept.at[0].seal;
    const col_header header = kept.at[0].header;
    const col_seal own_seal = kept_seal(0);
    assert_int_equal(seal_at[SEAL_SCHEME_OFFSET], scheme);
    assert_int_equal(col_seal_check(with, &header, own_seal), COL_DROP_NONE);
    for (int other = 0; other < 256; other++) {
        if (other == scheme) continue;
        seal_at[SEAL_SCHEME_OFFSET] = copy[SCHEME_OFFSET] = (uint8_t)other;
        assert_int_equal(open_with(with, bytes), COL_DROP_WRONG_SCHEME);
        assert_int_equal(col_seal_check(with, &header, own_seal), COL_DROP_WRONG_SCHEME);
    }
    col_opener_destroy(with);
}

static void each_link_takes_its_own_scheme_only(void **state) {
    (void)state;
    static test_cluster mixed;
    test_cluster_open_with(&mixed, COL_SCHEME_ED25519, COL_SCHEME_ECDSA_P256);
    check_scheme(&mixed, COL_ROLE_REPLICA, COL_SCHEME_ED25519);
    check_scheme(&mixed, COL_ROLE_CLIENT, COL_SCHEME_ECDSA_P256);

    // The signatures of the two schemes have one length; a signer's key says which it is.
    uint8_t *copy;
    const col_bytes bytes = sealed_by(&mixed, COL_ROLE_REPLICA, &copy);
    const col_keyring swapped = {
        .replicas = CLIENTS, .replica = mixed.keyring.client, .cluster = mixed.keyring.cluster};
    col_opener *with = new_opener(&swapped, &counters);
    assert_int_equal(open_with(with, bytes), COL_DROP_WRONG_SCHEME);
    copy[SCHEME_OFFSET] = COL_SCHEME_ECDSA_P256;
    assert_int_equal(open_with(with, bytes), COL_DROP_BAD_SIGNATURE);
    col_opener_destroy(with);
    test_cluster_close(&mixed);
}

static void a_cached_root_with_a_garbage_signature_is_verified_and_dropped(void **state) {
    (void)state;
    uint8_t *copy;
    const col_bytes bytes = copy_of(small_bundle(), &copy);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    memset(copy + COL_BUNDLE_HEADER_BYTES, 0x5a, 256);
    assert_int_equal(open_one(bytes), COL_DROP_BAD_SIGNATURE);
    assert_int_equal(open_one(bytes), COL_DROP_BAD_SIGNATURE);
}

/// A tree of 8 and one of 7 leaves can give leaf 0 the same path: the hit would make a certificate
/// that nobody else accepts.
static void a_cached_root_does_not_vouch_for_another_number_of_leaves(void **state) {
    (void)state;
    egress.count = 0;
    for (uint16_t i = 0; i < 8; i++) {
        const col_header header = header_of(COL_COMMIT, i);
        assert_true(col_sealer_add(sealer[0], &header, (col_bytes){0},
                                   (col_destination){.client = {1, (uint16_t)(50 + i)}}));
    }
    col_sealer_flush(sealer[0]);
    uint8_t *copy;
    const col_bytes bytes = copy_of(sent_bytes(&egress, 0), &copy);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    assert_int_equal(copy[LEAVES_OFFSET], 8);
    copy[LEAVES_OFFSET] = 7;
    assert_int_equal(open_one(bytes), COL_DROP_BAD_SIGNATURE);

    col_opener *elsewhere = new_opener(&cluster.keyring, &counters);
    const col_bytes burst[] = {sent_bytes(&egress, 0), bytes};  // before anything is cached
    col_drop drop[2];
    col_open_burst(elsewhere, burst, 2, drop, keep, &kept);
    assert_int_equal(drop[0], COL_DROP_NONE);
    assert_int_equal(drop[1], COL_DROP_BAD_SIGNATURE);
    col_opener_destroy(elsewhere);

    assert_int_equal(open_one(sent_bytes(&egress, 0)), COL_DROP_NONE);
    kept.at[0].seal[4] = 7;
    assert_int_equal(col_seal_check(opener, &kept.at[0].header, kept_seal(0)),
                     COL_DROP_BAD_SIGNATURE);
}

static void a_bundle_of_a_cluster_with_the_same_tag_is_not_ours(void **state) {
    (void)state;
    const col_bytes bytes = small_bundle();
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    col_keyring other = cluster.keyring;
    other.cluster.byte[31] ^= 1;  // the tag is the first 8 bytes
    col_opener *theirs = new_opener(&other, &counters);
    assert_int_equal(open_with(theirs, bytes), COL_DROP_BAD_SIGNATURE);
    other.cluster.byte[0] ^= 1;
    col_opener *others = new_opener(&other, &counters);
    assert_int_equal(open_with(others, bytes), COL_DROP_OTHER_CLUSTER);
    col_opener_destroy(theirs);
    col_opener_destroy(others);
}

/// OSDI'99 votes differ by type, view, slot and sender only: so must their seals.
static void a_seal_proves_one_type_slot_view_pillar_run_sender_and_digest(void **state) {
    (void)state;
    egress.count = 0;
    seal(2, COL_PREPARE, 41, (col_bytes){0});
    seal(2, COL_PREPARE, 42, (col_bytes){0});
    col_sealer_flush(sealer[2]);
    assert_int_equal(open_one(sent_bytes(&egress, 0)), COL_DROP_NONE);
    const col_header good = kept.at[0].header;
    assert_int_equal(col_seal_check(opener, &good, kept_seal(0)), COL_DROP_NONE);

    col_header bad = good;
    bad.type = COL_COMMIT;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.sequence++;  // sealed too, under another leaf
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(1)), COL_DROP_NONE);
    bad = good, bad.view++;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.pillar++;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.run = 1;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.sender = 3;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.digest.byte[0]++;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_BAD_SIGNATURE);
    bad = good, bad.role = COL_ROLE_CLIENT;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_WRONG_ROLE);
    bad = good, bad.sender = 4;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_UNKNOWN_SENDER);
    bad = good, bad.fragments = 2;
    assert_int_equal(col_seal_check(opener, &bad, kept_seal(0)), COL_DROP_MALFORMED);
}

static void a_seal_with_any_bit_changed_is_no_proof(void **state) {
    (void)state;
    assert_int_equal(open_one(small_bundle()), COL_DROP_NONE);
    const col_header good = kept.at[0].header;
    for (size_t bit = 0; bit < 8 * kept.at[0].seal_length; bit++) {
        kept.at[0].seal[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const col_drop drop = col_seal_check(opener, &good, kept_seal(0));
        kept.at[0].seal[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (drop == COL_DROP_NONE) fail_msg("bit %zu was not noticed", bit);
    }
    for (size_t length = 0; length < kept.at[0].seal_length; length++) {
        assert_int_equal(col_seal_check(opener, &good, (col_seal){kept.at[0].seal, length}),
                         COL_DROP_MALFORMED);
    }
    assert_int_equal(col_seal_check(opener, &good, kept_seal(0)), COL_DROP_NONE);
}

static void a_seal_checked_twice_costs_one_verification(void **state) {
    (void)state;
    assert_int_equal(open_one(small_bundle()), COL_DROP_NONE);
    col_opener *elsewhere = new_opener(&cluster.keyring, &counters);
    const uint32_t before = counted_verifies;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(col_seal_check(elsewhere, &kept.at[0].header, kept_seal(0)),
                         COL_DROP_NONE);
    }
    assert_int_equal(counted_verifies, before + 1);
    col_opener_destroy(elsewhere);
}

static void a_burst_of_sixteen_new_roots_is_one_call_and_the_same_again_is_none(void **state) {
    (void)state;
    egress.count = 0;
    for (uint32_t i = 0; i < 16; i++) {
        seal(i % REPLICAS, COL_COMMIT, i, (col_bytes){0});
        col_sealer_flush(sealer[i % REPLICAS]);
    }
    col_bytes burst[16];
    col_drop drop[16];
    for (uint32_t i = 0; i < 16; i++) burst[i] = sent_bytes(&egress, i);
    const uint32_t calls = counted_verify_calls;
    const uint32_t verifies = counted_verifies;
    for (int round = 0; round < 2; round++) {
        kept.count = 0;
        col_open_burst(opener, burst, 16, drop, keep, &kept);
        assert_int_equal(kept.count, 16);
        for (uint32_t i = 0; i < 16; i++) {
            assert_int_equal(drop[i], COL_DROP_NONE);
            assert_int_equal(kept.at[i].bundle, i);
            assert_int_equal(kept.at[i].header.sequence, i);
        }
        assert_int_equal(counted_verify_calls, calls + 1);
        assert_int_equal(counted_verifies, verifies + 16);
    }
    assert_int_equal(col_counter_read(&counters.cached), 16);
    assert_int_equal(col_counter_read(&counters.bundles), 32);
    assert_int_equal(col_counter_read(&counters.messages), 32);
    assert_int_equal(col_counter_read(&counters.verifies), 16);
    assert_int_equal(col_counter_read(&counters.verify_calls), 1);
}

static void datagrams_of_one_tree_in_one_burst_cost_one_verification(void **state) {
    (void)state;
    egress.count = 0;
    for (uint32_t i = 0; i < 100; i++) seal(0, COL_COMMIT, i, (col_bytes){0});
    col_sealer_flush(sealer[0]);
    assert_true(egress.count > 3);
    col_bytes burst[COL_OPEN_BURST_MAX];
    col_drop drop[COL_OPEN_BURST_MAX];
    for (uint32_t i = 0; i < egress.count; i++) burst[i] = sent_bytes(&egress, i);
    const uint32_t verifies = counted_verifies;
    kept.count = 0;
    col_open_burst(opener, burst, egress.count, drop, keep, &kept);
    assert_int_equal(kept.count, 100);
    assert_int_equal(counted_verifies, verifies + 1);
}

static void a_bad_datagram_of_a_burst_drops_itself_alone(void **state) {
    (void)state;
    egress.count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        seal(i, COL_COMMIT, i, (col_bytes){0});
        col_sealer_flush(sealer[i]);
    }
    uint8_t *copy;
    col_bytes spoilt = copy_of(sent_bytes(&egress, 1), &copy);
    copy[COL_BUNDLE_HEADER_BYTES + 100] ^= 1;
    const col_bytes burst[] = {
        sent_bytes(&egress, 0), spoilt, {copy, 20}, sent_bytes(&egress, 1), sent_bytes(&egress, 2)};
    col_drop drop[5];
    kept.count = 0;
    col_open_burst(opener, burst, 5, drop, keep, &kept);
    const col_drop expected[] = {COL_DROP_NONE, COL_DROP_BAD_SIGNATURE, COL_DROP_TRUNCATED,
                                 COL_DROP_NONE, COL_DROP_NONE};
    assert_memory_equal(drop, expected, sizeof drop);
    assert_int_equal(kept.count, 3);
    assert_int_equal(kept.at[1].bundle, 3);
}

static void count(void *context, const col_opened *opened) {
    assert_int_equal(opened->verified.message.header.sequence, opened->entry);
    *(uint32_t *)context += 1;
}

static void a_burst_of_full_bundles_is_opened(void **state) {
    (void)state;
    static uint8_t bytes[32768];
    egress.count = 0;
    for (uint32_t i = 0; i < COL_TREE_LEAVES_MAX; i++) seal(0, COL_STATUS, i, (col_bytes){0});
    col_sealer_flush(sealer[0]);
    // one bundle with all leaves, as a batch may hold it
    col_bundle bundle;
    assert_int_equal(col_bundle_parse(sent_bytes(&egress, 0), &bundle), COL_DROP_NONE);
    bundle.entries = bundle.leaves;
    bundle.siblings = 0;
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_bundle_write(&writer, &bundle);
    for (uint16_t i = 0; i < COL_TREE_LEAVES_MAX; i++) {
        col_entry entry = {.index = i};
        entry.message.header = header_of(COL_STATUS, i);
        entry.message.header.fragments = 1;
        col_entry_write(&writer, &entry);
    }
    assert_false(writer.failed);
    col_bytes burst[COL_OPEN_BURST_MAX];
    col_drop drop[COL_OPEN_BURST_MAX];
    for (uint32_t i = 0; i < COL_OPEN_BURST_MAX; i++) {
        burst[i] = (col_bytes){bytes, col_writer_used(&writer)};
    }
    uint32_t handed = 0;
    col_open_burst(opener, burst, COL_OPEN_BURST_MAX, drop, count, &handed);
    for (uint32_t i = 0; i < COL_OPEN_BURST_MAX; i++) assert_int_equal(drop[i], COL_DROP_NONE);
    assert_int_equal(handed, COL_OPEN_BURST_MAX * COL_TREE_LEAVES_MAX);
}

/// Rebuild what a primary puts into a batch: the whole request with the seal of its fragment 0.
static col_bytes whole_entry_bundle(const uint8_t *request, size_t length) {
    static uint8_t bytes[16384];
    egress.count = 0;
    seal(REPLICAS, COL_REQUEST, 7, (col_bytes){request, length});
    col_sealer_flush(sealer[REPLICAS]);
    assert_true(egress.count >= 2);
    assert_int_equal(open_one(sent_bytes(&egress, 0)), COL_DROP_NONE);
    assert_int_equal(kept.at[0].header.fragment, 0);
    assert_true(kept.at[0].header.fragments >= 2);

    col_bundle bundle;
    assert_int_equal(col_bundle_parse(sent_bytes(&egress, 0), &bundle), COL_DROP_NONE);
    col_seal_view view;
    assert_true(col_seal_read(kept_seal(0), &view));
    uint8_t siblings[32 * (COL_TREE_LEAVES_MAX / 2 + COL_TREE_DEPTH_MAX)];
    bundle.entries = 1;
    bundle.siblings = col_seals_join(&view, 1, siblings);
    bundle.sibling = siblings;
    col_entry entry = {
        .message = {kept.at[0].header, {request, length}}, .index = view.index, .whole = true};
    col_hash(cluster.hasher, (col_bytes){kept.at[0].bytes, kept.at[0].length},
             &entry.fragment_digest);
    col_writer writer = col_writer_of(bytes, sizeof bytes);
    col_bundle_write(&writer, &bundle);
    col_entry_write(&writer, &entry);
    assert_false(writer.failed);
    return (col_bytes){bytes, col_writer_used(&writer)};
}

static void a_whole_request_is_proven_by_the_seal_of_its_first_fragment(void **state) {
    (void)state;
    uint8_t request[4000];
    random_fill(request, sizeof request);
    const col_bytes bytes = whole_entry_bundle(request, sizeof request);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    assert_int_equal(kept.count, 1);
    assert_true(kept.at[0].whole);
    assert_int_equal(kept.at[0].length, sizeof request);
    assert_memory_equal(kept.at[0].bytes, request, sizeof request);

    uint8_t *copy;
    const col_bytes spoilt = copy_of(bytes, &copy);
    const size_t body = bytes.length - sizeof request;
    const size_t places[] = {body, body + 2000, bytes.length - 1};
    for (size_t i = 0; i < 3; i++) {
        copy[places[i]] ^= 1;
        assert_int_equal(open_one(spoilt), COL_DROP_BAD_DIGEST);
        copy[places[i]] ^= 1;
    }
    copy[body - 1] ^= 1;  // digest of the fragment
    assert_int_equal(open_one(spoilt), COL_DROP_BAD_SIGNATURE);
    copy[body - 1] ^= 1;
    copy[body - 33] ^= 1;  // digest of the request
    assert_int_equal(open_one(spoilt), COL_DROP_BAD_DIGEST);
    copy[body - 33] ^= 1;
    assert_int_equal(open_one(spoilt), COL_DROP_NONE);
}

static void a_fragment_has_the_digest_of_the_whole_message_and_no_seal_of_its_own(void **state) {
    (void)state;
    uint8_t body[4000];
    random_fill(body, sizeof body);
    egress.count = 0;
    seal(0, COL_VIEW_CHANGE, 0, (col_bytes){body, sizeof body});
    col_sealer_flush(sealer[0]);
    col_digest whole;
    col_hash(cluster.hasher, (col_bytes){body, sizeof body}, &whole);
    col_opener *elsewhere = new_opener(&cluster.keyring, &counters);
    for (uint32_t i = 0; i < egress.count; i++) {
        assert_int_equal(open_one(sent_bytes(&egress, i)), COL_DROP_NONE);
        for (uint32_t k = 0; k < kept.count; k++) {
            const col_header *header = &kept.at[k].header;
            assert_memory_equal(header->digest.byte, whole.byte, 32);
            assert_int_equal(col_seal_check(elsewhere, header, kept_seal(k)), COL_DROP_MALFORMED);
        }
    }
    col_opener_destroy(elsewhere);
}

static void check_own_seal(void *context, const col_opened *opened) {
    *(uint32_t *)context += 1;
    const col_verified *verified = &opened->verified;
    if (verified->seal.length == 0) return;
    assert_int_equal(col_seal_check(opener, &verified->message.header, verified->seal),
                     COL_DROP_NONE);
    assert_memory_equal(opened->verified.message.bytes.at, "four", verified->message.bytes.length);
}

static void a_handler_may_check_seals_with_the_same_opener(void **state) {
    (void)state;
    const col_bytes bytes = small_bundle();
    col_drop drop;
    uint32_t handed = 0;
    col_open_burst(opener, &bytes, 1, &drop, check_own_seal, &handed);
    assert_int_equal(drop, COL_DROP_NONE);
    assert_int_equal(handed, 2);
}

/// One tree of replica 0 for all: every replica opens what is its own, with the keyring all share.
static void four_replicas_open_what_one_of_them_broadcasts(void **state) {
    (void)state;
    egress.count = 0;
    uint8_t body[3000];
    random_fill(body, sizeof body);
    for (uint64_t i = 0; i < 40; i++) {
        const uint8_t type = i % 4 == 3 ? COL_BATCH : (uint8_t)(COL_PRE_PREPARE + i % 4);
        col_header header = header_of(type, i);
        header.pillar = (uint8_t)(i % 3);
        const col_bytes bytes = {body, type == COL_BATCH ? 70 * i : 0};
        assert_true(col_sealer_add(sealer[0], &header, bytes, (col_destination){.replicas = 0xf}));
    }
    col_sealer_flush(sealer[0]);
    for (uint32_t replica = 1; replica < REPLICAS; replica++) {
        col_opener *own = new_opener(&cluster.keyring, &counters);
        uint64_t seen = 0;
        const uint32_t verifies = counted_verifies;
        for (uint32_t i = 0; i < egress.count; i++) {
            if (egress.sent[i].to.address != 0x0a000000 + replica) continue;
            assert_int_equal(open_with(own, sent_bytes(&egress, i)), COL_DROP_NONE);
            for (uint32_t k = 0; k < kept.count; k++) {
                assert_int_equal(egress.sent[i].to.port, 7000 + kept.at[k].header.pillar);
                seen |= UINT64_C(1) << kept.at[k].header.sequence;
            }
        }
        assert_int_equal(seen, (UINT64_C(1) << 40) - 1);
        assert_int_equal(counted_verifies, verifies + 1);
        col_opener_destroy(own);
    }
}

/// Datagrams of replicas 0 to 2, each with a tree of its own.
static void three_prepares(col_bytes burst[3]) {
    egress.count = 0;
    for (uint32_t replica = 0; replica < 3; replica++) {
        const col_header header = header_of(COL_PREPARE, 7);
        assert_true(col_sealer_add(sealer[replica], &header, (col_bytes){0},
                                   (col_destination){.replicas = 1u << 3}));
        col_sealer_flush(sealer[replica]);
    }
    for (uint32_t i = 0; i < 3; i++) burst[i] = sent_bytes(&egress, i);
}

/// Bundles that were asked about, in order.
typedef struct {
    uint32_t bundle[8];
    uint32_t count;
} questions;

/// Refuses bundles of replica 1.
static col_drop refuse(void *context, uint32_t bundle, const col_bundle *parsed,
                       const col_entry *entry) {
    questions *asked = context;
    asked->bundle[asked->count++] = bundle;
    assert_int_equal(entry[0].message.header.sender, parsed->signer);
    assert_int_equal(entry[parsed->entries - 1].message.header.sequence, 7);
    return parsed->signer == 1 ? COL_DROP_RATE_LIMITED : COL_DROP_NONE;
}

static void a_bundle_that_the_check_refuses_costs_no_verification(void **state) {
    (void)state;
    questions asked = {.count = 0};
    col_opener_check_by(opener, refuse, &asked);
    col_bytes burst[3];
    col_drop drop[3];
    three_prepares(burst);
    kept.count = 0;
    const uint32_t verifies = counted_verifies;
    col_open_burst(opener, burst, 3, drop, keep, &kept);
    const uint32_t expected[] = {0, 1, 2, 0, 2};  // before the hashes, and before each signature
    assert_int_equal(asked.count, 5);
    assert_memory_equal(asked.bundle, expected, sizeof expected);
    assert_int_equal(drop[0], COL_DROP_NONE);
    assert_int_equal(drop[1], COL_DROP_RATE_LIMITED);
    assert_int_equal(drop[2], COL_DROP_NONE);
    assert_int_equal(counted_verifies, verifies + 2);
    assert_int_equal(kept.count, 2);
    assert_int_equal(kept.at[1].header.sender, 2);
}

/// One message is enough.
static col_drop refuse_more(void *context, uint32_t bundle, const col_bundle *parsed,
                            const col_entry *entry) {
    (void)bundle, (void)parsed, (void)entry;
    return ((const kept_messages *)context)->count > 0 ? COL_DROP_LATE : COL_DROP_NONE;
}

static void check_refused_later(uint32_t lanes, bool first_is_bad, const col_drop expected[3],
                                uint32_t verified) {
    col_backend backend = counted_backend;
    backend.lanes = lanes;
    col_opener *own = col_opener_create(&arena, &backend, cluster.hasher, &cluster.keyring,
                                        col_root_cache_create(&arena, 256), &counters);
    col_opener_check_by(own, refuse_more, &kept);
    col_bytes burst[3];
    col_drop drop[3];
    three_prepares(burst);
    uint8_t *copy;
    if (first_is_bad) {
        burst[0] = copy_of(burst[0], &copy);
        copy[COL_BUNDLE_HEADER_BYTES] ^= 1;
    }
    kept.count = 0;
    const uint32_t verifies = counted_verifies;
    col_open_burst(own, burst, 3, drop, keep, &kept);
    assert_memory_equal(drop, expected, sizeof drop);
    assert_int_equal(counted_verifies, verifies + verified);
    col_opener_destroy(own);
}

static void what_others_of_a_burst_made_useless_costs_no_verification(void **state) {
    (void)state;
    check_refused_later(1, false, (col_drop[]){COL_DROP_NONE, COL_DROP_LATE, COL_DROP_LATE}, 1);
    check_refused_later(1, true, (col_drop[]){COL_DROP_BAD_SIGNATURE, COL_DROP_NONE, COL_DROP_LATE},
                        2);
}

static void what_shares_the_lanes_of_a_needed_signature_is_handed_over(void **state) {
    (void)state;
    check_refused_later(2, false, (col_drop[]){COL_DROP_NONE, COL_DROP_NONE, COL_DROP_LATE}, 2);
}

// MACs: client 1 in its session 3, whose key version is 3.

#define SESSION 3
#define MACS_BYTES ((size_t)REPLICAS * COL_MAC_BYTES)

/// A datagram of client 1: a REQUEST with MACs of these keys.
static col_bytes request_with(const col_link_seal *link) {
    egress.count = 0;
    const col_header header = header_of(COL_REQUEST, 77);
    const col_destination to = {.client = {0x7f000001, 99}, .link = link};
    assert_true(col_sealer_add(sealer[REPLICAS + 1], &header,
                               (col_bytes){(const uint8_t *)"operation", 9}, to));
    col_sealer_flush(sealer[REPLICAS + 1]);
    return sent_bytes(&egress, 0);
}

static col_bytes request_in(uint32_t session) {
    col_mac_key key[REPLICAS];
    const col_link_seal link = test_client_link(session, key);
    return request_with(&link);
}

static void assert_request(void) {
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.at[0].header.type, COL_REQUEST);
    assert_int_equal(kept.at[0].header.sender, 1);
    assert_int_equal(kept.at[0].header.sequence, 77);
    assert_memory_equal(kept.at[0].bytes, "operation", 9);
}

static void each_replica_opens_a_request_by_its_own_mac_and_no_signature(void **state) {
    (void)state;
    const col_bytes bytes = request_in(SESSION);
    const uint32_t verifies = counted_verifies;
    for (uint32_t replica = 0; replica < REPLICAS; replica++) {
        col_opener_counters own_counters = {0};
        col_opener *own = new_opener(&cluster.keyring, &own_counters);
        test_links links;
        test_links_open(&links, own, macs, COL_ROLE_CLIENT, replica);
        assert_int_equal(open_with(own, bytes), COL_DROP_NONE);
        assert_request();
        assert_int_equal(col_counter_read(&own_counters.macs), 1);
        assert_int_equal(col_counter_read(&own_counters.bundles), 1);
        col_opener_destroy(own);
    }
    assert_int_equal(counted_verifies, verifies);
}

static void the_mac_of_another_replica_or_under_another_key_is_bad(void **state) {
    (void)state;
    test_links links;
    const col_bytes bytes = request_in(SESSION);
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 1);
    links.key[SESSION][1] = test_mac_key(SESSION, 2, COL_ROLE_CLIENT);
    assert_int_equal(open_one(bytes), COL_DROP_BAD_MAC);
    links.key[SESSION][1] = test_mac_key(SESSION, 1, COL_ROLE_REPLICA);
    assert_int_equal(open_one(bytes), COL_DROP_BAD_MAC);
    links.key[SESSION][1] = test_mac_key(SESSION + 2, 1, COL_ROLE_CLIENT);
    assert_int_equal(open_one(bytes), COL_DROP_BAD_MAC);
    links.key[SESSION][1] = test_mac_key(SESSION, 1, COL_ROLE_CLIENT);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
}

/// Of the MACs only one is this replica's to judge; nothing else may change.
static void every_bit_but_other_replicas_macs_is_protected(void **state) {
    (void)state;
    uint8_t *copy;
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 2);
    const col_bytes bytes = copy_of(request_in(SESSION), &copy);
    for (size_t at = 0; at < bytes.length; at++) {
        if (is_unauthenticated(at)) continue;
        const size_t of_macs = at - COL_BUNDLE_HEADER_BYTES;
        const bool in_macs = at >= COL_BUNDLE_HEADER_BYTES && of_macs < MACS_BYTES;
        const bool others = in_macs && of_macs / COL_MAC_BYTES != 2;
        for (int bit = 0; bit < 8; bit++) {
            copy[at] ^= (uint8_t)(1 << bit);
            const col_drop drop = open_one(bytes);
            copy[at] ^= (uint8_t)(1 << bit);
            if (in_macs) assert_int_equal(drop, others ? COL_DROP_NONE : COL_DROP_BAD_MAC);
            if (drop == COL_DROP_NONE && !others) fail_msg("bit %d of byte %zu", bit, at);
        }
    }
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
}

static void more_or_fewer_macs_than_receivers_are_bad(void **state) {
    (void)state;
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 0);
    col_mac_key key[REPLICAS + 1];
    col_link_seal link = test_client_link(SESSION, key);
    key[REPLICAS] = key[0];
    for (link.count = 1; link.count <= REPLICAS + 1; link.count++) {
        const col_drop expected = link.count == REPLICAS ? COL_DROP_NONE : COL_DROP_BAD_MAC;
        assert_int_equal(open_one(request_with(&link)), expected);
    }
    assert_int_equal(col_counter_read(&counters.macs), 1);
}

static void a_session_that_is_not_here_or_another_clients_costs_no_hash(void **state) {
    (void)state;
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 0);
    links.sessions = SESSION;
    assert_int_equal(open_one(request_in(SESSION + 2)), COL_DROP_NO_SESSION);
    assert_int_equal(open_one(request_in(SESSION - 1)), COL_DROP_NO_SESSION);  // of client 0
    assert_int_equal(links.looked, 2);
    assert_int_equal(col_counter_read(&counters.macs), 0);
    assert_int_equal(open_one(request_in(SESSION)), COL_DROP_NONE);
}

static void without_keys_macs_are_of_the_wrong_scheme(void **state) {
    (void)state;
    assert_int_equal(open_one(request_in(SESSION)), COL_DROP_WRONG_SCHEME);
}

/// What somebody else has to believe is signed: openings, votes, and all between replicas.
static void only_requests_and_replies_may_have_macs(void **state) {
    (void)state;
    test_links links;
    uint8_t body[8] = {0};
    for (uint8_t type = 1; type < (uint8_t)COL_TYPE_COUNT; type++) {
        const bool client = col_type_role(type) == COL_ROLE_CLIENT;
        const uint32_t signer = client ? REPLICAS + 1 : 3;
        col_mac_key key[REPLICAS];
        const col_link_seal link =
            client ? test_client_link(SESSION, key) : test_replica_link(SESSION, 3, key);
        test_links_open(&links, opener, macs, client ? COL_ROLE_CLIENT : COL_ROLE_REPLICA, 1);
        const col_header header = header_of(type, 5);
        const col_destination to = {.client = {0x7f000001, 99}, .link = &link};
        const col_bytes bytes = {body, col_type_digest_is_given(type) ? 0 : sizeof body};
        egress.count = 0;
        assert_true(col_sealer_add(sealer[signer], &header, bytes, to));
        col_sealer_flush(sealer[signer]);
        const bool taken = type == COL_REQUEST || type == COL_REPLY;
        assert_int_equal(open_one(sent_bytes(&egress, 0)),
                         taken ? COL_DROP_NONE : COL_DROP_WRONG_SCHEME);
    }
    assert_int_equal(col_counter_read(&counters.macs), 2);
}

static void an_opening_beside_a_request_does_not_pass_with_its_mac(void **state) {
    (void)state;
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 0);
    col_mac_key key[REPLICAS];
    const col_link_seal link = test_client_link(SESSION, key);
    const col_destination to = {.client = {0x7f000001, 99}, .link = &link};
    const col_header request = header_of(COL_REQUEST, 1), open = header_of(COL_SESSION_OPEN, 2);
    egress.count = 0;
    assert_true(col_sealer_add(sealer[REPLICAS + 1], &request, (col_bytes){0}, to));
    assert_true(col_sealer_add(sealer[REPLICAS + 1], &open, (col_bytes){0}, to));
    col_sealer_flush(sealer[REPLICAS + 1]);
    assert_int_equal(egress.count, 1);
    assert_int_equal(open_one(sent_bytes(&egress, 0)), COL_DROP_WRONG_SCHEME);
}

static void a_seal_with_macs_is_kept_for_batches_and_proves_nothing_to_others(void **state) {
    (void)state;
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 0);
    assert_int_equal(open_one(request_in(COL_KEY_VERSION)), COL_DROP_NONE);
    const col_bytes bytes = sent_bytes(&egress, 0);
    col_seal_view view;
    assert_true(col_seal_read(kept_seal(0), &view));
    assert_int_equal(view.scheme, COL_SCHEME_HMAC);
    assert_int_equal(view.key_version, COL_KEY_VERSION);
    assert_int_equal(view.signature.length, MACS_BYTES);
    assert_memory_equal(view.signature.at, bytes.at + COL_BUNDLE_HEADER_BYTES, MACS_BYTES);
    assert_int_equal(col_seal_check(opener, &kept.at[0].header, kept_seal(0)),
                     COL_DROP_WRONG_SCHEME);
}

static void a_reply_is_opened_by_its_client_alone(void **state) {
    (void)state;
    test_links links;
    col_mac_key key;
    const col_link_seal link = test_replica_link(SESSION, 3, &key);
    const col_header header = header_of(COL_REPLY, 8);
    const col_destination to = {.client = {0x7f000001, 99}, .link = &link};
    egress.count = 0;
    assert_true(col_sealer_add(sealer[3], &header, (col_bytes){(const uint8_t *)"result", 6}, to));
    col_sealer_flush(sealer[3]);
    uint8_t *copy;
    const col_bytes bytes = copy_of(sent_bytes(&egress, 0), &copy);
    assert_int_equal(copy[SIGNATURE_BYTES_OFFSET], COL_MAC_BYTES);
    test_links_open(&links, opener, macs, COL_ROLE_REPLICA, 0);
    assert_int_equal(open_one(bytes), COL_DROP_NO_SESSION);
    test_links_open(&links, opener, macs, COL_ROLE_REPLICA, 1);
    assert_int_equal(open_one(bytes), COL_DROP_NONE);
    assert_int_equal(kept.at[0].header.sender, 3);
    assert_memory_equal(kept.at[0].bytes, "result", 6);
    copy[SIGNER_OFFSET] = 2;  // in the name of another replica
    assert_int_equal(open_one(bytes), COL_DROP_BAD_MAC);
    copy[SIGNER_OFFSET] = 3;
    copy[COL_BUNDLE_HEADER_BYTES] ^= 1;
    assert_int_equal(open_one(bytes), COL_DROP_BAD_MAC);
}

/// Signatures and MACs, good and bad, of three sessions and a replica.
static void a_burst_of_macs_and_signatures_drops_only_what_is_bad(void **state) {
    (void)state;
    enum { BURST = 6 };
    static uint8_t datagram[BURST][COL_DATAGRAM_BYTES_MAX];
    test_links links;
    test_links_open(&links, opener, macs, COL_ROLE_CLIENT, 0);
    col_bytes burst[BURST];
    col_drop drop[BURST];
    for (uint32_t i = 0; i < BURST; i++) {
        const col_bytes bytes = i % 2 == 0 ? request_in(SESSION + i) : small_bundle();
        memcpy(datagram[i], bytes.at, bytes.length);
        burst[i] = (col_bytes){datagram[i], bytes.length};
    }
    datagram[2][COL_BUNDLE_HEADER_BYTES] ^= 1;
    datagram[3][COL_BUNDLE_HEADER_BYTES] ^= 1;
    kept.count = 0;
    col_open_burst(opener, burst, BURST, drop, keep, &kept);
    const col_drop expected[BURST] = {COL_DROP_NONE,          COL_DROP_NONE, COL_DROP_BAD_MAC,
                                      COL_DROP_BAD_SIGNATURE, COL_DROP_NONE, COL_DROP_NONE};
    for (uint32_t i = 0; i < BURST; i++) assert_int_equal(drop[i], expected[i]);
    assert_int_equal(kept.count, 2 + 2 * 2);
    assert_int_equal(col_counter_read(&counters.macs), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_type_arrives_as_it_was_sealed_and_with_the_seal_it_needs),
        TEST(every_bit_of_a_datagram_but_the_dispatch_byte_is_protected),
        TEST(every_bit_is_protected_although_the_root_is_cached),
        TEST(a_datagram_cut_short_or_longer_is_dropped),
        TEST(a_signature_of_one_replica_does_not_vouch_for_another),
        TEST(senders_schemes_and_clusters_that_are_not_ours_have_their_reasons),
        TEST(each_link_takes_its_own_scheme_only),
        TEST(a_cached_root_with_a_garbage_signature_is_verified_and_dropped),
        TEST(a_cached_root_does_not_vouch_for_another_number_of_leaves),
        TEST(a_bundle_of_a_cluster_with_the_same_tag_is_not_ours),
        TEST(a_seal_proves_one_type_slot_view_pillar_run_sender_and_digest),
        TEST(a_seal_with_any_bit_changed_is_no_proof),
        TEST(a_seal_checked_twice_costs_one_verification),
        TEST(a_burst_of_sixteen_new_roots_is_one_call_and_the_same_again_is_none),
        TEST(datagrams_of_one_tree_in_one_burst_cost_one_verification),
        TEST(a_bad_datagram_of_a_burst_drops_itself_alone),
        TEST(a_burst_of_full_bundles_is_opened),
        TEST(a_whole_request_is_proven_by_the_seal_of_its_first_fragment),
        TEST(a_fragment_has_the_digest_of_the_whole_message_and_no_seal_of_its_own),
        TEST(a_handler_may_check_seals_with_the_same_opener),
        TEST(four_replicas_open_what_one_of_them_broadcasts),
        TEST(a_bundle_that_the_check_refuses_costs_no_verification),
        TEST(what_others_of_a_burst_made_useless_costs_no_verification),
        TEST(what_shares_the_lanes_of_a_needed_signature_is_handed_over),
        TEST(each_replica_opens_a_request_by_its_own_mac_and_no_signature),
        TEST(the_mac_of_another_replica_or_under_another_key_is_bad),
        TEST(every_bit_but_other_replicas_macs_is_protected),
        TEST(more_or_fewer_macs_than_receivers_are_bad),
        TEST(a_session_that_is_not_here_or_another_clients_costs_no_hash),
        TEST(without_keys_macs_are_of_the_wrong_scheme),
        TEST(only_requests_and_replies_may_have_macs),
        TEST(an_opening_beside_a_request_does_not_pass_with_its_mac),
        TEST(a_seal_with_macs_is_kept_for_batches_and_proves_nothing_to_others),
        TEST(a_reply_is_opened_by_its_client_alone),
        TEST(a_burst_of_macs_and_signatures_drops_only_what_is_bad),
    };
    return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
