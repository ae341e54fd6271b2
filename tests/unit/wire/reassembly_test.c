// SPDX-License-Identifier: Apache-2.0
#include "src/wire/reassembly.h"

#include "tests/unit/wire/random.h"

#define SENDERS 3
#define MESSAGE_BYTES ((uint32_t)4096)

/// A reassembly that takes exactly the memory of its footprint. It replaces the one before.
static col_reassembly *fresh(uint32_t places, uint32_t message_bytes) {
    static col_arena arena;
    const size_t size = col_reassembly_footprint(SENDERS, places, message_bytes);
    col_arena_close(&arena);
    assert_true(col_arena_open(&arena, size).ok);
    col_reassembly *reassembly = col_reassembly_create(&arena, SENDERS, places, message_bytes);
    assert_int_equal(arena.used, size);
    return reassembly;
}

/// A message of random bytes, cut into fragments.
typedef struct {
    col_header header;
    uint32_t fragment_bytes;
    uint32_t length;
    uint8_t body[COL_MESSAGE_BYTES_MAX];
} message;

static void make(message *made, uint8_t role, uint32_t sender, uint32_t fragment_bytes,
                 uint32_t length) {
    made->fragment_bytes = fragment_bytes;
    made->length = length;
    random_fill(made->body, length);
    made->header = (col_header){
        .role = role,
        .type = role == COL_ROLE_CLIENT ? COL_REQUEST : COL_BATCH,
        .pillar = 1,
        .sender = sender,
        .view = 7,
        .sequence = random_u64(),
        .fragments = (uint16_t)((length + fragment_bytes - 1) / fragment_bytes),
    };
    col_hash(&toy_hasher, (col_bytes){made->body, length}, &made->header.digest);
}

static col_message cut(const message *from, uint16_t fragment) {
    const uint32_t start = fragment * from->fragment_bytes;
    const uint32_t left = from->length - start;
    col_message piece = {
        .header = from->header,
        .bytes = {from->body + start, left < from->fragment_bytes ? left : from->fragment_bytes}};
    piece.header.fragment = fragment;
    return piece;
}

static col_message whole;
static col_seal whole_seal;
static bool complete;

/// Each fragment comes with a seal that names its index.
static col_drop add_piece(col_reassembly *reassembly, const col_message *piece) {
    const uint8_t seal[3] = {'s', (uint8_t)piece->header.fragment, 0};
    const col_verified verified = {.message = *piece, .seal = {seal, sizeof seal}};
    col_verified out = {0};
    const col_drop drop = col_reassembly_add(reassembly, &toy_hasher, &verified, &out, &complete);
    whole = out.message;
    whole_seal = out.seal;
    return drop;
}

static col_drop add(col_reassembly *reassembly, const message *from, uint16_t fragment) {
    const col_message piece = cut(from, fragment);
    return add_piece(reassembly, &piece);
}

static void assert_whole_is(const message *expected) {
    assert_true(complete);
    assert_int_equal(whole.bytes.length, expected->length);
    assert_memory_equal(whole.bytes.at, expected->body, expected->length);
    assert_int_equal(whole.header.fragment, 0);
    assert_int_equal(whole_seal.length, 3);
    assert_int_equal(whole_seal.at[1], 0);
    assert_int_equal(whole.header.fragments, expected->header.fragments);
    assert_int_equal(whole.header.sender, expected->header.sender);
    assert_int_equal(whole.header.type, expected->header.type);
    assert_true(whole.header.sequence == expected->header.sequence);
}

static void add_all(col_reassembly *reassembly, const message *from) {
    for (uint16_t i = 0; i < from->header.fragments; i++) {
        assert_int_equal(add(reassembly, from, i), COL_DROP_NONE);
    }
}

static message a, b, c;

static void fragments_in_any_order_make_the_message(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
    for (uint32_t run = 0; run < 2000; run++) {
        const uint32_t length = 2 + random_below(MESSAGE_BYTES - 1);
        const uint32_t smallest = (length + COL_FRAGMENTS_MAX - 1) / COL_FRAGMENTS_MAX;
        const uint32_t size = smallest + random_below(length - smallest);
        const uint8_t role = (uint8_t)random_below(2);
        make(&a, role, role == COL_ROLE_CLIENT ? 9999 : random_below(SENDERS), size, length);
        uint16_t order[COL_FRAGMENTS_MAX];
        for (uint16_t i = 0; i < a.header.fragments; i++) {
            const uint32_t j = random_below(i + 1u);
            order[i] = order[j];
            order[j] = i;
        }
        for (uint16_t i = 0; i < a.header.fragments; i++) {
            assert_int_equal(add(reassembly, &a, order[i]), COL_DROP_NONE);
            assert_int_equal(complete, i == a.header.fragments - 1);
        }
        assert_whole_is(&a);
    }
}

