// SPDX-License-Identifier: Apache-2.0
#include "src/base/drop.h"

#include "src/base/assert.h"

const char *col_drop_name(col_drop drop) {
    static const char *const name[COL_DROP_COUNT] = {
#define COL_DROP_NAME(symbol, text) [COL_DROP_##symbol] = text,
        COL_DROPS(COL_DROP_NAME)
#undef COL_DROP_NAME
    };
    COL_ASSERT((unsigned)drop < COL_DROP_COUNT);
    return name[drop];
}
