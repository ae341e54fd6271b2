// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/counter.h"
#include "src/base/loop.h"
#include "src/base/ring.h"

#define MS UINT64_C(1000000)

static _Thread_local uint32_t yields;  ///< of this thread

/// In place of the C library's.
int sched_yield(void) {
    yields++;
    return (int)syscall(SYS_sched_yield);
}

/// A stage that does a given amount of work per poll and says when it must run next.
typedef struct {
    col_stage stage;
    uint32_t work;         ///< returned by each poll
    uint64_t spend_ns;     ///< each working poll takes at least this long
    uint64_t deadline_ns;  ///< COL_NEVER for none; a poll at or after it stops the loop
    uint64_t met_ns;       ///< when that poll came
    uint64_t late_ns;      ///< by how much
    uint32_t polls;
    uint32_t budget;
    uint64_t now_ns;
    atomic_bool *stop;
} probe;

/// Opens a loop with counters of its own.
static col_result open_loop(col_loop *loop, const char *name, col_idle idle) {
    static col_loop_counters counters[64];
    static uint32_t used;
    return col_loop_open(loop, name, idle, &counters[used++ % 64]);
}

static uint32_t probe_poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    probe *self = (probe *)stage;
    self->polls++;
    self->budget = budget;
    self->now_ns = now_ns;
    if (self->work > 0) {
        while (col_clock_monotonic_ns() < now_ns + self->spend_ns) continue;
    }
    if (now_ns >= self->deadline_ns) {
        self->met_ns = now_ns;
        self->late_ns = now_ns - self->deadline_ns;
        self->deadline_ns = COL_NEVER;
        atomic_store(self->stop, true);
    }
    return self->work;
}

static uint64_t probe_deadline_ns(const col_stage *stage) {
    return ((const probe *)stage)->deadline_ns;
}

static probe probe_of(uint32_t work) {
    return (probe){.stage = {.name = "probe",
                             .poll = probe_poll,
                             .deadline_ns = probe_deadline_ns,
                             .wait_descriptor = -1},
                   .work = work,
                   .deadline_ns = COL_NEVER};
}

static void a_turn_polls_every_stage_in_order_and_adds_up_their_work(void **state) {
    (void)state;
    col_loop loop;
    assert_true(open_loop(&loop, "test", COL_IDLE_BLOCK).ok);
    probe first = probe_of(3), second = probe_of(0), third = probe_of(4);
    first.spend_ns = MS;
    col_loop_add(&loop, &first.stage);
    col_loop_add(&loop, &second.stage);
    col_loop_add(&loop, &third.stage);
    assert_int_equal(col_loop_turn(&loop), 7);
    assert_int_equal(second.polls, 1);
    assert_int_equal(second.budget, COL_STAGE_BUDGET);
    assert_true(third.now_ns >= first.now_ns + MS);
    assert_int_equal(col_counter_read(&loop.counters->turns), 1);
    col_loop_close(&loop);
}

static void busy_time_counts_working_stages_only(void **state) {
    (void)state;
    col_loop loop;
    assert_true(open_loop(&loop, "test", COL_IDLE_BLOCK).ok);
    probe idle = probe_of(0), busy = probe_of(1);
    busy.spend_ns = 2 * MS;
    col_loop_add(&loop, &idle.stage);
    col_loop_add(&loop, &busy.stage);
    const uint64_t before = col_clock_monotonic_ns();
    for (int i = 0; i < 5; i++) col_loop_turn(&loop);
    const uint64_t passed = col_clock_monotonic_ns() - before;
    assert_int_equal(col_counter_read(&loop.counters->busy_ns[0]), 0);
    assert_in_range(col_counter_read(&loop.counters->busy_ns[1]), 10 * MS, passed);
    col_loop_close(&loop);
}

typedef struct {
    uint32_t online;
    uint32_t offline;
    bool reading;
    bool offline_twice;
    probe *sleeper;  ///< given a deadline when its loop is about to sleep
} announcements;

static void note(void *context, bool online) {
    announcements *self = context;
    if (!online && !self->reading) self->offline_twice = true;
    if (!online) self->sleeper->deadline_ns = col_clock_monotonic_ns() + MS;
    self->reading = online;
    online ? self->online++ : self->offline++;
}

