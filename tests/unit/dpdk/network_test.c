// SPDX-License-Identifier: Apache-2.0
// The real thing: a process on a DPDK port, and kernel sockets on the other end of a veth pair in a
// private network namespace. Skipped where the system grants no namespace.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dpdk/frame.h"
#include "dpdk/network.h"
#include "src/base/clock.h"
#include "src/base/loop.h"
#include "src/wire/bundle.h"

#define REPLICA_LINK "col-replica"
#define PEER_LINK "col-peer"
#define REPLICA UINT32_C(0x0a090002)         // 10.9.0.2
#define PEER UINT32_C(0x0a090001)            // 10.9.0.1
#define OTHER_PEER UINT32_C(0x0a090003)      // 10.9.0.3, the same host
#define NOBODY UINT32_C(0x0a090063)          // 10.9.0.99
#define BEYOND_GATEWAY UINT32_C(0xc0a84d01)  // 192.168.77.1, the same host
#define BASE_PORT 7000
#define PILLARS 3
#define RING_BYTES 65536
#define NS_PER_MS UINT64_C(1000000)
// Far more than an answer takes: other programs may have the cores.
#define ANSWER_WAIT_MS 5000

// An echo message: any bytes, the pillar, where to answer, a number, a pattern made from it.
#define PILLAR_AT COL_BUNDLE_PILLAR_OFFSET
#define ADDRESS_AT 4
#define PORT_AT 8
#define NUMBER_AT 10
#define PATTERN_AT 14
#define ECHO_BYTES_MIN 64
#define ECHO_BYTES_MAX 8900
#define ECHO_WINDOW 16

// The replica: a process that answers every datagram with itself.

/// Shared by both processes.
typedef struct {
    col_net_counters counters[2];
    atomic_bool ready;
    col_counter echoed_at_once;  ///< most in one turn
    uint64_t start_ns;
    uint64_t resident_kib;
} shared_state;

typedef struct {
    const char *name;
    bool one_loop;
    bool check_udp_checksum;
    uint32_t gateway;
} layout;

typedef struct {
    col_stage stage;
    col_ring *ring[PILLARS];
    col_egress *egress;
    col_counter *most;
} echo_stage;

static void echo_one(echo_stage *echo, const col_datagram *datagram) {
    const uint8_t *payload = datagram->payload.at;
    uint8_t *room = echo->egress->reserve(echo->egress);
    if (room != NULL && datagram->payload.length >= ECHO_BYTES_MIN) {
        col_endpoint to;
        memcpy(&to.address, payload + ADDRESS_AT, sizeof to.address);
        memcpy(&to.port, payload + PORT_AT, sizeof to.port);
        memcpy(room, payload, datagram->payload.length);
        echo->egress->send(echo->egress, to, (uint32_t)datagram->payload.length);
    }
    col_net_release(datagram->buffer);
}

static uint32_t echo_poll(col_stage *stage, uint64_t now_ns, uint32_t budget) {
    (void)now_ns;
    echo_stage *echo = (echo_stage *)stage;
    uint32_t work = 0;
    for (uint32_t pillar = 0; pillar < PILLARS; pillar++) {
        uint32_t bytes;
        const col_datagram *datagram;
        for (uint32_t i = 0; i < budget; i++) {
            if ((datagram = col_ring_front(echo->ring[pillar], &bytes)) == NULL) break;
            echo_one(echo, datagram);
            col_ring_release(echo->ring[pillar]);
            work++;
        }
    }
    if (work > col_counter_read(echo->most)) col_counter_set(echo->most, work);
    return work;
}

enum { RECEIVER_LOOP, ECHO_LOOP, TRANSMIT_LOOP, LOOPS };

static col_loop loops[LOOPS];
static col_loop_counters loop_counters[LOOPS];
static atomic_bool stop;

static void on_terminate(int signal_number) {
    (void)signal_number;
    atomic_store(&stop, true);
    // NOLINTNEXTLINE(bugprone-signal-handler): it only loads, stores and writes to a descriptor
    for (int i = 0; i < LOOPS; i++) col_waker_signal(&loops[i].waker);
}

