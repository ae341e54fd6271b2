// SPDX-License-Identifier: Apache-2.0
#include "dpdk/network.h"

#include <stdlib.h>

#include "dpdk/internal.h"
#include "src/base/assert.h"

struct col_net {
    col_arena arena;
    col_net_port port;
    col_net_receiver_stage receiver;
    col_net_transmitter transmitter;
};

static void check_options(const col_net_options *options) {
    COL_ASSERT(options->mtu >= 1500 && options->mtu <= 9000);
    COL_ASSERT(options->pillars >= 1 && options->pillars <= COL_PILLARS_MAX);
    COL_ASSERT(options->base_port + options->pillars <= UINT16_MAX + 1u);
    COL_ASSERT(options->address != 0 && options->prefix_length <= 32);
}

static col_result open_parts(const col_net_options *options, col_net_counters counters[2],
                             col_net *net) {
    const bool pci = col_net_is_pci(options->device);
    COL_TRY(col_net_port_check(options));
    COL_TRY(col_net_eal_start(options, pci));
    COL_TRY(col_net_port_open(options, &net->port));
    COL_TRY(col_net_transmitter_open(&net->transmitter, options, &net->port, &counters[1],
                                     &net->arena));
    col_net_receiver_open(&net->receiver, options, &net->port, &counters[0], &net->transmitter);
    return col_ok();
}

col_result col_net_open(const col_net_options *options, col_net_counters counters[2],
                        col_net **net) {
    check_options(options);
    col_arena arena;
    COL_TRY(col_arena_open(&arena, sizeof **net + col_ring_footprint(COL_NET_ARP_RING_BYTES) + 64));
    col_net *opened = col_arena_take(&arena, 1, sizeof *opened);
    opened->arena = arena;

    const col_result result = open_parts(options, counters, opened);
    if (!result.ok) {
        // What EAL and the port hold ends with the process, which cannot start EAL a second time.
        col_arena_close(&arena);
        return result;
    }
    *net = opened;
    return result;
}

void col_net_close(col_net *net) {
    col_net_port_close(&net->port);
    col_net_transmitter_close(&net->transmitter);
    col_net_eal_stop();
    col_arena arena = net->arena;
    col_arena_close(&arena);
}

col_stage *col_net_receiver(col_net *net, col_ring *const *ring) {
    net->receiver.pillar_ring = ring;
    return &net->receiver.stage;
}

col_egress *col_net_egress(col_net *net, col_ring *ring) {
    return &col_net_transmitter_egress(&net->transmitter, ring)->egress;
}

col_stage *col_net_transmit(col_net *net) {
    return &net->transmitter.stage;
}
