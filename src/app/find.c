// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "src/app/app.h"

const col_app *col_app_find(const char *name) {
    static const col_app *const known[] = {&col_app_counter, &col_app_log};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i]->name, name) == 0) return known[i];
    }
    return NULL;
}
