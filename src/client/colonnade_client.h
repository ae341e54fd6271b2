// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// libcolonnade-client: submit operations to a Colonnade cluster and get results that f+1 replicas
/// vouch for. Public header, installed as <colonnade/client.h>.
///
/// Thread: one client belongs to one thread.

typedef struct col_client col_client;

typedef struct {
    const char *cluster;     ///< cluster file, or the directory that holds cluster.yaml
    const char *key;         ///< private key; NULL: keys/client-<id>.pem beside the cluster file
    uint32_t client;         ///< id in the registry
    uint32_t sessions;       ///< sessions to open, spread over the pillars; 0: one
    uint64_t timeout_ns;     ///< a request fails after that long; 0: 10 s
    uint64_t retransmit_ns;  ///< to all replicas after that long without a result, or longer while
                             ///< results take long; 0: 100 ms
} col_client_options;

typedef enum {
    COL_CLIENT_RESULT = 0,  ///< f+1 replicas returned this result
    COL_CLIENT_TIMED_OUT,   ///< no f+1 matching replies within the time-out: it may still be
                            ///< executed
    COL_CLIENT_EXPIRED,     ///< the session is gone; whether the operation ran is unknown
    COL_CLIENT_REFUSED,     ///< operation or result longer than the cluster allows
} col_client_status;

/// Called from col_client_poll for each finished request.
/// @param result borrowed for the call; empty unless status is COL_CLIENT_RESULT
/// @param latency_ns from col_client_submit
typedef void (*col_client_done)(void *context, uint64_t tag, col_client_status status,
                                const uint8_t *result, size_t length, uint64_t latency_ns);

/// Open a client and its sessions; waits for them up to timeout_ns.
/// @param error out, room for `error_size`: one line with the remedy, when NULL is returned
col_client *col_client_open(const col_client_options *options, col_client_done done, void *context,
                            char *error, size_t error_size);

/// Submit an operation on a session; it is sent by the next flush or poll.
/// @param session 0 .. sessions-1; requests of one session execute in order of submission
/// @param operation copied
/// @param tag returned with the result
/// @return 0; -1 the session has M requests outstanding; -2 the operation is longer than the
/// cluster allows
int col_client_submit(col_client *client, uint32_t session, const void *operation, size_t length,
                      uint64_t tag);

/// Requests of `session` that may still be submitted now.
uint32_t col_client_room(const col_client *client, uint32_t session);

/// Seal and send what was submitted, under one signature.
void col_client_flush(col_client *client);

/// Flush, then receive, verify and report results for at most `wait_ns` or until one arrived.
/// @return results reported
uint32_t col_client_poll(col_client *client, uint64_t wait_ns);

/// Requests without a result yet.
uint32_t col_client_outstanding(const col_client *client);

/// What one client did so far.
typedef struct {
    uint64_t signatures, verifies, datagrams_sent, datagrams_received, messages_received,
        retransmits;
    uint64_t primary_changes;
} col_client_statistics;
void col_client_statistics_read(const col_client *client, col_client_statistics *statistics);

/// Close: outstanding requests are reported by nobody.
void col_client_close(col_client *client);

#ifdef __cplusplus
}
#endif
