// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// The machine that a measurement ran on.
typedef struct {
    char processor[96];
    char kernel[136];
    uint32_t cores;
    uint64_t memory_bytes;
} col_machine;

void col_machine_read(col_machine *machine);
