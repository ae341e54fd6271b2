// SPDX-License-Identifier: Apache-2.0
#include "src/cli/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BRIDGE "col-br"
#define HOST_OF_CLIENTS 254

static col_result write_file(const char *path, const char *text) {
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return col_error("%s: cannot be written (%s): run as root", path, strerror(errno));
    const ssize_t written = write(file, text, strlen(text));
    const int error = errno;
    close(file);
    return written < 0 ? col_error("%s: cannot be written (%s): run as root", path, strerror(error))
                       : col_ok();
}

/// Become root of the new user namespace: it owns the network namespace.
static col_result map_identity(uid_t user, gid_t group) {
    char map[64];
    COL_TRY(write_file("/proc/self/setgroups", "deny"));
    snprintf(map, sizeof map, "0 %u 1", user);
    COL_TRY(write_file("/proc/self/uid_map", map));
    snprintf(map, sizeof map, "0 %u 1", group);
    return write_file("/proc/self/gid_map", map);
}

/// The tools of a network stand where the PATH of ordinary users does not look.
static void find_system_programs(void) {
    const char *path = getenv("PATH");
    char longer[4096];
    if (snprintf(longer, sizeof longer, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin") <
        (int)sizeof longer)
        setenv("PATH", longer, 1);
}

col_result col_namespace_create(void) {
    find_system_programs();
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (user == 0 && unshare(CLONE_NEWNET) == 0) return col_ok();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) return map_identity(user, group);
    return col_error(
        "a private network namespace is not permitted here (%s): run as root, or allow it with "
        "`sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` (in a "
        "container: start it with --privileged)",
        strerror(errno));
}

/// Room for the commands of COL_REPLICAS_MAX replicas, and less than a pipe holds.
#define SCRIPT_BYTES (16 * 1024)

typedef struct {
    char text[SCRIPT_BYTES];
    size_t length;
} script;

static void __attribute__((format(printf, 2, 3))) say(script *commands, const char *format, ...) {
    va_list values;
    va_start(values, format);
    commands->length += (size_t)vsnprintf(commands->text + commands->length,
                                          SCRIPT_BYTES - commands->length, format, values);
    va_end(values);
}

static col_result batch_outcome(const char *program, pid_t pid, int errors) {
    char line[256] = "";
    const ssize_t length = read(errors, line, sizeof line - 1);
    line[length > 0 ? length : 0] = 0;
    line[strcspn(line, "\n")] = 0;
    int status = 0;
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return col_ok();
    return col_error(
        "`%s` failed in the cluster's namespace: %s: the kernel needs veth and bridge (`modprobe "
        "-a veth bridge`)",
        program, line);
}

