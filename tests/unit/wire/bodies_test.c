// SPDX-License-Identifier: Apache-2.0
#include "src/wire/bodies.h"

#include "src/base/limits.h"
#include "tests/unit/wire/random.h"

/// Bytes written by hand in the order of bodies.h, independent of the codec under test.
static uint8_t expected[COL_MESSAGE_BYTES_MAX];
static size_t expected_bytes;
static uint8_t written[COL_MESSAGE_BYTES_MAX];

static void put(uint64_t value, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) expected[expected_bytes++] = (uint8_t)(value >> 8 * i);
}

static void put_bytes(col_bytes bytes) {
    if (bytes.length > 0) memcpy(expected + expected_bytes, bytes.at, bytes.length);
    expected_bytes += bytes.length;
}

static void assert_same_bytes(col_bytes a, col_bytes b) {
    assert_int_equal(a.length, b.length);
    if (a.length > 0) assert_memory_equal(a.at, b.at, a.length);
}

static col_bytes random_bytes(size_t length) {
    static uint8_t pool[4096];
    assert_true(length <= sizeof pool);
    random_fill(pool, sizeof pool);
    return (col_bytes){pool, length};
}

/// What every body's tests need: make one (in `expected`), check that reading it gives what was
/// put, and write again what is read.
typedef struct {
    const char *name;
    bool open_ended;  ///< the last field is the rest, so that it may be cut and extended
    void (*make_and_read)(void);
    /// @return false when refused; else what was read is in `writer`
    bool (*recode)(col_bytes bytes, col_writer *writer);
} body_kind;

static void make_session_open(void) {
    const col_session_open made = {(uint32_t)random_u64(),
                                   (uint8_t)random_below(COL_PILLARS_MAX),
                                   random_u64(),
                                   {(uint32_t)random_u64(), (uint16_t)random_u64()},
                                   {{0}}};
    put(made.client, 4);
    put(made.pillar, 1);
    put(made.nonce, 8);
    put(made.reply_to.address, 4);
    put(made.reply_to.port, 2);
    for (size_t i = 0; i < sizeof made.share.byte; i++) put(i, 1);
    col_session_open read;
    assert_true(col_session_open_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.client, made.client);
    assert_int_equal(read.pillar, made.pillar);
    assert_true(read.nonce == made.nonce);
    assert_int_equal(read.reply_to.address, made.reply_to.address);
    assert_int_equal(read.reply_to.port, made.reply_to.port);
    for (size_t i = 0; i < sizeof read.share.byte; i++) assert_int_equal(read.share.byte[i], i);
}

static bool recode_session_open(col_bytes bytes, col_writer *writer) {
    col_session_open body;
    if (!col_session_open_read(bytes, &body)) return false;
    col_session_open_write(writer, &body);
    return true;
}

static void make_session_opened(void) {
    const col_session_opened made = {(uint32_t)random_u64(),
                                     (uint8_t)random_below(COL_PILLARS_MAX),
                                     (uint8_t)random_below(COL_OPEN_UNKNOWN_CLIENT + 1),
                                     random_u64(),
                                     random_u64(),
                                     random_u64()};
    put(made.client, 4);
    put(made.pillar, 1);
    put(made.status, 1);
    put(made.nonce, 8);
    put(made.session, 8);
    put(made.floor, 8);
    col_session_opened read;
    assert_true(col_session_opened_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.client, made.client);
    assert_int_equal(read.pillar, made.pillar);
    assert_int_equal(read.status, made.status);
    assert_true(read.nonce == made.nonce && read.session == made.session);
    assert_true(read.floor == made.floor);
}

static bool recode_session_opened(col_bytes bytes, col_writer *writer) {
    col_session_opened body;
    if (!col_session_opened_read(bytes, &body)) return false;
    col_session_opened_write(writer, &body);
    return true;
}

