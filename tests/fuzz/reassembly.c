// SPDX-License-Identifier: Apache-2.0
// Fragments in any order, repeated, altered, of any shape: a completed message is one that was cut,
// and one that is sent twice as it was cut is completed.
#include "src/wire/reassembly.h"
#include "tests/fuzz/fuzz.h"

#define SENDERS 4
#define PLACES 2
#define MESSAGE_BYTES 1500
#define MESSAGES 4

/// A message that a correct sender cut.
typedef struct {
    col_header header;
    uint32_t length;
    uint32_t fragment_bytes;
    uint8_t body[MESSAGE_BYTES];
} cut_message;

typedef struct {
    col_arena arena;
    col_reassembly *reassembly;
    cut_message message[MESSAGES];
} scene;

static void cut(cut_message *made, col_reader *input, uint8_t fill) {
    made->length = 2 + col_read_u16(input) % (MESSAGE_BYTES - 1);
    const uint32_t least = (made->length + COL_FRAGMENTS_MAX - 1) / COL_FRAGMENTS_MAX;
    made->fragment_bytes = least + col_read_u16(input) % (made->length - least);
    const uint8_t role = fuzz_below(input, 8) == 0 ? COL_ROLE_CLIENT : COL_ROLE_REPLICA;
    made->header = (col_header){
        .role = role,
        .type = role == COL_ROLE_CLIENT ? COL_REQUEST : COL_BATCH,
        .sender = fuzz_below(input, SENDERS),
        .sequence = fuzz_below(input, 4),
        .fragments = (uint16_t)((made->length + made->fragment_bytes - 1) / made->fragment_bytes)};
    for (uint32_t i = 0; i < made->length; i++) made->body[i] = (uint8_t)(fill + i);
    col_hash(&fuzz_hasher, (col_bytes){made->body, made->length}, &made->header.digest);
}

static bool was_cut(const scene *s, const col_verified *whole) {
    for (uint32_t i = 0; i < MESSAGES; i++) {
        const cut_message *made = &s->message[i];
        if (!col_digest_equal(&made->header.digest, &whole->message.header.digest)) continue;
        if (fuzz_equal(whole->message.bytes, (col_bytes){made->body, made->length})) return true;
    }
    return false;
}

/// @return a message is complete
static bool add(scene *s, const col_header *header, col_bytes bytes) {
    uint8_t seal[3] = {header->type, (uint8_t)header->sender, 7};
    const col_verified fragment = {.message = {*header, bytes}, .seal = {seal, sizeof seal}};
    col_verified whole;
    bool complete;
    const col_drop drop =
        col_reassembly_add(s->reassembly, &fuzz_hasher, &fragment, &whole, &complete);
    COL_ASSERT(!complete || drop == COL_DROP_NONE);
    if (!complete) return false;
    COL_ASSERT(whole.message.bytes.length <= MESSAGE_BYTES);
    COL_ASSERT(whole.message.header.fragment == 0);
    COL_ASSERT(whole.message.header.sender == header->sender);
    COL_ASSERT(whole.seal.length == sizeof seal && whole.seal.at[1] == header->sender);
    COL_ASSERT(was_cut(s, &whole));
    return true;
}

/// One fragment of what was cut, as its sender sent it or altered.
static void add_cut(scene *s, col_reader *input) {
    const cut_message *made = &s->message[fuzz_below(input, MESSAGES)];
    col_header header = made->header;
    header.fragment = (uint16_t)(fuzz_number(input) % header.fragments);
    const uint32_t at = header.fragment * made->fragment_bytes;
    const uint32_t left = made->length - at;
    col_bytes bytes = {made->body + at, left < made->fragment_bytes ? left : made->fragment_bytes};
    const uint32_t alteration = fuzz_below(input, 8);
    if (alteration == 1) bytes.at = s->message[fuzz_below(input, MESSAGES)].body;
    if (alteration == 2) bytes.length -= bytes.length > 1;
    if (alteration == 3) header.fragments++;
    if (alteration == 4) header.sequence++;
    if (alteration == 5 && header.fragments > 2) header.fragments--;
    if (header.fragments >= 2) (void)add(s, &header, bytes);
}

static bool add_all(scene *s, const cut_message *made, uint32_t first) {
    bool complete = false;
    for (uint16_t i = 0; i < made->header.fragments; i++) {
        col_header header = made->header;
        header.fragment = (uint16_t)((first + i) % header.fragments);
        const uint32_t at = header.fragment * made->fragment_bytes;
        const uint32_t left = made->length - at;
        complete |= add(s, &header,
                        (col_bytes){made->body + at,
                                    left < made->fragment_bytes ? left : made->fragment_bytes});
    }
    return complete;
}

/// What others left of the message may spoil the first time; then it is gone.
static void add_twice(scene *s, col_reader *input) {
    const cut_message *made = &s->message[fuzz_below(input, MESSAGES)];
    const uint32_t first = fuzz_below(input, 255);
    (void)add_all(s, made, first);
    COL_ASSERT(add_all(s, made, first));
}

static void add_any(scene *s, col_reader *input) {
    col_header header = {.role = (uint8_t)fuzz_below(input, 2),
                         .type = COL_BATCH,
                         .sender = fuzz_below(input, SENDERS),
                         .fragment = col_read_u16(input),
                         .fragments = col_read_u16(input)};
    header.digest = s->message[fuzz_below(input, MESSAGES)].header.digest;
    (void)add(s, &header, fuzz_bytes(input, MESSAGE_BYTES + 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static scene s;
    col_reader input = fuzz_input(data, size);
    if (!col_arena_open(&s.arena, col_reassembly_footprint(SENDERS, PLACES, MESSAGE_BYTES)).ok) {
        return 0;
    }
    s.reassembly = col_reassembly_create(&s.arena, SENDERS, PLACES, MESSAGE_BYTES);
    for (uint8_t i = 0; i < MESSAGES; i++) cut(&s.message[i], &input, (uint8_t)(i * 31));
    while (fuzz_more(&input)) {
        switch (fuzz_below(&input, 4)) {
            case 0:
                add_any(&s, &input);
                break;
            case 1:
                add_twice(&s, &input);
                break;
            default:
                add_cut(&s, &input);
        }
    }
    col_arena_close(&s.arena);
    return 0;
}