static void require(col_result result) {
    if (result.ok) return;
    fprintf(stderr, "%s\n", result.text);
    exit(1);
}

static void *run_loop(void *argument) {
    require(col_net_join_thread());
    col_loop_run(argument, &stop);
    return NULL;
}

static uint64_t resident_kib(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %lu", &pages) != 1) pages = 0;
    if (file != NULL) fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static col_net_options options_for(const layout *chosen) {
    return (col_net_options){
        .device = REPLICA_LINK,
        .prefix = "colonnade-network-test",
        .address = REPLICA,
        .prefix_length = 24,
        .gateway = chosen->gateway,
        .base_port = BASE_PORT,
        .pillars = PILLARS,
        .mtu = 9000,
        .memory_mb = 11,  // exactly what is asked for
        .buffers = 512,
        .check_udp_checksum = chosen->check_udp_checksum,
    };
}

static void serve(const layout *chosen, shared_state *shared) {
    const uint64_t began_ns = col_clock_monotonic_ns();
    const col_net_options options = options_for(chosen);
    col_net *net;
    require(col_net_open(&options, shared->counters, &net));
    for (int i = 0; i < LOOPS; i++) {
        require(col_loop_open(&loops[i], "loop", COL_IDLE_BLOCK, &loop_counters[i]));
    }
    col_loop *echo_loop = &loops[chosen->one_loop ? RECEIVER_LOOP : ECHO_LOOP];
    col_loop *transmit_loop = &loops[chosen->one_loop ? RECEIVER_LOOP : TRANSMIT_LOOP];

    static col_ring rings[PILLARS + 1];
    static echo_stage echo = {.stage = {.name = "echo", .poll = echo_poll, .wait_descriptor = -1}};
    col_arena arena;
    require(col_arena_open(&arena, (PILLARS + 1) * col_ring_footprint(RING_BYTES)));
    for (uint32_t i = 0; i < PILLARS; i++) {
        col_ring_init(&rings[i], &arena, RING_BYTES, &echo_loop->waker);
        echo.ring[i] = &rings[i];
    }
    col_ring_init(&rings[PILLARS], &arena, RING_BYTES, &transmit_loop->waker);
    echo.most = &shared->echoed_at_once;
    echo.egress = col_net_egress(net, chosen->one_loop ? NULL : &rings[PILLARS]);

    col_loop_add(&loops[RECEIVER_LOOP], col_net_receiver(net, echo.ring));
    col_loop_add(echo_loop, &echo.stage);
    col_loop_add(transmit_loop, col_net_transmit(net));
    signal(SIGTERM, on_terminate);
    shared->start_ns = col_clock_monotonic_ns() - began_ns;
    shared->resident_kib = resident_kib();
    atomic_store(&shared->ready, true);

    pthread_t thread[LOOPS];
    for (int i = 1; i < LOOPS; i++) pthread_create(&thread[i], NULL, run_loop, &loops[i]);
    run_loop(&loops[RECEIVER_LOOP]);
    for (int i = 1; i < LOOPS; i++) pthread_join(thread[i], NULL);
    col_net_close(net);
    col_arena_close(&arena);
    exit(0);
}

// The peer: kernel sockets

typedef struct {
    const layout *chosen;
    shared_state *shared;
    pid_t replica;
    int socket;
    col_endpoint self;
} peer_state;

static struct sockaddr_in socket_address(uint32_t address, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = {htonl(address)}, .sin_port = htons(port)};
}

static int open_socket(uint32_t address, uint16_t *port) {
    const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in bound = socket_address(address, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&bound, sizeof bound), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&bound, &(socklen_t){sizeof bound}),
                     0);
    const int bytes = 1 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    *port = ntohs(bound.sin_port);
    return descriptor;
}

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t length_of(uint32_t number) {
    uint32_t state = number * 2654435761u + 1;
    return ECHO_BYTES_MIN + next_random(&state) % (ECHO_BYTES_MAX - ECHO_BYTES_MIN + 1);
}

