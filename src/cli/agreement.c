// SPDX-License-Identifier: Apache-2.0
#include "src/cli/agreement.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "crypto/hashing.h"
#include "crypto/opener.h"
#include "src/base/clock.h"

#define ROOTS 64

typedef struct {
    const col_cluster *cluster;
    const col_page *const *page;
    uint32_t count;
    col_key *key[COL_REPLICAS_MAX];
    col_opener *opener;
} checker;

/// The newest checkpoint that every page has. @param same out: it is everybody's newest
static uint64_t newest_common(const checker *self, bool *same) {
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        col_page_checkpoint vote;
        if (!self->page[i]) continue;
        const uint64_t newest =
            col_page_get_checkpoint(self->page[i], 0, &vote) ? vote.checkpoint : 0;
        if (newest < lowest) lowest = newest;
        if (newest > highest) highest = newest;
    }
    *same = lowest == highest;
    return lowest == UINT64_MAX ? 0 : lowest;
}

static bool is_sealed(const checker *self, uint32_t replica, const col_page_checkpoint *vote) {
    const col_header header = {
        .role = COL_ROLE_REPLICA,
        .type = COL_CHECKPOINT,
        .pillar = (uint8_t)(vote->checkpoint % self->cluster->genesis.pillars),
        .sender = replica,
        .sequence = vote->checkpoint,
        .fragments = 1,
        .digest = vote->digest,
    };
    const col_seal seal = {vote->seal, vote->seal_bytes};
    return col_seal_check(self->opener, &header, seal) == COL_DROP_NONE;
}

static void compare(const checker *self, uint64_t checkpoint, col_agreement *agreement) {
    *agreement = (col_agreement){.checkpoint = checkpoint};
    if (!checkpoint) {
        snprintf(agreement->problem, sizeof agreement->problem,
                 "not every replica has made a checkpoint yet: run a longer load");
        return;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        col_page_checkpoint vote;
        if (!self->page[i]) continue;
        if (!col_page_get_checkpoint(self->page[i], checkpoint, &vote)) {
            snprintf(agreement->problem, sizeof agreement->problem,
                     "replica %u no longer shows checkpoint %" PRIu64, i, checkpoint);
            return;
        }
        if (!is_sealed(self, i, &vote)) {
            snprintf(agreement->problem, sizeof agreement->problem,
                     "replica %u has not signed its checkpoint %" PRIu64, i, checkpoint);
            return;
        }
        if (agreement->compared && !col_digest_equal(&vote.digest, &agreement->digest)) {
            snprintf(agreement->problem, sizeof agreement->problem,
                     "replica %u signed another digest for checkpoint %" PRIu64, i, checkpoint);
            return;
        }
        agreement->digest = vote.digest;
        agreement->compared++;
    }
    agreement->agree = true;
}

/// Compare when all stand at the same checkpoint, or when time is up.
static void settle(const checker *self, uint64_t wait_ns, col_agreement *agreement) {
    const uint64_t end_ns = col_clock_monotonic_ns() + wait_ns;
    bool same;
    uint64_t checkpoint = newest_common(self, &same);
    while ((!same || !checkpoint) && col_clock_monotonic_ns() < end_ns) {
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        checkpoint = newest_common(self, &same);
    }
    compare(self, checkpoint, agreement);
}

static col_result read_keys(checker *self) {
    const col_genesis *genesis = &self->cluster->genesis;
    for (uint32_t i = 0; i < genesis->replicas; i++)
        COL_TRY(
            col_key_read_public(genesis->replica_key[i], genesis->replicas_scheme, &self->key[i]));
    return col_ok();
}

static col_result check_with(checker *self, col_arena *arena, uint64_t wait_ns,
                             col_agreement *agreement) {
    COL_TRY(read_keys(self));
    const col_keyring keyring = {.replicas = self->cluster->genesis.replicas,
                                 .replica = self->key,
                                 .cluster = self->cluster->id};
    col_opener_counters counters = {0};
    col_hasher *hasher = col_hasher_openssl_create();
    self->opener = col_opener_create(arena, &col_backend_openssl, hasher, &keyring,
                                     col_root_cache_create(arena, ROOTS), &counters);
    settle(self, wait_ns, agreement);
    col_opener_destroy(self->opener);
    col_hasher_destroy(hasher);
    return col_ok();
}

col_result col_agreement_check(const col_cluster *cluster, const col_page *const *page,
                               uint32_t count, uint64_t wait_ns, col_agreement *agreement) {
    checker self = {.cluster = cluster, .page = page, .count = count};
    col_arena arena;
    COL_TRY(col_arena_open(&arena, col_opener_footprint() + col_root_cache_footprint(ROOTS)));
    const col_result result = check_with(&self, &arena, wait_ns, agreement);
    for (uint32_t i = 0; i < cluster->genesis.replicas; i++) {
        if (self.key[i]) col_key_destroy(self.key[i]);
    }
    col_arena_close(&arena);
    return result;
}
