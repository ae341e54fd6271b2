// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "src/base/arena.h"
#include "src/base/waker.h"

/// The one hand-off of the system: a bounded queue of records of any length, from one producer
/// thread to one consumer thread (they may be the same).
///
/// Records are contiguous and 8-byte aligned. A record is invisible until published and stays in
/// place until released, so neither side copies more than once.
///
/// | may run concurrently | reserve, publish | front, release |
/// |---|---|---|
/// | reserve, publish     | no               | yes            |
/// | front, release       | yes              | no             |
typedef struct {
    _Alignas(64) atomic_uint_fast64_t head;  ///< consumer's position in bytes; released by release
    uint64_t cached_tail;                    ///< consumer's copy of tail
    _Alignas(64) atomic_uint_fast64_t tail;  ///< producer's position in bytes; released by publish
    uint64_t cached_head;                    ///< producer's copy of head
    uint64_t reserved;                       ///< producer: position after the open record
    _Alignas(64) uint8_t *buffer;
    uint64_t size;     ///< bytes, a power of two
    col_waker *waker;  ///< of the consumer's loop, or NULL when nobody sleeps
} col_ring;

/// @param bytes capacity, rounded up to a power of two; a record of up to a quarter of it always
///              fits an empty ring
/// @param waker signalled by publish; borrowed for the ring's life; NULL for none
void col_ring_init(col_ring *ring, col_arena *arena, uint64_t bytes, col_waker *waker);

/// Address space that col_ring_init takes from the arena.
uint64_t col_ring_footprint(uint64_t bytes);

/// Bytes that a record of `bytes` takes in a ring.
uint64_t col_ring_space(uint64_t bytes);

/// Open a record of `bytes` bytes. @return where to write it, NULL when the ring is full.
/// Reserving again before publishing abandons the open record.
/// Thread: producer.
void *col_ring_reserve(col_ring *ring, uint32_t bytes);

/// Free bytes now, with the waste at the buffer's end (at most one record); only the producer makes
/// them fewer. Thread: producer.
uint64_t col_ring_free(const col_ring *ring);

/// Make the open record visible and wake the consumer. Pairs with col_ring_front. Thread: producer.
void col_ring_publish(col_ring *ring);

/// The oldest record, or NULL when there is none. Thread: consumer.
const void *col_ring_front(col_ring *ring, uint32_t *bytes);

/// Give back the record that col_ring_front returned. Pairs with col_ring_reserve. Thread:
/// consumer.
void col_ring_release(col_ring *ring);