static void the_last_fragment_may_come_first_whatever_its_size(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    for (uint32_t last = 1; last <= 64; last++) {
        make(&a, COL_ROLE_CLIENT, 0, 64, 63 * 64 + last);  // the longest fills the buffer
        for (uint16_t i = a.header.fragments; i > 0; i--) {
            assert_int_equal(add(reassembly, &a, i - 1), COL_DROP_NONE);
        }
        assert_whole_is(&a);
    }
}

static void the_largest_message_in_the_most_fragments_fits(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, COL_MESSAGE_BYTES_MAX);
    make(&a, COL_ROLE_CLIENT, 0, COL_MESSAGE_BYTES_MAX / COL_FRAGMENTS_MAX, COL_MESSAGE_BYTES_MAX);
    assert_int_equal(a.header.fragments, COL_FRAGMENTS_MAX);
    for (uint16_t i = COL_FRAGMENTS_MAX; i > 0; i--) {
        assert_int_equal(add(reassembly, &a, i - 1), COL_DROP_NONE);
    }
    assert_whole_is(&a);
}

static void a_fragment_that_is_there_is_repeated(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 0, 100, 350);
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(add(reassembly, &a, i), COL_DROP_NONE);
        for (uint16_t j = 0; j <= i; j++) {
            assert_int_equal(add(reassembly, &a, j), COL_DROP_REPEATED);
            assert_false(complete);
        }
    }
    assert_int_equal(add(reassembly, &a, 3), COL_DROP_NONE);
    assert_whole_is(&a);
}

static void messages_on_their_way_at_once_do_not_mix(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(3, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 1, 1024, MESSAGE_BYTES);
    make(&b, COL_ROLE_REPLICA, 1, 1024, MESSAGE_BYTES);
    make(&c, COL_ROLE_REPLICA, 1, 1024, MESSAGE_BYTES);
    for (uint16_t i = 0; i < 4; i++) {
        assert_int_equal(add(reassembly, &a, i), COL_DROP_NONE);
        if (i == 3) assert_whole_is(&a);
        assert_int_equal(add(reassembly, &b, 3 - i), COL_DROP_NONE);
        if (i == 3) assert_whole_is(&b);
        assert_int_equal(add(reassembly, &c, i ^ 1), COL_DROP_NONE);
        if (i == 3) assert_whole_is(&c);
    }
}

/// Change one field of the header that belongs to the key. @return false when there are no more
static bool change_field(uint32_t field, col_header *header) {
    switch (field) {
        case 0:
            header->type = COL_NEW_VIEW;
            return true;
        case 1:
            header->pillar++;
            return true;
        case 2:
            header->run++;
            return true;
        case 3:
            header->sender++;
            return true;
        case 4:
            header->view++;
            return true;
        case 5:
            header->sequence++;
            return true;
        case 6:
            header->digest.byte[31]++;
            return true;
        case 7:
            header->role = COL_ROLE_CLIENT;
            return true;
        case 8:
            header->fragments++;
            return true;
    }
    return false;
}

static void fragments_whose_headers_differ_in_any_field_do_not_meet(void **state) {
    (void)state;
    make(&a, COL_ROLE_REPLICA, 0, 100, 200);
    b = a;
    for (uint32_t field = 0; change_field(field, &b.header); field++) {
        col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
        assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
        assert_int_equal(add(reassembly, &b, 1), COL_DROP_NONE);
        assert_false(complete);
        assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
        assert_whole_is(&a);
        b = a;
    }
}

static void two_clients_with_equal_headers_but_for_their_ids_do_not_meet(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
    make(&a, COL_ROLE_CLIENT, 5, 100, 200);
    b = a;
    b.header.sender = 6;
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &b, 1), COL_DROP_NONE);
    assert_false(complete);
    assert_int_equal(add(reassembly, &b, 0), COL_DROP_NONE);
    assert_whole_is(&b);
}

