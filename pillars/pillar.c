// SPDX-License-Identifier: Apache-2.0
#include "pillars/pillar.h"

#include "src/base/assert.h"
#include "src/base/quorum.h"

static col_checkpoints_options checkpoints_options(const col_pbft_options *options) {
    return (col_checkpoints_options){
        .replicas = options->replicas,
        .quorum = col_quorum(options->replicas, options->faults),
        .self = options->self,
        .pillar = options->pillar,
        .pillars = options->pillars,
        .signature_bytes_max = options->signature_bytes_max,
    };
}

/// A FETCHED with the proof of a checkpoint.
static uint32_t proof_bytes(const col_pbft_options *options) {
    return COL_FETCHED_BYTES(options->replicas, options->signature_bytes_max, 0);
}

size_t col_pillar_footprint(const col_pbft_options *options) {
    const col_checkpoints_options checkpoints = checkpoints_options(options);
    return col_pbft_footprint(options) + col_checkpoints_footprint(&checkpoints) +
           proof_bytes(options) + 3 * 64;
}

void col_pillar_init(col_pillar *pillar, col_arena *arena, const col_pbft_options *options,
                     col_words *words) {
    const col_checkpoints_options checkpoints = checkpoints_options(options);
    *pillar = (col_pillar){.pbft = col_pbft_create(arena, options),
                           .checkpoints = col_checkpoints_create(arena, &checkpoints),
                           .words = words,
                           .scratch = col_arena_take(arena, 1, proof_bytes(options)),
                           .scratch_bytes = proof_bytes(options),
                           .options = *options};
}

static void send_checkpoint(col_pillar *pillar, uint64_t checkpoint, const col_digest *digest,
                            uint32_t replicas) {
    const col_header header = {
        .type = COL_CHECKPOINT,
        .pillar = (uint8_t)pillar->options.pillar,
        .sequence = checkpoint,
        .digest = *digest,
    };
    const col_pbft_sink *sink = &pillar->options.sink;
    sink->send(sink->context, &header, (col_bytes){0}, replicas);
}

void col_pillar_reached(col_pillar *pillar, uint64_t checkpoint, const col_digest *digest) {
    const col_drop drop = col_checkpoints_add(pillar->checkpoints, pillar->options.self, checkpoint,
                                              digest, (col_seal){0});
    COL_ASSERT(drop == COL_DROP_NONE);  // the merge reaches each checkpoint once
    const uint32_t all = (uint32_t)((UINT64_C(1) << pillar->options.replicas) - 1);
    send_checkpoint(pillar, checkpoint, digest, all & ~(1u << pillar->options.self));
}

static col_drop on_checkpoint(col_pillar *pillar, const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->role != COL_ROLE_REPLICA || header->sender >= pillar->options.replicas) {
        return COL_DROP_UNKNOWN_SENDER;
    }
    if (header->sender == pillar->options.self) return COL_DROP_REPEATED;
    // Sealed fields that a proof takes for granted.
    if (header->view != 0 || header->run != 0) return COL_DROP_MALFORMED;
    return col_checkpoints_add(pillar->checkpoints, header->sender, header->sequence,
                               &header->digest, verified->seal);
}

static bool seals_hold(const col_pillar *pillar, const col_fetched *proof) {
    const col_pbft_sink *sink = &pillar->options.sink;
    for (uint8_t i = 0; i < proof->seals; i++) {
        const col_header header = {
            .role = COL_ROLE_REPLICA,
            .type = COL_CHECKPOINT,
            .pillar = (uint8_t)pillar->options.pillar,
            .sender = proof->seal[i].sender,
            .sequence = proof->sequence,
            .fragments = 1,
            .digest = proof->digest,
        };
        if (!sink->check_seal(sink->context, &header, proof->seal[i].seal)) return false;
    }
    return true;
}

/// A peer proves a stable checkpoint that this replica may be unable to collect votes for any more.
static col_drop on_proof(col_pillar *pillar, const col_fetched *proof) {
    if (proof->sequence <= col_checkpoints_stable(pillar->checkpoints)) return COL_DROP_STALE;
    if (!seals_hold(pillar, proof)) return COL_DROP_BAD_SIGNATURE;
    return col_checkpoints_prove(pillar->checkpoints, proof->sequence, &proof->digest, proof->seal,
                                 proof->seals);
}

