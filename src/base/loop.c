// SPDX-License-Identifier: Apache-2.0
#include "src/base/loop.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include "src/base/assert.h"
#include "src/base/clock.h"
#include "src/base/counter.h"

// Turns without work before a loop sleeps; after each it gives way. Where others wait for the core
// that passes a message on for the price of a switch, several times cheaper than a sleep and its
// wake-up; where none does, these turns take some ten microseconds.
#define YIELD_TURNS 32

#define NS_PER_S UINT64_C(1000000000)

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

col_result col_loop_open(col_loop *loop, const char *name, col_idle idle,
                         col_loop_counters *counters) {
    *loop = (col_loop){.name = name, .idle = idle, .counters = counters};
    return col_waker_open(&loop->waker);
}

void col_loop_add(col_loop *loop, col_stage *stage) {
    COL_ASSERT(loop->stage_count < COL_LOOP_STAGES_MAX);
    loop->stages[loop->stage_count++] = stage;
}

static void announce(col_loop *loop, bool online) {
    if (loop->quiescent != NULL) loop->quiescent(loop->context, online);
}

uint32_t col_loop_turn(col_loop *loop) {
    uint32_t work = 0;
    uint64_t now_ns = col_clock_monotonic_ns();
    for (uint32_t i = 0; i < loop->stage_count; i++) {
        col_stage *stage = loop->stages[i];
        const uint32_t done = stage->poll(stage, now_ns, COL_STAGE_BUDGET);
        if (done == 0) continue;
        // The clock is read only after work: idle stages between two readings are a few loads.
        const uint64_t after_ns = col_clock_monotonic_ns();
        col_count(&loop->counters->busy_ns[i], after_ns - now_ns);
        now_ns = after_ns;
        work += done;
    }
    col_count(&loop->counters->turns, 1);
    announce(loop, true);
    return work;
}

static uint64_t earliest_deadline_ns(const col_loop *loop) {
    uint64_t earliest_ns = COL_NEVER;
    for (uint32_t i = 0; i < loop->stage_count; i++) {
        const col_stage *stage = loop->stages[i];
        if (stage->deadline_ns == NULL) continue;
        const uint64_t deadline_ns = stage->deadline_ns(stage);
        if (deadline_ns < earliest_ns) earliest_ns = deadline_ns;
    }
    return earliest_ns;
}

/// Wait until a descriptor is readable or the deadline has come.
static void wait_until(col_loop *loop, uint64_t deadline_ns) {
    struct pollfd wait[COL_LOOP_STAGES_MAX + 1];
    const uint32_t count = loop->stage_count;
    for (uint32_t i = 0; i < count; i++) {
        wait[i] = (struct pollfd){.fd = loop->stages[i]->wait_descriptor, .events = POLLIN};
    }
    wait[count] = (struct pollfd){.fd = loop->waker.descriptor, .events = POLLIN};

    struct timespec timeout;
    if (deadline_ns != COL_NEVER) {
        const uint64_t now_ns = col_clock_monotonic_ns();
        const uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        timeout.tv_sec = (time_t)(wait_ns / NS_PER_S);
        timeout.tv_nsec = (long)(wait_ns % NS_PER_S);
    }
    const int ready = ppoll(wait, count + 1, deadline_ns == COL_NEVER ? NULL : &timeout, NULL);
    COL_ASSERT(ready >= 0 || errno == EINTR);

    for (uint32_t i = 0; ready > 0 && i < count; i++) {
        COL_ASSERT(!(wait[i].revents & POLLNVAL));
        if (!(wait[i].revents & POLLERR)) continue;
        // A pending socket error (its interface went down) ends every wait at once until it is
        // read.
        int error;
        (void)getsockopt(wait[i].fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    }
}

/// @return work that was found instead of sleeping
static uint32_t fall_asleep(col_loop *loop, const atomic_bool *stop) {
    uint32_t work = 0;
    col_waker_arm(&loop->waker);
    // What arrived before the waker was armed signals nobody: look once more.
    if (!atomic_load_explicit(stop, memory_order_acquire)) {
        work = col_loop_turn(loop);
        if (work == 0) {
            announce(loop, false);
            wait_until(loop, earliest_deadline_ns(loop));
            announce(loop, true);
            col_count(&loop->counters->sleeps, 1);
        }
    }
    col_waker_disarm(&loop->waker);
    return work;
}

void col_loop_run(col_loop *loop, const atomic_bool *stop) {
    uint32_t idle_turns = 0;

    while (!atomic_load_explicit(stop, memory_order_acquire)) {
        if (col_loop_turn(loop) > 0) {
            idle_turns = 0;
        } else if (loop->idle == COL_IDLE_BUSY) {
            pause_briefly();
        } else if (idle_turns < YIELD_TURNS) {
            idle_turns++;
            sched_yield();
        } else if (fall_asleep(loop, stop) > 0) {
            idle_turns = 0;  // a sleep that nothing useful ended is followed by the next one
        }
    }
}

void col_loop_close(col_loop *loop) {
    col_waker_close(&loop->waker);
}