static void make_request(void) {
    const col_request made = {(uint32_t)random_u64(),
                              random_u64(),
                              random_u64() | 1,
                              (uint8_t)random_below(COL_PILLARS_MAX),
                              0,
                              random_bytes(random_below(100))};
    put(made.client, 4);
    put(made.session, 8);
    put(made.number, 8);
    put(made.pillar, 1);
    put(made.flags, 1);
    assert_int_equal(expected_bytes, COL_REQUEST_OVERHEAD);
    put_bytes(made.operation);
    col_request read;
    assert_true(col_request_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.client, made.client);
    assert_true(read.session == made.session && read.number == made.number);
    assert_int_equal(read.pillar, made.pillar);
    assert_int_equal(read.flags, made.flags);
    assert_same_bytes(read.operation, made.operation);
}

static bool recode_request(col_bytes bytes, col_writer *writer) {
    col_request body;
    if (!col_request_read(bytes, &body)) return false;
    col_request_write(writer, &body);
    return true;
}

static void make_reply(void) {
    const col_reply made = {(uint32_t)random_u64(), random_u64(), random_u64(),
                            (uint8_t)random_below(COL_REPLY_REFUSED + 1),
                            random_bytes(random_below(100))};
    put(made.client, 4);
    put(made.session, 8);
    put(made.number, 8);
    put(made.status, 1);
    assert_int_equal(expected_bytes, COL_REPLY_OVERHEAD);
    put_bytes(made.result);
    col_reply read;
    assert_true(col_reply_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.client, made.client);
    assert_true(read.session == made.session && read.number == made.number);
    assert_int_equal(read.status, made.status);
    assert_same_bytes(read.result, made.result);
}

static bool recode_reply(col_bytes bytes, col_writer *writer) {
    col_reply body;
    if (!col_reply_read(bytes, &body)) return false;
    col_reply_write(writer, &body);
    return true;
}

static void make_busy(void) {
    const col_busy made = {(uint32_t)random_u64(), random_u64(), COL_BUSY_MISSING, random_u64()};
    put(made.client, 4);
    put(made.session, 8);
    put(made.reason, 1);
    put(made.value, 8);
    col_busy read;
    assert_true(col_busy_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.client, made.client);
    assert_true(read.session == made.session && read.value == made.value);
    assert_int_equal(read.reason, made.reason);
}

static bool recode_busy(col_bytes bytes, col_writer *writer) {
    col_busy body;
    if (!col_busy_read(bytes, &body)) return false;
    col_busy_write(writer, &body);
    return true;
}

static void make_status(void) {
    col_status_slot slots[8];
    const col_status made = {
        .view = random_u64(),
        .executed = random_u64(),
        .stable = random_u64(),
        .pending = random_below(2) == 0,
        .asks = random_below(2) == 0,
        .count = (uint16_t)random_below(9),
    };
    put(made.view, 8);
    put(made.executed, 8);
    put(made.stable, 8);
    put(made.pending, 1);
    put(made.asks, 1);
    put(made.count, 2);
    for (uint16_t i = 0; i < made.count; i++) {
        slots[i] = (col_status_slot){(uint8_t)random_below(8), (uint32_t)random_u64(),
                                     (uint32_t)random_u64()};
        put(slots[i].flags, 1);
        put(slots[i].prepares, 4);
        put(slots[i].commits, 4);
    }
    col_status read;
    assert_true(col_status_read(guarded_copy(expected, expected_bytes), &read));
    assert_true(read.view == made.view && read.executed == made.executed);
    assert_true(read.stable == made.stable);
    assert_int_equal(read.pending, made.pending);
    assert_int_equal(read.asks, made.asks);
    assert_int_equal(read.count, made.count);
    for (uint16_t i = 0; i < made.count; i++) {
        const col_status_slot slot = col_status_slot_read(&read, i);
        assert_int_equal(slot.flags, slots[i].flags);
        assert_int_equal(slot.prepares, slots[i].prepares);
        assert_int_equal(slot.commits, slots[i].commits);
    }
}

static bool recode_status(col_bytes bytes, col_writer *writer) {
    col_status body;
    if (!col_status_read(bytes, &body)) return false;
    col_status_write(writer, &body);
    for (uint16_t i = 0; i < body.count; i++) {
        const col_status_slot slot = col_status_slot_read(&body, i);
        col_status_slot_write(writer, &slot);
    }
    return true;
}

