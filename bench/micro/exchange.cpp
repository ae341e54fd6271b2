// SPDX-License-Identifier: Apache-2.0
// What opening a session with MACs costs each replica's execution.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

void opening(benchmark::State &state) {
    col_exchange_key session_share, replica_share;
    col_key *session = col_exchange_generate(&session_share);
    col_key *replica = col_exchange_generate(&replica_share);
    const col_digest cluster{};
    col_link link = {.cluster = &cluster,
                     .client = 1,
                     .pillar = 0,
                     .nonce = 0,
                     .share = &session_share,
                     .replica = 2};
    col_link_keys here{}, there{};
    measure(state, "opening", 1, [&] {
        link.nonce++;
        must(col_link_keys_derive(replica, &session_share, &link, &here), "no keys");
    });
    must(col_link_keys_derive(session, &replica_share, &link, &there), "no keys");
    require(state, std::memcmp(&here, &there, sizeof here) == 0, "the client's keys are others");
    col_key_destroy(session);
    col_key_destroy(replica);
}
BENCHMARK(opening)->Name("exchange/keys of an opening");

}  // namespace
