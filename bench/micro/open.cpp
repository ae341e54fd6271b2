// SPDX-License-Identifier: Apache-2.0
// Opening what arrives: the datagrams of one tree in one burst, trees of every size by back end,
// scheme and how many come at once, and the body of a batch.
#include <map>

#include "bench/micro/measure.hpp"
#include "bench/micro/ordering.hpp"
#include "bench/micro/world.hpp"

namespace {

/// More trees than a cache of four roots keeps: each is forgotten when its turn comes again.
constexpr uint32_t TREES = 8;
constexpr uint32_t ROOTS_FEW = 4;
constexpr uint32_t ROOTS_ENOUGH = 1024;

void count(void *context, const col_opened *) {
    ++*static_cast<uint64_t *>(context);
}

std::vector<Bytes> tree_of_replies(uint32_t messages, uint64_t first) {
    Sealer replica(COL_ROLE_REPLICA, 1, true);
    col_header header{};
    header.type = COL_REPLY;
    for (uint32_t i = 0; i < messages; i++) {
        header.sequence = first + i;
        replica.add(header, reply_body(1, first + i),
                    {.replicas = 0, .client = CLIENT_ENDPOINT, .link = nullptr});
    }
    replica.flush();
    return replica.sent;
}

void open_tree(benchmark::State &state, uint32_t roots) {
    const uint32_t messages = static_cast<uint32_t>(state.range(0));
    std::vector<std::vector<Bytes>> tree;
    std::vector<std::vector<col_bytes>> burst(TREES);
    for (uint32_t t = 0; t < TREES; t++)
        tree.push_back(tree_of_replies(messages, t * messages + 1));
    for (uint32_t t = 0; t < TREES; t++) {
        for (const Bytes &datagram : tree[t]) burst[t].push_back(view(datagram));
    }
    Opener opener(roots);
    uint64_t opened = 0, next = 0;
    const bool cached = roots == ROOTS_ENOUGH;
    for (const auto &bundles : burst) {
        if (cached) opener.open(bundles, count, &opened);
    }
    const uint64_t verifies_before = col_counter_read(&opener.counters.verifies);
    opened = 0;
    measure(state, "message", messages,
            [&] { opener.open(burst[next++ % TREES], count, &opened); });
    const uint64_t verifies = col_counter_read(&opener.counters.verifies) - verifies_before;
    require(state, next > 0 && opened == next * messages, "not every message was opened");
    require(state, verifies == (cached ? 0 : next), "the cache did not do what it should");
}
BENCHMARK_CAPTURE(open_tree, new_root, ROOTS_FEW)
    ->Name("open/tree of replies, new root")
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Arg(256);
BENCHMARK_CAPTURE(open_tree, cached_root, ROOTS_ENOUGH)
    ->Name("open/tree of replies, cached root")
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Arg(256);

/// More trees than come at once and a small cache keeps together.
constexpr uint32_t FORGOTTEN = 16;
static_assert(FORGOTTEN % COL_BACKEND_LANES_MAX == 0 &&
              FORGOTTEN - COL_BACKEND_LANES_MAX > ROOTS_FEW);
/// Eight trees of 256 fill one burst.
constexpr size_t MESSAGE_BYTES = 96;

/// FORGOTTEN trees, made once: signing takes longer than opening.
const std::vector<std::vector<Bytes>> &trees_of(const Kind &kind, uint32_t leaves) {
    using Trees = std::vector<std::vector<Bytes>>;
    static auto &made = *new std::map<std::pair<std::string, uint32_t>, Trees>;  // until the end
    Trees &trees = made[{kind.name, leaves}];
    while (trees.size() < FORGOTTEN) {
        Sealer replica(COL_ROLE_REPLICA, 1, true, 0, {.kind = &kind});
        for (uint32_t i = 0; i < leaves; i++) {
            col_header header{};
            header.type = COL_REPLY;
            header.sequence = trees.size() * leaves + i + 1;
            replica.add(header, Bytes(MESSAGE_BYTES, 'r'),
                        {.replicas = 0, .client = CLIENT_ENDPOINT, .link = nullptr});
        }
        replica.flush();
        trees.push_back(replica.sent);
    }
    return trees;
}

/// Trees whose roots are new, so many at once.
void open_new(benchmark::State &state, const Signing &signing) {
    const uint32_t leaves = static_cast<uint32_t>(state.range(0));
    std::vector<std::vector<col_bytes>> burst(FORGOTTEN / signing.batch);
    uint32_t made = 0;
    for (const std::vector<Bytes> &tree : trees_of(*signing.kind, leaves)) {
        for (const Bytes &datagram : tree) burst[made / signing.batch].push_back(view(datagram));
        made++;
    }
    Opener opener(ROOTS_FEW, signing);
    uint64_t opened = 0, next = 0;
    measure(state, "message", signing.batch * leaves,
            [&] { opener.open(burst[next++ % burst.size()], count, &opened); });
    require(state, next > 0 && opened == next * signing.batch * leaves,
            "not every message was opened");
    require(state,
            col_counter_read(&opener.counters.verifies) == next * signing.batch &&
                col_counter_read(&opener.counters.verify_calls) == next,
            "not every root was verified, or not all of a burst in one call");
}

const bool added = [] {
    for (const Signing &signing : all_signings()) {
        benchmark::RegisterBenchmark(("open/" + signing.name()).c_str(), open_new, signing)
            ->RangeMultiplier(4)
            ->Range(1, COL_TREE_LEAVES_MAX);
    }
    return true;
}();

/// Messages of 100 bytes from trees of 64, each in a datagram of its own with its path.
void open_alone(benchmark::State &state) {
    constexpr uint32_t MESSAGES = 64;
    Sealer replica(COL_ROLE_REPLICA, 1, true);
    col_header header{};
    header.type = COL_REPLY;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        header.sequence = i + 1;
        const col_endpoint client = {0x0a000100 + i, 9000};
        replica.add(header, Bytes(100, 'r'), {.replicas = 0, .client = client, .link = nullptr});
    }
    replica.flush();
    std::vector<col_bytes> burst[2];
    for (uint32_t i = 0; i < replica.sent.size(); i++) {
        burst[i % 2].push_back(view(replica.sent[i]));
    }
    Opener opener(ROOTS_ENOUGH);
    uint64_t opened = 0, next = 0;
    opener.open(burst[0], count, &opened);
    opened = 0;
    measure(state, "message", MESSAGES / 2,
            [&] { opener.open(burst[next++ % 2], count, &opened); });
    require(state,
            replica.sent.size() == MESSAGES && opened == next * MESSAGES / 2 &&
                col_counter_read(&opener.counters.verifies) == 1,
            "not every message was opened, or not from the cache");
}
BENCHMARK(open_alone)->Name("open/100 B alone with path, cached root");

