// SPDX-License-Identifier: Apache-2.0
// Counts to N with the counter application of a Colonnade cluster:
//     cc count.c $(pkg-config --cflags --libs colonnade-client) -o count
//     ./count DIR 100
#include <colonnade/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print(void *context, const col_client_outcome *outcome) {
    if (outcome->status != COL_CLIENT_RESULT) {
        fprintf(stderr, "operation %" PRIu64 " has no result: status %d\n", outcome->tag,
                (int)outcome->status);
        ++*(unsigned *)context;
        return;
    }
    uint64_t count = 0;  // the counter's result: 8 bytes, little-endian
    for (size_t i = 0; i < 8 && i < outcome->length; i++) {
        count |= (uint64_t)outcome->result[i] << 8 * i;
    }
    printf("%" PRIu64 " after %.1f ms\n", count, (double)outcome->latency_ns / 1e6);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s CLUSTER-DIRECTORY OPERATIONS\n", argv[0]);
        return 2;
    }
    unsigned failures = 0;
    const col_client_options options = {.cluster = argv[1], .done = print, .context = &failures};
    char error[COL_CLIENT_ERROR_BYTES];
    col_client *client = col_client_open(&options, sizeof options, error, sizeof error);
    if (client == NULL) {
        fprintf(stderr, "%s: %s\n", argv[0], error);
        return 1;
    }
    const unsigned long operations = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 0; i < operations;) {
        if (col_client_submit(client, 0, "count", 5, i) == COL_CLIENT_SUBMITTED) {
            i++;
        } else {
            col_client_poll(client, UINT64_MAX);  // the session is full: wait for a result
        }
    }
    while (col_client_outstanding(client) > 0) col_client_poll(client, UINT64_MAX);
    col_client_close(client);
    return failures > 0;
}
