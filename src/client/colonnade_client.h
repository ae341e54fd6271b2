// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/// libcolonnade-client: submit operations to a Colonnade cluster and get results that f+1 of its
/// replicas vouch for, so that none came from faulty ones alone. Public header, installed as
/// <colonnade/client.h>; `pkg-config --cflags --libs colonnade-client`.
///
/// A client is a registered identity with a private key. It holds sessions; each executes its
/// requests exactly once, in the order of their submission. Operations and results are bytes that
/// only the cluster's application understands.
///
/// Threads: a client belongs to the thread that opened it, and every call comes from there. A
/// process may hold any number of clients, on any threads; they share nothing. One client id must
/// not be open twice at a time, in any process. The library starts no threads, installs no signal
/// handlers, and prints nothing unless a rule is broken.
/// Callback: `done` is called from within col_client_poll alone, and may call every function here
/// on the same client but col_client_poll and col_client_close. Fork: the child of a process that
/// holds a client may close it, or leave it alone (exec closes its socket), but not use it.
/// Signals: no function may be called from a signal handler. One that interrupts the wait of
/// col_client_poll ends it.
/// A broken rule (another thread, a session that does not exist, ...) prints it to the standard
/// error and aborts, in every build.
///
/// Memory: allocated by col_client_open, for the largest operations and results that the cluster
/// allows; nothing is allocated later.

typedef struct col_client col_client;

/// Room that holds every error text of this library, bytes.
#define COL_CLIENT_ERROR_BYTES 512

typedef enum {
    COL_CLIENT_RESULT = 0,  ///< f+1 replicas returned this result
    COL_CLIENT_TIMED_OUT,   ///< no f+1 matching replies in time. The request is still sent until it
                            ///< is answered: it may be executed, once, and the session's later ones
                            ///< are executed after it
    COL_CLIENT_EXPIRED,     ///< the cluster dropped the session, because others needed its place.
                            ///< Whether the operation was executed is unknown. A new session takes
                            ///< the old one's place by itself
    COL_CLIENT_REFUSED,     ///< f+1 replicas say: operation or result is longer than the cluster
                            ///< allows
} col_client_status;

/// What became of one request. Members may be added at the end.
typedef struct {
    uint64_t tag;  ///< as given to col_client_submit
    col_client_status status;
    const uint8_t *result;  ///< borrowed until `done` returns
    size_t length;          ///< of the result, bytes; 0 unless status is COL_CLIENT_RESULT
    uint64_t latency_ns;    ///< since col_client_submit
} col_client_outcome;

/// Told once of each request, as soon as it is known: not always in the order of submission and
/// execution, for datagrams overtake each other.
/// @param context of the options
typedef void (*col_client_done)(void *context, const col_client_outcome *outcome);

/// How to open a client. Zero in a member that is not required means its default, so that
/// `{.cluster = ..., .done = ...}` is complete. Members may be added at the end.
typedef struct {
    const char *cluster;   ///< required: cluster file, or the directory that holds cluster.yaml
    col_client_done done;  ///< required
    void *context;         ///< for `done`
    uint32_t client;       ///< id in the cluster file's registry; the first is 0
    uint32_t sessions;  ///< spread over the pillars, for parallelism; default 1. Beyond 64 of one
                        ///< pillar, 50 open in a second
    const char *key;    ///< private key, PEM; default keys/client-<id>.pem beside the cluster file
    uint64_t timeout_ns;     ///< for the opening, and for each request; default 10 s
    uint64_t retransmit_ns;  ///< a request goes to all replicas after that long without a result,
                             ///< or later while results take long; default 100 ms
} col_client_options;