static void a_loop_is_quiescent_once_per_turn_and_offline_only_around_sleep(void **state) {
    (void)state;
    atomic_bool stop = false;
    col_loop loop;
    assert_true(open_loop(&loop, "test", COL_IDLE_BLOCK).ok);
    probe stage = probe_of(0);
    stage.stop = &stop;
    announcements heard = {.reading = true, .sleeper = &stage};
    loop.quiescent = note;
    loop.context = &heard;
    col_loop_add(&loop, &stage.stage);
    col_loop_run(&loop, &stop);
    const uint64_t turns = col_counter_read(&loop.counters->turns);
    const uint64_t sleeps = col_counter_read(&loop.counters->sleeps);
    assert_true(sleeps >= 1);
    assert_int_equal(heard.offline, sleeps);
    assert_int_equal(heard.online, turns + sleeps);
    assert_true(heard.reading);
    assert_false(heard.offline_twice);
    col_loop_close(&loop);
}

#define SLEEP_NS (5 * MS + 100000)

/// Sets the deadline when its loop is about to sleep.
static void set_deadline(void *context, bool online) {
    probe *self = context;
    if (!online) self->deadline_ns = col_clock_monotonic_ns() + SLEEP_NS;
}

static void a_sleeping_loop_wakes_within_half_a_millisecond_of_the_earliest_deadline(void **state) {
    (void)state;
    uint64_t best_ns = UINT64_MAX;  // other processes may delay us, but not always
    for (int i = 0; i < 20 && best_ns >= MS / 2; i++) {
        atomic_bool stop = false;
        col_loop loop;
        assert_true(open_loop(&loop, "test", COL_IDLE_BLOCK).ok);
        probe later = probe_of(0), sooner = probe_of(0), none = probe_of(0), last = probe_of(0);
        none.stage.deadline_ns = NULL;
        later.stop = sooner.stop = last.stop = &stop;
        later.deadline_ns = last.deadline_ns = col_clock_monotonic_ns() + 5000 * MS;
        loop.quiescent = set_deadline;
        loop.context = &sooner;
        col_loop_add(&loop, &later.stage);
        col_loop_add(&loop, &none.stage);
        col_loop_add(&loop, &sooner.stage);
        col_loop_add(&loop, &last.stage);
        const uint64_t before_ns = col_clock_monotonic_ns();
        col_loop_run(&loop, &stop);
        assert_int_equal(col_counter_read(&loop.counters->sleeps), 1);
        assert_true(sooner.met_ns >= before_ns + SLEEP_NS);
        if (sooner.late_ns < best_ns) best_ns = sooner.late_ns;
        col_loop_close(&loop);
    }
    assert_true(best_ns < MS / 2);
}

typedef struct {
    col_loop loop;
    atomic_bool stop;
    uint64_t cpu_ns;
} runner;

static uint64_t thread_cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000 * MS + (uint64_t)used.tv_nsec;
}

static void *run(void *argument) {
    runner *self = argument;
    col_loop_run(&self->loop, &self->stop);
    self->cpu_ns = thread_cpu_ns();
    return NULL;
}

static void sleep_ms(uint64_t ms) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(ms * MS)}, NULL);
}

static void stop_and_join(runner *self, pthread_t thread) {
    atomic_store(&self->stop, true);
    col_waker_signal(&self->loop.waker);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void await_asleep(runner *self) {
    for (int i = 0; i < 5000; i++) {
        if (atomic_load(&self->loop.waker.sleeping)) return;
        sleep_ms(1);
    }
    fail_msg("the loop does not fall asleep");
}

/// Wait until a loop makes no turns any more.
static void await_standstill(const col_loop *loop) {
    uint64_t before, turns = 0;
    for (int i = 0; i < 50; i++) {
        before = turns;
        sleep_ms(100);
        turns = col_counter_read(&loop->counters->turns);
        if (turns > 0 && turns == before) return;
    }
    fail_msg("the loop does not stand still");
}

static void an_idle_loop_without_deadlines_sleeps_until_signalled_and_uses_no_processor(
    void **state) {
    (void)state;
    runner self = {.stop = false};
    assert_true(open_loop(&self.loop, "test", COL_IDLE_BLOCK).ok);
    probe stage = probe_of(0);
    col_loop_add(&self.loop, &stage.stage);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, &self), 0);
    await_standstill(&self.loop);
    sleep_ms(300);
    assert_int_equal(col_counter_read(&self.loop.counters->sleeps), 0);  // that is, ended ones
    col_waker_signal(&self.loop.waker);  // without any work: it goes to sleep again
    await_standstill(&self.loop);
    stop_and_join(&self, thread);
    assert_int_equal(col_counter_read(&self.loop.counters->sleeps), 2);
    assert_true(self.cpu_ns < 50 * MS);
    col_loop_close(&self.loop);
}

