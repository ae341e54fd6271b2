// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/base/cursor.h"

static const uint8_t wire[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                               0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};

static void numbers_are_little_endian_at_any_alignment(void **state) {
    (void)state;
    col_reader reader = col_reader_of((col_bytes){wire, sizeof wire});
    assert_int_equal(col_reader_left(&reader), 15);
    assert_int_equal(col_read_u8(&reader), 0x01);
    assert_int_equal(col_read_u16(&reader), 0x0203);
    assert_int_equal(col_read_u32(&reader), 0x04050607);
    assert_false(col_reader_done(&reader));
    assert_int_equal(col_read_u64(&reader), 0x08090a0b0c0d0e0f);
    assert_true(col_reader_done(&reader));
    assert_int_equal(col_reader_left(&reader), 0);

    uint8_t buffer[sizeof wire];
    col_writer writer = col_writer_of(buffer, sizeof buffer);
    col_write_u8(&writer, 0x01);
    col_write_u16(&writer, 0x0203);
    col_write_u32(&writer, 0x04050607);
    col_write_u64(&writer, 0x08090a0b0c0d0e0f);
    assert_false(writer.failed);
    assert_int_equal(col_writer_used(&writer), sizeof wire);
    assert_memory_equal(buffer, wire, sizeof wire);
}

static void bytes_are_borrowed_and_digests_copied(void **state) {
    (void)state;
    uint8_t buffer[40];
    col_digest digest;
    for (int i = 0; i < 32; i++) digest.byte[i] = (uint8_t)(100 + i);
    col_writer writer = col_writer_of(buffer, sizeof buffer);
    col_write_bytes(&writer, (col_bytes){(const uint8_t *)"colonnad", 8});
    col_write_digest(&writer, &digest);
    assert_false(writer.failed);

    col_reader reader = col_reader_of((col_bytes){buffer, sizeof buffer});
    const col_bytes text = col_read_bytes(&reader, 8);
    assert_ptr_equal(text.at, buffer);
    assert_int_equal(text.length, 8);
    assert_memory_equal(text.at, "colonnad", 8);
    col_digest back;
    col_read_digest(&reader, &back);
    assert_true(col_digest_equal(&back, &digest));
    assert_true(col_reader_done(&reader));
}

static void a_read_beyond_the_end_fails_for_good_and_gives_zeros(void **state) {
    (void)state;
    const uint8_t ones[] = {1, 1, 1};
    col_reader reader = col_reader_of((col_bytes){ones, sizeof ones});
    assert_int_equal(col_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(col_read_u8(&reader), 0);  // a byte is there, but the failure stays
    assert_int_equal(col_read_u16(&reader), 0);
    assert_int_equal(col_read_u64(&reader), 0);
    assert_int_equal(col_read_bytes(&reader, 1).length, 0);
    col_digest digest = {.byte = {1, 2, 3}};
    col_read_digest(&reader, &digest);
    assert_true(col_digest_equal(&digest, &(col_digest){0}));
    assert_int_equal(col_reader_left(&reader), 0);
    assert_false(col_reader_done(&reader));
}

static void lengths_near_the_end_of_the_address_space_do_not_wrap(void **state) {
    (void)state;
    col_reader reader = col_reader_of((col_bytes){wire, sizeof wire});
    assert_int_equal(col_read_bytes(&reader, SIZE_MAX).length, 0);
    assert_true(reader.failed);

    uint8_t buffer[4];
    col_writer writer = col_writer_of(buffer, sizeof buffer);
    col_write_bytes(&writer, (col_bytes){wire, SIZE_MAX});
    assert_true(writer.failed);
}

static void a_write_beyond_the_end_fails_for_good_and_writes_nothing(void **state) {
    (void)state;
    uint8_t buffer[] = {9, 9, 9, 9, 9};
    col_writer writer = col_writer_of(buffer, 4);
    col_write_u8(&writer, 1);
    col_write_u32(&writer, 0x02020202);  // one byte too long
    assert_true(writer.failed);
    col_write_u8(&writer, 3);
    assert_true(writer.failed);
    assert_int_equal(col_writer_used(&writer), 1);
    const uint8_t expected[] = {1, 9, 9, 9, 9};
    assert_memory_equal(buffer, expected, sizeof expected);
}

static void empty_ranges_are_neither_an_end_nor_a_failure(void **state) {
    (void)state;
    col_reader reader = col_reader_of((col_bytes){NULL, 0});
    assert_true(col_reader_done(&reader));
    assert_int_equal(col_read_bytes(&reader, 0).length, 0);
    assert_true(col_reader_done(&reader));

    uint8_t buffer[1];
    col_writer writer = col_writer_of(buffer, 0);
    col_write_bytes(&writer, (col_bytes){NULL, 0});
    assert_false(writer.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian_at_any_alignment),
        cmocka_unit_test(bytes_are_borrowed_and_digests_copied),
        cmocka_unit_test(a_read_beyond_the_end_fails_for_good_and_gives_zeros),
        cmocka_unit_test(lengths_near_the_end_of_the_address_space_do_not_wrap),
        cmocka_unit_test(a_write_beyond_the_end_fails_for_good_and_writes_nothing),
        cmocka_unit_test(empty_ranges_are_neither_an_end_nor_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