/// Show `replicas` that the newest stable checkpoint here is stable.
static void send_proof(col_pillar *pillar, uint32_t replicas) {
    col_fetched proof = {.checkpoint = true,
                         .sequence = col_checkpoints_stable(pillar->checkpoints)};
    const uint32_t count = col_checkpoints_proof(pillar->checkpoints, &proof.digest, proof.seal);
    if (count < col_quorum(pillar->options.replicas, pillar->options.faults)) return;
    proof.seals = (uint8_t)count;
    col_writer writer = col_writer_of(pillar->scratch, pillar->scratch_bytes);
    col_fetched_write(&writer, &proof);
    COL_ASSERT(!writer.failed);
    const col_header header = {.type = COL_FETCHED,
                               .pillar = (uint8_t)pillar->options.pillar,
                               .view = pillar->options.incarnation,
                               .sequence = proof.sequence};
    const col_pbft_sink *sink = &pillar->options.sink;
    sink->send(sink->context, &header, (col_bytes){pillar->scratch, col_writer_used(&writer)},
               replicas);
}

/// A peer that asks gets this replica's votes above its stable checkpoint again: not only the
/// newest, which the peer may be unable to reach and to vote for itself.
static void resend_checkpoints(col_pillar *pillar, const col_verified *verified) {
    col_status status;
    uint64_t checkpoint;
    col_digest digest;
    if (!col_status_read(verified->message.bytes, &status) || !status.asks) return;
    const uint32_t to = 1u << verified->message.header.sender;
    if (status.stable < col_checkpoints_stable(pillar->checkpoints)) send_proof(pillar, to);
    uint64_t above = status.stable;
    while (col_checkpoints_own(pillar->checkpoints, above, &checkpoint, &digest)) {
        send_checkpoint(pillar, checkpoint, &digest, to);
        above = checkpoint;
    }
}

static col_drop expect_checkpoint(const col_pillar *pillar, uint64_t checkpoint, bool *expected) {
    const uint64_t stable = col_checkpoints_stable(pillar->checkpoints);
    if (checkpoint <= stable) return COL_DROP_STALE;
    *expected = checkpoint - stable <= (uint64_t)COL_CHECKPOINT_VOTES * pillar->options.pillars;
    return COL_DROP_NONE;
}

col_drop col_pillar_expect(const col_pillar *pillar, const col_message *message, bool *expected) {
    *expected = false;
    if (message->header.pillar != pillar->options.pillar) return COL_DROP_WRONG_PILLAR;
    if (message->header.type == COL_CHECKPOINT) {
        return expect_checkpoint(pillar, message->header.sequence, expected);
    }
    return col_pbft_expect(pillar->pbft, message, expected);
}

col_drop col_pillar_deliver(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                            const col_verified *verified) {
    if (verified->message.header.pillar != pillar->options.pillar) return COL_DROP_WRONG_PILLAR;
    if (verified->message.header.type == COL_CHECKPOINT) return on_checkpoint(pillar, verified);
    col_fetched fetched;
    if (verified->message.header.type == COL_FETCHED &&
        col_fetched_read(verified->message.bytes, &fetched) && fetched.checkpoint) {
        return on_proof(pillar, &fetched);
    }
    const col_pbft_event event = {
        .kind = COL_PBFT_MESSAGE, .now_ns = now_ns, .wall_ns = wall_ns, .verified = verified};
    const col_drop drop = col_pbft_step(pillar->pbft, &event);
    if (verified->message.header.type == COL_STATUS && drop == COL_DROP_NONE) {
        resend_checkpoints(pillar, verified);
    }
    return drop;
}

void col_pillar_sealed(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                       const col_verified *verified) {
    const col_header *header = &verified->message.header;
    if (header->type == COL_CHECKPOINT) {
        (void)col_checkpoints_add(pillar->checkpoints, pillar->options.self, header->sequence,
                                  &header->digest, verified->seal);
        return;
    }
    const col_pbft_event event = {
        .kind = COL_PBFT_SEALED, .now_ns = now_ns, .wall_ns = wall_ns, .verified = verified};
    (void)col_pbft_step(pillar->pbft, &event);
}

