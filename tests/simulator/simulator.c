// SPDX-License-Identifier: Apache-2.0
// Virtual time, the phases of a run, and the command line.
#include "tests/simulator/simulator.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EVENTS_MAX UINT64_C(30000000)  // of one run: more is a storm
#define PROGRESS_NS (300 * SIM_S)      // from healing until every request is answered
#define SAFETY_NS (2 * SIM_S)          // after healing, where no progress is demanded
#define EPOCH_NS UINT64_C(1700000000000000000)

static const char *program;
static uint64_t present_seed;

static void print_repeat(void) {
    char line[512];
    const int length =
        // NOLINTNEXTLINE(bugprone-signal-handler): a crashing process has nothing to lose
        snprintf(line, sizeof line, "repeat with: %s --seed %lu --trace\n", program, present_seed);
    const ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
}

void sim_fail(const sim_run *sim, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "seed %lu at %lu us: ", sim->plan.seed, sim->now_ns / SIM_US);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    print_repeat();
    exit(1);
}

void sim_trace(const sim_run *sim, const char *format, ...) {
    if (!sim->traced) return;
    va_list arguments;
    va_start(arguments, format);
    printf("%10.3f ms  ", (double)sim->now_ns / (double)SIM_MS);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

static void on_signal(int number) {
    print_repeat();
    signal(number, SIG_DFL);
    raise(number);
}

/// Sanitizers end the program by themselves, but call this first.
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_crashes(void) {
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(print_repeat);
    } else {
        signal(SIGSEGV, on_signal);
    }
}

uint64_t sim_wall_ns(const sim_run *sim, uint32_t node) {
    return EPOCH_NS + sim->now_ns + (uint64_t)sim->plan.skew_ns[node];
}

// Events: a heap by time, then by order of creation.

static bool before(const sim_event *a, const sim_event *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->serial < b->serial;
}

void sim_at(sim_run *sim, uint64_t at_ns,
            void (*handle)(sim_run *sim, uint32_t node, uint32_t part, sim_packet *packet),
            uint32_t node, uint32_t part, sim_packet *packet) {
    if (sim->events == sim->heap_room) {
        sim->heap_room = 2 * sim->heap_room + 1024;
        sim->heap = realloc(sim->heap, sim->heap_room * sizeof *sim->heap);
        COL_ASSERT(sim->heap != NULL);
    }
    const sim_event event = {
        at_ns < sim->now_ns ? sim->now_ns : at_ns, sim->serial++, handle, node, part, packet};
    uint32_t at = sim->events++;
    while (at > 0 && before(&event, &sim->heap[(at - 1) / 2])) {
        sim->heap[at] = sim->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->heap[at] = event;
}

static sim_event take_first(sim_run *sim) {
    const sim_event first = sim->heap[0];
    const sim_event last = sim->heap[--sim->events];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= sim->events) break;
        if (child + 1 < sim->events && before(&sim->heap[child + 1], &sim->heap[child])) child++;
        if (!before(&sim->heap[child], &last)) break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return first;
}

static void step(sim_run *sim) {
    const sim_event event = take_first(sim);
    sim->now_ns = event.at_ns;
    event.handle(sim, event.node, event.part, event.packet);
    if (event.packet != NULL) sim_packet_release(event.packet);
    if (++sim->handled > EVENTS_MAX) sim_fail(sim, "storm: more than %lu events", EVENTS_MAX);
}

static void run_until(sim_run *sim, uint64_t end_ns, bool (*done)(sim_run *sim)) {
    while (sim->events > 0 && sim->heap[0].at_ns <= end_ns && !done(sim)) step(sim);
}

// Phases

static bool never(sim_run *sim) {
    (void)sim;
    return false;
}

static bool all_finished(sim_run *sim) {
    // Looking at every request costs: do it now and then.
    return sim->handled % 64 == 0 && sim_once_unfinished(sim) == 0;
}

static void open_all(sim_run *sim, const sim_plan *plan, bool traced) {
    *sim = (sim_run){.plan = *plan, .traced = traced, .hasher = sim_hasher()};
    sim_network_init(sim);
    sim_agreement_init(sim);
    sim_order_init(sim);
    sim_once_init(sim);
    sim_quiet_init(sim);
    for (uint32_t r = 0; r < plan->replicas; r++) sim_replica_init(sim, r);
    for (uint32_t c = 0; c < plan->clients; c++) sim_client_init(sim, c);
    sim_byzantine_init(sim);
}

static void close_all(sim_run *sim) {
    while (sim->events > 0) {
        const sim_event event = take_first(sim);
        if (event.packet != NULL) sim_packet_release(event.packet);
    }
    free(sim->heap);
    for (uint32_t r = 0; r < sim->plan.replicas; r++) sim_replica_close(&sim->replica[r]);
    for (uint32_t c = 0; c < sim->plan.clients; c++) sim_client_close(&sim->client[c]);
    sim_byzantine_close(sim);
    sim_quiet_close(sim);
    sim_once_close(sim);
    sim_order_close(sim);
    sim_agreement_close(sim);
}