static void make_fetch(void) {
    col_fetch made = {.count = (uint16_t)(1 + random_below(COL_FETCH_ROUNDS_MAX))};
    put(made.count, 2);
    for (uint16_t i = 0; i < made.count; i++) put(made.round[i] = random_u64(), 8);
    col_fetch read;
    assert_true(col_fetch_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.count, made.count);
    assert_memory_equal(read.round, made.round, (size_t)made.count * 8);
}

static bool recode_fetch(col_bytes bytes, col_writer *writer) {
    col_fetch body;
    if (!col_fetch_read(bytes, &body)) return false;
    col_fetch_write(writer, &body);
    return true;
}

static void make_fetched(void) {
    static col_fetched made, read;
    made.checkpoint = random_below(4) == 0;
    made.sequence = random_u64();
    made.run = (uint8_t)(random_below(2) * random_below(COL_RUN_MAX + 1));
    made.view = random_u64();
    if (made.checkpoint) made.view = made.run = 0;
    random_fill(&made.digest, 32);
    made.seals = (uint8_t)random_below(5);
    const col_bytes pool = random_bytes(300);
    made.batch = (col_bytes){pool.at, made.run > 0 || made.checkpoint ? 0 : random_below(100)};
    put(made.checkpoint, 1);
    put(made.sequence, 8);
    put(made.run, 1);
    put(made.view, 8);
    put_bytes((col_bytes){made.digest.byte, 32});
    put(made.seals, 1);
    for (uint8_t i = 0; i < made.seals; i++) {
        made.seal[i].sender = random_below(COL_REPLICAS_MAX);
        made.seal[i].seal = (col_bytes){pool.at + i, random_below(100)};
        put(made.seal[i].sender, 4);
        put(made.seal[i].seal.length, 2);
        put_bytes(made.seal[i].seal);
    }
    put_bytes(made.batch);

    assert_true(col_fetched_read(guarded_copy(expected, expected_bytes), &read));
    assert_int_equal(read.checkpoint, made.checkpoint);
    assert_true(read.sequence == made.sequence && read.view == made.view);
    assert_int_equal(read.run, made.run);
    assert_memory_equal(&read.digest, &made.digest, 32);
    assert_int_equal(read.seals, made.seals);
    for (uint8_t i = 0; i < made.seals; i++) {
        assert_int_equal(read.seal[i].sender, made.seal[i].sender);
        assert_same_bytes(read.seal[i].seal, made.seal[i].seal);
    }
    assert_same_bytes(read.batch, made.batch);
}

static bool recode_fetched(col_bytes bytes, col_writer *writer) {
    static col_fetched body;
    if (!col_fetched_read(bytes, &body)) return false;
    col_fetched_write(writer, &body);
    return true;
}

static void make_batch(void) {
    const uint16_t bundles = (uint16_t)(1 + random_below(4));
    const uint16_t requests = (uint16_t)(bundles + random_below(10));
    const uint64_t time_ns = random_u64();
    put(time_ns, 8);
    put(requests, 2);
    put(bundles, 2);
    assert_int_equal(expected_bytes, COL_BATCH_HEADER_BYTES);
    for (uint16_t i = 0; i < bundles; i++) {
        const col_bytes bundle = random_bytes(random_below(60));
        put(bundle.length, 4);
        put_bytes(bundle);
    }
    col_batch read;
    const col_bytes bytes = guarded_copy(expected, expected_bytes);
    assert_true(col_batch_read(bytes, &read));
    assert_true(read.time_ns == time_ns);
    assert_int_equal(read.requests, requests);
    assert_int_equal(read.bundles, bundles);
    assert_ptr_equal(read.content.at, bytes.at + COL_BATCH_HEADER_BYTES);
    assert_int_equal(read.content.length, expected_bytes - COL_BATCH_HEADER_BYTES);
}

static bool recode_batch(col_bytes bytes, col_writer *writer) {
    col_batch body;
    if (!col_batch_read(bytes, &body)) return false;
    col_batch_write(writer, &body);
    col_write_bytes(writer, body.content);
    return true;
}

