// SPDX-License-Identifier: Apache-2.0
#include "src/client/udp.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/client/fixture.h"

typedef struct {
    col_arena arena;
    col_client_udp udp;
    int peer;
    col_endpoint peer_at;
} sockets;

static void sockets_open(sockets *s) {
    *s = (sockets){0};
    s->peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(s->peer, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(s->peer, (struct sockaddr *)&address, &length), 0);
    s->peer_at = (col_endpoint){INADDR_LOOPBACK, ntohs(address.sin_port)};
    assert_true(col_arena_open(&s->arena, col_client_udp_footprint()).ok);
    const col_endpoint replicas[2] = {s->peer_at, s->peer_at};
    const col_result result = col_client_udp_open(&s->udp, &s->arena, replicas, 2);
    assert_true(result.ok);
}

static void sockets_close(sockets *s) {
    close(s->peer);
    col_client_udp_close(&s->udp);
    col_arena_close(&s->arena);
}

static void put(sockets *s, uint8_t first, uint32_t length) {
    uint8_t *room = s->udp.egress.reserve(&s->udp.egress);
    assert_non_null(room);
    memset(room, first, length);
    s->udp.egress.send(&s->udp.egress, s->peer_at, length);
}

static void send_to_client(const sockets *s, const void *bytes, size_t length) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(s->udp.local.port),
                                        .sin_addr.s_addr = htonl(s->udp.local.address)};
    assert_int_equal(
        sendto(s->peer, bytes, length, 0, (const struct sockaddr *)&address, sizeof address),
        length);
}

static void replicas_reach_the_address_that_is_announced(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    assert_int_equal(s.udp.local.address, INADDR_LOOPBACK);
    assert_int_not_equal(s.udp.local.port, 0);
    send_to_client(&s, "hello", 5);
    col_bytes datagram[COL_CLIENT_BURST];
    assert_true(col_client_udp_wait(&s.udp, 1000 * MS));
    assert_int_equal(col_client_udp_receive(&s.udp, datagram), 1);
    assert_int_equal(datagram[0].length, 5);
    assert_memory_equal(datagram[0].at, "hello", 5);
    assert_int_equal(s.udp.received, 1);
    sockets_close(&s);
}

static void datagrams_are_as_large_as_the_route_and_the_wire_allow(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    assert_int_equal(s.udp.egress.datagram_bytes, COL_DATAGRAM_BYTES_MAX);
    put(&s, 3, COL_DATAGRAM_BYTES_MAX);
    col_client_udp_flush(&s.udp);
    static uint8_t bytes[COL_DATAGRAM_BYTES_MAX + 1];
    assert_int_equal(recv(s.peer, bytes, sizeof bytes, 0), COL_DATAGRAM_BYTES_MAX);
    sockets_close(&s);
}

static void more_than_one_burst_is_sent_in_order(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    const uint32_t count = 2 * COL_CLIENT_BURST + 5;
    for (uint32_t i = 0; i < count; i++) put(&s, (uint8_t)i, i + 1);
    col_client_udp_flush(&s.udp);
    assert_int_equal(s.udp.sent, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[256];
        assert_int_equal(recv(s.peer, bytes, sizeof bytes, MSG_DONTWAIT), i + 1);
        assert_int_equal(bytes[0], i);
    }
    sockets_close(&s);
}

static void a_datagram_that_the_kernel_refuses_is_lost_alone(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    put(&s, 1, 1);
    const col_endpoint good = s.peer_at;
    s.peer_at = (col_endpoint){INADDR_LOOPBACK, 0};  // no such port
    put(&s, 2, 1);
    s.peer_at = good;
    put(&s, 3, 1);
    col_client_udp_flush(&s.udp);
    uint8_t byte;
    assert_int_equal(recv(s.peer, &byte, 1, MSG_DONTWAIT), 1);
    assert_int_equal(byte, 1);
    assert_int_equal(recv(s.peer, &byte, 1, MSG_DONTWAIT), 1);
    assert_int_equal(byte, 3);
    assert_int_equal(s.udp.sent, 2);
    sockets_close(&s);
}

static void a_datagram_longer_than_any_of_a_replica_is_dropped(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    static uint8_t bytes[COL_DATAGRAM_BYTES_MAX + 1];
    send_to_client(&s, bytes, sizeof bytes);
    send_to_client(&s, bytes, sizeof bytes - 1);
    col_bytes datagram[COL_CLIENT_BURST];
    assert_int_equal(col_client_udp_receive(&s.udp, datagram), 1);
    assert_int_equal(datagram[0].length, COL_DATAGRAM_BYTES_MAX);
    assert_int_equal(s.udp.received, 2);
    sockets_close(&s);
}

static void waiting_ends_after_its_time(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    const uint64_t begin = col_clock_monotonic_ns();
    assert_true(col_client_udp_wait(&s.udp, 20 * MS));
    assert_true(col_clock_monotonic_ns() - begin >= 20 * MS);
    col_bytes datagram[COL_CLIENT_BURST];
    assert_int_equal(col_client_udp_receive(&s.udp, datagram), 0);
    sockets_close(&s);
}

static void on_alarm(int number) {
    (void)number;
}

static void a_signal_ends_the_wait(void **state) {
    (void)state;
    sockets s;
    sockets_open(&s);
    const struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval timer = {.it_value = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    const uint64_t begin = col_clock_monotonic_ns();
    assert_false(col_client_udp_wait(&s.udp, 5000 * MS));
    assert_true(col_clock_monotonic_ns() - begin < 4000 * MS);
    sockets_close(&s);
}

static void a_replica_without_a_route_is_named(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, col_client_udp_footprint()).ok);
    col_client_udp udp;
    const col_endpoint broadcast = {0xffffffff, 7000};
    const col_result result = col_client_udp_open(&udp, &arena, &broadcast, 1);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "no way from here to the replica at 255.255.255.255:7000: Permission "
                        "denied: check the addresses in the cluster file and `ip route get "
                        "255.255.255.255`");
    col_arena_close(&arena);
}

static void no_descriptor_left_is_an_error_that_teaches(void **state) {
    (void)state;
    col_arena arena;
    assert_true(col_arena_open(&arena, col_client_udp_footprint()).ok);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    col_client_udp udp;
    const col_endpoint loopback = {INADDR_LOOPBACK, 7000};
    const col_result result = col_client_udp_open(&udp, &arena, &loopback, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(result.ok);
    assert_string_equal(result.text,
                        "cannot make a UDP socket: Too many open files: raise `ulimit -n`");
    col_arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_reach_the_address_that_is_announced),
        cmocka_unit_test(datagrams_are_as_large_as_the_route_and_the_wire_allow),
        cmocka_unit_test(more_than_one_burst_is_sent_in_order),
        cmocka_unit_test(a_datagram_that_the_kernel_refuses_is_lost_alone),
        cmocka_unit_test(a_datagram_longer_than_any_of_a_replica_is_dropped),
        cmocka_unit_test(waiting_ends_after_its_time),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(a_replica_without_a_route_is_named),
        cmocka_unit_test(no_descriptor_left_is_an_error_that_teaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
