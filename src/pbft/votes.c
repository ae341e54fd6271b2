// SPDX-License-Identifier: Apache-2.0
#include "src/pbft/votes.h"

#include "src/base/assert.h"

const col_digest col_null_digest = {{'n', 'u', 'l', 'l', ' ', 'r', 'u', 'n'}};

uint32_t col_votes_for(const col_votes *votes, const col_value *value) {
    uint32_t set = 0;
    for (uint32_t r = 0; r < votes->replicas; r++) {
        if ((votes->voted >> r & 1) && col_value_equal(&votes->value[r], value)) set |= 1u << r;
    }
    return set;
}

col_drop col_votes_add(col_votes *votes, uint32_t sender, const col_value *value,
                       uint32_t *matching) {
    COL_ASSERT(sender < votes->replicas);
    if (votes->voted >> sender & 1) {
        return col_value_equal(&votes->value[sender], value) ? COL_DROP_REPEATED
                                                             : COL_DROP_CONFLICTING;
    }
    votes->voted |= 1u << sender;
    votes->value[sender] = *value;
    *matching = (uint32_t)__builtin_popcount(col_votes_for(votes, value));
    return COL_DROP_NONE;
}

void col_votes_put(col_votes *votes, uint32_t sender, const col_value *value) {
    COL_ASSERT(sender < votes->replicas);
    votes->voted |= 1u << sender;
    votes->value[sender] = *value;
}

void col_votes_clear(col_votes *votes) {
    votes->voted = 0;
}
