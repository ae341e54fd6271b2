// SPDX-License-Identifier: Apache-2.0
// The way of a datagram from the frame to the ordering instance, without a port: headers checked,
// ingress ring, pillar stage, seal opened, message delivered.
#include "bench/micro/measure.hpp"
#include "bench/micro/ordering.hpp"

namespace {

constexpr uint32_t FRAMES = 64;  // two bursts: what one caches, the other replaces
constexpr uint32_t ROOTS_FEW = 4;
constexpr uint32_t ROOTS_ENOUGH = 1024;
constexpr uint64_t RING_BYTES = 64 * 1024;
/// Above the window: a vote that the pillar had before would be dropped unopened.
constexpr uint64_t ROUND_ABOVE = 1000;
/// Where replicas send from. Replica 1 is the sender.
constexpr col_endpoint SENDERS[REPLICAS] = {
    {0x0a000001, 7000}, {0x0a000002, 7000}, {0x0a000003, 7000}, {0x0a000004, 7000}};

uint64_t released;

/// A replica's pillar stage with rings, and nothing behind them.
class Pillar {
   public:
    explicit Pillar(uint32_t roots) {
        col_pillar_stage_options options{};
        options.name = "pillar 0";
        options.pbft = instance_options(2);
        options.pbft.status_interval_ns = UINT64_MAX / 4;  // it only receives
        arena = std::make_unique<Arena>(col_pillar_stage_footprint(&options) +
                                        5 * (col_ring_footprint(RING_BYTES) + sizeof(col_ring)) +
                                        col_root_cache_footprint(roots) + sizeof(col_words) + 4096);
        options.backend = col_backend_best();
        options.keyring = keyring();
        options.roots = col_root_cache_create(arena->get(), roots);
        options.words =
            static_cast<col_words *>(col_arena_take(arena->get(), 1, sizeof(col_words)));
        options.replica = SENDERS;
        options.ingress = ingress = ring();
        options.release = [](void *) { released++; };
        options.notes = ring();
        options.committed = ring();
        options.questions = ring();
        options.signing.rings = 1;
        options.signing.ring[0] = ring();
        options.counters = &counters;
        options.opener_counters = &opened;
        stage = col_pillar_stage_create(arena->get(), &options);
    }
    ~Pillar() {
        col_pillar_stage_destroy(stage);
    }
    Pillar(const Pillar &) = delete;

    /// As the receiver does. @return whether the datagram went on to the pillar
    bool receive(col_bytes frame) {
        col_frame_datagram datagram;
        if (col_frame_kind_of(frame) != COL_FRAME_IPV4) return false;
        if (col_frame_parse_datagram(frame, false, &datagram) != COL_DROP_NONE) return false;
        void *room = col_ring_reserve(ingress, sizeof(col_datagram));
        if (!room) return false;
        *static_cast<col_datagram *>(room) = {datagram.payload, datagram.from, nullptr};
        col_ring_publish(ingress);
        return true;
    }
    void poll() {
        col_stage *polled = col_pillar_stage_of(stage);
        polled->poll(polled, ++now_ns, COL_STAGE_BUDGET);
    }

    col_pillar_counters counters{};
    col_opener_counters opened{};

   private:
    col_ring *ring() {
        col_ring *made = static_cast<col_ring *>(col_arena_take(arena->get(), 1, sizeof(col_ring)));
        col_ring_init(made, arena->get(), RING_BYTES, nullptr);
        return made;
    }
    std::unique_ptr<Arena> arena;
    col_ring *ingress;
    col_pillar_stage *stage;
    uint64_t now_ns = 1;
};

/// Frames with one COMMIT each, alone in its tree.
std::vector<Bytes> frames_with_votes() {
    const col_mac mac = {{2, 0, 0, 0, 0, 1}};
    std::vector<Bytes> frames;
    for (uint32_t round = 1; round <= FRAMES; round++) {
        Sealer replica(COL_ROLE_REPLICA, 1, true);
        col_header header{};
        header.type = COL_COMMIT;
        header.sequence = ROUND_ABOVE + round;
        replica.add(header, {}, {.replicas = 1u << 2, .client = {}, .link = nullptr});
        replica.flush();
        const Bytes &payload = replica.sent[0];
        Bytes frame(COL_FRAME_HEADERS_BYTES);
        col_frame_write_headers(frame.data(), &mac, SENDERS[1], SENDERS[2],
                                static_cast<uint16_t>(payload.size()), COL_FRAME_CHECKSUM_NONE);
        frame.insert(frame.end(), payload.begin(), payload.end());
        frames.push_back(std::move(frame));
    }
    return frames;
}

void receive(benchmark::State &state, uint32_t roots) {
    const uint32_t burst = static_cast<uint32_t>(state.range(0));
    const std::vector<Bytes> frame = frames_with_votes();
    Pillar pillar(roots);
    const bool cached = roots == ROOTS_ENOUGH;
    for (uint32_t i = 0; cached && i < FRAMES; i++) {
        pillar.receive(view(frame[i]));
        pillar.poll();
    }
    const uint64_t verifies_before = col_counter_read(&pillar.opened.verifies);
    const uint64_t messages_before = col_counter_read(&pillar.opened.messages);
    uint64_t received = 0;
    released = 0;
    measure(state, "datagram", burst, [&] {
        for (uint32_t i = 0; i < burst; i++) {
            received += pillar.receive(view(frame[received % FRAMES]));
        }
        pillar.poll();
    });
    require(state,
            received > 0 && released == received &&
                col_counter_read(&pillar.opened.messages) - messages_before == received,
            "not every datagram was opened and given back");
    require(state,
            col_counter_read(&pillar.opened.verifies) - verifies_before == (cached ? 0 : received),
            "the cache did not do what it should");
}
BENCHMARK_CAPTURE(receive, new_root, ROOTS_FEW)
    ->Name("receive/vote, new root, burst")
    ->Arg(1)
    ->Arg(32);
BENCHMARK_CAPTURE(receive, cached_root, ROOTS_ENOUGH)
    ->Name("receive/vote, cached root, burst")
    ->Arg(1)
    ->Arg(32);

/// Ethernet, IPv4 and UDP headers alone, with and without the sum over the payload.
void parse_frame(benchmark::State &state, bool check_udp_checksum) {
    const std::vector<Bytes> frame = frames_with_votes();
    Bytes summed = frame[0];
    summed[40] = summed[41] = 1;  // a checksum is there, and wrong
    col_frame_datagram datagram;
    uint64_t parsed = 0, frames = 0;
    const col_drop expected = check_udp_checksum ? COL_DROP_BAD_CHECKSUM : COL_DROP_NONE;
    measure(state, "datagram", 1, [&] {
        frames++;
        parsed += col_frame_parse_datagram(view(summed), check_udp_checksum, &datagram) == expected;
        benchmark::DoNotOptimize(datagram);
    });
    require(state, frames > 0 && parsed == frames, "the frame does not parse");
}
BENCHMARK_CAPTURE(parse_frame, trusting, false)->Name("receive/headers");
BENCHMARK_CAPTURE(parse_frame, checking, true)->Name("receive/headers and UDP checksum");

}  // namespace