/// Open a client and its sessions; wait until f+1 replicas confirmed each.
///
/// @param options      borrowed for the call
/// @param options_size sizeof *options: a program that was compiled with an older header gets the
///                     defaults of the members it does not know
/// @param error        out when NULL is returned: one line with what is wrong, where and the
///                     remedy; may be NULL if `error_size` is 0
/// @param error_size   bytes, COL_CLIENT_ERROR_BYTES is always enough; longer texts are cut
/// @return the client, to be closed with col_client_close; NULL when the cluster file, a key or the
///         network cannot be used, or too few replicas answered within options->timeout_ns
/// Thread: any; the client belongs to it. Cost: reads files, blocks for at least one round trip.
col_client *col_client_open(const col_client_options *options, size_t options_size, char *error,
                            size_t error_size) __attribute__((warn_unused_result));

/// Close a client and free it. Requests that are outstanding are reported by nobody and may or may
/// not be executed.
///
/// @param client NULL does nothing
/// Not from `done`.
void col_client_close(col_client *client);

typedef enum {
    COL_CLIENT_SUBMITTED = 0,
    COL_CLIENT_NO_ROOM,   ///< the session has as many requests outstanding as the cluster allows:
                          ///< poll, then try again
    COL_CLIENT_TOO_LONG,  ///< the operation is longer than the cluster allows
} col_client_submission;

/// Submit an operation; the next flush or poll sends it.
///
/// @param session   0 .. options.sessions-1
/// @param operation [length], copied; may be NULL if `length` is 0
/// @param tag       anything; returned in the outcome
/// @return COL_CLIENT_SUBMITTED, and `done` will be called for it; else nothing happened
/// Cost: a copy of the operation, no system call but the clock's.
col_client_submission col_client_submit(col_client *client, uint32_t session, const void *operation,
                                        size_t length, uint64_t tag)
    __attribute__((warn_unused_result));

/// How many requests `session` has room for now. One that timed out takes room until it, or a
/// later one of its session, is answered.
/// @param session 0 .. options.sessions-1
uint32_t col_client_room(const col_client *client, uint32_t session);

/// Sign everything that was submitted, once for all of it, and send it. Saves the wait for the next
/// poll; never blocks. Where the cluster file says `sessions: hmac`, sessions that had a result
/// have MACs in place of signatures; nothing else is different.
/// Cost: one signature (for up to 256 messages; for more, further ones) and system calls for up
/// to 32 datagrams each, if anything waits.
void col_client_flush(col_client *client);

/// Send what waits, take what arrived, report results through `done`, and send what `done`
/// submitted.
///
/// @param wait_ns if nothing could be reported at once: wait so long, even with nothing
///                outstanding; 0: not at all; UINT64_MAX: for ever
/// @return how many outcomes were reported; 0 when the time passed or a signal handler ran
/// Not from `done`. Cost: as col_client_flush, and one verification per signature of a replica that
/// was not seen yet.
uint32_t col_client_poll(col_client *client, uint64_t wait_ns);

/// Requests that were submitted and not reported yet, over all sessions.
uint32_t col_client_outstanding(const col_client *client);

// For programs with an event loop of their own: call col_client_poll(client, 0) when the descriptor
// is readable and when the deadline is reached.

/// The client's socket, for poll(2), select(2) or level-triggered epoll(7); the same until the
/// client is closed. Do nothing else with it.
int col_client_descriptor(const col_client *client);

/// When col_client_poll must run next even if nothing arrives, CLOCK_MONOTONIC, ns: changes with
/// each call of submit, flush and poll. 0: now, something waits to be sent. UINT64_MAX: never.
uint64_t col_client_deadline_ns(const col_client *client);

/// What a client did since it was opened. Members may be added at the end.
typedef struct {
    uint64_t signatures;  ///< made
    uint64_t verifies;    ///< of replicas' signatures
    uint64_t datagrams_sent;
    uint64_t datagrams_received;
    uint64_t messages_received;  ///< with a valid seal
    uint64_t retransmits;
    uint64_t primary_changes;
} col_client_statistics;

/// @param statistics      out
/// @param statistics_size sizeof *statistics: members that this library does not know become 0
void col_client_statistics_read(const col_client *client, col_client_statistics *statistics,
                                size_t statistics_size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
