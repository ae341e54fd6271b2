// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/world.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

void must(bool condition, const char *what) {
    if (condition) return;
    std::fprintf(stderr, "colonnade-bench: %s\n", what);
    std::exit(1);
}

void must(const col_result &result) {
    must(result.ok, result.text);
}

namespace {

struct Pair {
    col_key *private_key;
    col_key *public_key;
};

Pair make_pair(const Kind &kind) {
    char directory[] = "/tmp/colonnade-bench-XXXXXX";
    must(mkdtemp(directory) != nullptr, "cannot make a directory in /tmp: make /tmp writable");
    const std::string secret = std::string(directory) + "/key.pem";
    const std::string open = std::string(directory) + "/key.pub";
    Pair pair;
    must(col_key_generate(kind.scheme, kind.rsa_bits, secret.c_str(), open.c_str()));
    must(col_key_read_private(secret.c_str(), kind.scheme, &pair.private_key));
    must(col_key_read_public(open.c_str(), kind.scheme, &pair.public_key));
    unlink(secret.c_str());
    unlink(open.c_str());
    rmdir(directory);
    return pair;
}

const Pair &pair_of(const Kind &kind) {
    static auto &pairs = *new std::map<std::string, Pair>;  // until the end
    auto found = pairs.find(kind.name);
    if (found == pairs.end()) found = pairs.emplace(kind.name, make_pair(kind)).first;
    return found->second;
}

}  // namespace

col_key *private_key(const Kind &kind) {
    return pair_of(kind).private_key;
}

col_key *public_key(const Kind &kind) {
    return pair_of(kind).public_key;
}

const col_keyring *keyring(const Kind &kind) {
    struct Ring {
        col_key *key[REPLICAS];
        col_keyring ring;
    };
    static auto &rings = *new std::map<std::string, Ring>;  // until the end
    const auto [at, made] = rings.try_emplace(kind.name);
    Ring &ring = at->second;
    if (made) {
        std::fill_n(ring.key, REPLICAS, public_key(kind));
        ring.ring = {.replicas = REPLICAS,
                     .clients = 1,
                     .replica = ring.key,
                     .client = ring.key,
                     .cluster = {{0xC1}},
                     .macs = false};
    }
    return &ring.ring;
}

std::string Signing::name() const {
    return std::string(back_end->name) + "/" + kind->name + "/" +
           (batch == 1 ? "alone" : std::to_string(batch) + " at once");
}

std::vector<Signing> all_signings() {
    std::vector<const col_backend *> back_ends = {&col_backend_openssl};
    if (col_backend_best() != &col_backend_openssl) back_ends.push_back(col_backend_best());
    std::vector<Signing> all;
    for (const col_backend *back_end : back_ends) {
        for (const Kind &kind : KINDS) {
            for (const uint32_t batch : {1u, 2u, 4u, 8u}) all.push_back({back_end, &kind, batch});
        }
    }
    return all;
}

const col_hasher *hasher() {
    static const col_hasher *const best = col_hasher_create();
    return best;
}

Sealer::Sealer(col_role role, uint32_t signer, bool keeps, uint32_t tree_leaves,
               const Signing &signing)
    : arena(col_sealer_footprint(signing.back_end)), keep(keeps) {
    outbox.owner = this;
    outbox.egress.datagram_bytes = COL_DATAGRAM_BYTES_MAX;
    outbox.egress.reserve = [](col_egress *self) { return reinterpret_cast<Outbox *>(self)->room; };
    outbox.egress.send = [](col_egress *self, col_endpoint, uint32_t length) {
        Outbox *box = reinterpret_cast<Outbox *>(self);
        if (box->owner->keep) box->owner->sent.emplace_back(box->room, box->room + length);
    };
    col_sealer_options options{};
    options.backend = signing.back_end;
    options.hasher = hasher();
    options.key = private_key(*signing.kind);
    options.cluster = keyring(*signing.kind)->cluster;
    options.role = static_cast<uint8_t>(role);
    options.signer = signer;
    options.tree_leaves = tree_leaves;
    options.replicas = REPLICAS;
    options.egress = &outbox.egress;
    options.counters = &counters;
    for (uint32_t i = 0; i < REPLICAS; i++) options.replica[i] = {0x0a000001 + i, 7000};
    sealer = col_sealer_create(arena.get(), &options);
}

