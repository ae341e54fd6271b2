// SPDX-License-Identifier: Apache-2.0
// A switch between the replicas' and the clients' devices that treats frames as a script says.
//
// usage: network_switch --seed S --replicas N SCRIPT
//
// Runs in a cluster's network namespace. Replica i is behind the device b<i>, which must belong to
// no bridge; all clients are behind `switch`, whose peer is a port of the bridge that has their
// address. Ends at SIGTERM and prints its counters.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "tests/system/switch/counters.h"
#include "tests/system/switch/leg.h"
#include "tests/system/switch/queue.h"
#include "tests/system/switch/rules.h"

#define QUEUE_FRAMES 8192  // 20 ms of 400 k frames/s; 75 MB, of which only what is used is touched
#define BURST 64           // frames of one leg before the next leg's turn
#define SCRIPT_BYTES_MAX (64 * 1024)
#define ETHERNET_BYTES 14

typedef struct {
    uint32_t replicas;
    uint64_t start_ns;
    uint32_t applied;  ///< events of the script
    switch_script script;
    switch_rules rules;
    switch_count count;
    switch_queue *queue;
    uint32_t legs;
    uint32_t node[SWITCH_NODES];  ///< of each leg
    switch_leg leg[SWITCH_NODES];
    switch_leg *leg_of[SWITCH_NODES];  ///< of each node
} network;

static volatile sig_atomic_t ended;

static void on_end(int signal) {
    (void)signal;
    ended = 1;
}

static void send_now(network *of, uint32_t from, uint32_t to, col_bytes frame) {
    switch_counters *link = &of->count.link[from][to];
    const bool sent = switch_leg_send(of->leg_of[to], frame);
    link->forwarded += sent;
    link->unsent += !sent;
}

/// Keep a copy for later, damaged if that was decided. The queue names both ends of its link.
static void send_later(network *of, uint32_t from, uint32_t to, col_bytes frame, uint64_t due_ns,
                       const switch_decision *decision) {
    switch_waiting *copy = switch_queue_put(of->queue, due_ns, from * SWITCH_NODES + to, frame);
    if (copy == NULL) {
        of->count.link[from][to].overflowed++;
    } else if (decision->corrupted) {
        copy->length = switch_damage(decision->damage, copy->bytes, copy->length);
    }
}

/// ARP has no checksum: a damaged answer would be believed for minutes, and on real links the frame
/// check sequence catches it.
static bool is_datagram(col_bytes frame) {
    return frame.at[12] == 0x08 && frame.at[13] == 0x00;
}

static void forward(network *of, uint32_t from, uint32_t to, col_bytes frame, uint64_t now_ns) {
    switch_counters *link = &of->count.link[from][to];
    switch_decision decision = switch_decide(&of->rules, from, to, link->frames++);
    decision.corrupted = decision.corrupted && is_datagram(frame);
    link->cut += decision.cut;
    link->lost += decision.lost && !decision.cut;
    if (decision.cut || decision.lost) return;
    link->corrupted += decision.corrupted;
    link->reordered += decision.reordered;
    link->duplicated += decision.copies > 1;
    for (uint32_t i = 0; i < decision.copies; i++) {
        link->delayed += decision.delay_ns[i] > 0;
        if (decision.delay_ns[i] == 0 && !decision.corrupted) {
            send_now(of, from, to, frame);
        } else {
            send_later(of, from, to, frame, now_ns + decision.delay_ns[i], &decision);
        }
    }
}

/// The replica that owns a destination address, SWITCH_CLIENTS for any other station's. Addresses
/// of senders teach nothing: they may be spoofed.
static uint32_t node_of_address(const network *of, const uint8_t *mac) {
    static const uint8_t replica[] = {0x02, 0xc0, 0x10, 0x00, 0x00};
    const bool owned = memcmp(mac, replica, sizeof replica) == 0 && mac[5] < of->replicas;
    return owned ? mac[5] : SWITCH_CLIENTS;
}

static void route(network *of, uint32_t from, col_bytes frame, uint64_t now_ns) {
    if (frame.length < ETHERNET_BYTES) return;
    const bool to_all = frame.at[0] & 1;
    const uint32_t owner = node_of_address(of, frame.at);
    for (uint32_t i = 0; i < of->legs; i++) {
        const uint32_t to = of->node[i];
        if (to != from && (to_all || to == owner)) forward(of, from, to, frame, now_ns);
    }
}

/// @return frames taken
static uint32_t poll_leg(network *of, uint32_t index, uint64_t now_ns) {
    switch_leg *leg = &of->leg[index];
    col_bytes frame;
    uint32_t taken = 0;
    while (taken < BURST && switch_leg_receive(leg, &frame)) {
        route(of, of->node[index], frame, now_ns);
        switch_leg_release(leg);
        taken++;
    }
    return taken;
}

