// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/replica/page.h"

/// The figures of a status page under stable names: what `colonnade cluster status --json` prints
/// and what the replica's telemetry socket answers. Counts are totals since the replica's start;
/// the others are marked "now". Names that end in _bytes or _ns say their unit; rounds, sequence
/// numbers and checkpoints are the protocol's.

/// Takes figures one by one. Names and texts are borrowed for the call.
typedef struct {
    void *context;
    void (*number)(void *context, const char *name, uint64_t value);
    void (*text)(void *context, const char *name, const char *value);
} col_figures_sink;

/// One replica:
///
/// | name | meaning |
/// |---|---|
/// | version, profile, sha256, signature_backend | texts: what runs, and how |
/// | replica_signatures, client_signatures | texts: with which keys each side signs: "rsa-2048" |
/// | sessions_sealed | text: how requests and results of sessions are sealed: "signed" or "hmac" |
/// | pillar_count, loop_count | how many it has |
/// | started_ns | wall clock at its start |
/// | executed_sequence | executed up to this global sequence number |
/// | newest_checkpoint | own newest checkpoint |
/// | requests, duplicates, batches, replies | executed; executed before; batches; answers given |
/// | sessions | open now |
/// | datagrams_received, received_bytes, datagrams_sent, sent_bytes | UDP payloads |
/// | bundles_opened, messages_opened | of others, verified |
/// | roots_cached | roots found in the cache |
/// | verifies, verify_calls | public-key operations, and how many calls they took |
/// | messages_sealed, signatures | own messages, and the trees that they shared |
/// | sign_calls | how many calls signed these trees |
/// | macs_made, macs_checked | of sessions with MACs: in replies, and of requests |
/// | device_signatures, device_refused | of them: made by the signing device; on the CPU instead |
/// | null_runs, resent, fetches | proposed; messages sent again for a peer; slots asked of peers |
/// | diverged | stable checkpoints that are not what this replica computed: must stay 0 |
/// | sleeps | times that a thread had nothing to do |
/// | dropped | pieces of network input that were not used, for all reasons but "late" |
void col_figures_replica(const col_page *page, const col_figures_sink *sink);

/// One pillar of it:
///
/// | name | meaning |
/// |---|---|
/// | view, primary | now; the primary is a replica id |
/// | highest_round, executed_round | with an accepted proposal; executed |
/// | stable_checkpoint | newest known to be stable |
/// | pending | client requests that wait here now |
/// | requests | executed, of this pillar's sessions |
/// | proposed, null_runs | batches and null runs proposed here |
/// | committed, batches | slots committed; those with a batch |
/// | status_sent, resent, fetch_sent, fetched_served | repair of loss |
/// | diverged, dropped | as above, of this pillar |
///
/// @param pillar below page->pillars
void col_figures_pillar(const col_page *page, uint32_t pillar, const col_figures_sink *sink);

/// Drops of the whole replica: a number for each reason that occurred, by col_drop_name.
void col_figures_drops(const col_page *page, const col_figures_sink *sink);

/// One thread: name, core ("any" or a number), turns, sleeps.
/// @param loop below page->loops
void col_figures_loop(const col_page *page, uint32_t loop, const col_figures_sink *sink);

/// What kept that thread busy: for each of its stages, by name, the ns in which it found work.
void col_figures_loop_busy_ns(const col_page *page, uint32_t loop, const col_figures_sink *sink);
