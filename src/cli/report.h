// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdio.h>

#include "src/cli/agreement.h"
#include "src/cli/load.h"
#include "src/cli/machine.h"
#include "src/replica/reading.h"

/// What `bench` found, as a table and as JSON.

typedef struct {
    bool seen;  ///< it ran and its page was readable during the whole measured phase
    col_reading reading;
    uint64_t user_ns, system_ns;
    uint64_t rss_bytes;  ///< at the end
} col_bench_replica;

typedef struct {
    const col_cluster *cluster;
    const char *commit;
    char profile[512];
    char backend[96];
    char hasher[24];
    col_signatures signatures;
    col_load_options load;
    double warm_up_s;
    double seconds;  ///< as measured
    bool local;      ///< the replicas' pages are on this machine
    col_load_outcome outcome;
    uint64_t measured;  ///< requests answered while measuring
    col_bench_replica replica[COL_REPLICAS_MAX];
    uint64_t client_cpu_ns;
    uint64_t client_rss_bytes;
    col_agreement agreement;
    col_machine machine;
} col_bench;

void col_bench_print(const col_bench *bench, FILE *stream);
void col_bench_write_json(const col_bench *bench, FILE *stream);
