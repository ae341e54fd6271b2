// SPDX-License-Identifier: Apache-2.0
// Sealing: one tree of replies to a client, and of votes to the other replicas.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

/// The messages of one tree, sealed again and again.
void seal_tree(benchmark::State &state, uint8_t type, const Bytes &body, col_destination to) {
    const uint32_t messages = static_cast<uint32_t>(state.range(0));
    Sealer sealer(COL_ROLE_REPLICA, 1, false);
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
            trees > 0 && col_counter_read(&sealer.counters.messages) == trees * messages &&
                col_counter_read(&sealer.counters.datagrams) >= trees,
            "not every message was sealed and sent");
}

void replies(benchmark::State &state) {
    seal_tree(state, COL_REPLY, reply_body(1, 1), {.replicas = 0, .client = CLIENT_ENDPOINT});
}
BENCHMARK(replies)->Name("seal/tree of replies")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

void votes(benchmark::State &state) {
    seal_tree(state, COL_COMMIT, {}, {.replicas = ALL_REPLICAS, .client = {}});
}
BENCHMARK(votes)->Name("seal/tree of votes")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

}  // namespace
