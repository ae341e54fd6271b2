// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>

#include "src/base/counter.h"
#include "src/base/result.h"
#include "src/cli/histogram.h"
#include "src/client/colonnade_client.h"

/// Closed-loop load: every client keeps each of its sessions at a fixed number of outstanding
/// requests. Open-loop load: requests are due by a schedule, evenly spaced, whatever the cluster
/// does; one that finds no room in its client's sessions stays due, and its latency counts from
/// the schedule.

#define COL_LOAD_CLIENTS_MAX 1024
#define COL_LOAD_THREADS_MAX 64
#define COL_LOAD_RATE_MAX 10000000

typedef struct {
    const char *cluster;     ///< cluster directory
    uint32_t clients;        ///< registry ids 0 .. clients-1
    uint32_t sessions;       ///< of each client
    uint32_t outstanding;    ///< of each session, at most
    uint32_t request_bytes;  ///< of each operation
    uint32_t threads;        ///< that the clients are spread over, 1 .. clients
    uint64_t rate;           ///< requests per second of all clients together; 0: closed loop
} col_load_options;

/// Requests are measured when their results arrive in COL_LOAD_MEASURE.
typedef enum {
    COL_LOAD_WARM_UP,
    COL_LOAD_MEASURE,
    COL_LOAD_DRAIN,  ///< nothing new is submitted; the end is when nothing is outstanding
} col_load_phase;

/// How requests ended, from the start to the end of the load.
typedef struct {
    col_counter answered;  ///< f+1 matching, verified replies
    col_counter timed_out;
    col_counter expired;
    col_counter refused;
} col_load_outcomes;

typedef struct col_load col_load;

/// Open the clients (in their threads) and start. Waits until all sessions are open.
/// @return error: a client that cannot be opened, with its reason
COL_MUST_USE col_result col_load_start(const col_load_options *options, col_load **load);

/// Move on to a later phase.
void col_load_enter(col_load *load, col_load_phase phase);

/// Requests answered so far.
uint64_t col_load_answered(const col_load *load);

/// All threads have ended.
bool col_load_ended(const col_load *load);

/// What the measured phase showed.
typedef struct {
    uint64_t answered;  ///< in all phases
    uint64_t missing;   ///< timed out, expired or refused, in all phases
    uint64_t timed_out, expired, refused;
    uint64_t still_due;                ///< by the schedule, and not submitted until the end
    uint64_t reply_bytes;              ///< of the longest result
    col_histogram latency_ns;          ///< of the measured ones
    col_client_statistics statistics;  ///< of all clients, while measuring
} col_load_outcome;

/// Wait for the threads, add up, and free.
void col_load_finish(col_load *load, col_load_outcome *outcome);
