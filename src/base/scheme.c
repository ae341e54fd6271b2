// SPDX-License-Identifier: Apache-2.0
#include "src/base/scheme.h"

#include <stddef.h>
#include <string.h>

#include "src/base/assert.h"

const char *const col_scheme_names[] = {"rsa", "ed25519", "ecdsa-p256", NULL};
static const char hmac[] = "hmac";

const char *col_scheme_name(col_scheme scheme) {
    if (scheme == COL_SCHEME_HMAC) return hmac;
    COL_ASSERT(scheme >= COL_SCHEME_RSA && scheme <= COL_SCHEME_ECDSA_P256);
    return col_scheme_names[scheme - COL_SCHEME_RSA];
}

col_scheme col_scheme_find(const char *name) {
    for (unsigned i = 0; col_scheme_names[i]; i++) {
        if (strcmp(col_scheme_names[i], name) == 0) return (col_scheme)(COL_SCHEME_RSA + i);
    }
    return strcmp(name, hmac) == 0 ? COL_SCHEME_HMAC : COL_SCHEME_NONE;
}
