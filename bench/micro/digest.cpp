// SPDX-License-Identifier: Apache-2.0
// SHA-256 of each back end, one message and many at once.
#include <string>

#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint32_t MANY = 64;

struct BackEnd {
    const char *name;
    col_hasher *(*create)(void);
};

constexpr BackEnd back_ends[] = {{"openssl", col_hasher_openssl_create},
                                 {"ipsec-mb", col_hasher_ipsec_create}};

/// Whether the last of the digests is what OpenSSL makes of the message.
bool is_right(const Bytes &message, const col_digest &digest) {
    col_hasher *reference = col_hasher_openssl_create();
    col_digest expected;
    col_hash(reference, view(message), &expected);
    col_hasher_destroy(reference);
    return col_digest_equal(&expected, &digest);
}

void run(benchmark::State &state, const BackEnd &back_end, size_t bytes, uint32_t count) {
    col_hasher *hasher = back_end.create();
    if (!hasher) {  // this CPU lacks what it needs
        measure(state, "absent", 1, [] {});
        return;
    }
    const std::vector<Bytes> message(count, Bytes(bytes, 'm'));
    std::vector<col_bytes> views;
    for (const Bytes &one : message) views.push_back(view(one));
    std::vector<col_digest> digest(count);
    measure(state, "message", count, [&] {
        hasher->digest(hasher, views.data(), count, digest.data());
        benchmark::ClobberMemory();
    });
    require(state, is_right(message.back(), digest.back()), "the digest is wrong");
    col_hasher_destroy(hasher);
}

const bool added = [] {
    for (const BackEnd &back_end : back_ends) {
        for (const size_t bytes : {64, 256, 1024}) {
            for (const uint32_t count : {1u, MANY}) {
                const std::string name = std::string("digest/") + back_end.name + "/" +
                                         std::to_string(bytes) + " B" +
                                         (count == 1 ? "/alone" : "/64 at once");
                benchmark::RegisterBenchmark(name.c_str(), run, back_end, bytes, count);
            }
        }
    }
    return true;
}();

}  // namespace
