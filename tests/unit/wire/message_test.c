// SPDX-License-Identifier: Apache-2.0
#include "src/wire/message.h"

#include "tests/unit/wire/random.h"

static void every_type_has_a_name_of_its_own(void **state) {
    (void)state;
    for (uint8_t a = 1; a < (uint8_t)COL_TYPE_COUNT; a++) {
        assert_string_not_equal(col_type_name(a), "?");
        for (uint8_t b = 1; b < a; b++) {
            assert_string_not_equal(col_type_name(a), col_type_name(b));
        }
    }
    assert_string_equal(col_type_name(COL_PRE_PREPARE), "PRE-PREPARE");
    assert_string_equal(col_type_name(COL_RECOVERED), "RECOVERED");
}

static void a_number_without_a_type_is_a_question_mark(void **state) {
    (void)state;
    assert_string_equal(col_type_name(0), "?");
    assert_string_equal(col_type_name(COL_TYPE_COUNT), "?");
    assert_string_equal(col_type_name(UINT8_MAX), "?");
}

static void only_clients_open_sessions_and_request(void **state) {
    (void)state;
    for (uint8_t type = 1; type < (uint8_t)COL_TYPE_COUNT; type++) {
        const bool client = type == COL_SESSION_OPEN || type == COL_REQUEST;
        assert_int_equal(col_type_role(type), client ? COL_ROLE_CLIENT : COL_ROLE_REPLICA);
    }
}

static const col_header example = {
    .role = 0x01,
    .type = 0x02,
    .pillar = 0x03,
    .run = 0x04,
    .sender = 0x08070605,
    .view = UINT64_C(0x100f0e0d0c0b0a09),
    .sequence = UINT64_C(0x1817161514131211),
    .fragment = 0x1a19,
    .fragments = 1,
    .digest = {{0xd0, 0xd1}},
};

static void a_leaf_is_93_bytes_in_the_listed_order(void **state) {
    (void)state;
    const col_digest cluster = {{0xc0, 0xc1}};
    uint8_t leaf[COL_LEAF_BYTES_FRAGMENT];
    assert_int_equal(col_leaf_encode(&cluster, &example, NULL, leaf), 93);

    uint8_t expected[93] = {0x00, 0xc0, 0xc1};
    for (uint8_t i = 0; i < 26; i++) expected[33 + i] = i + 1;
    expected[59] = 1;  // fragments
    expected[61] = 0xd0;
    expected[62] = 0xd1;
    assert_memory_equal(leaf, expected, sizeof expected);
}

static void a_leaf_of_a_fragment_ends_with_the_digest_of_its_bytes(void **state) {
    (void)state;
    const col_digest cluster = {{0xc0}};
    const col_digest fragment = {{0xf0, 0xf1}};
    col_header header = example;
    header.fragments = 2;
    uint8_t leaf[COL_LEAF_BYTES_FRAGMENT];
    assert_int_equal(col_leaf_encode(&cluster, &header, &fragment, leaf), COL_LEAF_BYTES_FRAGMENT);
    assert_memory_equal(leaf + COL_LEAF_BYTES, fragment.byte, 32);
    assert_memory_equal(leaf + COL_LEAF_BYTES - 32, header.digest.byte, 32);
}

/// Change one field of a header or the cluster.
static void change(uint32_t field, col_header *header, col_digest *cluster) {
    switch (field) {
        case 0:
            header->role++;
            break;
        case 1:
            header->type++;
            break;
        case 2:
            header->pillar++;
            break;
        case 3:
            header->run++;
            break;
        case 4:
            header->sender++;
            break;
        case 5:
            header->view++;
            break;
        case 6:
            header->sequence++;
            break;
        case 7:
            header->fragment++;
            break;
        case 8:
            header->fragments++;
            break;
        case 9:
            header->digest.byte[31]++;
            break;
        case 10:
            cluster->byte[31]++;
            break;
    }
}

static void leaves_differ_when_any_one_field_differs(void **state) {
    (void)state;
    const col_digest fragment = {{0xf0}};
    uint8_t leaf[12][COL_LEAF_BYTES_FRAGMENT];
    for (uint32_t field = 0; field < 12; field++) {
        col_header header = example;
        col_digest cluster = {{0xc0}};
        header.fragments = 2;
        change(field, &header, &cluster);  // 11 changes nothing
        col_leaf_encode(&cluster, &header, &fragment, leaf[field]);
        for (uint32_t other = 0; other < field; other++) {
            assert_memory_not_equal(leaf[field], leaf[other], COL_LEAF_BYTES);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_a_name_of_its_own),
        cmocka_unit_test(a_number_without_a_type_is_a_question_mark),
        cmocka_unit_test(only_clients_open_sessions_and_request),
        cmocka_unit_test(a_leaf_is_93_bytes_in_the_listed_order),
        cmocka_unit_test(a_leaf_of_a_fragment_ends_with_the_digest_of_its_bytes),
        cmocka_unit_test(leaves_differ_when_any_one_field_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
