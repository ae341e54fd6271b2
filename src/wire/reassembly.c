// SPDX-License-Identifier: Apache-2.0
#include "src/wire/reassembly.h"

#include "src/base/assert.h"

#define PLACES_MAX 64

/// One message on its way. Fragment i of `fragment_bytes` each lies at i * fragment_bytes; only the
/// last may be shorter. While `fragment_bytes` is unknown (0) only the last one is here, at the end
/// of the buffer.
typedef struct {
    col_header key;   ///< fragment is 0
    uint64_t begun;   ///< 1, 2, ... in order of beginning; 0 while the place is free
    uint8_t *buffer;  ///< message_bytes of room
    uint32_t fragment_bytes;
    uint32_t last_bytes;  ///< 0: the last fragment is not here
    uint16_t held;
    col_digest fragment_digest;  ///< with the seal of fragment 0, what proves the message to others
    uint16_t seal_length;
    uint8_t seal[COL_SEAL_BYTES_MAX];
    uint64_t held_set[COL_FRAGMENTS_MAX / 64];
} incomplete;

struct col_reassembly {
    uint32_t senders;
    uint32_t places;
    uint32_t message_bytes;
    uint64_t begun;
    incomplete *place;  ///< [(senders + 1) * places], the clients' behind the replicas'
};

static_assert(COL_FRAGMENTS_MAX % 64 == 0, "held_set is made of whole words");
static_assert((uint64_t)COL_FRAGMENTS_MAX * COL_MESSAGE_BYTES_MAX <= UINT32_MAX,
              "fragments times their size cannot wrap");

/// Arena takes are aligned to 64.
static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static void check_sizes(uint32_t senders, uint32_t places, uint32_t message_bytes) {
    COL_ASSERT(senders >= 1 && senders <= COL_REPLICAS_MAX);
    COL_ASSERT(places >= 1 && places <= PLACES_MAX);
    COL_ASSERT(message_bytes >= 1 && message_bytes <= COL_MESSAGE_BYTES_MAX);
}

size_t col_reassembly_footprint(uint32_t senders, uint32_t places, uint32_t message_bytes) {
    check_sizes(senders, places, message_bytes);
    const size_t count = (size_t)(senders + 1) * places;
    return aligned(sizeof(col_reassembly)) + aligned(count * sizeof(incomplete)) +
           count * aligned(message_bytes);
}

col_reassembly *col_reassembly_create(col_arena *arena, uint32_t senders, uint32_t places,
                                      uint32_t message_bytes) {
    check_sizes(senders, places, message_bytes);
    const size_t count = (size_t)(senders + 1) * places;
    col_reassembly *reassembly = col_arena_take(arena, 1, sizeof *reassembly);
    reassembly->senders = senders;
    reassembly->places = places;
    reassembly->message_bytes = message_bytes;
    reassembly->place = col_arena_take(arena, count, sizeof(incomplete));
    uint8_t *buffers = col_arena_take(arena, count, aligned(message_bytes));
    for (size_t i = 0; i < count; i++) {
        reassembly->place[i].buffer = buffers + i * aligned(message_bytes);
    }
    return reassembly;
}

/// The role needs no look: each role has places of its own.
static bool same_message(const col_header *a, const col_header *b) {
    return a->sequence == b->sequence && a->view == b->view && a->sender == b->sender &&
           a->type == b->type && a->pillar == b->pillar && a->run == b->run &&
           a->fragments == b->fragments && col_digest_equal(&a->digest, &b->digest);
}

static incomplete *places_of(const col_reassembly *reassembly, const col_header *header) {
    uint32_t sender = reassembly->senders;
    if (header->role == COL_ROLE_REPLICA) {
        COL_ASSERT(header->sender < reassembly->senders);
        sender = header->sender;
    }
    return reassembly->place + (size_t)sender * reassembly->places;
}

/// Places that a sender has among those that it shares.
static uint32_t places_held(const col_reassembly *reassembly, const incomplete *mine,
                            uint32_t sender) {
    uint32_t held = 0;
    for (uint32_t i = 0; i < reassembly->places; i++) {
        held += mine[i].begun != 0 && mine[i].key.sender == sender;
    }
    return held;
}

/// A free place, or the oldest of the sender that has most: no client can take the others' places.
static incomplete *place_to_begin(const col_reassembly *reassembly, incomplete *mine) {
    incomplete *chosen = NULL;
    uint32_t most = 0;
    for (uint32_t i = 0; i < reassembly->places; i++) {
        if (mine[i].begun == 0) return &mine[i];
        const uint32_t held = places_held(reassembly, mine, mine[i].key.sender);
        COL_ASSERT(held > 0);  // this one
        if (held < most || (held == most && mine[i].begun > chosen->begun)) continue;
        chosen = &mine[i];
        most = held;
    }
    return chosen;
}

/// The message's place, begun if need be. @param lost out: another was lost for it
static incomplete *place_for(col_reassembly *reassembly, const col_header *header, bool *lost) {
    incomplete *mine = places_of(reassembly, header);
    *lost = false;
    for (uint32_t i = 0; i < reassembly->places; i++) {
        if (mine[i].begun != 0 && same_message(&mine[i].key, header)) return &mine[i];
    }

    incomplete *chosen = place_to_begin(reassembly, mine);
    const uint32_t most =
        chosen->begun == 0 ? UINT32_MAX : places_held(reassembly, mine, chosen->key.sender);
    uint8_t *buffer = chosen->buffer;
    *chosen = (incomplete){.key = *header, .begun = ++reassembly->begun, .buffer = buffer};
    chosen->key.fragment = 0;
    // A place of whoever has more evens the shares out, and comes to an end. Else it is taken for
    // nothing, and could be for ever.
    *lost = places_held(reassembly, mine, header->sender) >= most;
    return chosen;
}

