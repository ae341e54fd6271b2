// SPDX-License-Identifier: Apache-2.0
// Signing and verifying, by back end, scheme and key size, one to eight in a call.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

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
            signature.emplace_back(col_key_signature_bytes(public_key(of)));
        }
    }
    std::vector<col_sign_job> sign_jobs() {
        std::vector<col_sign_job> jobs;
        for (size_t i = 0; i < message.size(); i++) {
            jobs.push_back({private_key(kind), view(message[i]), signature[i].data()});
        }
        return jobs;
    }
    std::vector<col_verify_job> verify_jobs() const {
        std::vector<col_verify_job> jobs;
        for (size_t i = 0; i < message.size(); i++) {
            jobs.push_back({public_key(kind), view(message[i]), view(signature[i]), false});
        }
        return jobs;
    }
};

void sign(benchmark::State &state, const Signing &signing) {
    Context context(signing.back_end);
    Signed made(*signing.kind, signing.batch);
    std::vector<col_sign_job> jobs = made.sign_jobs();
    measure(state, "signature", signing.batch, [&] { context.sign(jobs); });
    Context oracle(&col_backend_openssl);
    std::vector<col_verify_job> check = made.verify_jobs();
    require(state, oracle.verify(check), "a signature does not verify");
}

void verify(benchmark::State &state, const Signing &signing) {
    Context oracle(&col_backend_openssl), context(signing.back_end);
    Signed made(*signing.kind, signing.batch);
    std::vector<col_sign_job> to_sign = made.sign_jobs();
    oracle.sign(to_sign);
    std::vector<col_verify_job> jobs = made.verify_jobs();
    bool valid = true;
    measure(state, "signature", signing.batch, [&] { valid &= context.verify(jobs); });
    made.signature.back()[0] ^= 1;
    require(state, valid && !context.verify(jobs),
            "a signature does not verify, or a wrong one does");
}

const bool added = [] {
    for (const Signing &signing : all_signings()) {
        benchmark::RegisterBenchmark(("sign/" + signing.name()).c_str(), sign, signing);
        benchmark::RegisterBenchmark(("verify/" + signing.name()).c_str(), verify, signing);
    }
    return true;
}();

}  // namespace
