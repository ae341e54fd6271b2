// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
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

/// What keys there are. The first is used wherever nothing else is asked for.
struct Kind {
    const char *name;
    col_scheme scheme;
    uint32_t rsa_bits;
};
constexpr Kind KINDS[] = {{"RSA-2048", COL_SCHEME_RSA, 2048},
                          {"RSA-3072", COL_SCHEME_RSA, 3072},
                          {"RSA-4096", COL_SCHEME_RSA, 4096},
                          {"Ed25519", COL_SCHEME_ED25519, 0},
                          {"ECDSA-P256", COL_SCHEME_ECDSA_P256, 0}};

/// One key pair per kind, made at first use and shared by all signers: the cost is the same.
col_key *private_key(const Kind &kind = KINDS[0]);
col_key *public_key(const Kind &kind = KINDS[0]);
const col_keyring *keyring(const Kind &kind = KINDS[0]);

/// Who signs or verifies with what, and how many roots in one call.
struct Signing {
    const col_backend *back_end = col_backend_best();
    const Kind *kind = KINDS;
    uint32_t batch = 1;

    std::string name() const;  ///< "ifma/RSA-2048/alone", "ifma/RSA-2048/8 at once"
};

/// Each back end of this CPU with each kind of key and each batch.
std::vector<Signing> all_signings();

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
    Sealer(col_role role, uint32_t signer, bool keep, uint32_t tree_leaves = 0,
           const Signing &signing = {});
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
    explicit Opener(uint32_t roots, const Signing &signing = {});
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