/// Run a program of iproute2 with the commands on its standard input.
static col_result run_batch(const char *program, const script *commands) {
    int input[2], errors[2];
    if (pipe2(input, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
        return col_error("cannot make a pipe: %s: close other programs", strerror(errno));

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
    char *arguments[] = {(char *)program, "-batch", "-", NULL};
    pid_t pid;
    const int failed = posix_spawnp(&pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(errors[1]);
    const ssize_t written = failed ? 0 : write(input[1], commands->text, commands->length);
    close(input[1]);
    const col_result result = failed
                                  ? col_error("cannot run `%s` (%s): install the package iproute2",
                                              program, strerror(failed))
                                  : batch_outcome(program, pid, errors[0]);
    close(errors[0]);
    if (result.ok && written != (ssize_t)commands->length)
        return col_error("`%s` did not take its commands: %s: try again", program, strerror(errno));
    return result;
}

/// IPv6 neighbour discovery would be packets in an idle cluster.
static void silence_ipv6(void) {
    const char *path[] = {"/proc/sys/net/ipv6/conf/all/disable_ipv6",
                          "/proc/sys/net/ipv6/conf/default/disable_ipv6"};
    for (uint32_t i = 0; i < 2; i++) {
        if (access(path[i], F_OK) != 0) continue;  // a kernel without IPv6
        const col_result result = write_file(path[i], "1");
        if (!result.ok)
            fprintf(stderr, "warning: IPv6 stays on in the namespace: %s\n", result.text);
    }
}

static col_result check_addresses(const col_genesis *genesis) {
    const uint32_t network = genesis->replica[0].address & ~255u;
    for (uint32_t i = 0; i < genesis->replicas; i++) {
        const uint32_t address = genesis->replica[i].address;
        if ((address & ~255u) != network || (address & 255) == HOST_OF_CLIENTS) {
            return col_error(
                "replica %u has the address %u.%u.%u.%u: `cluster up` needs all replicas in the "
                "/24 of replica 0, and its .%u free for clients",
                i, address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
                HOST_OF_CLIENTS);
        }
    }
    return col_ok();
}

#define INDEX_STEP 2048u  // 31 of them fit into 16 bits

static void say_pair(script *links, script *bridge, uint32_t id, uint32_t mtu) {
    char device[16];
    col_namespace_device(id, device);
    // net_af_packet names its fan-out group by pid xor interface index, 16 bits of each, and two
    // devices cannot share a group: indices far apart keep processes started together apart.
    say(links,
        "link add %s index %u address 02:c0:10:00:00:%02x mtu %u type veth peer name b%u mtu %u\n",
        device, INDEX_STEP * (id + 1), id, mtu, id, mtu);
    say(links, "link set b%u master " BRIDGE " up\n", id);
    // Frames go to the port that owns the address, whoever claims it (a static entry that is not
    // sticky follows whoever sends with its address); broadcasts still reach everyone.
    say(links, "link set b%u type bridge_slave learning off flood off\n", id);
    // The kernel must not answer there for the clients' address: replicas would send each other
    // what is the clients'.
    say(links, "link set %s arp off up\n", device);
    say(bridge, "fdb replace 02:c0:10:00:00:%02x dev b%u master static sticky\n", id, id);
}

col_result col_namespace_connect(const col_cluster *cluster, uint32_t mtu) {
    const col_genesis *genesis = &cluster->genesis;
    COL_TRY(check_addresses(genesis));
    silence_ipv6();

    static script links, bridge;
    links.length = bridge.length = 0;
    say(&links, "link set lo up\n");
    say(&links,
        "link add " BRIDGE " mtu %u type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n",
        mtu);
    for (uint32_t i = 0; i < genesis->replicas; i++) say_pair(&links, &bridge, i, mtu);
    const uint32_t address = (genesis->replica[0].address & ~255u) | HOST_OF_CLIENTS;
    say(&links, "address add %u.%u.%u.%u/24 dev " BRIDGE "\n", address >> 24, address >> 16 & 255,
        address >> 8 & 255, address & 255);
    say(&links, "link set " BRIDGE " up\n");
    COL_TRY(run_batch("ip", &links));
    return run_batch("bridge", &bridge);
}

const char *col_namespace_device(uint32_t id, char *name) {
    snprintf(name, 16, "col%u", id);
    return name;
}

/// @return a descriptor, -1 when it is the caller's own namespace already, -2 with errno
static int open_namespace(pid_t pid, const char *kind) {
    char path[64], own[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    snprintf(own, sizeof own, "/proc/self/ns/%s", kind);
    struct stat theirs, mine;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &theirs) < 0 || stat(own, &mine) < 0) return -2;
    if (theirs.st_ino != mine.st_ino) return descriptor;
    close(descriptor);
    return -1;
}

static int join(pid_t pid, const char *kind, int type) {
    const int descriptor = open_namespace(pid, kind);
    if (descriptor == -1) return 0;
    if (descriptor < 0) return -1;
    const int failed = setns(descriptor, type);
    close(descriptor);
    return failed ? -1 : 1;
}

col_result col_namespace_enter(pid_t pid) {
    find_system_programs();
    const int user = join(pid, "user", CLONE_NEWUSER);
    // Root of the namespace is the user who made it: whoever enters acts as that user.
    const bool identified = user <= 0 || (setgid(0) == 0 && setuid(0) == 0);
    if (user >= 0 && identified && join(pid, "net", CLONE_NEWNET) >= 0) return col_ok();
    return col_error(
        "cannot enter the cluster's network namespace (process %d): %s: be the user who ran "
        "`cluster up`, or root",
        pid, strerror(errno));
}