/// @return bytes of the message
static uint32_t write_message(uint8_t *message, uint32_t number, col_endpoint answer_to) {
    const uint32_t length = length_of(number);
    uint32_t state = number + 1;
    memset(message, 0xc0, PATTERN_AT);
    message[PILLAR_AT] = (uint8_t)(number % PILLARS);
    memcpy(message + ADDRESS_AT, &answer_to.address, sizeof answer_to.address);
    memcpy(message + PORT_AT, &answer_to.port, sizeof answer_to.port);
    memcpy(message + NUMBER_AT, &number, sizeof number);
    for (uint32_t i = PATTERN_AT; i < length; i++) message[i] = (uint8_t)next_random(&state);
    return length;
}

static void send_message(const peer_state *peer, uint32_t number, col_endpoint answer_to) {
    uint8_t message[ECHO_BYTES_MAX];
    const uint32_t length = write_message(message, number, answer_to);
    const struct sockaddr_in to = socket_address(REPLICA, (uint16_t)(BASE_PORT + number % PILLARS));
    assert_int_equal(
        sendto(peer->socket, message, length, 0, (const struct sockaddr *)&to, sizeof to), length);
}

/// Wait for one answer and compare it with what was sent. @return its number, -1 after `wait_ms`
static int64_t receive_answer(int descriptor, col_endpoint answered_to, int wait_ms) {
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) != 1) return -1;
    uint8_t answer[ECHO_BYTES_MAX + 1];
    uint8_t expected[ECHO_BYTES_MAX];
    struct sockaddr_in from;
    const ssize_t length = recvfrom(descriptor, answer, sizeof answer, 0, (struct sockaddr *)&from,
                                    &(socklen_t){sizeof from});
    assert_true(length >= ECHO_BYTES_MIN);
    assert_int_equal(ntohl(from.sin_addr.s_addr), REPLICA);
    assert_int_equal(ntohs(from.sin_port), BASE_PORT);

    uint32_t number;
    memcpy(&number, answer + NUMBER_AT, sizeof number);
    assert_int_equal(write_message(expected, number, answered_to), length);
    assert_memory_equal(answer, expected, (size_t)length);
    return number;
}

static uint64_t drops_of(const peer_state *peer, int side, col_drop drop) {
    return col_counter_read(&peer->shared->counters[side].drops[drop]);
}

/// Wait until a counter has reached a value, and see that it has not passed it.
static void wait_for(const col_counter *counter, uint64_t expected) {
    const uint64_t until_ns = col_clock_monotonic_ns() + ANSWER_WAIT_MS * NS_PER_MS;
    while (col_counter_read(counter) < expected && col_clock_monotonic_ns() < until_ns) {
        usleep(1000);
    }
    assert_int_equal(col_counter_read(counter), expected);
}

static void expect_drop(const peer_state *peer, int side, col_drop drop, uint64_t expected) {
    wait_for(&peer->shared->counters[side].drops[drop], expected);
}

