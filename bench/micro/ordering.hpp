// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/micro/world.hpp"

/// How every instance here is set up, but for its sink.
col_pbft_options instance_options(uint32_t self);

/// One ordering instance of the only pillar of four replicas, stepped by hand. What it sends is
/// kept as far as benchmarks need it; batches are taken as checked.
class Instance {
   public:
    /// @param self 0 is the primary
    explicit Instance(uint32_t self);
    Instance(const Instance &) = delete;

    void open_session(uint64_t session);
    col_drop message(const col_verified &verified);
    /// A vote, or a proposal without its body, of replica `sender` for the slot of `round`.
    col_drop vote(col_type type, uint32_t sender, uint64_t round, const col_digest &digest,
                  uint8_t run = 0);
    col_drop batch(uint32_t sender, uint64_t round, const Bytes &body);
    /// An own vote came back with its seal.
    void sealed(col_type type, uint64_t round, const col_digest &digest, uint8_t run = 0);
    void propose() {
        col_pbft_settle(pbft);
    }
    /// Another pillar has a batch at this sequence number.
    void target(uint64_t sequence);
    void outcome(uint64_t session, uint64_t number);
    /// The merge executed up to `round`; checkpoints become stable as they come.
    void executed(uint64_t round);
    /// @return rounds that became committed now
    uint64_t take_committed();

    col_batch_check check{};  ///< the verdict on every batch
    Bytes last_batch;         ///< sent, when keep_batches
    col_digest proposed{};    ///< by the newest PRE-PREPARE sent
    uint8_t proposed_run = 0;
    uint64_t sent[COL_TYPE_COUNT]{};
    bool keep_batches = false;

   private:
    void on_send(const col_header *header, col_bytes body);
    void step(col_pbft_event event);
    col_header header_of(col_type type, uint32_t sender, uint64_t round, const col_digest &digest,
                         uint8_t run) const;

    std::unique_ptr<Arena> arena;
    col_pbft *pbft;
    uint32_t self;
    uint64_t now_ns = 1;
    uint64_t checkpoints = 0;
};

/// The body of a batch, as a primary makes it, of opened_requests(trees, each, first).
Bytes batch_body(uint32_t trees, uint32_t each, uint64_t first);
