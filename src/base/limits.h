// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>
#include <stdint.h>

/// Every bound of the system, its unit, and why it has its value.

/// Replicas in a cluster. Voter sets travel as 32-bit sets in STATUS.
#define COL_REPLICAS_MAX 32
static_assert(COL_REPLICAS_MAX <= 32, "voter sets are 32-bit");

/// Pillars in a cluster. One UDP port and one thread each; more than 16 cores ordering is beyond
/// what one execution thread can follow.
#define COL_PILLARS_MAX 16

/// Slots that one null run may cover (PROTOCOL: r <= 32): more would lengthen the wake-up of an
/// idle pillar without saving a measurable number of messages.
#define COL_RUN_MAX 32

/// Leaves of one Merkle tree. At 256 the root signature costs each message less than its own
/// hashes; deeper trees only lengthen paths and the wait for the first message.
#define COL_TREE_LEAVES_MAX 256
#define COL_TREE_DEPTH_MAX 8
static_assert(COL_TREE_LEAVES_MAX == 1 << COL_TREE_DEPTH_MAX, "depth follows from the leaves");

/// Bytes of a signature: RSA-4096, the longest of all schemes.
#define COL_SIGNATURE_BYTES_MAX 512

/// UDP payload bytes of one datagram: a jumbo frame of 9000 bytes less IPv4 and UDP headers.
#define COL_DATAGRAM_BYTES_MAX 8972

/// UDP payload bytes that every path must carry: an Ethernet frame of 1500 bytes.
#define COL_DATAGRAM_BYTES_MIN 1472

/// Fragments of one message: the largest message at the smallest datagram (the fragment is what is
/// left after header, RSA-4096 signature, a full path and the entry), rounded up.
#define COL_FRAGMENTS_MAX 256

/// Bytes of one message's body.
#define COL_MESSAGE_BYTES_MAX (128 * 1024)
static_assert(COL_FRAGMENTS_MAX * 600 >= COL_MESSAGE_BYTES_MAX, "any message fits its fragments");

/// Bytes of one batch: a FETCHED carries it beside the commit certificate of the largest cluster.
#define COL_BATCH_BYTES_MAX (96 * 1024)

/// Bytes of one client operation and of one result.
#define COL_OPERATION_BYTES_MAX (32 * 1024)
#define COL_RESULT_BYTES_MAX (32 * 1024)

/// Requests in one batch.
#define COL_BATCH_REQUESTS_MAX 1024

/// Outstanding requests of one session (M).
#define COL_SESSION_OUTSTANDING_MAX 256

/// Sessions of one cluster, and clients of its registry.
#define COL_SESSIONS_MAX 65536
#define COL_CLIENTS_MAX 65536

/// Window in rounds (W). STATUS describes every slot of it in one message.
#define COL_WINDOW_ROUNDS_MAX 256

/// What a pillar hashes and verifies in vain. A verification in vain costs 20 us (RSA-2048) to
/// 120 us (Ed25519), so that a source of good record can waste 20 a second, at most three
/// thousandths of a core, and all strangers together as much again. An honest client wastes a
/// datagram each time that it repeats requests whose replies are only late, at most some a second;
/// a burst is all its sessions doing so at once.
#define COL_WASTE_NS UINT64_C(50000000)
#define COL_WASTE_BURST 32
/// The same for each stranger: an address, for all its ports from where nothing useful came. One
/// that is honest wastes nothing, and ten of them must not use up what all strangers share.
#define COL_STRANGER_WASTE_NS UINT64_C(500000000)
#define COL_STRANGER_WASTE_BURST 4
static_assert(COL_STRANGER_WASTE_NS >= 10 * COL_WASTE_NS, "one stranger takes a tenth at most");
/// How long an address that somebody forges is under suspicion. Until then its forger shares with
/// all strangers, so that whoever forges a hundred addresses, each in a burst of its own, wastes 53
/// verifications a second more, a hundredth of a core. To be suspected costs nothing while no
/// strangers flood.
#define COL_FORGED_NS UINT64_C(60000000000)

/// Sessions that a client may open of one pillar in a row, then one in each such time: an opening
/// may cost every replica an X25519 operation, some 50 us of its execution, so that one client
/// takes a four-hundredth of it; a session is worth more than a fiftieth of a second.
#define COL_OPEN_BURST 64
#define COL_OPEN_NS UINT64_C(20000000)

/// How long a client whose MACs failed has to sign: a faulty one can hold up a pillar once in that
/// time, and whom a faulty primary or network framed is slowed no longer than that.
#define COL_FLAG_NS UINT64_C(60000000000)

/// Work items that a stage takes in one turn: long enough to amortise the turn, short enough that
/// no other stage of the loop waits for more than some hundred microseconds.
#define COL_STAGE_BUDGET 32

/// Stages of one loop, and loops of one replica: every pillar and helper alone on its core.
#define COL_LOOP_STAGES_MAX 32
#define COL_LOOPS_MAX 40