static uint64_t cpu_ns(pid_t process) {
    clockid_t clock;
    struct timespec used;
    assert_int_equal(clock_getcpuclockid(process, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/// Percent of one core that the replica uses over `ms`.
static double cpu_percent(const peer_state *peer, uint32_t ms) {
    const uint64_t began_ns = col_clock_monotonic_ns();
    const uint64_t used_ns = cpu_ns(peer->replica);
    usleep(ms * 1000);
    return 100.0 * (double)(cpu_ns(peer->replica) - used_ns) /
           (double)(col_clock_monotonic_ns() - began_ns);
}

// Frames that no kernel sends

static void read_mac(const char *link, col_mac *mac) {
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link);
    const int query = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(ioctl(query, SIOCGIFHWADDR, &request), 0);
    close(query);
    memcpy(mac->byte, request.ifr_hwaddr.sa_data, sizeof mac->byte);
}

static void send_raw(const uint8_t *frame, size_t length) {
    const int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
    const struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(PEER_LINK), .sll_halen = 6};
    assert_true(descriptor >= 0);
    assert_int_equal(sendto(descriptor, frame, length, 0, (const struct sockaddr *)&to, sizeof to),
                     length);
    close(descriptor);
}

/// A datagram for pillar 1 as a raw frame, with no UDP checksum.
static size_t write_raw(const peer_state *peer, uint8_t *frame) {
    col_mac peer_mac, replica_mac;
    read_mac(PEER_LINK, &peer_mac);
    read_mac(REPLICA_LINK, &replica_mac);
    const uint32_t length = write_message(frame + COL_FRAME_HEADERS_BYTES, 1, peer->self);
    col_frame_write_headers(frame, &peer_mac, peer->self, (col_endpoint){REPLICA, BASE_PORT + 1},
                            (uint16_t)length, COL_FRAME_CHECKSUM_NONE);
    col_frame_set_destination_mac(frame, &replica_mac);
    return COL_FRAME_HEADERS_BYTES + length;
}

static void send_changed(const peer_state *peer, size_t at, uint8_t value) {
    uint8_t frame[COL_FRAME_HEADERS_BYTES + ECHO_BYTES_MAX];
    const size_t length = write_raw(peer, frame);
    frame[at] = value;
    send_raw(frame, length);
}

// Tests

static void ten_thousand_datagrams_of_all_sizes_come_back_unchanged(void **state) {
    const peer_state *peer = *state;
    const uint32_t total = 10000;
    uint8_t *seen = calloc(total, 1);
    uint32_t sent = 0, received = 0;
    const uint64_t began_ns = col_clock_monotonic_ns();
    while (received < total) {
        while (sent < total && sent - received < ECHO_WINDOW)
            send_message(peer, sent++, peer->self);
        const int64_t number = receive_answer(peer->socket, peer->self, ANSWER_WAIT_MS);
        assert_in_range(number, 0, total - 1);
        assert_int_equal(seen[number], 0);
        seen[number] = 1;
        received++;
    }
    const uint64_t took_ns = col_clock_monotonic_ns() - began_ns;
    print_message("%u datagrams of 64 to 8900 bytes in %lu ms\n", total,
                  (unsigned long)(took_ns / NS_PER_MS));
    free(seen);
    for (int drop = 0; drop < COL_DROP_COUNT; drop++) {
        if (drop != COL_DROP_NOT_OURS) assert_int_equal(drops_of(peer, 0, drop), 0);
        assert_int_equal(drops_of(peer, 1, drop), 0);
    }
    // The last are counted just after they have left.
    const col_net_counters *counters = peer->shared->counters;
    wait_for(&counters[1].sent, total);
    assert_int_equal(col_counter_read(&counters[0].received), total);
    assert_int_equal(col_counter_read(&counters[0].received_bytes),
                     col_counter_read(&counters[1].sent_bytes));
}

static void what_waits_at_the_port_is_taken_in_one_turn(void **state) {
    const peer_state *peer = *state;
    kill(peer->replica, SIGSTOP);
    for (uint32_t i = 0; i < 32 * PILLARS; i++) send_message(peer, i, peer->self);
    kill(peer->replica, SIGCONT);
    for (uint32_t i = 0; i < 32 * PILLARS; i++) {
        assert_true(receive_answer(peer->socket, peer->self, ANSWER_WAIT_MS) >= 0);
    }
    // In loops of their own the echo may come between.
    if (peer->chosen->one_loop) {
        assert_int_equal(col_counter_read(&peer->shared->echoed_at_once), 32 * PILLARS);
    }
}

static void a_datagram_waits_for_the_answer_of_a_station_not_yet_known(void **state) {
    const peer_state *peer = *state;
    col_endpoint other = {.address = OTHER_PEER};
    const int descriptor = open_socket(OTHER_PEER, &other.port);
    send_message(peer, 5, other);
    assert_int_equal(receive_answer(descriptor, other, ANSWER_WAIT_MS), 5);
    close(descriptor);
}

static void a_station_that_never_answers_costs_its_datagrams(void **state) {
    const peer_state *peer = *state;
    const uint64_t before = drops_of(peer, 1, COL_DROP_NO_NEIGHBOUR);
    send_message(peer, 6, (col_endpoint){NOBODY, 1});
    send_message(peer, 7, (col_endpoint){NOBODY, 1});
    expect_drop(peer, 1, COL_DROP_NO_NEIGHBOUR, before + 2);
    send_message(peer, 8, peer->self);
    assert_int_equal(receive_answer(peer->socket, peer->self, ANSWER_WAIT_MS), 8);
}

static void other_subnets_are_reached_through_the_gateway_or_not_at_all(void **state) {
    const peer_state *peer = *state;
    const uint64_t before = drops_of(peer, 1, COL_DROP_NO_NEIGHBOUR);
    col_endpoint far = {.address = BEYOND_GATEWAY};
    const int descriptor = open_socket(BEYOND_GATEWAY, &far.port);
    send_message(peer, 9, far);
    if (peer->chosen->gateway != 0) {
        assert_int_equal(receive_answer(descriptor, far, ANSWER_WAIT_MS), 9);
    } else {
        expect_drop(peer, 1, COL_DROP_NO_NEIGHBOUR, before + 1);
    }
    close(descriptor);
}

static void datagrams_for_others_are_not_delivered(void **state) {
    const peer_state *peer = *state;
    const uint64_t received = col_counter_read(&peer->shared->counters[0].received);
    const uint64_t before = drops_of(peer, 0, COL_DROP_NOT_OURS);
    send_changed(peer, 5, 0xee);  // another station
    send_changed(peer, 36, 0);    // another port
    send_changed(peer, 37, (uint8_t)(BASE_PORT + PILLARS));
    send_changed(peer, 37, (uint8_t)(BASE_PORT - 1));
    expect_drop(peer, 0, COL_DROP_NOT_OURS, before + 4);
    assert_int_equal(col_counter_read(&peer->shared->counters[0].received), received);
}

static void a_datagram_that_names_another_pillar_than_its_port_is_dropped(void **state) {
    const peer_state *peer = *state;
    send_changed(peer, COL_FRAME_HEADERS_BYTES + PILLAR_AT, 2);
    expect_drop(peer, 0, COL_DROP_WRONG_PILLAR, 1);
    send_changed(peer, 37, (uint8_t)BASE_PORT);
    expect_drop(peer, 0, COL_DROP_WRONG_PILLAR, 2);
}

static void broken_frames_are_counted_and_harmless(void **state) {
    const peer_state *peer = *state;
    uint8_t frame[COL_FRAME_HEADERS_BYTES + ECHO_BYTES_MAX];
    const size_t length = write_raw(peer, frame);
    const uint64_t truncated = drops_of(peer, 0, COL_DROP_TRUNCATED);
    for (size_t cut = 14; cut < COL_FRAME_HEADERS_BYTES + 20; cut++) send_raw(frame, cut);
    send_raw(frame, length - 1);
    expect_drop(peer, 0, COL_DROP_TRUNCATED, truncated + 49);
    send_changed(peer, 39, 1);  // UDP shorter than its header
    expect_drop(peer, 0, COL_DROP_MALFORMED, 1);

    send_message(peer, 10, peer->self);
    assert_int_equal(receive_answer(peer->socket, peer->self, ANSWER_WAIT_MS), 10);
}

static void a_wrong_ipv4_checksum_is_always_noticed(void **state) {
    const peer_state *peer = *state;
    const uint64_t before = drops_of(peer, 0, COL_DROP_BAD_CHECKSUM);
    send_changed(peer, 22, 63);
    expect_drop(peer, 0, COL_DROP_BAD_CHECKSUM, before + 1);
}

static void a_wrong_udp_checksum_is_noticed_where_that_is_asked_for(void **state) {
    const peer_state *peer = *state;
    const uint64_t before = drops_of(peer, 0, COL_DROP_BAD_CHECKSUM);
    send_changed(peer, 41, 0x5a);
    if (peer->chosen->check_udp_checksum) {
        expect_drop(peer, 0, COL_DROP_BAD_CHECKSUM, before + 1);
    } else {
        assert_int_equal(receive_answer(peer->socket, peer->self, ANSWER_WAIT_MS), 1);
    }
}

static void an_idle_replica_uses_no_processor(void **state) {
    const peer_state *peer = *state;
    usleep(50000);
    const double percent = cpu_percent(peer, 3000);
    print_message("idle: %.3f %% of a core over 3 s\n", percent);
    assert_true(percent < 1.0);
}

static void an_interface_that_goes_down_and_up_is_survived_without_spinning(void **state) {
    const peer_state *peer = *state;
    assert_int_equal(system("ip link set " REPLICA_LINK " down"), 0);
    usleep(50000);
    const double percent = cpu_percent(peer, 500);
    print_message("interface down: %.3f %% of a core\n", percent);
    assert_true(percent < 5.0);
    assert_int_equal(system("ip link set " REPLICA_LINK " up"), 0);

    int64_t number = -1;
    for (int attempt = 0; attempt < 20 && number != 11; attempt++) {
        send_message(peer, 11, peer->self);
        number = receive_answer(peer->socket, peer->self, 200);
    }
    assert_int_equal(number, 11);
    while (receive_answer(peer->socket, peer->self, 100) >= 0) continue;
}

static void expect_error(const col_net_options *options, const char *words) {
    static col_net_counters counters[2];
    col_net *net;
    const col_result result = col_net_open(options, counters, &net);
    assert_false(result.ok);
    if (strstr(result.text, words) == NULL) fail_msg("no '%s' in: %s", words, result.text);
}

static void what_stands_in_the_way_of_a_start_is_named_with_its_remedy(void **state) {
    (void)state;
    const layout plain = {0};
    col_net_options options = options_for(&plain);

    options.device = "col-missing";
    expect_error(&options, "`ip link` lists");
    options.device = "0000:ff:1f.7";
    expect_error(&options, "dpdk-devbind.py --status-dev net");
    options.device = REPLICA_LINK;
    options.memory_mb = 10;
    expect_error(&options,
                 "memory_mb is 10, and 512 buffers at mtu 9000 need more: set memory_mb: 11, or "
                 "lower buffers");
    options.memory_mb = 11;
    options.buffers = 100;
    expect_error(&options, "100 buffers are too few: set buffers: 128 or more");
    options.buffers = 512;

    assert_int_equal(system("ip link set " REPLICA_LINK " mtu 1500"), 0);
    expect_error(&options, "`ip link set col-replica mtu 9000`");
    assert_int_equal(system("ip link set " REPLICA_LINK " mtu 9000"), 0);
    assert_int_equal(system("ip address add 10.9.0.2/24 dev " REPLICA_LINK), 0);
    expect_error(&options, "`ip address flush dev col-replica`");
    assert_int_equal(system("ip address flush dev " REPLICA_LINK), 0);
    assert_int_equal(system("ip link set " REPLICA_LINK " down"), 0);
    expect_error(&options, "`ip link set col-replica up`");
    assert_int_equal(system("ip link set " REPLICA_LINK " up"), 0);
}

// Set-up

static void write_file(const char *path, const char *text) {
    const int file = open(path, O_WRONLY);
    if (file < 0) return;
    const ssize_t written = write(file, text, strlen(text));
    (void)written;
    close(file);
}

/// @return whether this process is in a network namespace of its own, with rights over it
static bool enter_namespace(void) {
    char map[64];
    const uid_t user = getuid();
    const gid_t group = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return unshare(CLONE_NEWNET) == 0;
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", user);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", group);
    write_file("/proc/self/gid_map", map);
    return true;
}