static void release_due(network *of, uint64_t now_ns) {
    const switch_waiting *waiting;
    while ((waiting = switch_queue_take(of->queue, now_ns)) != NULL) {
        send_now(of, waiting->link / SWITCH_NODES, waiting->link % SWITCH_NODES,
                 (col_bytes){waiting->bytes, waiting->length});
    }
}

static uint64_t next_event_ns(const network *of) {
    if (of->applied == of->script.events) return UINT64_MAX;
    return of->start_ns + of->script.event[of->applied].at_ns;
}

static void apply_due(network *of, uint64_t now_ns) {
    while (next_event_ns(of) <= now_ns) {
        switch_rules_apply(&of->rules, &of->script.event[of->applied++]);
    }
}

/// Sleep until a frame arrives or something is due. Signals arrive only here.
static void wait_for_work(network *of, const sigset_t *signals) {
    struct pollfd input[SWITCH_NODES];
    for (uint32_t i = 0; i < of->legs; i++)
        input[i] = (struct pollfd){.fd = of->leg[i].descriptor, .events = POLLIN};
    const uint64_t queue_ns = switch_queue_due(of->queue), event_ns = next_event_ns(of);
    const uint64_t due_ns = queue_ns < event_ns ? queue_ns : event_ns;
    const uint64_t now_ns = col_clock_monotonic_ns();
    const uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    const struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
                                  .tv_nsec = (long)(wait_ns % 1000000000)};
    (void)ppoll(input, of->legs, due_ns == UINT64_MAX ? NULL : &wait, signals);
}

static void run(network *of, const sigset_t *signals) {
    of->start_ns = col_clock_monotonic_ns();
    while (!ended) {
        const uint64_t now_ns = col_clock_monotonic_ns();
        apply_due(of, now_ns);
        release_due(of, now_ns);
        uint32_t taken = 0;
        for (uint32_t i = 0; i < of->legs; i++) taken += poll_leg(of, i, now_ns);
        if (taken == 0) wait_for_work(of, signals);
    }
}

static col_result open_leg(network *of, uint32_t node, const char *device) {
    switch_leg *leg = &of->leg[of->legs];
    COL_TRY(switch_leg_open(leg, device));
    of->node[of->legs++] = node;
    of->leg_of[node] = leg;
    return col_ok();
}

static col_result open_legs(network *of) {
    for (uint32_t i = 0; i < of->replicas; i++) {
        char device[16];
        snprintf(device, sizeof device, "b%u", i);
        COL_TRY(open_leg(of, i, device));
    }
    return open_leg(of, SWITCH_CLIENTS, "switch");
}

static col_result read_script(const char *path, uint32_t replicas, switch_script *script) {
    static char text[SCRIPT_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (file == NULL) return col_error("%s: %s: name a script", path, strerror(errno));
    const size_t length = fread(text, 1, SCRIPT_BYTES_MAX, file);
    const bool whole = feof(file) && !ferror(file);
    fclose(file);
    if (!whole) return col_error("%s: longer than %u bytes: shorten it", path, SCRIPT_BYTES_MAX);
    text[length] = 0;
    return switch_script_parse(path, text, replicas, script);
}

static col_result read_arguments(char **argument, network *of) {
    char *end[2] = {"", ""};
    const bool shaped = argument[1] && strcmp(argument[1], "--seed") == 0 && argument[2] &&
                        argument[3] && strcmp(argument[3], "--replicas") == 0 && argument[4] &&
                        argument[5] && !argument[6];
    if (shaped) {
        of->rules.seed = strtoull(argument[2], &end[0], 10);
        of->replicas = (uint32_t)strtoul(argument[4], &end[1], 10);
    }
    if (!shaped || *end[0] || *end[1] || of->replicas < 1 || of->replicas > COL_REPLICAS_MAX)
        return col_error("usage: %s --seed S --replicas N SCRIPT", argument[0]);
    return read_script(argument[5], of->replicas, &of->script);
}

static void prepare_signals(sigset_t *while_waiting) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, while_waiting);
    sigdelset(while_waiting, SIGTERM);
    sigdelset(while_waiting, SIGINT);
    signal(SIGTERM, on_end);
    signal(SIGINT, on_end);
}

static void close_all(network *of) {
    for (uint32_t i = 0; i < of->legs; i++) {
        of->count.missed += switch_leg_missed(&of->leg[i]);
        of->count.truncated += of->leg[i].truncated;
        switch_leg_close(&of->leg[i]);
    }
    switch_queue_destroy(of->queue);
}

int main(int count, char **argument) {
    (void)count;
    static network of;
    sigset_t signals;
    prepare_signals(&signals);
    col_result result = read_arguments(argument, &of);
    if (result.ok) result = open_legs(&of);
    if (!result.ok) {
        fprintf(stderr, "%s\n", result.text);
        return 2;
    }
    of.queue = switch_queue_create(QUEUE_FRAMES);
    printf("seed %lu\n", of.rules.seed);
    fflush(stdout);
    run(&of, &signals);
    close_all(&of);
    switch_count_print(&of.count, of.rules.seed, stdout);
    return 0;
}
