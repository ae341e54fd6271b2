// SPDX-License-Identifier: Apache-2.0
// The client's pure core: a request submitted, handed out to be sent, and answered by four
// replicas.
#include "bench/micro/measure.hpp"
#include "bench/micro/world.hpp"

namespace {

constexpr uint32_t OUTSTANDING = 32;
constexpr uint64_t SESSION = 1;

class Client {
   public:
    Client() {
        col_client_core_options options{};
        options.sessions = 1;
        options.replicas = REPLICAS;
        options.faults = 1;
        options.pillars = 1;
        options.rotating = true;
        options.outstanding = OUTSTANDING;
        options.operation_bytes_max = 4096;
        options.timeout_ns = options.retransmit_ns = UINT64_MAX / 4;
        options.reply_to = CLIENT_ENDPOINT;
        options.context = this;
        options.done = [](void *context, const col_client_outcome *outcome) {
            static_cast<Client *>(context)->answered += outcome->status == COL_CLIENT_RESULT;
        };
        arena = std::make_unique<Arena>(col_client_core_footprint(&options));
        core = col_client_core_create(arena->get(), &options);
        open_session();
    }

    bool submit() {
        return col_client_core_submit(core, 0, view(operation), 0, ++now_ns) ==
               COL_CLIENT_SUBMITTED;
    }
    /// What would be sealed and sent. @return messages
    uint32_t take() {
        col_client_message message;
        uint32_t taken = 0;
        while (col_client_core_next(core, &message)) taken++;
        return taken;
    }
    /// As col_client does: looked at before its seal, then taken.
    void receive(col_type type, uint32_t sender, uint64_t sequence, const Bytes &body,
                 const col_digest &digest) {
        col_verified verified{};
        verified.message.header.type = static_cast<uint8_t>(type);
        verified.message.header.sender = sender;
        verified.message.header.sequence = sequence;
        verified.message.header.fragments = 1;
        verified.message.header.digest = digest;
        verified.message.bytes = view(body);
        if (col_client_core_check_unverified(core, &verified.message, ++now_ns) == COL_DROP_NONE) {
            (void)col_client_core_receive(core, &verified, now_ns);
        }
    }

    uint64_t answered = 0;

   private:
    void open_session() {
        col_client_message message;
        col_session_open open;
        col_client_core_tick(core, ++now_ns, 1700000000000000000);
        must(col_client_core_next(core, &message) && col_session_open_read(message.body, &open),
             "the client opens no session");
        const col_session_opened answer = {.client = 0,
                                           .pillar = 0,
                                           .status = COL_OPENED,
                                           .nonce = open.nonce,
                                           .session = SESSION,
                                           .floor = 0};
        Bytes body(64);
        col_writer writer = col_writer_of(body.data(), body.size());
        col_session_opened_write(&writer, &answer);
        body.resize(col_writer_used(&writer));
        for (const uint32_t sender : {0u, 1u}) {
            receive(COL_SESSION_OPENED, sender, open.nonce, body, {});
        }
        must(col_client_core_open_sessions(core) == 1, "the session is not open");
    }
    const Bytes operation = Bytes(OPERATION_BYTES, 'o');
    std::unique_ptr<Arena> arena;
    col_client_core *core;
    uint64_t now_ns = 1;
};

void requests(benchmark::State &state) {
    Client client;
    Bytes reply = reply_body(SESSION, 1);
    uint64_t number = 0, submitted = 0, sent = 0;
    const col_digest digest = {{1}};
    measure(state, "request", OUTSTANDING, [&] {
        for (uint32_t i = 0; i < OUTSTANDING; i++) submitted += client.submit();
        sent += client.take();
        for (uint32_t i = 0; i < OUTSTANDING; i++) {
            put_u64(&reply[REQUEST_NUMBER_AT], ++number);
            for (uint32_t sender = 0; sender < REPLICAS; sender++) {
                client.receive(COL_REPLY, sender, number, reply, digest);
            }
        }
    });
    require(state, number > 0 && submitted == number && sent == number && client.answered == number,
            "not every request was sent and answered");
}
BENCHMARK(requests)->Name("client/request and four replies");

}  // namespace
