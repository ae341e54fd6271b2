// SPDX-License-Identifier: Apache-2.0
// Sealing: one tree of replies to a client, and of votes to the other replicas; trees of every size
// by back end, scheme and how many are signed at once.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

/// The messages of some trees, sealed again and again. A back end takes as many trees at once as it
/// has lanes.
void seal_trees(benchmark::State &state, uint8_t type, const Bytes &body, col_destination to,
                const Signing &signing = {}) {
    const uint32_t leaves = static_cast<uint32_t>(state.range(0));
    const uint32_t messages = signing.batch * leaves;
    const uint32_t fit = signing.back_end->lanes * leaves;
    Sealer sealer(COL_ROLE_REPLICA, 1, false, leaves, signing);
    measure(state, "message", messages, [&] {
        for (uint32_t i = 0; i < messages; i++) {
            if (i > 0 && i % fit == 0) sealer.flush();
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
    seal_trees(state, COL_REPLY, reply_body(1, 1),
               {.replicas = 0, .client = CLIENT_ENDPOINT, .link = nullptr});
}
BENCHMARK(replies)->Name("seal/tree of replies")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

void votes(benchmark::State &state) {
    seal_trees(state, COL_COMMIT, {}, {.replicas = ALL_REPLICAS, .client = {}, .link = nullptr});
}
BENCHMARK(votes)->Name("seal/tree of votes")->Arg(1)->Arg(8)->Arg(64)->Arg(256);

void trees(benchmark::State &state, const Signing &signing) {
    seal_trees(state, COL_REPLY, Bytes(100, 'r'),
               {.replicas = 0, .client = CLIENT_ENDPOINT, .link = nullptr}, signing);
}

const bool added = [] {
    for (const Signing &signing : all_signings()) {
        benchmark::RegisterBenchmark(("seal/" + signing.name()).c_str(), trees, signing)
            ->RangeMultiplier(4)
            ->Range(1, COL_TREE_LEAVES_MAX);
    }
    return true;
}();

}  // namespace