/// Where everybody stands, for whoever looks for the reason of a stand-still.
static void print_state(const sim_run *sim) {
    sim_print_plan(&sim->plan);
    for (uint32_t r = 0; r < sim->plan.replicas; r++) {
        const sim_replica *replica = &sim->replica[r];
        printf("replica %u%s: executed %lu, next round %lu of pillar %u\n", r,
               sim_is_correct(sim, r) ? "" : " (faulty)", col_merge_sequence(replica->merge),
               col_round_of(col_merge_sequence(replica->merge) + 1, sim->plan.pillars),
               col_merge_next_pillar(replica->merge));
        for (uint32_t k = 0; k < sim->plan.pillars; k++) {
            const col_pbft_figures figures = sim_figures(replica, k);
            printf(
                "  pillar %u: primary %u highest %lu executed %lu stable %lu pending %lu status "
                "%lu fetch %lu\n",
                k, figures.primary, figures.highest, figures.executed, figures.stable,
                figures.pending, figures.status_sent, figures.fetch_sent);
        }
    }
}

/// Everything works again: each request must finish, unless a faulty primary stands in the way.
static void demand_progress(sim_run *sim) {
    sim->healed = true;
    sim_trace(sim, "healed");
    const bool demanded = sim->plan.demands_progress;
    run_until(sim, sim->now_ns + (demanded ? PROGRESS_NS : SAFETY_NS), all_finished);
    const uint64_t unfinished = sim_once_unfinished(sim);
    if (unfinished == 0 || !sim_expects_progress(sim)) return;
    print_state(sim);
    sim_fail(sim, "progress: %lu requests are not answered %lu s after healing", unfinished,
             PROGRESS_NS / SIM_S);
}

/// Clients and faulty replicas stop: correct replicas become even, and then silent.
static void demand_silence(sim_run *sim) {
    sim->load_off = sim->faulty_off = true;
    sim_trace(sim, "load ends");
    sim_quiet_progress(sim);
    while (!sim_quiet_check(sim)) {
        if (sim->events == 0) sim_fail(sim, "quiet: something waits for an event that never comes");
        step(sim);
    }
    sim_order_proofs(sim);
    if (!sim_expects_progress(sim)) return;
    sim_order_even(sim);
    sim_once_none_waits(sim);
}

typedef struct {
    uint64_t runs, events, left_behind, safety_only, faulty, sequence;
} totals;

static void run_seed(uint64_t seed, bool traced, totals *sum) {
    static sim_run sim;
    sim_plan plan;
    present_seed = seed;
    sim_draw(&plan, seed);
    if (traced) sim_print_plan(&plan);
    open_all(&sim, &plan, traced);
    run_until(&sim, plan.heal_ns, never);
    if (sim.now_ns < plan.heal_ns) sim.now_ns = plan.heal_ns;
    demand_progress(&sim);
    demand_silence(&sim);
    sum->runs++;
    sum->events += sim.handled;
    sum->left_behind += sim.left_behind;
    sum->safety_only += !plan.demands_progress;
    sum->faulty += plan.faulty != 0;
    for (uint32_t r = 0; r < plan.replicas; r++) {
        if (sim_is_correct(&sim, r)) {
            sum->sequence += col_merge_sequence(sim.replica[r].merge);
            break;
        }
    }
    close_all(&sim);
}

static void run_regressions(const char *path, totals *sum) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "simulator: cannot read %s: name the list of seeds\n", path);
        exit(2);
    }
    char line[512];
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        const uint64_t seed = strtoull(line, &end, 10);
        if (end != line) run_seed(seed, false, sum);
    }
    fclose(file);
}

static _Noreturn void usage(void) {
    fprintf(stderr, "usage: %s --seed S [--runs N] [--trace] | --regressions FILE\n", program);
    exit(2);
}

static void print_totals(const totals *sum) {
    printf(
        "%lu runs, %lu events, %lu slots; %lu with faulty replicas, %lu for safety only, %lu left "
        "a replica behind\n",
        sum->runs, sum->events, sum->sequence, sum->faulty, sum->safety_only, sum->left_behind);
}

int main(int count, char **argument) {
    uint64_t seed = 0, runs = 1;
    bool traced = false;
    const char *regressions = NULL;
    program = argument[0];
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? argument[i + 1] : NULL;
        if (strcmp(argument[i], "--trace") == 0) {
            traced = true;
        } else if (value == NULL) {
            usage();
        } else if (strcmp(argument[i], "--seed") == 0) {
            seed = strtoull(argument[++i], NULL, 10);
        } else if (strcmp(argument[i], "--runs") == 0) {
            runs = strtoull(argument[++i], NULL, 10);
        } else if (strcmp(argument[i], "--regressions") == 0) {
            regressions = argument[++i];
        } else {
            usage();
        }
    }
    watch_for_crashes();
    totals sum = {0};
    if (regressions != NULL) {
        printf("regressions of %s\n", regressions);
        run_regressions(regressions, &sum);
    } else {
        printf("seeds %lu .. %lu\n", seed, seed + runs - 1);
        for (uint64_t i = 0; i < runs; i++) run_seed(seed + i, traced, &sum);
    }
    print_totals(&sum);
    return 0;
}
