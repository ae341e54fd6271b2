// SPDX-License-Identifier: Apache-2.0
// The ring between two stages: of one thread, and of two (then the producer's part).
#include <thread>

#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint64_t RING_BYTES = 64 * 1024;

class Ring {
   public:
    Ring() : arena(col_ring_footprint(RING_BYTES) + 64) {
        col_ring_init(&ring, arena.get(), RING_BYTES, nullptr);
    }
    bool put(uint64_t value) {
        col_datagram *record =
            static_cast<col_datagram *>(col_ring_reserve(&ring, sizeof(col_datagram)));
        if (!record) return false;
        record->payload.length = value;
        col_ring_publish(&ring);
        return true;
    }
    bool take(uint64_t *value) {
        uint32_t bytes;
        const void *record = col_ring_front(&ring, &bytes);
        if (!record) return false;
        *value = static_cast<const col_datagram *>(record)->payload.length;
        col_ring_release(&ring);
        return true;
    }

   private:
    Arena arena;
    col_ring ring;
};

/// Values must arrive as 0, 1, 2, ...
struct Consumer {
    uint64_t expected = 0;
    bool in_order = true;
    bool take(Ring &ring) {
        uint64_t value;
        if (!ring.take(&value)) return false;
        in_order &= value == expected++;
        return true;
    }
};

void one_thread(benchmark::State &state) {
    const uint32_t burst = static_cast<uint32_t>(state.range(0));
    Ring ring;
    Consumer consumer;
    uint64_t sent = 0;
    measure(state, "record", burst, [&] {
        for (uint32_t i = 0; i < burst; i++) sent += ring.put(sent);
        while (consumer.take(ring)) {
        }
    });
    require(state, sent > 0 && consumer.in_order && consumer.expected == sent, "records were lost");
}
BENCHMARK(one_thread)->Name("ring/one thread, burst")->Arg(1)->Arg(8)->Arg(32);

void two_threads(benchmark::State &state) {
    const uint32_t burst = static_cast<uint32_t>(state.range(0));
    Ring ring;
    Consumer consumer;
    std::atomic<bool> stop{false};
    std::thread thread([&] {
        for (;;) {
            const bool stopping = stop.load(std::memory_order_acquire);
            if (consumer.take(ring)) continue;
            if (stopping) return;
            std::this_thread::yield();
        }
    });
    uint64_t sent = 0;
    measure(state, "record", burst, [&] {
        for (uint32_t i = 0; i < burst; i++) {
            while (!ring.put(sent)) std::this_thread::yield();
            sent++;
        }
    });
    stop.store(true, std::memory_order_release);
    thread.join();
    require(state, sent > 0 && consumer.in_order && consumer.expected == sent, "records were lost");
}
BENCHMARK(two_threads)->Name("ring/two threads, burst")->Arg(1)->Arg(8)->Arg(32);

}  // namespace
