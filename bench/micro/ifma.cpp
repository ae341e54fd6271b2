// SPDX-License-Identifier: Apache-2.0
// What bounds RSA in lanes: how many vpmadd52 instructions the CPU completes when nothing else is
// to be done and none waits for another.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

#if defined(__x86_64__)
namespace {

constexpr int CHAINS = 12;  // two per cycle, four cycles of latency, and some
constexpr int TURNS = 1000;

#define MADD(n) "vpmadd52luq %%zmm30, %%zmm31, %%zmm" #n "\n"
#define MADD_CHAINS \
    MADD(0)         \
    MADD(1) MADD(2) MADD(3) MADD(4) MADD(5) MADD(6) MADD(7) MADD(8) MADD(9) MADD(10) MADD(11)

void vpmadd52(benchmark::State &state) {
    measure(state, "instruct.", CHAINS * TURNS, [] {
        for (int i = 0; i < TURNS; i++) {
            __asm__(MADD_CHAINS ::
                        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                          "xmm9", "xmm10", "xmm11");
        }
    });
}

const bool added = [] {
    if (col_backend_ifma.available()) benchmark::RegisterBenchmark("ifma/vpmadd52", vpmadd52);
    return true;
}();

}  // namespace
#endif