/// Stops its loop at the first sleep.
static void stop_asleep(void *context, bool online) {
    runner *self = context;
    if (online) return;
    atomic_store(&self->stop, true);
    col_waker_signal(&self->loop.waker);
}

static void a_loop_gives_way_after_each_idle_turn_until_it_sleeps(void **state) {
    (void)state;
    runner self = {.stop = false};
    assert_true(open_loop(&self.loop, "test", COL_IDLE_BLOCK).ok);
    probe stage = probe_of(0);
    col_loop_add(&self.loop, &stage.stage);
    self.loop.quiescent = stop_asleep;
    self.loop.context = &self;
    yields = 0;
    col_loop_run(&self.loop, &self.stop);
    assert_int_equal(col_counter_read(&self.loop.counters->sleeps), 1);
    assert_in_range(yields, 8, 100);
    // The last turn but one decides to sleep, and the last one looks with the waker armed.
    assert_int_equal(stage.polls, yields + 2);
    col_loop_close(&self.loop);
}

static void stop_after_1000_turns(void *context, bool online) {
    runner *self = context;
    if (online && col_counter_read(&self->loop.counters->turns) >= 1000) {
        atomic_store(&self->stop, true);
    }
}

static void a_busy_loop_neither_sleeps_nor_gives_way(void **state) {
    (void)state;
    runner self = {.stop = false};
    assert_true(open_loop(&self.loop, "test", COL_IDLE_BUSY).ok);
    probe stage = probe_of(0);
    col_loop_add(&self.loop, &stage.stage);
    self.loop.quiescent = stop_after_1000_turns;
    self.loop.context = &self;
    yields = 0;
    col_loop_run(&self.loop, &self.stop);
    assert_int_equal(col_counter_read(&self.loop.counters->sleeps), 0);
    assert_int_equal(stage.polls, 1000);
    assert_int_equal(yields, 0);
    col_loop_close(&self.loop);
}

/// A stage that takes bytes from a socket.
typedef struct {
    col_stage stage;
    atomic_uint taken;
} receiver;

static uint32_t receiver_poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    (void)now_ns, (void)budget;
    receiver *self = (receiver *)stage;
    char byte;
    if (recv(self->stage.wait_descriptor, &byte, 1, MSG_DONTWAIT) != 1) return 0;
    atomic_fetch_add(&self->taken, 1);
    return 1;
}

static void a_readable_descriptor_ends_sleep(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    runner self = {.stop = false};
    assert_true(open_loop(&self.loop, "test", COL_IDLE_BLOCK).ok);
    probe other = probe_of(0);
    receiver stage = {
        .stage = {.name = "receiver", .poll = receiver_poll, .wait_descriptor = pair[0]}};
    col_loop_add(&self.loop, &other.stage);
    col_loop_add(&self.loop, &stage.stage);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, &self), 0);
    await_asleep(&self);
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    for (int i = 0; i < 5000 && atomic_load(&stage.taken) == 0; i++) sleep_ms(1);
    assert_int_equal(atomic_load(&stage.taken), 1);
    stop_and_join(&self, thread);
    col_loop_close(&self.loop);
    close(pair[0]);
    close(pair[1]);
}

