// SPDX-License-Identifier: Apache-2.0
#include "src/client/votes.h"

#include "src/base/assert.h"

uint32_t col_client_vote_add(col_client_vote *table, uint32_t replicas, uint32_t sender,
                             const col_digest *digest) {
    COL_ASSERT(sender < replicas && replicas <= COL_REPLICAS_MAX);

    col_client_vote *equal = NULL;
    col_client_vote *vacant = NULL;
    for (uint32_t i = 0; i < replicas; i++) {
        col_client_vote *row = &table[i];
        row->senders &= ~(UINT32_C(1) << sender);
        if (row->senders == 0) {
            vacant = row;
        } else if (col_digest_equal(&row->digest, digest)) {
            equal = row;
        }
    }
    if (equal == NULL) {
        COL_ASSERT(vacant != NULL);  // the others fill at most replicas-1 rows
        equal = vacant;
        equal->digest = *digest;
    }
    equal->senders |= UINT32_C(1) << sender;
    return (uint32_t)__builtin_popcount(equal->senders);
}