static const body_kind kinds[] = {
    {"SESSION-OPEN", false, make_session_open, recode_session_open},
    {"SESSION-OPENED", false, make_session_opened, recode_session_opened},
    {"REQUEST", true, make_request, recode_request},
    {"REPLY", true, make_reply, recode_reply},
    {"BUSY", false, make_busy, recode_busy},
    {"STATUS", false, make_status, recode_status},
    {"FETCH", false, make_fetch, recode_fetch},
    {"FETCHED", true, make_fetched, recode_fetched},
    {"BATCH", false, make_batch, recode_batch},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void make(const body_kind *kind) {
    expected_bytes = 0;
    kind->make_and_read();
}

/// Bytes are refused, or what is read from them is written as the same bytes.
static bool accepted(const body_kind *kind, size_t length) {
    col_writer writer = col_writer_of(written, sizeof written);
    if (!kind->recode(guarded_copy(expected, length), &writer)) return false;
    assert_false(writer.failed);
    assert_int_equal(col_writer_used(&writer), length);
    assert_memory_equal(written, expected, length);
    return true;
}

static void every_body_is_read_and_written_as_its_layout_says(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (uint32_t run = 0; run < 200; run++) {
            make(&kinds[k]);
            assert_true(accepted(&kinds[k], expected_bytes));
        }
    }
}

static void a_body_cut_short_is_refused(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        uint32_t refused = 0;
        for (uint32_t run = 0; run < 50; run++) {
            make(&kinds[k]);
            for (size_t cut = 0; cut < expected_bytes; cut++) {
                const bool taken = accepted(&kinds[k], cut);
                if (!kinds[k].open_ended) assert_false(taken);
                refused += !taken;
            }
        }
        assert_true(refused >= 50 * COL_BATCH_HEADER_BYTES);
    }
}

static void requests_and_replies_need_all_of_their_fixed_part(void **state) {
    (void)state;
    static const struct {
        const body_kind *kind;
        size_t fixed;
    } open_ended[] = {{&kinds[2], COL_REQUEST_OVERHEAD}, {&kinds[3], COL_REPLY_OVERHEAD}};
    for (size_t i = 0; i < 2; i++) {
        make(open_ended[i].kind);
        for (size_t cut = 0; cut < expected_bytes; cut++) {
            assert_int_equal(accepted(open_ended[i].kind, cut), cut >= open_ended[i].fixed);
        }
    }
}

static void a_byte_behind_a_body_is_refused_unless_its_last_field_is_the_rest(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (uint32_t run = 0; run < 50; run++) {
            make(&kinds[k]);
            const bool null_run =
                kinds[k].recode == recode_fetched && (expected[0] > 0 || expected[9] > 0);
            expected[expected_bytes] = (uint8_t)random_u64();
            assert_int_equal(accepted(&kinds[k], expected_bytes + 1),
                             kinds[k].open_ended && !null_run);
        }
    }
}

static void a_corrupted_byte_is_refused_or_means_what_it_says(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (uint32_t run = 0; run < 3; run++) {
            make(&kinds[k]);
            const size_t length = expected_bytes;
            for (size_t i = 0; i < length; i++) {
                const uint8_t good = expected[i];
                for (uint32_t change = 1; change <= UINT8_MAX; change++) {
                    expected[i] = (uint8_t)(good ^ change);
                    (void)accepted(&kinds[k], length);
                }
                expected[i] = good;
            }
        }
    }
}

static void random_bytes_are_refused_or_mean_what_they_say(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        for (uint32_t run = 0; run < 3000; run++) {
            random_fill(expected, 200);
            if (run % 2) memset(expected + random_below(20), 0, 60);
            (void)accepted(&kinds[k], random_below(200));
        }
    }
}

static void a_writer_without_room_fails(void **state) {
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        make(&kinds[k]);
        memcpy(written, expected, expected_bytes);
        for (size_t room = 0; room < expected_bytes; room++) {
            col_writer writer = col_writer_of(guarded(room), room);
            assert_true(kinds[k].recode((col_bytes){written, expected_bytes}, &writer));
            assert_true(writer.failed);
        }
    }
}

/// Make bodies until one is long enough, set one byte, and see whether it is accepted.
static bool with_u8(size_t kind, size_t offset, uint8_t value) {
    do make(&kinds[kind]);
    while (expected_bytes <= offset);
    expected[offset] = value;
    return accepted(&kinds[kind], expected_bytes);
}

enum { SESSION_OPEN, SESSION_OPENED, REQUEST, REPLY, BUSY, STATUS, FETCH, FETCHED, BATCH };