/// A veth pair; the kernel sends finished UDP checksums on the peer's end.
static bool make_links(void) {
    static const char *const commands[] = {
        "ip link set lo up",
        "ip link add " REPLICA_LINK " mtu 9000 type veth peer name " PEER_LINK " mtu 9000",
        // No IPv6: its own multicast frames would be counted.
        "ip link set " REPLICA_LINK " addrgenmode none",
        "ip link set " PEER_LINK " addrgenmode none",
        "ip address add 10.9.0.1/24 dev " PEER_LINK,
        "ip address add 10.9.0.3/24 dev " PEER_LINK,
        "ip address add 192.168.77.1/32 dev lo",
        "ip link set " PEER_LINK " up",
        "ip link set " REPLICA_LINK " up",
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (system(commands[i]) != 0) return false;
    }
    struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM, .data = 0};
    struct ifreq request = {.ifr_data = (char *)&off};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", PEER_LINK);
    const int query = socket(AF_INET, SOCK_DGRAM, 0);
    const int outcome = ioctl(query, SIOCETHTOOL, &request);
    close(query);
    return outcome == 0;
}

static int start_replica(void **state, const layout *chosen) {
    static peer_state peer;
    peer = (peer_state){.chosen = chosen, .self = {.address = PEER}};
    peer.shared =
        mmap(NULL, sizeof *peer.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (peer.shared == MAP_FAILED) return -1;
    fflush(NULL);
    peer.replica = fork();
    if (peer.replica == 0) serve(chosen, peer.shared);
    peer.socket = open_socket(PEER, &peer.self.port);

    while (!atomic_load(&peer.shared->ready)) {
        if (waitpid(peer.replica, NULL, WNOHANG) != 0) return -1;
        usleep(1000);
    }
    print_message("%s: started in %lu ms with %lu KiB resident\n", chosen->name,
                  (unsigned long)(peer.shared->start_ns / NS_PER_MS),
                  (unsigned long)peer.shared->resident_kib);
    *state = &peer;
    return 0;
}

static int start_one_loop(void **state) {
    static const layout one_loop = {.name = "one loop", .one_loop = true};
    return start_replica(state, &one_loop);
}

static int start_three_loops(void **state) {
    static const layout three_loops = {
        .name = "three loops", .check_udp_checksum = true, .gateway = PEER};
    return start_replica(state, &three_loops);
}

static void print_counters(const peer_state *peer) {
    for (int side = 0; side < 2; side++) {
        const col_net_counters *counters = &peer->shared->counters[side];
        print_message("%s: received %lu, sent %lu", side == 0 ? "receiver" : "transmit",
                      (unsigned long)col_counter_read(&counters->received),
                      (unsigned long)col_counter_read(&counters->sent));
        for (int drop = 0; drop < COL_DROP_COUNT; drop++) {
            const unsigned long count = (unsigned long)drops_of(peer, side, drop);
            if (count > 0) print_message(", %s %lu", col_drop_name(drop), count);
        }
        print_message("\n");
    }
}

static int stop_replica(void **state) {
    peer_state *peer = *state;
    print_counters(peer);
    char command[64];
    snprintf(command, sizeof command, "grep VmRSS /proc/%d/status", peer->replica);
    const int printed = system(command);
    (void)printed;
    kill(peer->replica, SIGTERM);
    int status = -1;
    waitpid(peer->replica, &status, 0);
    close(peer->socket);
    munmap(peer->shared, sizeof *peer->shared);
    return status;
}

int main(void) {
    if (!enter_namespace() || !make_links()) {
        printf("SKIPPED: this system grants no network namespace with a veth pair\n");
        return 77;
    }
    const struct CMUnitTest start_tests[] = {
        cmocka_unit_test(what_stands_in_the_way_of_a_start_is_named_with_its_remedy),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_datagrams_of_all_sizes_come_back_unchanged),
        cmocka_unit_test(what_waits_at_the_port_is_taken_in_one_turn),
        cmocka_unit_test(a_datagram_waits_for_the_answer_of_a_station_not_yet_known),
        cmocka_unit_test(a_station_that_never_answers_costs_its_datagrams),
        cmocka_unit_test(other_subnets_are_reached_through_the_gateway_or_not_at_all),
        cmocka_unit_test(datagrams_for_others_are_not_delivered),
        cmocka_unit_test(a_datagram_that_names_another_pillar_than_its_port_is_dropped),
        cmocka_unit_test(broken_frames_are_counted_and_harmless),
        cmocka_unit_test(a_wrong_ipv4_checksum_is_always_noticed),
        cmocka_unit_test(a_wrong_udp_checksum_is_noticed_where_that_is_asked_for),
        cmocka_unit_test(an_idle_replica_uses_no_processor),
        cmocka_unit_test(an_interface_that_goes_down_and_up_is_survived_without_spinning),
    };
    int failed = cmocka_run_group_tests(start_tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("one loop", tests, start_one_loop, stop_replica);
    failed += cmocka_run_group_tests_name("three loops", tests, start_three_loops, stop_replica);
    return failed;
}