void Sealer::add(const col_header &header, const Bytes &body, col_destination to) {
    must(col_sealer_add(sealer, &header, view(body), to), "the tree is full");
}

Opener::Opener(uint32_t roots, const Signing &signing)
    : arena(col_opener_footprint() + col_root_cache_footprint(roots)) {
    col_root_cache *cache = col_root_cache_create(arena.get(), roots);
    opener = col_opener_create(arena.get(), signing.back_end, hasher(), keyring(*signing.kind),
                               cache, &counters);
}

uint32_t Opener::open(const std::vector<col_bytes> &bundles, col_open_fn *handle, void *context) {
    col_drop drop[COL_OPEN_BURST_MAX];
    const uint32_t count = static_cast<uint32_t>(bundles.size());
    col_open_burst(opener, bundles.data(), count, drop, handle, context);
    uint32_t opened = 0;
    for (uint32_t i = 0; i < count; i++) opened += drop[i] == COL_DROP_NONE;
    return opened;
}

void put_u64(uint8_t *at, uint64_t value) {
    for (int i = 0; i < 8; i++) at[i] = static_cast<uint8_t>(value >> 8 * i);
}

Bytes request_body(uint64_t session, uint64_t number) {
    const Bytes operation(OPERATION_BYTES, 'o');
    Bytes body(COL_REQUEST_OVERHEAD + operation.size());
    const col_request request = {.client = 0,
                                 .session = session,
                                 .number = number,
                                 .pillar = 0,
                                 .flags = 0,
                                 .operation = view(operation)};
    col_writer writer = col_writer_of(body.data(), body.size());
    col_request_write(&writer, &request);
    must(!writer.failed && col_writer_used(&writer) == body.size(), "a request has another size");
    return body;
}

Bytes reply_body(uint64_t session, uint64_t number) {
    const Bytes result(OPERATION_BYTES, 'r');
    Bytes body(COL_REPLY_OVERHEAD + result.size());
    const col_reply reply = {.client = 0,
                             .session = session,
                             .number = number,
                             .status = COL_REPLY_RESULT,
                             .result = view(result)};
    col_writer writer = col_writer_of(body.data(), body.size());
    col_reply_write(&writer, &reply);
    must(!writer.failed && col_writer_used(&writer) == body.size(), "a reply has another size");
    return body;
}

col_verified Kept::verified() const {
    col_verified verified{};
    verified.message = {header, view(bytes)};
    verified.seal = view(seal);
    return verified;
}

std::vector<Kept> opened_requests(uint32_t trees, uint32_t each, uint64_t first) {
    std::vector<Kept> kept;
    Opener opener(1024);
    for (uint32_t tree = 0; tree < trees; tree++) {
        Sealer client(COL_ROLE_CLIENT, 0, true);
        for (uint64_t number = first; number < first + each; number++) {
            col_header header{};
            header.type = COL_REQUEST;
            header.sequence = number;
            client.add(header, request_body(tree + 1, number),
                       {.replicas = 1, .client = {}, .link = nullptr});
        }
        client.flush();
        std::vector<col_bytes> bundles;
        for (const Bytes &datagram : client.sent) bundles.push_back(view(datagram));
        const auto keep = [](void *context, const col_opened *opened) {
            const col_message &message = opened->verified.message;
            const col_bytes bytes = message.bytes, seal = opened->verified.seal;
            static_cast<std::vector<Kept> *>(context)->push_back(
                {message.header, Bytes(bytes.at, bytes.at + bytes.length),
                 Bytes(seal.at, seal.at + seal.length)});
        };
        must(opener.open(bundles, keep, &kept) == bundles.size(), "requests did not verify");
    }
    must(kept.size() == trees * each, "requests are missing");
    return kept;
}