/// An UDP socket of the loopback with a pending ECONNREFUSED: poll reports POLLERR until it is
/// read.
static int refused_socket(void) {
    const int gone = socket(AF_INET, SOCK_DGRAM, 0);
    const int left = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(gone, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(gone, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(left, (struct sockaddr *)&address, length), 0);
    close(gone);
    assert_int_equal(send(left, "x", 1, 0), 1);
    struct pollfd error = {.fd = left, .events = POLLIN};
    assert_int_equal(poll(&error, 1, 5000), 1);
    assert_true(error.revents & POLLERR);
    return left;
}

static void a_socket_error_ends_one_sleep_and_is_cleared(void **state) {
    (void)state;
    const int descriptor = refused_socket();
    runner self = {.stop = false};
    assert_true(open_loop(&self.loop, "test", COL_IDLE_BLOCK).ok);
    probe stage = probe_of(0);  // never reads its socket, as a driver that was not told
    stage.stage.wait_descriptor = descriptor;
    col_loop_add(&self.loop, &stage.stage);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, &self), 0);
    for (int i = 0; i < 5000 && col_counter_read(&self.loop.counters->sleeps) == 0; i++)
        sleep_ms(1);
    await_standstill(&self.loop);
    stop_and_join(&self, thread);
    assert_int_equal(col_counter_read(&self.loop.counters->sleeps), 2);
    col_loop_close(&self.loop);
    close(descriptor);
}

/// Publishes a record at the end of a chosen turn, that is while its loop may be falling asleep.
typedef struct {
    col_stage stage;
    col_ring ring;
    uint64_t turns;
    uint64_t publish_after;
    uint64_t give_up_ns;
    bool lost;
    atomic_bool stop;
} latecomer;

static uint32_t latecomer_poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    (void)budget;
    latecomer *self = (latecomer *)stage;
    uint32_t bytes;
    const bool taken = col_ring_front(&self->ring, &bytes) != NULL;
    if (taken) col_ring_release(&self->ring);
    self->lost = now_ns >= self->give_up_ns;
    if (taken || self->lost) atomic_store(&self->stop, true);
    return taken;
}

static uint64_t latecomer_deadline_ns(const col_stage *stage) {
    return ((const latecomer *)stage)->give_up_ns;
}

static void publish_late(void *context, bool online) {
    latecomer *self = context;
    if (!online || self->turns++ != self->publish_after) return;
    assert_non_null(col_ring_reserve(&self->ring, 8));
    col_ring_publish(&self->ring);
}

static void work_that_arrives_between_any_two_steps_towards_sleep_is_found(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, col_ring_footprint(256)).ok);
    col_loop loop;
    assert_true(open_loop(&loop, "test", COL_IDLE_BLOCK).ok);
    latecomer self = {.stage = {.name = "latecomer",
                                .poll = latecomer_poll,
                                .deadline_ns = latecomer_deadline_ns,
                                .wait_descriptor = -1}};
    col_ring_init(&self.ring, &arena, 256, &loop.waker);
    col_loop_add(&loop, &self.stage);
    loop.quiescent = publish_late;
    loop.context = &self;
    // One turn later each time, up to the turn after which the loop does sleep.
    while (col_counter_read(&loop.counters->sleeps) == 0) {
        self.turns = 0;
        self.give_up_ns = col_clock_monotonic_ns() + 5000 * MS;
        atomic_store(&self.stop, false);
        col_loop_run(&loop, &self.stop);
        assert_false(self.lost);
        self.publish_after++;
    }
    assert_in_range(self.publish_after, 2, 1000);
    col_loop_close(&loop);
    col_arena_close(&arena);
}

// Ping-pong over two rings between two loops that block. Some answers come late, so that the other
// side falls asleep about then: each of these may lose a wake-up.

#define MESSAGES 100000
#define EXCHANGE_NS (20000 * MS)  // a loaded machine exchanges fewer meanwhile
#define STILL_NS (5000 * MS)      // no message for so long: a wake-up was lost

typedef struct {
    col_stage stage;
    col_ring *in;
    col_ring *out;
    atomic_uint_fast64_t newest;
    bool wrong;
} player;

static void answer_late(const col_waker *other, uint64_t number) {
    if (number % 4 != 0) return;
    uint64_t now_ns = col_clock_monotonic_ns();
    const uint64_t asleep_by_ns = now_ns + (number % 64 == 0 ? 5 * MS : 0);
    while (!atomic_load(&other->sleeping) && now_ns < asleep_by_ns) {
        sched_yield();
        now_ns = col_clock_monotonic_ns();
    }
    const uint64_t most_ns = number % 64 == 0 ? 4000 : 60000;
    const uint64_t until_ns = now_ns + number * UINT64_C(2654435761) % most_ns;
    while (col_clock_monotonic_ns() < until_ns) continue;
}

