// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "bench/micro/colonnade.hpp"

/// What the benchmarks share: the keys of a cluster of four replicas and one client, sealers, and
/// messages that went through them.

using Bytes = std::vector<uint8_t>;

inline col_bytes view(const Bytes &bytes) {
    return {bytes.data(), bytes.size()};
}

constexpr uint32_t REPLICAS = 4;
constexpr uint32_t ALL_REPLICAS = (1u << REPLICAS) - 1;
constexpr uint32_t OPERATION_BYTES = 100;
constexpr col_endpoint CLIENT_ENDPOINT = {0x0a000101, 5000};

/// One key pair per size, made at first use and shared by all signers: the cost is the same.
col_key *private_key(col_scheme scheme = COL_SCHEME_RSA, uint32_t rsa_bits = 2048);
col_key *public_key(col_scheme scheme = COL_SCHEME_RSA, uint32_t rsa_bits = 2048);
const col_keyring *keyring();

/// The best one for this CPU.
const col_hasher *hasher();

/// Ends the process when something that must work does not.
void must(bool condition, const char *what);
void must(const col_result &result);

class Arena {
   public:
    explicit Arena(size_t bytes) {
        must(col_arena_open(&arena, bytes));
    }
    ~Arena() {
        col_arena_close(&arena);
    }
    Arena(const Arena &) = delete;
    col_arena *get() {
        return &arena;
    }

   private:
    col_arena arena;
};

/// A sealer whose datagrams are kept, or only counted.
class Sealer {
   public:
    Sealer(col_role role, uint32_t signer, bool keep, uint32_t tree_leaves = 0);
    ~Sealer() {
        col_sealer_destroy(sealer);
    }
    Sealer(const Sealer &) = delete;

    void add(const col_header &header, const Bytes &body, col_destination to);
    void flush() {
        col_sealer_flush(sealer);
    }

    std::vector<Bytes> sent;  ///< when kept
    col_sealer_counters counters{};

   private:
    struct Outbox {
        col_egress egress;
        Sealer *owner;
        uint8_t room[COL_DATAGRAM_BYTES_MAX];
    };
    Arena arena;
    Outbox outbox{};
    col_sealer *sealer;
    bool keep;
};

/// Opens bundles with a cache of its own.
class Opener {
   public:
    /// @param roots of the cache: 4 forget each other quickly
    explicit Opener(uint32_t roots);
    ~Opener() {
        col_opener_destroy(opener);
    }
    Opener(const Opener &) = delete;

    /// @return bundles that were opened
    uint32_t open(const std::vector<col_bytes> &bundles, col_open_fn *handle, void *context);
    col_opener *get() {
        return opener;
    }

    col_opener_counters counters{};

   private:
    Arena arena;
    col_opener *opener;
};

/// Bodies of a client's messages.
Bytes request_body(uint64_t session, uint64_t number);
Bytes reply_body(uint64_t session, uint64_t number);

/// Where a REQUEST's body has its number.
constexpr size_t REQUEST_NUMBER_AT = 12;
void put_u64(uint8_t *at, uint64_t value);

/// A verified message with bytes and seal of its own.
struct Kept {
    col_header header;
    Bytes bytes;
    Bytes seal;
    col_verified verified() const;
};

/// Requests as a replica gets them: `trees` trees of `each` requests; tree t holds the numbers
/// first .. first+each-1 of session t+1.
std::vector<Kept> opened_requests(uint32_t trees, uint32_t each, uint64_t first);
