// SPDX-License-Identifier: Apache-2.0
#include "src/replica/replica.h"

#include <stddef.h>

#include "src/cli/arguments.h"
#include "src/cli/commands.h"

int col_command_replica(char **argv) {
    col_replica_options chosen = {0};
    uint64_t id = 0;
    const col_option options[] = {
        {"--cluster", "DIR", "cluster directory, or cluster file", COL_OPTION_TEXT,
         .required = true, .target = &chosen.cluster},
        {"--id", "N", "which replica of the cluster file this is", COL_OPTION_NUMBER,
         .required = true, .maximum = COL_REPLICAS_MAX - 1, .target = &id},
        {"--profile", "FILE", "tuning profile of this machine", COL_OPTION_TEXT, .required = true,
         .target = &chosen.profile},
        {"--device", "NAME", "PCI address of a NIC, or a kernel interface", COL_OPTION_TEXT,
         .required = true, .target = &chosen.device},
        {"--key", "FILE", "private key; DIR/keys/replica-N.pem when not given", COL_OPTION_TEXT,
         .target = &chosen.key},
    };
    const col_command command = {
        .name = "replica",
        .purpose = "Run one replica until SIGTERM.",
        .example =
            "colonnade replica --cluster /etc/colonnade --id 2 --profile threads.yaml --device "
            "0000:3b:00.0",
        .options = options,
        .option_count = sizeof options / sizeof *options,
    };
    col_arguments arguments;
    col_result result = col_arguments_parse(&command, argv, &arguments);
    if (!result.ok || arguments.help) return result.ok ? 0 : col_fail(&result, 2);

    chosen.id = (uint32_t)id;
    result = col_replica_run(&chosen);
    return result.ok ? 0 : col_fail(&result, 2);
}
