// SPDX-License-Identifier: Apache-2.0
// Signing and verifying, by back end, scheme and key size, one at a time and as many as one call
// may take.
#include <string>

#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint32_t BURST = 8;

struct Kind {
    const char *name;
    col_scheme scheme;
    uint32_t rsa_bits;
};

class Context {
   public:
    explicit Context(const col_backend *used) : back_end(used), context(used->context_create()) {}
    ~Context() {
        back_end->context_destroy(context);
    }
    Context(const Context &) = delete;

    void sign(std::vector<col_sign_job> &jobs) {
        back_end->sign(context, jobs.data(), static_cast<uint32_t>(jobs.size()));
    }
    bool verify(std::vector<col_verify_job> &jobs) {
        back_end->verify_variable_time(context, jobs.data(), static_cast<uint32_t>(jobs.size()));
        bool valid = true;
        for (const col_verify_job &job : jobs) valid &= job.valid;
        return valid;
    }

   private:
    const col_backend *back_end;
    void *context;
};

/// Messages, each its own, and room for their signatures.
struct Signed {
    const Kind &kind;
    std::vector<Bytes> message, signature;

    Signed(const Kind &of, uint32_t count) : kind(of) {
        for (uint32_t i = 0; i < count; i++) {
            message.emplace_back(96, static_cast<uint8_t>(i));
            signature.emplace_back(col_key_signature_bytes(public_key(of.scheme, of.rsa_bits)));
        }
    }
    std::vector<col_sign_job> sign_jobs() {
        std::vector<col_sign_job> jobs;
        for (size_t i = 0; i < message.size(); i++) {
            jobs.push_back(
                {private_key(kind.scheme, kind.rsa_bits), view(message[i]), signature[i].data()});
        }
        return jobs;
    }
    std::vector<col_verify_job> verify_jobs() const {
        std::vector<col_verify_job> jobs;
        for (size_t i = 0; i < message.size(); i++) {
            jobs.push_back({public_key(kind.scheme, kind.rsa_bits), view(message[i]),
                            view(signature[i]), false});
        }
        return jobs;
    }
};

void sign(benchmark::State &state, const col_backend *back_end, const Kind &kind, uint32_t count) {
    Context context(back_end);
    Signed made(kind, count);
    std::vector<col_sign_job> jobs = made.sign_jobs();
    measure(state, "signature", count, [&] { context.sign(jobs); });
    Context oracle(&col_backend_openssl);
    std::vector<col_verify_job> check = made.verify_jobs();
    require(state, oracle.verify(check), "a signature does not verify");
}

void verify(benchmark::State &state, const col_backend *back_end, const Kind &kind,
            uint32_t count) {
    Context oracle(&col_backend_openssl), context(back_end);
    Signed made(kind, count);
    std::vector<col_sign_job> signing = made.sign_jobs();
    oracle.sign(signing);
    std::vector<col_verify_job> jobs = made.verify_jobs();
    bool valid = true;
    measure(state, "signature", count, [&] { valid &= context.verify(jobs); });
    made.signature.back()[0] ^= 1;
    require(state, valid && !context.verify(jobs),
            "a signature does not verify, or a wrong one does");
}

const Kind kinds[] = {{"RSA-2048", COL_SCHEME_RSA, 2048},
                      {"RSA-3072", COL_SCHEME_RSA, 3072},
                      {"RSA-4096", COL_SCHEME_RSA, 4096},
                      {"Ed25519", COL_SCHEME_ED25519, 0},
                      {"ECDSA-P256", COL_SCHEME_ECDSA_P256, 0}};

void add(const col_backend *back_end) {
    for (const Kind &kind : kinds) {
        for (const uint32_t count : {1u, BURST}) {
            const std::string what = std::string(back_end->name) + "/" + kind.name +
                                     (count == 1 ? "/alone" : "/8 at once");
            benchmark::RegisterBenchmark(("sign/" + what).c_str(), sign, back_end, kind, count);
            benchmark::RegisterBenchmark(("verify/" + what).c_str(), verify, back_end, kind, count);
        }
    }
}

const bool added = [] {
    add(&col_backend_openssl);
    if (col_backend_best() != &col_backend_openssl) add(col_backend_best());
    return true;
}();

}  // namespace
