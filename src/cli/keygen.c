// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "crypto/keys.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"

static col_result generate(const char *prefix, uint32_t bits) {
    char private_path[COL_PATH_MAX], public_path[COL_PATH_MAX];
    if (snprintf(private_path, sizeof private_path, "%s.pem", prefix) >= COL_PATH_MAX ||
        snprintf(public_path, sizeof public_path, "%s.pub", prefix) >= COL_PATH_MAX)
        return col_error("keygen: --out is longer than %d bytes: use a shorter path",
                         COL_PATH_MAX - 5);
    COL_TRY(col_key_generate(bits, private_path, public_path));
    printf("private key  %s  (keep it secret)\npublic key   %s\n", private_path, public_path);
    return col_ok();
}

int col_command_keygen(char **argv) {
    const char *prefix = NULL, *bits = "2048";
    const col_option options[] = {
        {"--out", "PREFIX", "write PREFIX.pem (private, mode 0600) and PREFIX.pub", COL_OPTION_TEXT,
         .required = true, .target = &prefix},
        {"--bits", "BITS", "of the RSA modulus; 2048 when not given", COL_OPTION_CHOICE,
         .choices = "2048|3072|4096", .target = &bits},
    };
    const col_command command = {
        .name = "keygen",
        .purpose = "Make an RSA key pair for a replica or a client.",
        .example = "colonnade keygen --out keys/client-8 --bits 3072",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    uint64_t number = 0;
    if (!col_number_parse(bits, 2048, 4096, &number)) return 2;
    result = generate(prefix, (uint32_t)number);
    return result.ok ? 0 : col_fail(&result, 2);
}
