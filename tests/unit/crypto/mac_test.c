// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include "tests/unit/crypto/support.h"

#define JOBS_MAX 300
#define MESSAGE_BYTES 300

static col_macs *macs;
static uint8_t bytes[JOBS_MAX + MESSAGE_BYTES];
static col_mac_key key[JOBS_MAX];
static col_mac_job job[JOBS_MAX];
static uint8_t mac[JOBS_MAX][COL_MAC_BYTES];
static uint8_t expected[JOBS_MAX][COL_MAC_BYTES];

static int set_up(void **state) {
    (void)state;
    macs = col_macs_create();
    random_fill(bytes, sizeof bytes);
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        uint8_t secret[COL_MAC_SECRET_BYTES];
        random_fill(secret, sizeof secret);
        col_mac_key_init(&key[i], secret);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    col_macs_destroy(macs);
    return 0;
}

/// Compute the first jobs both ways.
static void agree(uint32_t count) {
    memset(mac, 0, sizeof mac);
    memset(expected, 0, sizeof expected);
    for (uint32_t i = 0; i < count; i++) job[i].mac = expected[i];
    col_macs_compute_portable(job, count);
    for (uint32_t i = 0; i < count; i++) job[i].mac = mac[i];
    col_macs_compute(macs, job, count);
    assert_memory_equal(mac, expected, sizeof mac);
}

typedef struct {
    const char *secret;  ///< zeros follow, as HMAC fills keys up to its block
    const char *message;
    const char *mac;
} known_answer;

/// RFC 4231, section 4: the cases whose keys are no longer than ours; 4.6 is cut to 128 bits there.
static const known_answer rfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c7"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddd",
     "773ea91e36800e46854db8ebd09181a7"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcd",
     "82558a389a443c0ea4cc819899f2083a"},
    {"0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
     "a3b6167473100ee06e0c796c2955552b"},
};

static size_t from_hex(const char *hex, uint8_t *out) {
    size_t length = 0;
    for (; hex[2 * length] != 0; length++) sscanf(hex + 2 * length, "%2hhx", &out[length]);
    return length;
}

static void the_vectors_of_rfc_4231_that_fit_come_out(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rfc4231 / sizeof *rfc4231; i++) {
        uint8_t secret[COL_MAC_SECRET_BYTES] = {0}, message[64], answer[COL_MAC_BYTES];
        (void)from_hex(rfc4231[i].secret, secret);
        col_mac_key_init(&key[0], secret);
        job[0] = (col_mac_job){.key = &key[0],
                               .message = {message, from_hex(rfc4231[i].message, message)}};
        assert_int_equal(from_hex(rfc4231[i].mac, answer), COL_MAC_BYTES);
        agree(1);
        assert_memory_equal(mac[0], answer, COL_MAC_BYTES);
    }
}

static void every_length_from_1_to_300_agrees_with_openssl_alone_and_in_bulk(void **state) {
    (void)state;
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        job[0] = (col_mac_job){.key = &key[i], .message = {bytes, i + 1}};
        agree(1);
    }
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        job[i] = (col_mac_job){.key = &key[i], .message = {bytes, i + 1}};
    }
    agree(JOBS_MAX);
}

static void every_count_of_messages_under_different_keys_agrees_with_openssl(void **state) {
    (void)state;
    for (uint32_t count = 0; count <= JOBS_MAX; count += count < 70 ? 1 : 23) {
        for (uint32_t i = 0; i < count; i++) {
            job[i] = (col_mac_job){.key = &key[random_below(JOBS_MAX)],
                                   .message = {bytes + i, 1 + random_below(MESSAGE_BYTES)}};
        }
        agree(count);
    }
}

static void nothing_is_written_beyond_a_mac(void **state) {
    (void)state;
    uint8_t room[3][COL_MAC_BYTES];
    memset(room, 0x77, sizeof room);
    job[0] = (col_mac_job){.key = &key[0], .message = {bytes, 100}, .mac = room[1]};
    col_macs_compute(macs, job, 1);
    for (size_t i = 0; i < COL_MAC_BYTES; i++) {
        assert_int_equal(room[0][i], 0x77);
        assert_int_equal(room[2][i], 0x77);
    }
}

static void macs_are_equal_only_in_every_bit(void **state) {
    (void)state;
    uint8_t a[COL_MAC_BYTES], b[COL_MAC_BYTES];
    random_fill(a, sizeof a);
    memcpy(b, a, sizeof b);
    assert_true(col_mac_equal(a, b));
    for (uint32_t bit = 0; bit < 8 * COL_MAC_BYTES; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(col_mac_equal(a, b));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void a_wiped_key_holds_nothing(void **state) {
    (void)state;
    static const col_mac_key nothing;
    assert_memory_not_equal(&key[0], &nothing, sizeof nothing);
    col_mac_key_wipe(&key[0]);
    assert_memory_equal(&key[0], &nothing, sizeof nothing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_vectors_of_rfc_4231_that_fit_come_out),
        TEST(every_length_from_1_to_300_agrees_with_openssl_alone_and_in_bulk),
        TEST(every_count_of_messages_under_different_keys_agrees_with_openssl),
        TEST(nothing_is_written_beyond_a_mac),
        TEST(macs_are_equal_only_in_every_bit),
        TEST(a_wiped_key_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
