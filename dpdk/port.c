// SPDX-License-Identifier: Apache-2.0
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dpdk/internal.h"
#include "src/base/assert.h"

#define VIRTUAL_DEVICE "net_af_packet0"
// Receive and transmit ring of a real NIC, at most: a millisecond of full frames at 10 Gbit/s.
#define DESCRIPTORS_MAX 1024
#define CACHE_MAX 256
#define BUFFERS_MIN 128
// Mempool's header and mbuf of one buffer.
#define BUFFER_OVERHEAD_BYTES 192
#define SMALL_PAGE_BYTES 4096
// What EAL, the device and DPDK's allocator take besides buffers.
#define MEMORY_OVERHEAD_MB 4

bool col_net_is_pci(const char *device) {
    unsigned domain, bus, slot, function;
    int used = 0;
    return sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &used) == 4 &&
           device[used] == '\0';
}

// A kernel interface

static uint32_t address_of(const struct ifreq *request) {
    struct sockaddr_in address;
    memcpy(&address, &request->ifr_addr, sizeof address);
    return ntohl(address.sin_addr.s_addr);
}

static col_result query_error(const char *device) {
    return col_error("cannot query interface %s: %s: see that it stays in this namespace", device,
                     strerror(errno));
}

/// @param query any socket, for ioctl
static col_result check_interface_by(int query, const col_net_options *options) {
    struct ifreq request = {0};
    if (strlen(options->device) >= sizeof request.ifr_name ||
        if_nametoindex(options->device) == 0) {
        return col_error(
            "there is no network interface %s: `ip link` lists those of this namespace",
            options->device);
    }
    memcpy(request.ifr_name, options->device, strlen(options->device) + 1);

    if (ioctl(query, SIOCGIFFLAGS, &request) != 0) {
        return query_error(options->device);
    }
    if (!(request.ifr_flags & IFF_UP)) {
        return col_error("interface %s is down: `ip link set %s up`", options->device,
                         options->device);
    }
    if (ioctl(query, SIOCGIFMTU, &request) != 0) {
        return query_error(options->device);
    }
    // A frame above the interface's MTU would block the device's transmit ring for good.
    if (request.ifr_mtu < (int)options->mtu) {
        return col_error(
            "interface %s has MTU %d and the replica is set to %u: `ip link set %s mtu %u`, or set "
            "mtu: %d on every replica",
            options->device, request.ifr_mtu, options->mtu, options->device, options->mtu,
            request.ifr_mtu);
    }
    if (ioctl(query, SIOCGIFADDR, &request) == 0 && address_of(&request) == options->address) {
        return col_error(
            "the kernel has the replica's address on interface %s and would answer its datagrams: "
            "`ip address flush dev %s`",
            options->device, options->device);
    }
    return col_ok();
}

static col_result check_interface(const col_net_options *options) {
    const int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (query < 0) return col_error("cannot open a socket: %s: raise `ulimit -n`", strerror(errno));
    const col_result result = check_interface_by(query, options);
    close(query);
    return result;
}

/// Rings of the af_packet device. One slot holds one frame and the kernel's header; a block, a
/// whole number of slots and of pages.
typedef struct {
    uint32_t slot_bytes;
    uint32_t block_bytes;
    uint32_t slots;
} ring_shape;

static ring_shape shape_for(uint32_t mtu) {
    // Several milliseconds of small frames, while another thread has the core, in 2 and 5 MB.
    if (mtu <= 1900) return (ring_shape){2048, 4096, 512};
    return (ring_shape){10240, 20480, 256};
}

static col_result add_interface(const col_net_options *options) {
    const ring_shape shape = shape_for(options->mtu);
    char arguments[128];
    snprintf(arguments, sizeof arguments, "iface=%s,framesz=%u,blocksz=%u,framecnt=%u",
             options->device, shape.slot_bytes, shape.block_bytes, shape.slots);
    col_net_eal_forget_message();
    if (rte_eal_hotplug_add("vdev", VIRTUAL_DEVICE, arguments) == 0) return col_ok();

    // Asked only now: closing a packet socket takes the kernel 10 ms.
    const int packet = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (packet < 0) {
        return col_error(
            "may not use interface %s: %s: run as root, `setcap cap_net_raw+ep` the program, or "
            "run inside `unshare -Urn`",
            options->device, strerror(errno));
    }
    close(packet);
    return col_error(
        "cannot open interface %s: %s: it locks %u KiB of memory: see that `ulimit -l` allows that",
        options->device, col_net_eal_message(), 2 * shape.slot_bytes * shape.slots / 1024);
}

/// Whether `descriptor` is a packet socket bound to the interface.
static bool is_packet_socket(int descriptor, unsigned interface_index) {
    int domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){sizeof domain}) != 0) {
        return false;
    }
    struct sockaddr_ll address = {0};
    return domain == AF_PACKET &&
           getsockname(descriptor, (struct sockaddr *)&address, &(socklen_t){sizeof address}) ==
               0 &&
           address.sll_ifindex == (int)interface_index;
}

