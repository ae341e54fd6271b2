// SPDX-License-Identifier: Apache-2.0
// Sealing: one tree of replies to a client, and of votes to the other replicas.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

/// The messages of some trees, sealed again and again.
void seal_trees(benchmark::State &state, uint8_t type, const Bytes &body, col_destination to,
                uint32_t trees_each) {
    const uint32_t leaves = static_cast<uint32_t>(state.range(0));
    const uint32_t messages = trees_each * leaves;
    Sealer sealer(COL_ROLE_REPLICA, 1, false, leaves);
    measure(state, "message", messages, [&] {
        for (uint32_t i = 0; i < messages; i++) {
            col_header header{};
            header.type = type;
            header.sequence = i + 1;
            sealer.add(header, body, to);
        }
        sealer.flush();
    });
    const uint64_t trees = col_counter_read(&sealer.counters.signatures);
    require(state,
            trees > 0 && col_counter_read(&sealer.counters.messages) == trees * leaves &&
                col_counter_read(&sealer.counters.datagrams) >= trees,
            "not every message was sealed and sent");
}

void replies(benchmark::State &state) {
    seal_trees(state, COL_REPLY, reply_body(1, 1), {.replicas = 0, .client = CLIENT_ENDPOINT}, 1);
}
BENCHMARK(replies)->Name("seal/tree of replies")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

void votes(benchmark::State &state) {
    seal_trees(state, COL_COMMIT, {}, {.replicas = ALL_REPLICAS, .client = {}}, 1);
}
BENCHMARK(votes)->Name("seal/tree of votes")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

/// As many trees as the back end signs together, of messages of 100 bytes.
void as_many_trees(benchmark::State &state) {
    seal_trees(state, COL_REPLY, Bytes(100, 'r'), {.replicas = 0, .client = CLIENT_ENDPOINT},
               col_backend_best()->lanes);
}
BENCHMARK(as_many_trees)->Name("seal/trees of 100 B, all lanes")->Arg(8)->Arg(64)->Arg(256);

}  // namespace
