// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdlib.h>

#include "crypto/hashing.h"
#include "crypto/hashing_internal.h"
#include "src/base/assert.h"
#include "src/base/clock.h"

/// Jobs submitted before the manager is flushed: half of what it can hold.
#define SUBMIT_MAX IMB_MAX_BURST_SIZE

/// What the choice is measured with: a leaf and a signed root are about this long.
#define SAMPLE_BYTES 128
#define SAMPLE_BURST 16
#define SAMPLE_ROUNDS 16

typedef struct {
    col_owned_hasher owned;
    IMB_MGR *manager;
    col_hasher *single;  ///< for fewer than `bulk_from` messages, NULL when bulk_from is 1
    uint32_t bulk_from;
} ipsec_hasher;

typedef struct {
    const char *name;
    uint64_t features;
    void (*init)(IMB_MGR *manager);
} architecture;

/// "sse" is not the slow one: where the CPU has the SHA instructions but not AVX-512, only it uses
/// them.
static const architecture architectures[] = {
    {"ipsec-mb sse", IMB_CPUFLAGS_SSE, init_mb_mgr_sse},
    {"ipsec-mb avx2", IMB_CPUFLAGS_AVX2, init_mb_mgr_avx2},
    {"ipsec-mb avx512", IMB_CPUFLAGS_AVX512, init_mb_mgr_avx512},
};

/// The outcome of the measurement, the same for all threads of the process.
static struct {
    const architecture *best;  ///< NULL when none runs here
    uint32_t bulk_from;
} choice;
static pthread_once_t choice_made = PTHREAD_ONCE_INIT;
static IMB_MGR *shared;
static pthread_once_t shared_made = PTHREAD_ONCE_INIT;

static void submit(IMB_MGR *manager, const col_bytes *message, col_digest *out) {
    IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = message->at;
    job->dst = NULL;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = message->length;
    job->auth_tag_output = out->byte;
    job->auth_tag_output_len_in_bytes = sizeof out->byte;
}

static uint32_t completed(const IMB_JOB *job) {
    if (!job) return 0;
    COL_ASSERT(job->status == IMB_STATUS_COMPLETED);
    return 1;
}

static void digest_bulk(IMB_MGR *manager, const col_bytes *message, uint32_t count,
                        col_digest *out) {
    for (uint32_t first = 0; first < count; first += SUBMIT_MAX) {
        const uint32_t left = count - first;
        const uint32_t jobs = left < SUBMIT_MAX ? left : SUBMIT_MAX;
        uint32_t done = 0;
        for (uint32_t i = 0; i < jobs; i++) {
            submit(manager, &message[first + i], &out[first + i]);
            done += completed(IMB_SUBMIT_JOB_NOCHECK(manager));
        }
        while (done < jobs) {
            const uint32_t flushed = completed(IMB_FLUSH_JOB(manager));
            COL_ASSERT(flushed == 1);
            done++;
        }
    }
}

static void digest(const col_hasher *hasher, const col_bytes *message, uint32_t count,
                   col_digest *out) {
    const ipsec_hasher *self = (const ipsec_hasher *)hasher;
    if (count < self->bulk_from) {
        self->single->digest(self->single, message, count, out);
    } else {
        digest_bulk(self->manager, message, count, out);
    }
}

static IMB_MGR *manager_create(const architecture *with) {
    IMB_MGR *manager = alloc_mb_mgr(0);
    COL_ASSERT(manager);
    with->init(manager);
    return manager;
}

/// Least ns that hashing `count` samples took, over a few rounds: interruptions only lengthen.
static uint64_t least_ns(const col_hasher *hasher, uint32_t count) {
    static const uint8_t bytes[SAMPLE_BYTES];
    col_bytes sample[SAMPLE_BURST];
    col_digest out[SAMPLE_BURST];
    for (size_t i = 0; i < count; i++) sample[i] = (col_bytes){bytes, sizeof bytes};

    uint64_t least = UINT64_MAX;
    for (uint32_t round = 0; round < SAMPLE_ROUNDS; round++) {
        const uint64_t start = col_clock_monotonic_ns();
        hasher->digest(hasher, sample, count, out);
        const uint64_t took = col_clock_monotonic_ns() - start;
        if (took < least) least = took;
    }
    return least;
}

/// Messages from which on `bulk` beats OpenSSL, a power of two up to the sample's burst.
static uint32_t measure_bulk_from(const col_hasher *bulk) {
    col_hasher *single = col_hasher_openssl_create();
    uint32_t count = 1;
    while (count < SAMPLE_BURST && least_ns(bulk, count) > least_ns(single, count)) count *= 2;
    col_hasher_destroy(single);
    return count;
}

static void choose(void) {
    const uint64_t features = imb_get_feature_flags();
    uint64_t best_ns = UINT64_MAX;
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
        if ((features & architectures[i].features) != architectures[i].features) continue;
        const ipsec_hasher candidate = {.owned.hasher.digest = digest,
                                        .manager = manager_create(&architectures[i]),
                                        .bulk_from = 1};
        const uint64_t took_ns = least_ns(&candidate.owned.hasher, SAMPLE_BURST);
        if (took_ns < best_ns) {
            best_ns = took_ns;
            choice.best = &architectures[i];
            choice.bulk_from = measure_bulk_from(&candidate.owned.hasher);
        }
        free_mb_mgr(candidate.manager);
    }
}

static void destroy(col_owned_hasher *owned) {
    ipsec_hasher *self = (ipsec_hasher *)owned;
    col_hasher_destroy(self->single);
    free_mb_mgr(self->manager);
    free(self);
}

IMB_MGR *col_ipsec_manager_create(void) {
    COL_ASSERT(pthread_once(&choice_made, choose) == 0);
    return choice.best ? manager_create(choice.best) : NULL;
}

static void make_shared(void) {
    shared = col_ipsec_manager_create();
}

const IMB_MGR *col_ipsec_manager_shared(void) {
    COL_ASSERT(pthread_once(&shared_made, make_shared) == 0);
    return shared;
}

col_hasher *col_hasher_ipsec_create(void) {
    IMB_MGR *manager = col_ipsec_manager_create();
    if (manager == NULL) return NULL;

    ipsec_hasher *self = calloc(1, sizeof *self);
    COL_ASSERT(self);
    self->owned = (col_owned_hasher){{digest}, choice.best->name, destroy};
    self->manager = manager;
    self->bulk_from = choice.bulk_from;
    if (self->bulk_from > 1) self->single = col_hasher_openssl_create();
    return &self->owned.hasher;
}
