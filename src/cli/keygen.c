// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "crypto/keys.h"
#include "src/cli/arguments.h"
#include "src/cli/commands.h"

static col_result generate(const char *prefix, const char *scheme, const char *bits) {
    if (bits && col_scheme_find(scheme) != COL_SCHEME_RSA)
        return col_error("keygen: --bits is for RSA and --scheme is %s: leave one out", scheme);
    char private_path[COL_PATH_MAX], public_path[COL_PATH_MAX];
    if (snprintf(private_path, sizeof private_path, "%s.pem", prefix) >= COL_PATH_MAX ||
        snprintf(public_path, sizeof public_path, "%s.pub", prefix) >= COL_PATH_MAX)
        return col_error("keygen: --out is longer than %d bytes: use a shorter path",
                         COL_PATH_MAX - 5);
    const uint32_t rsa_bits = bits ? (uint32_t)strtoul(bits, NULL, 10) : 2048;
    COL_TRY(col_key_generate(col_scheme_find(scheme), rsa_bits, private_path, public_path));
    printf("private key  %s  (keep it secret)\npublic key   %s\n", private_path, public_path);
    return col_ok();
}

int col_command_keygen(char **argv) {
    const char *prefix = NULL, *scheme = "rsa", *bits = NULL;
    const col_option options[] = {
        {"--out", "PREFIX", "write PREFIX.pem (private, mode 0600) and PREFIX.pub", COL_OPTION_TEXT,
         .required = true, .target = &prefix},
        {"--scheme", "SCHEME", "of its place, hmac for an exchange_key; rsa when not given",
         COL_OPTION_CHOICE, .choices = COL_KEY_CHOICES, .target = &scheme},
        {"--bits", "BITS", "of an RSA key; 2048 when not given", COL_OPTION_CHOICE,
         .choices = "2048|3072|4096", .target = &bits},
    };
    const col_command command = {
        .name = "keygen",
        .purpose = "Make a key pair for a replica or a client.",
        .example = "colonnade keygen --out keys/client-8 --scheme ed25519",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    result = generate(prefix, scheme, bits);
    return result.ok ? 0 : col_fail(&result, 2);
}
