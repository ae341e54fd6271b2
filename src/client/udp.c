// SPDX-License-Identifier: Apache-2.0
#include "src/client/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/assert.h"

#define IPV4_UDP_HEADER_BYTES 28

/// One direction of a burst.
typedef struct {
    struct mmsghdr message[COL_CLIENT_BURST];
    struct iovec part[COL_CLIENT_BURST];
    struct sockaddr_in peer[COL_CLIENT_BURST];
    uint8_t bytes[COL_CLIENT_BURST][COL_DATAGRAM_BYTES_MAX];
} burst;

struct col_client_udp_buffers {
    burst out;
    burst in;
};

size_t col_client_udp_footprint(void) {
    return sizeof(struct col_client_udp_buffers) + 63;
}

static struct sockaddr_in address_of(col_endpoint endpoint) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(endpoint.port),
                                .sin_addr.s_addr = htonl(endpoint.address)};
}

static void burst_init(burst *of) {
    for (uint32_t i = 0; i < COL_CLIENT_BURST; i++) {
        of->part[i] = (struct iovec){of->bytes[i], COL_DATAGRAM_BYTES_MAX};
        of->message[i].msg_hdr.msg_iov = &of->part[i];
        of->message[i].msg_hdr.msg_iovlen = 1;
    }
}

static uint8_t *reserve(col_egress *egress) {
    col_client_udp *udp = (col_client_udp *)egress;
    if (udp->waiting == COL_CLIENT_BURST) col_client_udp_flush(udp);
    return udp->buffers->out.bytes[udp->waiting];
}

static void send_reserved(col_egress *egress, col_endpoint to, uint32_t length) {
    col_client_udp *udp = (col_client_udp *)egress;
    COL_ASSERT(udp->waiting < COL_CLIENT_BURST && length <= egress->datagram_bytes);
    burst *out = &udp->buffers->out;
    const uint32_t i = udp->waiting++;
    out->peer[i] = address_of(to);
    out->part[i].iov_len = length;
    out->message[i].msg_hdr.msg_name = &out->peer[i];
    out->message[i].msg_hdr.msg_namelen = sizeof out->peer[i];
}

/// The kernel's choice of source address and the largest datagram on the way to `to`.
static col_result probe(col_endpoint to, struct sockaddr_in *source, uint32_t *datagram_bytes) {
    const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return col_error("cannot make a UDP socket: %s: raise `ulimit -n`", strerror(errno));
    const struct sockaddr_in address = address_of(to);
    socklen_t source_length = sizeof *source;
    int mtu = 0;
    socklen_t mtu_length = sizeof mtu;
    const bool reached =
        connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(descriptor, (struct sockaddr *)source, &source_length) == 0 &&
        getsockopt(descriptor, IPPROTO_IP, IP_MTU, &mtu, &mtu_length) == 0;
    const int error = errno;
    close(descriptor);
    if (!reached) {
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
        return col_error(
            "no way from here to the replica at %s:%u: %s: check the addresses in the cluster file "
            "and `ip route get %s`",
            text, to.port, strerror(error), text);
    }
    const int bytes = mtu - IPV4_UDP_HEADER_BYTES;
    *datagram_bytes = bytes < COL_DATAGRAM_BYTES_MIN   ? COL_DATAGRAM_BYTES_MIN
                      : bytes > COL_DATAGRAM_BYTES_MAX ? COL_DATAGRAM_BYTES_MAX
                                                       : (uint32_t)bytes;
    return col_ok();
}

/// More than the system's limit needs a capability; the limit is better than the default.
static void grow_receive_buffer(int descriptor) {
    const int bytes = COL_CLIENT_RECEIVE_BUFFER_BYTES;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0) return;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static col_result open_socket(col_client_udp *udp, struct sockaddr_in source) {
    udp->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (udp->descriptor < 0)
        return col_error("cannot make a UDP socket: %s: raise `ulimit -n`", strerror(errno));
    source.sin_port = 0;
    socklen_t length = sizeof source;
    if (bind(udp->descriptor, (const struct sockaddr *)&source, sizeof source) != 0 ||
        getsockname(udp->descriptor, (struct sockaddr *)&source, &length) != 0) {
        const int error = errno;
        close(udp->descriptor);
        return col_error("cannot bind a UDP socket: %s: end programs that use many UDP ports",
                         strerror(error));
    }
    grow_receive_buffer(udp->descriptor);
    udp->local = (col_endpoint){ntohl(source.sin_addr.s_addr), ntohs(source.sin_port)};
    return col_ok();
}

col_result col_client_udp_open(col_client_udp *udp, col_arena *arena, const col_endpoint *replica,
                               uint32_t replicas) {
    *udp = (col_client_udp){
        .egress = {COL_DATAGRAM_BYTES_MAX, reserve, send_reserved},
        .descriptor = -1,
    };
    struct sockaddr_in source = {0};
    for (uint32_t i = replicas; i-- > 0;) {  // replica 0 last: its source address stays
        uint32_t bytes = COL_DATAGRAM_BYTES_MAX;
        COL_TRY(probe(replica[i], &source, &bytes));
        if (bytes < udp->egress.datagram_bytes) udp->egress.datagram_bytes = bytes;
    }
    COL_TRY(open_socket(udp, source));
    udp->buffers = col_arena_take(arena, 1, sizeof *udp->buffers);
    burst_init(&udp->buffers->out);
    burst_init(&udp->buffers->in);
    return col_ok();
}

void col_client_udp_close(col_client_udp *udp) {
    close(udp->descriptor);
}

void col_client_udp_flush(col_client_udp *udp) {
    uint32_t done = 0;
    while (done < udp->waiting) {
        const int taken =
            sendmmsg(udp->descriptor, &udp->buffers->out.message[done], udp->waiting - done, 0);
        if (taken > 0) {
            done += (uint32_t)taken;
            udp->sent += (uint32_t)taken;
        } else if (errno != EINTR) {
            done++;  // this one is lost, as on any network; those behind it are tried
        }
    }
    udp->waiting = 0;
}

uint32_t col_client_udp_receive(col_client_udp *udp, col_bytes *datagram) {
    burst *in = &udp->buffers->in;
    const int taken = recvmmsg(udp->descriptor, in->message, COL_CLIENT_BURST, MSG_DONTWAIT, NULL);
    if (taken <= 0) return 0;

    uint32_t count = 0;
    for (int i = 0; i < taken; i++) {
        if (in->message[i].msg_hdr.msg_flags & MSG_TRUNC) continue;  // no replica sends such
        datagram[count++] = (col_bytes){in->bytes[i], in->message[i].msg_len};
    }
    udp->received += (uint32_t)taken;
    return count;
}

bool col_client_udp_wait(col_client_udp *udp, uint64_t wait_ns) {
    struct pollfd input = {.fd = udp->descriptor, .events = POLLIN};
    const struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
                                  .tv_nsec = (long)(wait_ns % 1000000000)};
    return ppoll(&input, 1, &wait, NULL) >= 0 || errno != EINTR;
}