static void small_fields_have_bounds(void **state) {
    (void)state;
    assert_true(with_u8(SESSION_OPEN, 4, COL_PILLARS_MAX - 1));
    assert_false(with_u8(SESSION_OPEN, 4, COL_PILLARS_MAX));
    assert_true(with_u8(SESSION_OPENED, 4, COL_PILLARS_MAX - 1));
    assert_false(with_u8(SESSION_OPENED, 4, COL_PILLARS_MAX));
    assert_true(with_u8(SESSION_OPENED, 5, COL_OPEN_UNKNOWN_CLIENT));
    assert_false(with_u8(SESSION_OPENED, 5, COL_OPEN_UNKNOWN_CLIENT + 1));
    assert_true(with_u8(REQUEST, 20, COL_PILLARS_MAX - 1));
    assert_false(with_u8(REQUEST, 20, COL_PILLARS_MAX));
    assert_false(with_u8(REQUEST, 21, 1));  // flags
    assert_true(with_u8(REPLY, 20, COL_REPLY_REFUSED));
    assert_false(with_u8(REPLY, 20, COL_REPLY_REFUSED + 1));
    assert_false(with_u8(BUSY, 12, COL_BUSY_SIGN + 1));
    assert_true(with_u8(STATUS, 24, 1));  // pending
    assert_false(with_u8(STATUS, 24, 2));
    assert_true(with_u8(STATUS, 25, 1));  // asks
    assert_false(with_u8(STATUS, 25, 2));
    assert_true(with_u8(STATUS, 28, 7));  // flags of a slot
    assert_false(with_u8(STATUS, 28, 8));
    assert_false(with_u8(FETCHED, 0, 2));  // checkpoint
    assert_false(with_u8(FETCHED, 50, COL_REPLICAS_MAX + 1));
}

static void request_numbers_start_at_1(void **state) {
    (void)state;
    col_request request = {.number = 0};
    col_writer writer = col_writer_of(written, sizeof written);
    col_request_write(&writer, &request);
    assert_false(col_request_read((col_bytes){written, COL_REQUEST_OVERHEAD}, &request));
    request.number = 1;
    writer = col_writer_of(written, sizeof written);
    col_request_write(&writer, &request);
    assert_true(col_request_read((col_bytes){written, COL_REQUEST_OVERHEAD}, &request));
}

static void operations_and_results_have_a_longest_length(void **state) {
    (void)state;
    memset(expected, 0, sizeof expected);
    expected[12] = 1;  // request number
    assert_true(accepted(&kinds[REQUEST], COL_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX));
    assert_false(accepted(&kinds[REQUEST], COL_REQUEST_OVERHEAD + COL_OPERATION_BYTES_MAX + 1));
    assert_true(accepted(&kinds[REPLY], COL_REPLY_OVERHEAD + COL_RESULT_BYTES_MAX));
    assert_false(accepted(&kinds[REPLY], COL_REPLY_OVERHEAD + COL_RESULT_BYTES_MAX + 1));
}

static bool status_of(uint16_t count) {
    memset(expected, 0, sizeof expected);
    expected_bytes = 26;
    put(count, 2);
    return accepted(&kinds[STATUS], expected_bytes + (size_t)count * COL_STATUS_SLOT_BYTES);
}

static bool fetch_of(uint16_t count) {
    memset(expected, 0, sizeof expected);
    expected_bytes = 0;
    put(count, 2);
    return accepted(&kinds[FETCH], expected_bytes + (size_t)count * 8);
}

static void lists_have_a_longest_length(void **state) {
    (void)state;
    assert_true(status_of(0));
    assert_true(status_of(COL_WINDOW_ROUNDS_MAX));
    assert_false(status_of(COL_WINDOW_ROUNDS_MAX + 1));
    assert_false(fetch_of(0));
    assert_true(fetch_of(1));
    assert_true(fetch_of(COL_FETCH_ROUNDS_MAX));
    assert_false(fetch_of(COL_FETCH_ROUNDS_MAX + 1));
}