static void the_oldest_incomplete_message_makes_room(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 2, 100, 200);
    make(&b, COL_ROLE_REPLICA, 2, 100, 300);
    make(&c, COL_ROLE_REPLICA, 2, 100, 300);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &b, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &c, 0), COL_DROP_QUEUE_FULL);  // in a's place
    assert_int_equal(add(reassembly, &b, 1), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &b, 2), COL_DROP_NONE);
    assert_whole_is(&b);
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);  // anew, in b's place, which is free
    assert_false(complete);
    assert_int_equal(add(reassembly, &c, 1), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &c, 2), COL_DROP_NONE);
    assert_whole_is(&c);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    assert_whole_is(&a);
}

static void the_oldest_is_the_one_begun_first_not_the_one_placed_first(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 2, 100, 200);
    make(&b, COL_ROLE_REPLICA, 2, 100, 200);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &b, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_whole_is(&a);
    make(&a, COL_ROLE_REPLICA, 2, 100, 200);
    make(&c, COL_ROLE_REPLICA, 2, 100, 200);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);        // in the place before b's
    assert_int_equal(add(reassembly, &c, 0), COL_DROP_QUEUE_FULL);  // in b's place
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_whole_is(&a);
    assert_int_equal(add(reassembly, &c, 1), COL_DROP_NONE);
    assert_whole_is(&c);
}

static void a_complete_message_leaves_its_place_free(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(2, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 0, 100, 200);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    for (uint32_t i = 0; i < 5; i++) {
        make(&b, COL_ROLE_REPLICA, 0, 100, 200);
        add_all(reassembly, &b);
        assert_whole_is(&b);
    }
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_whole_is(&a);
}

static void flood(col_reassembly *reassembly, uint8_t role, uint32_t sender) {
    for (uint32_t i = 0; i < 20; i++) {
        make(&c, role, sender, 100, MESSAGE_BYTES);
        const col_drop drop = add(reassembly, &c, (uint16_t)i);
        assert_int_equal(drop, i == 0 ? COL_DROP_NONE : COL_DROP_QUEUE_FULL);
    }
}

static void no_sender_takes_the_place_of_another(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 1, 100, 200);
    make(&b, COL_ROLE_CLIENT, 1, 100, 200);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    flood(reassembly, COL_ROLE_REPLICA, 0);
    flood(reassembly, COL_ROLE_REPLICA, 2);
    flood(reassembly, COL_ROLE_CLIENT, 1);
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_whole_is(&a);

    reassembly = fresh(1, MESSAGE_BYTES);
    assert_int_equal(add(reassembly, &b, 0), COL_DROP_NONE);
    for (uint32_t sender = 0; sender < SENDERS; sender++) {
        flood(reassembly, COL_ROLE_REPLICA, sender);
    }
    assert_int_equal(add(reassembly, &b, 1), COL_DROP_NONE);
    assert_whole_is(&b);
}

static void a_body_that_is_not_what_the_header_names_is_forgotten(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 0, 100, 300);
    a.body[150] ^= 1;
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_int_equal(add(reassembly, &a, 2), COL_DROP_BAD_DIGEST);
    assert_false(complete);
    a.body[150] ^= 1;
    add_all(reassembly, &a);
    assert_whole_is(&a);
}

static col_drop add_bytes(col_reassembly *reassembly, const col_header *header, uint16_t fragment,
                          size_t length) {
    static uint8_t bytes[COL_MESSAGE_BYTES_MAX + 1];
    col_message piece = {.header = *header, .bytes = {bytes, length}};
    piece.header.fragment = fragment;
    return add_piece(reassembly, &piece);
}

static void fragments_of_unequal_size_are_malformed(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 0, 100, 350);
    const struct {
        uint16_t first, second;
        size_t first_bytes, second_bytes;
    } pairs[] = {{0, 1, 100, 99},  {0, 1, 100, 101}, {2, 0, 100, 99},
                 {0, 3, 100, 101}, {3, 0, 101, 100}, {3, 2, 51, 50}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(add_bytes(reassembly, &a.header, pairs[i].first, pairs[i].first_bytes),
                         COL_DROP_NONE);
        assert_int_equal(add_bytes(reassembly, &a.header, pairs[i].second, pairs[i].second_bytes),
                         COL_DROP_MALFORMED);
        assert_false(complete);
    }
    add_all(reassembly, &a);  // sealed anew, it passes
    assert_whole_is(&a);
}