/// The socket that the af_packet device reads, which DPDK does not tell: the process's only one on
/// that interface. @return -1 when it is not found
static int find_packet_socket(const char *interface) {
    const unsigned index = if_nametoindex(interface);
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) return -1;
    int found = -1;
    for (const struct dirent *entry; found < 0 && (entry = readdir(directory)) != NULL;) {
        const int descriptor = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && is_packet_socket(descriptor, index)) found = descriptor;
    }
    closedir(directory);
    return found;
}

/// Let the whole transmit ring be in flight: beyond the socket's send buffer, frames would stay in
/// the ring until the next send.
static void widen_send_buffer(int descriptor, ring_shape shape) {
    const int bytes = (int)(shape.slot_bytes * shape.slots);
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) == 0) return;
    // Without the privilege the system's limit holds, which is enough for virtual interfaces.
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// A PCI device

static col_result check_pci(const char *device) {
    char path[PATH_MAX], target[PATH_MAX];
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", device);
    if (access(path, F_OK) != 0) {
        return col_error("there is no PCI device %s: `dpdk-devbind.py --status-dev net` lists them",
                         device);
    }
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", device);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) {
        return col_error(
            "port %s is bound to no driver: bind it with `dpdk-devbind.py -b vfio-pci %s`", device,
            device);
    }
    target[length] = '\0';
    const char *slash = strrchr(target, '/');
    const char *driver = slash != NULL ? slash + 1 : target;
    // mlx5 shares its device with the kernel; the others hand it over whole.
    static const char *const usable[] = {"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core"};
    for (size_t i = 0; i < sizeof usable / sizeof usable[0]; i++) {
        if (strcmp(driver, usable[i]) == 0) return col_ok();
    }
    return col_error(
        "port %s is bound to the kernel driver %s: bind it with `dpdk-devbind.py -b vfio-pci %s`",
        device, driver, device);
}

// Both

static uint32_t frame_bytes_max(uint32_t mtu) {
    return mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN;
}

/// Room that one received frame needs: what the device may write, whatever comes.
static uint16_t receive_room(const col_net_options *options, bool pci) {
    const uint32_t bytes =
        pci ? RTE_ALIGN_CEIL(frame_bytes_max(options->mtu), 1024)  // unit of NICs' buffer sizes
            : shape_for(options->mtu).slot_bytes;
    return (uint16_t)(bytes + RTE_PKTMBUF_HEADROOM);
}

static uint16_t transmit_room(const col_net_options *options) {
    return (uint16_t)(RTE_ALIGN_CEIL(frame_bytes_max(options->mtu), 64) + RTE_PKTMBUF_HEADROOM);
}

/// Memory that DPDK sets aside for a buffer in small pages: none that fits one crosses pages, and a
/// larger one gets whole pages.
static uint64_t reserved_bytes(uint32_t room) {
    const uint32_t bytes = room + BUFFER_OVERHEAD_BYTES;
    if (bytes <= SMALL_PAGE_BYTES) return SMALL_PAGE_BYTES / (SMALL_PAGE_BYTES / bytes);
    return RTE_ALIGN_CEIL(bytes, SMALL_PAGE_BYTES);
}

static col_result check_memory(const col_net_options *options, bool pci) {
    if (options->buffers < BUFFERS_MIN) {
        return col_error("%u buffers are too few: set buffers: %u or more", options->buffers,
                         BUFFERS_MIN);
    }
    const uint64_t pair =
        reserved_bytes(receive_room(options, pci)) + reserved_bytes(transmit_room(options));
    const uint64_t needed_mb = (pair * options->buffers / 2 >> 20) + 1 + MEMORY_OVERHEAD_MB;
    if (!options->hugepages && options->memory_mb < needed_mb) {
        return col_error(
            "memory_mb is %u, and %u buffers at mtu %u need more: set memory_mb: %u, or lower "
            "buffers",
            options->memory_mb, options->buffers, options->mtu, (uint32_t)needed_mb);
    }
    return col_ok();
}

col_result col_net_port_check(const col_net_options *options) {
    const bool pci = col_net_is_pci(options->device);
    COL_TRY(pci ? check_pci(options->device) : check_interface(options));
    return check_memory(options, pci);
}