/// FETCHED with `seals` seals of `length` bytes of `sender`.
static bool fetched_of(uint8_t seals, uint32_t sender, uint16_t length) {
    memset(expected, 0, sizeof expected);
    expected_bytes = 50;
    put(seals, 1);
    for (uint8_t i = 0; i < seals; i++) {
        put(sender, 4);
        put(length, 2);
        expected_bytes += length;
    }
    return accepted(&kinds[FETCHED], expected_bytes);
}

static void seals_of_a_fetched_slot_have_bounds(void **state) {
    (void)state;
    assert_true(fetched_of(0, 0, 0));
    assert_true(fetched_of(COL_REPLICAS_MAX, COL_REPLICAS_MAX - 1, COL_SEAL_BYTES_MAX));
    assert_false(fetched_of(COL_REPLICAS_MAX + 1, 0, 10));
    assert_false(fetched_of(1, COL_REPLICAS_MAX, 10));
    assert_false(fetched_of(1, 0, COL_SEAL_BYTES_MAX + 1));
}

static void a_fetched_null_run_has_at_most_32_slots_and_no_batch(void **state) {
    (void)state;
    fetched_of(0, 0, 0);
    expected[9] = COL_RUN_MAX;
    assert_true(accepted(&kinds[FETCHED], expected_bytes));
    assert_false(accepted(&kinds[FETCHED], expected_bytes + 1));
    expected[9] = COL_RUN_MAX + 1;
    assert_false(accepted(&kinds[FETCHED], expected_bytes));
}

static bool batch_of(uint16_t requests, uint16_t bundles) {
    memset(expected, 0, sizeof expected);
    expected_bytes = 8;
    put(requests, 2);
    put(bundles, 2);
    for (uint16_t i = 0; i < bundles; i++) {
        put(1, 4);
        put(0, 1);
    }
    return accepted(&kinds[BATCH], expected_bytes);
}

static void a_batch_has_1_to_1024_requests_in_no_more_bundles(void **state) {
    (void)state;
    assert_false(batch_of(0, 0));
    assert_false(batch_of(0, 1));
    assert_false(batch_of(1, 0));
    assert_true(batch_of(1, 1));
    assert_false(batch_of(1, 2));
    assert_true(batch_of(COL_BATCH_REQUESTS_MAX, COL_BATCH_REQUESTS_MAX));
    assert_false(batch_of(COL_BATCH_REQUESTS_MAX + 1, 1));
}

static void a_batch_digest_covers_domain_time_count_and_digests_in_order(void **state) {
    (void)state;
    for (uint32_t count = 0; count < 5; count++) {
        col_digest request[5];
        random_fill(request, sizeof request);
        const uint64_t time_ns = random_u64();
        expected_bytes = 0;
        put_bytes((col_bytes){(const uint8_t *)"batch", 5});
        put(time_ns, 8);
        put(count, 4);
        for (uint32_t i = 0; i < count; i++) put_bytes((col_bytes){request[i].byte, 32});
        assert_int_equal(expected_bytes, COL_BATCH_DIGEST_BYTES(count));

        uint8_t *bytes = guarded(expected_bytes);
        col_batch_digest_input(time_ns, request, count, bytes);
        assert_memory_equal(bytes, expected, expected_bytes);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    random_start(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_is_read_and_written_as_its_layout_says),
        cmocka_unit_test(a_body_cut_short_is_refused),
        cmocka_unit_test(requests_and_replies_need_all_of_their_fixed_part),
        cmocka_unit_test(a_byte_behind_a_body_is_refused_unless_its_last_field_is_the_rest),
        cmocka_unit_test(a_corrupted_byte_is_refused_or_means_what_it_says),
        cmocka_unit_test(random_bytes_are_refused_or_mean_what_they_say),
        cmocka_unit_test(a_writer_without_room_fails),
        cmocka_unit_test(small_fields_have_bounds),
        cmocka_unit_test(request_numbers_start_at_1),
        cmocka_unit_test(operations_and_results_have_a_longest_length),
        cmocka_unit_test(lists_have_a_longest_length),
        cmocka_unit_test(seals_of_a_fetched_slot_have_bounds),
        cmocka_unit_test(a_fetched_null_run_has_at_most_32_slots_and_no_batch),
        cmocka_unit_test(a_batch_has_1_to_1024_requests_in_no_more_bundles),
        cmocka_unit_test(a_batch_digest_covers_domain_time_count_and_digests_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