static void counts_out_of_their_range_are_malformed(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(3, MESSAGE_BYTES);
    col_header header = {.type = COL_BATCH};
    static const struct {
        uint16_t fragment, fragments;
        size_t bytes;
        col_drop drop;
    } cases[] = {
        {0, 0, 10, COL_DROP_MALFORMED},
        {0, 1, 10, COL_DROP_MALFORMED},
        {0, 2, 10, COL_DROP_NONE},
        {2, 2, 10, COL_DROP_MALFORMED},
        {UINT16_MAX, 2, 10, COL_DROP_MALFORMED},
        {COL_FRAGMENTS_MAX - 1, COL_FRAGMENTS_MAX, 10, COL_DROP_NONE},
        {COL_FRAGMENTS_MAX, COL_FRAGMENTS_MAX, 10, COL_DROP_MALFORMED},
        {0, COL_FRAGMENTS_MAX + 1, 10, COL_DROP_MALFORMED},
        {UINT16_MAX - 1, UINT16_MAX, 10, COL_DROP_MALFORMED},
        {0, 2, 0, COL_DROP_MALFORMED},
        {1, 2, 0, COL_DROP_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        header.fragments = cases[i].fragments;
        header.sequence = i;
        assert_int_equal(add_bytes(reassembly, &header, cases[i].fragment, cases[i].bytes),
                         cases[i].drop);
    }
}

static void what_cannot_fit_is_oversized_before_it_takes_a_place(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
    make(&a, COL_ROLE_REPLICA, 0, 100, 200);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);

    col_header header = a.header;
    header.sequence++;
    static const struct {
        uint16_t fragment, fragments;
        size_t bytes;
    } cases[] = {
        {0, 2, MESSAGE_BYTES},         {0, 2, MESSAGE_BYTES + 1}, {1, 2, MESSAGE_BYTES / 2 + 1},
        {0, 2, COL_MESSAGE_BYTES_MAX}, {0, 5, MESSAGE_BYTES / 4}, {4, 5, MESSAGE_BYTES / 5 + 1},
        {7, COL_FRAGMENTS_MAX, 17},    {0, 3, MESSAGE_BYTES / 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        header.fragments = cases[i].fragments;
        assert_int_equal(add_bytes(reassembly, &header, cases[i].fragment, cases[i].bytes),
                         COL_DROP_OVERSIZED);
    }
    assert_int_equal(add(reassembly, &a, 1), COL_DROP_NONE);
    assert_whole_is(&a);
}

static void fragments_that_fit_alone_but_not_together_are_oversized(void **state) {
    (void)state;
    const size_t full = (MESSAGE_BYTES - 1) / 3;  // three of them leave one byte
    const col_header header = {.type = COL_BATCH, .fragments = 4};
    for (uint32_t last_first = 0; last_first < 2; last_first++) {
        col_reassembly *reassembly = fresh(1, MESSAGE_BYTES);
        const uint16_t first = last_first ? 3 : 0;
        assert_int_equal(add_bytes(reassembly, &header, first, last_first ? 2 : full),
                         COL_DROP_NONE);
        assert_int_equal(add_bytes(reassembly, &header, 3 - first, last_first ? full : 2),
                         COL_DROP_OVERSIZED);
    }
}

/// Fragments of a few keys with sizes and counts of all kinds: the memory behind the last buffer is
/// inaccessible, and a message that is handed out has the bytes that were put in.
static void hostile_fragments_never_leave_their_buffer(void **state) {
    (void)state;
    static uint8_t bytes[2 * COL_FRAGMENTS_MAX];
    col_reassembly *reassembly = fresh(2, 256);
    uint32_t drops[COL_DROP_COUNT] = {0};
    for (uint32_t run = 0; run < 200000; run++) {
        col_header header = {
            .role = COL_ROLE_CLIENT, .type = COL_REQUEST, .sequence = random_below(2)};
        const bool any = random_below(10) == 0;
        header.fragments = (uint16_t)(any ? random_below(300) : 2 + header.sequence);
        header.fragment = (uint16_t)random_below(header.fragments + 1u);
        const size_t sizes[] = {1, 2, 63, 64, 65, 85, 86, 127, 128, 129, 255, 256, 257, 512};
        const size_t length = sizes[random_below(any ? 14 : 10)];
        memset(bytes, header.fragment + 1, length);
        col_message piece = {.header = header, .bytes = {bytes, length}};
        const uint8_t two[] = {1, 2};
        col_hash(&toy_hasher, (col_bytes){two, 2}, &piece.header.digest);  // 1 byte each

        const col_drop drop = add_piece(reassembly, &piece);
        drops[drop]++;
        assert_true(!complete || drop == COL_DROP_NONE);
        if (!complete) continue;
        assert_int_equal(whole.bytes.length, 2);
        assert_memory_equal(whole.bytes.at, two, 2);
    }
    assert_true(drops[COL_DROP_NONE] > 0 && drops[COL_DROP_REPEATED] > 0);
    assert_true(drops[COL_DROP_MALFORMED] > 0 && drops[COL_DROP_OVERSIZED] > 0);
    assert_true(drops[COL_DROP_BAD_DIGEST] > 0);
}

static void a_client_that_begins_many_messages_does_not_displace_anothers(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(4, MESSAGE_BYTES);
    make(&a, COL_ROLE_CLIENT, 1, 100, 250);
    assert_int_equal(add(reassembly, &a, 0), COL_DROP_NONE);
    for (uint32_t i = 0; i < 20; i++) {
        make(&b, COL_ROLE_CLIENT, 2, 100, 250);
        const col_drop drop = add(reassembly, &b, 0);
        assert_int_equal(drop, i < 3 ? COL_DROP_NONE : COL_DROP_QUEUE_FULL);
    }
    make(&c, COL_ROLE_CLIENT, 3, 100, 250);
    assert_int_equal(add(reassembly, &c, 0), COL_DROP_NONE);
    for (uint16_t i = 1; i < 3; i++) assert_int_equal(add(reassembly, &a, i), COL_DROP_NONE);
    assert_whole_is(&a);
    for (uint16_t i = 1; i < 3; i++) assert_int_equal(add(reassembly, &c, i), COL_DROP_NONE);
    assert_whole_is(&c);
}

/// Two clients that take each other's places in turn do so for nothing, whoever is the oldest.
static void clients_that_push_each_other_out_do_it_in_vain(void **state) {
    (void)state;
    col_reassembly *reassembly = fresh(4, MESSAGE_BYTES);
    uint32_t free_of_charge = 0;
    for (uint32_t i = 0; i < 100; i++) {
        make(&a, COL_ROLE_CLIENT, i % 2, 100, 250);
        free_of_charge += add(reassembly, &a, 0) == COL_DROP_NONE;
    }
    assert_int_equal(free_of_charge, 4);
}

int main(int argc, char **argv) {
    (void)argc;
    random_start(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_in_any_order_make_the_message),
        cmocka_unit_test(the_last_fragment_may_come_first_whatever_its_size),
        cmocka_unit_test(the_largest_message_in_the_most_fragments_fits),
        cmocka_unit_test(a_fragment_that_is_there_is_repeated),
        cmocka_unit_test(messages_on_their_way_at_once_do_not_mix),
        cmocka_unit_test(fragments_whose_headers_differ_in_any_field_do_not_meet),
        cmocka_unit_test(two_clients_with_equal_headers_but_for_their_ids_do_not_meet),
        cmocka_unit_test(the_oldest_incomplete_message_makes_room),
        cmocka_unit_test(the_oldest_is_the_one_begun_first_not_the_one_placed_first),
        cmocka_unit_test(a_complete_message_leaves_its_place_free),
        cmocka_unit_test(no_sender_takes_the_place_of_another),
        cmocka_unit_test(a_client_that_begins_many_messages_does_not_displace_anothers),
        cmocka_unit_test(clients_that_push_each_other_out_do_it_in_vain),
        cmocka_unit_test(a_body_that_is_not_what_the_header_names_is_forgotten),
        cmocka_unit_test(fragments_of_unequal_size_are_malformed),
        cmocka_unit_test(counts_out_of_their_range_are_malformed),
        cmocka_unit_test(what_cannot_fit_is_oversized_before_it_takes_a_place),
        cmocka_unit_test(fragments_that_fit_alone_but_not_together_are_oversized),
        cmocka_unit_test(hostile_fragments_never_leave_their_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
