// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "build_information.h"
#include "crypto/backend.h"
#include "crypto/hashing.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"

int col_command_version(char **argv) {
    const col_command command = {
        .name = "version",
        .purpose = "Print version, commit and what this CPU's signatures and digests use.",
        .example = "colonnade version",
    };
    col_arguments arguments;
    const col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    const col_backend *backend = col_backend_best();
    col_hasher *hasher = col_hasher_create();
    printf(
        "colonnade %s\n"
        "commit      %s\n"
        "build       %s\n"
        "signatures  %s (%u lane%s)\n"
        "SHA-256     %s\n",
        COL_BUILD_VERSION, COL_BUILD_COMMIT, COL_BUILD_TYPE, backend->name, backend->lanes,
        backend->lanes == 1 ? "" : "s", col_hasher_name(hasher));
    col_hasher_destroy(hasher);
    return 0;
}