void col_pillar_outcome(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns,
                        const col_outcome *outcome) {
    const col_pbft_event event = {
        .kind = COL_PBFT_OUTCOME, .now_ns = now_ns, .wall_ns = wall_ns, .outcome = outcome};
    (void)col_pbft_step(pillar->pbft, &event);
}

static uint64_t target_of(const col_pillar *pillar) {
    uint64_t target = 0;
    for (uint32_t k = 0; k < pillar->options.pillars; k++) {
        const uint64_t passing = col_word_read(&pillar->words->passing[k].sequence);
        if (k != pillar->options.pillar && passing > target) target = passing;
    }
    return target;
}

/// Turn changed words into events, each at most once.
static void take_words(col_pillar *pillar, col_pbft_event event) {
    const uint64_t executed = col_word_read(&pillar->words->executed);
    if (executed != pillar->seen_executed) {
        pillar->seen_executed = event.sequence = executed;
        event.kind = COL_PBFT_EXECUTED;
        (void)col_pbft_step(pillar->pbft, &event);
    }
    const uint64_t stable = col_word_read(&pillar->words->stable);
    if (stable != pillar->seen_stable) {
        pillar->seen_stable = event.checkpoint = stable;
        event.kind = COL_PBFT_STABLE;
        (void)col_pbft_step(pillar->pbft, &event);
    }
    const uint64_t stirs = col_word_read(&pillar->words->stirs);
    if (stirs != pillar->seen_stirs) {
        pillar->seen_stirs = stirs;
        event.kind = COL_PBFT_STIRRED;
        (void)col_pbft_step(pillar->pbft, &event);
    }
    const uint64_t target = target_of(pillar);
    if (target > pillar->seen_target) {
        pillar->seen_target = event.sequence = target;
        event.kind = COL_PBFT_TARGET;
        (void)col_pbft_step(pillar->pbft, &event);
    }
}

uint32_t col_pillar_settle(col_pillar *pillar, uint64_t now_ns, uint64_t wall_ns) {
    uint32_t news = 0;
    if (col_word_raise(&pillar->words->stable, col_checkpoints_stable(pillar->checkpoints))) {
        news = COL_NEWS_FOR_ALL;
    }
    col_pbft_event event = {.kind = COL_PBFT_TICK, .now_ns = now_ns, .wall_ns = wall_ns};
    take_words(pillar, event);
    if (col_pbft_deadline(pillar->pbft) <= now_ns) (void)col_pbft_step(pillar->pbft, &event);
    col_pbft_settle(pillar->pbft);

    const uint64_t passing = col_pbft_passing(pillar->pbft);
    if (passing != pillar->told_passing) {
        pillar->told_passing = passing;
        atomic_store_explicit(&pillar->words->passing[pillar->options.pillar].sequence, passing,
                              memory_order_release);
        news |= COL_NEWS_PASSING;
    }
    const uint64_t stirs = col_pbft_stirs(pillar->pbft);
    if (stirs != pillar->told_stirs) {
        pillar->told_stirs = stirs;
        atomic_fetch_add_explicit(&pillar->words->stirs, 1, memory_order_release);
        news |= COL_NEWS_FOR_ALL;
    }
    return news;
}

bool col_pillar_is_news_for(const col_pillar *pillar, uint32_t news, uint32_t other) {
    if (news & COL_NEWS_FOR_ALL) return true;
    return (news & COL_NEWS_PASSING) != 0 &&
           col_word_read(&pillar->words->missing[other].sequence) < pillar->told_passing;
}

bool col_pillar_next_committed(col_pillar *pillar, col_committed *committed) {
    if (!col_pbft_next_committed(pillar->pbft, committed)) return false;
    const uint64_t next = committed->round + (committed->run > 0 ? committed->run : 1);
    const uint64_t sequence =
        col_sequence_of(next, pillar->options.pillar, pillar->options.pillars);
    atomic_store_explicit(&pillar->words->missing[pillar->options.pillar].sequence, sequence,
                          memory_order_release);
    return true;
}

uint64_t col_pillar_deadline(const col_pillar *pillar) {
    return col_pbft_deadline(pillar->pbft);
}
