// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "crypto/opener.h"
#include "crypto/sealer.h"
#include "dpdk/cryptodev.h"
#include "dpdk/network.h"
#include "pillars/counters.h"
#include "src/base/counter.h"
#include "src/base/limits.h"
#include "src/base/loop.h"
#include "src/base/result.h"

/// The status page of a replica: a file (DIR/run/replica-<id>.page) that the replica maps and
/// writes without system calls, and that anyone who may read it maps to see what the replica does.
///
/// Every count has one writer thread. Figures of one page may be some microseconds apart.

#define COL_PAGE_MAGIC UINT64_C(0x3130454741504c43)  // "CLPAGE01"
#define COL_PAGE_SIGNERS_MAX COL_PILLARS_MAX
#define COL_PAGE_CHECKPOINTS 8
#define COL_PAGE_BUNDLE_BYTES 1024

/// One of this replica's newest CHECKPOINT votes, as sealed: the reader verifies it alone.
typedef struct {
    col_counter version;  ///< odd while being written (a seqlock)
    uint64_t checkpoint;  ///< c, 0 = none
    col_digest digest;
    uint32_t seal_bytes;
    uint8_t seal[COL_SEAL_BYTES_MAX];  ///< col_seal of header {CHECKPOINT, pillar c mod P, sequence
                                       ///< c, digest}
} col_page_checkpoint;

typedef struct {
    char name[32];  ///< of the loop
    int32_t core;   ///< -1 = any
    uint32_t stage_count;
    char stage[COL_LOOP_STAGES_MAX][24];
    col_loop_counters counters;
} col_page_loop;

typedef struct {
    uint64_t magic;
    uint64_t size;  ///< sizeof(col_page), to refuse another version's page
    uint32_t replica;
    uint32_t pillars;
    uint32_t process;  ///< pid
    uint32_t loops;
    col_digest cluster;
    uint64_t started_wall_ns;
    char version[24];
    char hasher[24];
    char backend[96];  ///< "ifma"; with a signing device, "crypto_openssl+ifma"
    col_signatures signatures;
    char profile[512];
    col_counter ready;  ///< 1 once all loops run; 2 after a clean stop
    col_net_counters net[2];
    col_pillar_counters pillar[COL_PILLARS_MAX];
    col_opener_counters opener[COL_PILLARS_MAX];
    col_sealer_counters signer[COL_PAGE_SIGNERS_MAX];
    col_cryptodev_counters device[COL_PAGE_SIGNERS_MAX];  ///< of each signer
    col_merge_counters merge;
    col_page_checkpoint
        checkpoint[COL_PAGE_CHECKPOINTS];  ///< c stands at c mod COL_PAGE_CHECKPOINTS
    col_page_loop loop[COL_LOOPS_MAX];
} col_page;

/// Create (replace) and map a page for writing. This process owns it from now on until it ends.
/// @return error: another process owns it, cannot be written. With path and remedy.
COL_MUST_USE col_result col_page_create(const char *path, col_page **page);

/// Map an existing page for reading. @return error: missing (not running?), other version.
COL_MUST_USE col_result col_page_open(const char *path, const col_page **page);
void col_page_close(const col_page *page);

/// The process that writes a page, whatever stands in it. @return 0: none, any more
pid_t col_page_owner(const char *path);

/// Publish an own sealed checkpoint vote. Thread: the pillar that owns it.
void col_page_put_checkpoint(col_page *page, uint64_t checkpoint, const col_digest *digest,
                             col_bytes seal);

/// Copy the vote for `checkpoint`, or the newest when 0. @return false when it is not there.
bool col_page_get_checkpoint(const col_page *page, uint64_t checkpoint, col_page_checkpoint *copy);
