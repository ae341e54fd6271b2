// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// Why a piece of network input was not used. Each is counted where it happens, never logged.
#define COL_DROPS(X)                                                                      \
    X(NONE, "none")                     /* used */                                        \
    X(NOT_OURS, "not-ours")             /* other protocol, address or port */             \
    X(BAD_CHECKSUM, "bad-checksum")     /* IPv4 or UDP checksum */                        \
    X(TRUNCATED, "truncated")           /* shorter than its own lengths say */            \
    X(MALFORMED, "malformed")           /* lengths fit, contents do not */                \
    X(OVERSIZED, "oversized")           /* above a bound of the cluster */                \
    X(WRONG_VERSION, "wrong-version")   /* magic or wire version */                       \
    X(OTHER_CLUSTER, "other-cluster")   /* sealed for another cluster */                  \
    X(UNKNOWN_SENDER, "unknown-sender") /* no such replica or client */                   \
    X(WRONG_SOURCE, "wrong-source")     /* a replica's name, not from its address */      \
    X(WRONG_ROLE, "wrong-role")         /* a client sent what only replicas may */        \
    X(WRONG_SCHEME, "wrong-scheme")     /* not the scheme that the cluster file names */  \
    X(WRONG_PILLAR, "wrong-pillar")     /* arrived at another pillar than it names */     \
    X(BAD_PROOF, "bad-proof")           /* Merkle path of the wrong shape */              \
    X(BAD_SIGNATURE, "bad-signature")   /* root signature does not verify */              \
    X(BAD_MAC, "bad-mac")               /* this replica's MAC does not verify */          \
    X(BAD_DIGEST, "bad-digest")         /* body does not match its digest */              \
    X(UNKNOWN_TYPE, "unknown-type")     /* no such message, or not for this role */       \
    X(OUTSIDE_WINDOW, "outside-window") /* round at or below stable, or above window */   \
    X(OTHER_VIEW, "other-view")         /* not the view of this pillar */                 \
    X(NOT_PRIMARY, "not-primary")       /* proposal of a backup */                        \
    X(FROM_PRIMARY, "from-primary")     /* PREPARE of the primary */                      \
    X(REPEATED, "repeated")             /* the same message again */                      \
    X(LATE, "late")                     /* a vote beyond what its slot needs: no loss */  \
    X(CONFLICTING, "conflicting")       /* a different one for the same place */          \
    X(STALE, "stale")                   /* not above the sender's newest counter */       \
    X(BAD_RUN, "bad-run")               /* null run of a shape that no primary sends */   \
    X(BAD_BATCH, "bad-batch")           /* batch with a request that must not be there */ \
    X(TIME_AHEAD, "time-ahead")         /* nonce of the future: answered only */          \
    X(EXECUTED, "executed")             /* request answered from the table */             \
    X(NO_SESSION, "no-session")         /* session unknown or expired */                  \
    X(TOO_FAR, "too-far")               /* request number beyond the outstanding bound */ \
    X(QUEUE_FULL, "queue-full")         /* a bounded queue or pool had no room */         \
    X(RATE_LIMITED, "rate-limited")     /* sender takes more than its share */            \
    X(NO_NEIGHBOUR, "no-neighbour")     /* link address of the receiver not known yet */  \
    X(PORT_FULL, "port-full")           /* transmit queue of the port had no room */      \
    X(NOT_COLLECTED, "not-collected")   /* nothing to serve, or no longer */

typedef enum {
#define COL_DROP_ENUM(name, text) COL_DROP_##name,
    COL_DROPS(COL_DROP_ENUM)
#undef COL_DROP_ENUM
        COL_DROP_COUNT
} col_drop;

/// The reason as users see it, for example "bad-signature". `drop` < COL_DROP_COUNT.
const char *col_drop_name(col_drop drop);