static void send_number(col_ring *ring, uint64_t number) {
    uint64_t *record = col_ring_reserve(ring, sizeof number);
    if (record == NULL) fail_msg("the ring is full of one message");
    *record = number;
    col_ring_publish(ring);
}

static uint32_t player_poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    (void)now_ns, (void)budget;
    player *self = (player *)stage;
    uint32_t bytes;
    const uint64_t *record = col_ring_front(self->in, &bytes);
    if (record == NULL) return 0;
    const uint64_t number = *record;
    col_ring_release(self->in);
    self->wrong |= bytes != sizeof number || number <= self->newest;
    self->newest = number;
    answer_late(self->out->waker, number / 2);  // both players are late at times
    if (number < MESSAGES) send_number(self->out, number + 1);
    return 1;
}

static uint64_t exchanged(player *players) {
    const uint64_t a = atomic_load(&players[0].newest), b = atomic_load(&players[1].newest);
    return a > b ? a : b;
}

/// Let them play. @return messages keep going back and forth until the last
static bool watch(player *players) {
    const uint64_t end_ns = col_clock_monotonic_ns() + EXCHANGE_NS;
    uint64_t seen = 0, seen_ns = col_clock_monotonic_ns(), now_ns = seen_ns;
    while (seen < MESSAGES && now_ns < end_ns && now_ns - seen_ns < STILL_NS) {
        sleep_ms(5);
        now_ns = col_clock_monotonic_ns();
        if (exchanged(players) == seen) continue;
        seen = exchanged(players);
        seen_ns = now_ns;
    }
    return now_ns - seen_ns < STILL_NS;
}

static void two_blocking_loops_exchange_messages_without_losing_a_wake_up(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, 2 * col_ring_footprint(256)).ok);
    static col_ring ring[2];
    static runner runners[2];
    static player players[2];
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        assert_true(open_loop(&runners[i].loop, "player", COL_IDLE_BLOCK).ok);
        col_ring_init(&ring[i], &arena, 256, &runners[i].loop.waker);
        players[i] =
            (player){.stage = {.name = "player", .poll = player_poll, .wait_descriptor = -1},
                     .in = &ring[i],
                     .out = &ring[1 - i]};
        col_loop_add(&runners[i].loop, &players[i].stage);
    }
    send_number(&ring[0], 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, run, &runners[i]), 0);
    }
    const bool went_on = watch(players);
    for (int i = 0; i < 2; i++) stop_and_join(&runners[i], thread[i]);

    assert_true(went_on);
    assert_false(players[0].wrong || players[1].wrong);
    for (int i = 0; i < 2; i++) {
        const uint64_t sleeps = col_counter_read(&runners[i].loop.counters->sleeps);
        assert_true(sleeps > 20 || exchanged(players) < MESSAGES);
        col_loop_close(&runners[i].loop);
    }
    col_arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_polls_every_stage_in_order_and_adds_up_their_work),
        cmocka_unit_test(busy_time_counts_working_stages_only),
        cmocka_unit_test(a_loop_is_quiescent_once_per_turn_and_offline_only_around_sleep),
        cmocka_unit_test(a_sleeping_loop_wakes_within_half_a_millisecond_of_the_earliest_deadline),
        cmocka_unit_test(
            an_idle_loop_without_deadlines_sleeps_until_signalled_and_uses_no_processor),
        cmocka_unit_test(a_loop_gives_way_after_each_idle_turn_until_it_sleeps),
        cmocka_unit_test(a_busy_loop_neither_sleeps_nor_gives_way),
        cmocka_unit_test(a_readable_descriptor_ends_sleep),
        cmocka_unit_test(a_socket_error_ends_one_sleep_and_is_cleared),
        cmocka_unit_test(work_that_arrives_between_any_two_steps_towards_sleep_is_found),
        cmocka_unit_test(two_blocking_loops_exchange_messages_without_losing_a_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