static void forget(incomplete *place) {
    place->begun = 0;
}

/// What one fragment says by itself, before it may take a place.
static col_drop fragment_check(const col_reassembly *reassembly, const col_message *fragment) {
    const col_header *header = &fragment->header;
    if (header->fragments < 2 || header->fragments > COL_FRAGMENTS_MAX ||
        header->fragment >= header->fragments || fragment->bytes.length == 0) {
        return COL_DROP_MALFORMED;
    }
    const size_t others = header->fragments - 1u;
    const bool last = header->fragment == others;
    const size_t length = fragment->bytes.length;
    // Before the last one stand fragments of at least its size; after the others one of 1 byte.
    const size_t total_min = last ? others * length + length : others * length + 1;
    return total_min > reassembly->message_bytes ? COL_DROP_OVERSIZED : COL_DROP_NONE;
}

static bool is_held(const incomplete *place, uint16_t fragment) {
    return place->held_set[fragment / 64] >> fragment % 64 & 1;
}

/// Do the sizes agree with those that are here?
static col_drop sizes_check(const col_reassembly *reassembly, const incomplete *place,
                            uint32_t length, bool last) {
    const uint32_t full = last ? place->fragment_bytes : length;
    const uint32_t last_bytes = last ? length : place->last_bytes;
    if (!last && place->fragment_bytes != 0 && place->fragment_bytes != length) {
        return COL_DROP_MALFORMED;
    }
    if (full == 0 || last_bytes == 0) return COL_DROP_NONE;
    if (last_bytes > full) return COL_DROP_MALFORMED;
    const uint32_t total = (place->key.fragments - 1u) * full + last_bytes;
    return total > reassembly->message_bytes ? COL_DROP_OVERSIZED : COL_DROP_NONE;
}

static uint8_t *position(const col_reassembly *reassembly, const incomplete *place,
                         uint16_t fragment) {
    if (place->fragment_bytes == 0) {
        return place->buffer + reassembly->message_bytes - place->last_bytes;
    }
    return place->buffer + (size_t)fragment * place->fragment_bytes;
}

static void learn_fragment_bytes(const col_reassembly *reassembly, incomplete *place,
                                 uint32_t bytes) {
    const uint16_t last = place->key.fragments - 1;
    const uint8_t *waiting = position(reassembly, place, last);
    place->fragment_bytes = bytes;
    memmove(position(reassembly, place, last), waiting, place->last_bytes);
}

static void store(const col_reassembly *reassembly, incomplete *place, uint16_t fragment,
                  col_bytes bytes) {
    if (fragment == place->key.fragments - 1) {
        place->last_bytes = (uint32_t)bytes.length;
    } else if (place->fragment_bytes == 0) {
        learn_fragment_bytes(reassembly, place, (uint32_t)bytes.length);
    }
    memcpy(position(reassembly, place, fragment), bytes.at, bytes.length);
    place->held_set[fragment / 64] |= UINT64_C(1) << fragment % 64;
    place->held++;
}

static void keep_proof(incomplete *place, const col_verified *verified) {
    COL_ASSERT(verified->seal.length <= COL_SEAL_BYTES_MAX);
    place->fragment_digest = verified->fragment_digest;
    place->seal_length = (uint16_t)verified->seal.length;
    if (place->seal_length > 0) memcpy(place->seal, verified->seal.at, place->seal_length);
}

col_drop col_reassembly_add(col_reassembly *reassembly, const col_hasher *hasher,
                            const col_verified *verified, col_verified *whole, bool *complete) {
    *complete = false;
    const col_message *fragment = &verified->message;
    const col_header *header = &fragment->header;
    col_drop drop = fragment_check(reassembly, fragment);
    if (drop != COL_DROP_NONE) return drop;

    bool lost;
    incomplete *place = place_for(reassembly, header, &lost);
    if (is_held(place, header->fragment)) return COL_DROP_REPEATED;
    drop = sizes_check(reassembly, place, (uint32_t)fragment->bytes.length,
                       header->fragment == header->fragments - 1);
    if (drop != COL_DROP_NONE) {
        forget(place);  // else a message sealed anew with other sizes could never pass
        return drop;
    }
    store(reassembly, place, header->fragment, fragment->bytes);
    if (header->fragment == 0) keep_proof(place, verified);
    if (place->held < place->key.fragments) return lost ? COL_DROP_QUEUE_FULL : COL_DROP_NONE;

    const size_t length =
        (size_t)(place->key.fragments - 1) * place->fragment_bytes + place->last_bytes;
    *whole = (col_verified){.message = {.header = place->key, .bytes = {place->buffer, length}},
                            .fragment_digest = place->fragment_digest,
                            .seal = {place->seal, place->seal_length}};
    forget(place);
    col_digest digest;
    col_hash(hasher, whole->message.bytes, &digest);
    if (!col_digest_equal(&digest, &place->key.digest)) return COL_DROP_BAD_DIGEST;
    *complete = true;
    return COL_DROP_NONE;
}