static col_result make_pool(const char *name, const col_net_options *options, uint16_t room,
                            int socket, struct rte_mempool **pool) {
    const uint32_t count = options->buffers / 2;
    // Buffers that sit in the caches of all threads (half as many again as a cache's size each)
    // stay below a quarter of the pool.
    const uint32_t cache = RTE_MIN(count / (6 * (options->pillars + 2)), (uint32_t)CACHE_MAX);
    // Threads may share cores: the default ring makes everybody wait for a preempted one.
    *pool = rte_pktmbuf_pool_create_by_ops(name, count, cache, 0, room, socket, "ring_mt_rts");
    if (*pool != NULL) return col_ok();
    return col_error("no memory for %u buffers of %u bytes: %s: %s", count, room,
                     rte_strerror(rte_errno),
                     options->hugepages ? "reserve more hugepages or lower buffers"
                                        : "raise memory_mb or lower buffers");
}

static col_result port_error(const col_net_options *options, const char *what, int outcome) {
    return col_error(
        "cannot %s port %s: %s (%s): try another mtu or number of buffers, or another firmware of "
        "the device",
        what, options->device, rte_strerror(-outcome), col_net_eal_message());
}

static col_result set_up_queues(const col_net_options *options, const col_net_port *port) {
    // Rings of a real NIC hold buffers for good: at most half of each pool.
    uint16_t receive = (uint16_t)RTE_MIN(options->buffers / 4, (uint32_t)DESCRIPTORS_MAX);
    uint16_t transmit = receive;
    const int socket = rte_eth_dev_socket_id(port->id);

    int outcome = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);
    if (outcome == 0) {
        outcome = rte_eth_rx_queue_setup(port->id, 0, receive, (unsigned)socket, NULL,
                                         port->receive_pool);
    }
    if (outcome == 0) {
        outcome = rte_eth_tx_queue_setup(port->id, 0, transmit, (unsigned)socket, NULL);
    }
    return outcome == 0 ? col_ok() : port_error(options, "set up the queues of", outcome);
}

static col_result configure(const col_net_options *options, bool pci, col_net_port *port) {
    struct rte_eth_dev_info info;
    int outcome = rte_eth_dev_info_get(port->id, &info);
    if (outcome != 0) return port_error(options, "query", outcome);

    struct rte_eth_conf configuration = {0};
    // af_packet knows nothing of MTUs: its slots and the interface decide.
    if (pci) configuration.rxmode.mtu = options->mtu;
    if (pci && info.max_mtu < options->mtu) {
        return col_error(
            "port %s carries at most MTU %u and the replica is set to %u: set mtu: %u on every "
            "replica",
            options->device, info.max_mtu, options->mtu, info.max_mtu);
    }
    port->checks_udp = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0;
    if (port->checks_udp) configuration.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) {
        configuration.txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
        port->checksum = COL_FRAME_CHECKSUM_PARTIAL;
    }
    outcome = rte_eth_dev_configure(port->id, 1, 1, &configuration);
    return outcome == 0 ? col_ok() : port_error(options, "configure", outcome);
}

static col_result find_port(const col_net_options *options, bool pci, col_net_port *port) {
    if (!pci) COL_TRY(add_interface(options));
    const char *name = pci ? options->device : VIRTUAL_DEVICE;
    if (rte_eth_dev_get_port_by_name(name, &port->id) != 0) {
        return col_error(
            "DPDK has no driver for port %s (%s): build with -DCOL_DPDK_SHARED=ON for drivers "
            "beyond the usual ones",
            options->device, col_net_eal_message());
    }
    return col_ok();
}

static col_result start(const col_net_options *options, col_net_port *port) {
    struct rte_ether_addr mac;
    int outcome = rte_eth_macaddr_get(port->id, &mac);
    if (outcome == 0) outcome = rte_eth_dev_start(port->id);
    if (outcome != 0) return port_error(options, "start", outcome);
    static_assert(sizeof mac == sizeof port->mac, "both are the six bytes");
    memcpy(&port->mac, &mac, sizeof mac);
    return col_ok();
}

col_result col_net_port_open(const col_net_options *options, col_net_port *port) {
    const bool pci = col_net_is_pci(options->device);
    *port = (col_net_port){.wait_descriptor = -1, .checksum = COL_FRAME_CHECKSUM_NONE};
    COL_TRY(find_port(options, pci, port));

    const int socket = rte_eth_dev_socket_id(port->id);
    COL_TRY(make_pool("receive", options, receive_room(options, pci), socket, &port->receive_pool));
    COL_TRY(make_pool("transmit", options, transmit_room(options), socket, &port->transmit_pool));
    COL_TRY(configure(options, pci, port));
    COL_TRY(set_up_queues(options, port));
    COL_TRY(start(options, port));
    if (!pci) {
        port->wait_descriptor = find_packet_socket(options->device);
        widen_send_buffer(port->wait_descriptor, shape_for(options->mtu));
    }
    return col_ok();
}

void col_net_port_close(col_net_port *port) {
    rte_eth_dev_stop(port->id);
    rte_eth_dev_close(port->id);
    rte_mempool_free(port->receive_pool);
    rte_mempool_free(port->transmit_pool);
}