constexpr uint32_t BATCH_TREES = 4;
constexpr uint32_t BATCH_EACH = 25;

/// A backup's check of a batch of 100 requests from four trees of a client.
void check_batch(benchmark::State &state, uint32_t roots) {
    Opener opener(roots);
    const col_batch_checker checker = {.opener = opener.get(),
                                       .pbft = nullptr,
                                       .hasher = hasher(),
                                       .pillar = 0,
                                       .pillars = 1,
                                       .requests_max = 1024,
                                       .operation_bytes_max = 4096};
    std::vector<Bytes> body;
    for (uint32_t i = 0; i < 2; i++) {
        body.push_back(batch_body(BATCH_TREES, BATCH_EACH, i * BATCH_EACH + 1));
    }
    uint64_t next = 0;
    bool good = true;
    col_batch_check check{};
    for (const Bytes &one : body) col_batch_check_body(&checker, view(one), &check);
    measure(state, "request", BATCH_TREES * BATCH_EACH, [&] {
        col_batch_check_body(&checker, view(body[next++ % body.size()]), &check);
        good &= check.well_formed && check.authentic;
    });
    const uint64_t verifies = col_counter_read(&opener.counters.verifies);
    const uint64_t bodies = body.size() + (roots == ROOTS_ENOUGH ? 0 : next);
    require(state, good && verifies == bodies * BATCH_TREES, "the batch was not checked");
}
BENCHMARK_CAPTURE(check_batch, new_roots, ROOTS_FEW)->Name("open/batch of 100, new roots");
BENCHMARK_CAPTURE(check_batch, cached_roots, ROOTS_ENOUGH)->Name("open/batch of 100, cached roots");

}  // namespace
