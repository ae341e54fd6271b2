# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with files, keys, the machine and a running cluster: each mistake gets one whole
line that says what, where and the remedy. tests/unit/config has the tables of mistakes in files,
command_line.py that of command lines.
"""

import os
import re
import shutil
import signal
import subprocess

import harness
from harness import PROGRAM, cluster, directory, run

# A row: what is done to a copy of a good cluster directory (a shell command), the command line, what it
# says, and its exit status if not 2. {copy} is the copy, {made} the original, {dir} what holds
# both; ... is a number or a text of the system.

REPLICA = "replica --cluster {copy} --id 1 --profile {copy}/small.yaml --device"
MACS = ("$COLONNADE init macs --sessions hmac --replicas-scheme ed25519 --clients-scheme ed25519 > "
        "/dev/null")
READABLE = "name a file that this user may read, or make a pair with `colonnade keygen --scheme rsa`"

FILES = [
    ("rm cluster.yaml", "cluster up {copy}",
     "{copy}/cluster.yaml: No such file or directory: make a cluster with `colonnade init`, or name its "
     "file"),
    ("true", "cluster up {dir}/none/cluster.yaml",
     "{dir}/none/: No such file or directory: make that directory, or name another"),
    ("sed -i 's/  window:/  windw:/' cluster.yaml", "cluster up {copy}",
     "{copy}/cluster.yaml:...: genesis has no key 'windw': did you mean window?"),
    ("sed -i 's/clients: rsa/clients: hmac/' cluster.yaml", "cluster up {copy}",
     "{copy}/cluster.yaml:...: clients is 'hmac': it must be rsa, ed25519 or ecdsa-p256"),
    ("sed -i 's/10.77.0.2/10.78.0.2/' cluster.yaml", "cluster up {copy}",
     "replica 1 has the address 10.78.0.2: `cluster up` needs all replicas in the /24 of replica 0, and "
     "its .254 free for clients"),
    ("sed -i 's/10.77.0.3/10.77.0.254/' cluster.yaml", "cluster up {copy}",
     "replica 2 has the address 10.77.0.254: `cluster up` needs all replicas in the /24 of replica 0, "
     "and its .254 free for clients"),
    ("sed -i 's/application: counter/application: adder/' cluster.yaml", "cluster up {copy}",
     "{copy}/cluster.yaml: application 'adder' is unknown: use counter or log"),
    ("sed -i 's/application_options:.*/application_options: bytes=1/' cluster.yaml", "cluster up {copy}",
     "{copy}/cluster.yaml: application counter does not understand application_options 'bytes=1': the "
     "counter takes reply_bytes=N, the log takes none"),
    ("true", "cluster up {copy} --profile fast",
     "fast: no such profile (No such file or directory): use small, threads, or a file"),
    ("rm small.yaml", "cluster up {copy}",
     "{copy}/small.yaml: No such file or directory: name a tuning profile, such as tuning/small.yaml"),
    ("sed -i 's/idle: .*/idle: sleepy/' small.yaml", "cluster up {copy}",
     "{copy}/small.yaml:...: idle is 'sleepy': it must be block or busy"),
    (r"sed -i 's/stages: \[[^]]*\]/&, cores: [4095]/' small.yaml", "cluster up {copy}",
     "{copy}/small.yaml:...: core is 4095 and this machine has ... cores, 0 .. ...: use one of those, or "
     "remove cores to run anywhere"),
    ("sed -i 's/memory_mb: .*/memory_mb: 8/; s/buffers: .*/buffers: 700/' small.yaml", REPLICA + " lo",
     "memory_mb is 8, and 700 buffers at mtu 9000 need more: set memory_mb: ..., or lower buffers"),
    ("true", "replica --cluster {copy} --id 4 --profile {copy}/small.yaml --device lo",
     "{copy}/cluster.yaml: replica 4 does not exist: ids are 0 .. 3; use one of them"),
    ("true", "init {copy}", "{copy}: is not empty: name a new directory, or remove this one first"),
    ("true", "init {copy}/cluster.yaml", "{copy}/cluster.yaml: Not a directory: choose another directory"),
    ("true", "init {dir}/none/x",
     "{dir}/none/x: No such file or directory: choose a directory that you may write"),
    ("true", "init {dir}/y --application-options bytes=1",
     "init: --application-options 'bytes=1' is not understood by 'counter': the counter takes "
     "reply_bytes=N, the log takes none"),
    ("true", "init {dir}/y --replicas-scheme ed25519 --clients-scheme ecdsa-p256 --bits 3072",
     "init: --bits is for RSA and nobody signs with it: leave it out"),
]

KEYS = [
    ("rm keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: cannot read the private key: No such file or directory: " + READABLE),
    ("ln -sf replica-1.pem keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: cannot read the private key: Too many levels of symbolic links: "
     + READABLE),
    ("chmod 644 keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: this private key is open to others (mode 0644): run `chmod 600 "
     "{copy}/keys/replica-1.pem`"),
    ("cp keys/replica-2.pem keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: this private key does not belong to replica 1, whose public key is "
     "{copy}/keys/replica-1.pub: pass the key made with it (--key), or the right --id"),
    ("true", REPLICA + " lo --key {copy}/keys/client-1.pem",
     "{copy}/keys/client-1.pem: this private key does not belong to replica 1, whose public key is "
     "{copy}/keys/replica-1.pub: pass the key made with it (--key), or the right --id"),
    ("cp keys/replica-1.pub keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: no private key in PEM form: make a pair with "
     "`colonnade keygen --scheme rsa`"),
    (": > keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: no private key in PEM form: make a pair with "
     "`colonnade keygen --scheme rsa`"),
    ("rm keys/replica-1.pem && mkdir keys/replica-1.pem", REPLICA + " lo",
     "{copy}/keys/replica-1.pem: is not a file: name the PEM file of a private key"),
    ("chmod 644 keys/replica-2.pem", "cluster up {copy}",
     "{copy}/keys/replica-2.pem: this private key is open to others (mode 0644): run `chmod 600 "
     "{copy}/keys/replica-2.pem`"),
    ("rm keys/replica-2.pub", "cluster up {copy}",
     "{copy}/cluster.yaml:...: public key {copy}/keys/replica-2.pub: No such file or directory: make the "
     "key with `colonnade keygen --scheme rsa`, or correct public_key"),
    (": > keys/replica-2.pub", "cluster up {copy}",
     "{copy}/cluster.yaml:...: {copy}/keys/replica-2.pub: no public key in PEM form: "
     "export one with `openssl pkey -in PRIVATE -pubout`"),
    ("cp keys/replica-1.pub keys/replica-2.pub", "cluster up {copy}",
     "{copy}/cluster.yaml:...: replicas 1 and 2 have the same public key, which would give its holder two "
     "votes: make one for each with `colonnade keygen --scheme rsa`"),
    (MACS + " && rm macs/keys/replica-2.exchange.pub", "cluster up {copy}/macs",
     "{copy}/macs/cluster.yaml:...: public key {copy}/macs/keys/replica-2.exchange.pub: No such file or "
     "directory: make the key with `colonnade keygen --scheme hmac`, or correct exchange_key"),
    (MACS + " && cp macs/keys/replica-1.exchange.pub macs/keys/replica-2.exchange.pub",
     "cluster up {copy}/macs",
     "{copy}/macs/cluster.yaml:...: replicas 1 and 2 have the same exchange key, so that each could make the "
     "other's MACs: make one for each with `colonnade keygen --scheme hmac`"),
    (MACS + " && cp macs/keys/replica-2.exchange.pem macs/keys/replica-1.exchange.pem",
     REPLICA.replace("{copy}", "{copy}/macs") + " lo",
     "{copy}/macs/keys/replica-1.exchange.pem: this private key does not belong to replica 1, whose "
     "exchange key is {copy}/macs/keys/replica-1.exchange.pub: put the key made with it there"),
    ("true", "client --cluster {copy} --client 8",
     "client 8: {copy}/cluster.yaml lists 8 clients: use a lower number"),
    ("true", "client --cluster {copy} --client 2 --key {copy}/keys/client-3.pem",
     "{copy}/keys/client-3.pem: is not the key that {copy}/cluster.yaml lists for client 2: name the "
     "right one with --key"),
    ("chmod 640 keys/client-0.pem", "client --cluster {copy}",
     "{copy}/keys/client-0.pem: this private key is open to others (mode 0640): run `chmod 600 "
     "{copy}/keys/client-0.pem`"),
    ("rm keys/client-0.pem", "bench --cluster {copy}",
     "{copy}/keys/client-0.pem: cannot read the private key: No such file or directory: " + READABLE),
    ("true", "keygen --out {copy}/keys/client-0",
     "{copy}/keys/client-0.pem: exists, and a key is never overwritten: move it away first"),
    ("rm keys/client-0.pem", "keygen --out {copy}/keys/client-0",
     "{copy}/keys/client-0.pub: exists, and a key is never overwritten: move it away first"),
    ("true", "keygen --out {dir}/none/key",
     "{dir}/none/key.pem: cannot write the private key: No such file or directory: name a directory that "
     "this user may write"),
    ("$COLONNADE keygen --scheme ed25519 --out keys/other", REPLICA + " lo --key {copy}/keys/other.pem",
     "{copy}/keys/other.pem: this private key is of type ED25519, and its place takes rsa: make a pair "
     "with `colonnade keygen --scheme rsa`, or change `authentication` in the cluster file"),
    ("$COLONNADE keygen --scheme ecdsa-p256 --out keys/other",
     "client --cluster {copy} --key {copy}/keys/other.pem",
     "{copy}/keys/other.pem: this private key is of type EC, and its place takes rsa: make a pair "
     "with `colonnade keygen --scheme rsa`, or change `authentication` in the cluster file"),
    ("rm keys/replica-3.* && $COLONNADE keygen --scheme ed25519 --out keys/replica-3", "cluster up {copy}",
     "{copy}/cluster.yaml:...: {copy}/keys/replica-3.pub: this public key is of type ED25519, and its "
     "place takes rsa: make a pair with `colonnade keygen --scheme rsa`, or change `authentication` in "
     "the cluster file"),
    ("sed -i 's/clients: rsa/clients: ecdsa-p256/' cluster.yaml", "client --cluster {copy}",
     "{copy}/cluster.yaml:...: {copy}/keys/client-0.pub: this public key is of type RSA, and its place "
     "takes ecdsa-p256: make a pair with `colonnade keygen --scheme ecdsa-p256`, or change "
     "`authentication` in the cluster file"),
    ("true", "keygen --out {dir}/key --scheme ed25519 --bits 2048",
     "keygen: --bits is for RSA and --scheme is ed25519: leave one out"),
    ("true", "keygen --out {dir}/" + 520 * "k",
     "keygen: --out is longer than 507 bytes: use a shorter path"),
]

LIMITS = [
    ("true", "bench --cluster {copy} --clients 9",
     "bench: --clients is 9 and {copy}/cluster.yaml lists 8: use fewer, or `colonnade init --clients 9`"),
    ("true", "bench --cluster {copy} --sessions 9999",
     "bench: --sessions is 9999 and {copy}/cluster.yaml allows a client ...: use fewer, or raise "
     "client_sessions_max"),
    ("true", "bench --cluster {copy} --outstanding 200",
     "bench: --outstanding is 200 and {copy}/cluster.yaml allows a session ...: use fewer, or raise "
     "session_outstanding"),
    ("true", "bench --cluster {copy} --request-bytes 32000",
     "bench: --request-bytes is 32000 and {copy}/cluster.yaml allows ...: use fewer, or raise "
     "operation_bytes_max"),
    ("true", "bench --cluster {copy} --threads 5",
     "bench: --threads is 5 and --clients 4: a client belongs to one thread, use fewer threads"),
    ("true", "bench --cluster {copy} --json {dir}/none/x.json",
     "{dir}/none/x.json: No such file or directory: choose another file"),
]

NOT_UP = [
    ("true", "cluster status {copy}",
     "{copy}: no replica runs: `colonnade cluster up {copy}` starts all on this machine, `colonnade "
     "replica` one", 1),
    ("true", "cluster exec {copy} -- true",
     "{copy}: no cluster is up: `colonnade cluster up {copy}` starts it", 1),
    ("true", "cluster kill {copy} 1",
     "{copy}: no cluster is up: `colonnade cluster up {copy}` starts it", 1),
    ("true", "cluster down {dir}/none",
     "{dir}/none: No such file or directory: `colonnade init {dir}/none` makes a cluster directory"),
    ("true", "cluster status {dir}/none",
     "{dir}/none: No such file or directory: `colonnade init {dir}/none` makes a cluster directory"),
    ("rm -r run && touch run", "cluster up {copy}",
     "{copy}/run/lock: Not a directory: make {copy}/run a directory that this user may write"),
]

# A row: what is done inside private namespaces (of users, mounts and the network) first, then as above.
VETH = "ip link add d0 mtu 9000 type veth peer name d1"
MACHINE = [
    ("true", REPLICA + " d0", "there is no network interface d0: `ip link` lists those of this namespace"),
    (VETH, REPLICA + " d0", "interface d0 is down: `ip link set d0 up`"),
    (f"{VETH} && ip link set d0 up mtu 1500", REPLICA + " d0",
     "interface d0 has MTU 1500 and the replica is set to 9000: `ip link set d0 mtu 9000`, or set mtu: "
     "1500 on every replica"),
    (f"{VETH} && ip link set d0 up && ip address add 10.77.0.2/24 dev d0", REPLICA + " d0",
     "the kernel has the replica's address on interface d0 and would answer its datagrams: `ip address "
     "flush dev d0`"),
    ("true", REPLICA + " 0000:ff:1f.7",
     "there is no PCI device 0000:ff:1f.7: `dpdk-devbind.py --status-dev net` lists them"),
    (f"{VETH} && ip link set d0 up && DROP=net_raw", REPLICA + " d0",
     "may not use interface d0: Operation not permitted: run as root, `setcap cap_net_raw+ep` the "
     "program, or run inside `unshare -Urn`"),
    (f"{VETH} && ip link set d0 up && mkdir -p {{copy}}/run && touch {{copy}}/run/dpdk", REPLICA + " d0",
     "{copy}/run/dpdk/replica-1: Not a directory: make it a directory of this user"),
    (f"{VETH} && ip link set d0 up && ulimit -l 0", REPLICA + " d0",
     "cannot open interface d0: ...: it locks ... KiB of memory: see that `ulimit -l` allows that"),
    (f"{VETH} && ip link set d0 up && sed -i 's/hugepages: .*/hugepages: true/' {{copy}}/small.yaml",
     REPLICA + " d0",
     "DPDK does not start: ... (...): see that hugepages are free (`echo 512 > "
     "/proc/sys/vm/nr_hugepages`) or set hugepages: false"),
    (f"{VETH} && ip link set d0 up && echo 'signing_device: crypto_none' >> {{copy}}/small.yaml",
     REPLICA + " d0",
     "DPDK finds no signing_device crypto_none (...): name one of `dpdk-devbind.py --status-dev crypto` "
     "in the tuning profile, or remove signing_device to sign on the CPU"),
    ("rm -r {copy}/run && mount --bind {copy} {copy} && mount --bind -o remount,ro {copy}",
     REPLICA + " lo",
     "{copy}/run: cannot be made (Read-only file system): make its directory writable for this user"),
    ("mount --bind {copy} {copy} && mount --bind -o remount,ro {copy}", REPLICA + " lo",
     "{copy}/run/replica-1.page: cannot be written (Read-only file system): make its directory writable "
     "for this user"),
    ("mount --bind {copy} {copy} && mount --bind -o remount,ro {copy}", "cluster up {copy}",
     "{copy}/run/lock: Read-only file system: make {copy}/run a directory that this user may write"),
    ("echo 0 > /proc/sys/user/max_user_namespaces && echo 0 > /proc/sys/user/max_net_namespaces",
     "cluster up {copy}",
     "a private network namespace is not permitted here (No space left on device): run as root, or allow "
     "it with `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` (in a "
     "container: start it with --privileged)"),
    ("mount --bind /dev/null $(realpath $(command -v ip))", "cluster up {copy}",
     "cannot run `ip` (Permission denied): install the package iproute2"),
    ("echo '#!/bin/sh\necho Not supported >&2; exit 1' > {copy}/ip && chmod +x {copy}/ip && "
     "mount --bind {copy}/ip $(realpath $(command -v ip))", "cluster up {copy}",
     "`ip` failed in the cluster's namespace: Not supported: the kernel needs veth and bridge "
     "(`modprobe -a veth bridge`)"),
    ("mkdir {copy}/full && mount -t tmpfs -o size=4k none {copy}/full && head -c 4096 /dev/zero > "
     "{copy}/full/filler", "keygen --out {copy}/full/key",
     "{copy}/full/key.pem: cannot write the private key: No space left on device: make room on the disk"),
    ("mkdir {copy}/full && mount -t tmpfs -o size=4k none {copy}/full",
     "keygen --out {copy}/full/key",
     "{copy}/full/key.pub: cannot write the public key: No space left on device: make room on the disk"),
    ("mkdir {copy}/full && mount -t tmpfs -o size=40k none {copy}/full", "init {copy}/full --clients 1",
     "{copy}/full/cluster.yaml: No space left on device: make room, or name a file elsewhere"),
    ("mkdir {copy}/full && mount -t tmpfs -o size=44k none {copy}/full", "init {copy}/full --clients 1",
     "{copy}/full/small.yaml: No space left on device: make room on the disk"),
    ("true", "client --cluster {copy} --timeout 1",
     "no way from here to the replica at 10.77.0.4:7000: Network is unreachable: check the addresses in "
     "the cluster file and `ip route get 10.77.0.4`", 1),
    ("ip link set lo up && ip address add 10.77.0.9/24 dev lo", "client --cluster {copy} --timeout 1",
     "no replica of colonnade answered at 10.77.0.1:7000 within 1 s: is the cluster running? `colonnade "
     "cluster status {copy}`", 1),
]

# While the cluster {copy} is up.
UP = [
    ("true", "cluster up {copy}",
     "{copy}: the cluster is up already: `colonnade cluster down {copy}` stops it"),
    ("true", REPLICA + " lo",
     "{copy}/run/replica-1.page: the replica runs already, as process ...: stop that one first"),
    ("true", "cluster kill {copy} 7",
     "{copy}: replica 7 does not run: `colonnade cluster status {copy}` tells which do", 1),
    ("true", "cluster exec {copy} -- no-such-program",
     "cluster exec: no-such-program: No such file or directory: give the path of a program", 127),
    ("true", "bench --cluster {copy} --warmup 0 --seconds 1 --json /dev/full",
     "/dev/full: No space left on device: make room on the disk", 1),
]

# The same, as a user who is not the one that started it.
OTHER_USER = [
    ("true", "cluster exec {copy} -- true",
     "cannot enter the cluster's network namespace (process ...): Permission denied: be the user who ran "
     "`cluster up`, or root"),
    ("true", "cluster down {copy}",
     "{copy}: the supervisor (process ...) does not listen to this user: Operation not permitted: be the "
     "user who ran `cluster up`, or root", 1),
]


def matches(expected, line):
    return re.fullmatch(".+".join(map(re.escape, re.split(r"(?<!\.)\.\.\.(?!\.)", expected))), line)


def refused(row, names, before=()):
    _, line, expected, status = row if len(row) == 4 else (*row, 2)
    command = [*before, PROGRAM, *(word.format(**names) for word in line.split())]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60)
    lines = [said for said in done.stderr.splitlines() if not said.startswith("note: ")]
    lines = [said for said in lines if said.startswith("colonnade: ")] if "bench" in line else lines
    assert done.returncode == status and len(lines) == 1 and matches(
        f"colonnade: {expected.format(**names)}", lines[0]), (
            f"{' '.join(command)}\nexpected: {status} {expected}\n"
            f"got: {done.returncode} {done.stdout}{done.stderr}")


def copied(names):
    shutil.rmtree(names["copy"], ignore_errors=True)
    shutil.copytree(names["made"], names["copy"], symlinks=True)


def refused_after(row, names):
    copied(names)
    subprocess.run(row[0], shell=True, check=True, cwd=names["copy"])
    refused(row, names)


def refused_inside(row, names):
    copied(names)
    setup, _, dropped = row[0].format(**names).partition(" && DROP=")
    enter = ["unshare", "-Urnm", "sh", "-c", f'{setup} && exec "$@"', "sh"]
    drop = ["setpriv", "--bounding-set", f"-{dropped}"] if dropped else []
    refused(row, names, enter + drop)


def while_up(names):
    with cluster() as running:
        names = {**names, "copy": running.path}
        for row in UP:
            refused(row, names)
        if os.getuid() == 0 and os.access(PROGRAM, os.X_OK):
            os.chmod(os.path.dirname(running.path), 0o755)
            for row in OTHER_USER:
                refused(row, names, ["setpriv", "--reuid", "65534", "--clear-groups"])
        assert run("cluster", "exec", running.path, "--", "sh", "-c", "exit 7", status=7) == ""
        assert "10.77.0.254/24" in run("cluster", "exec", running.path, "--", "ip", "-brief", "address",
                                       "show", "col-br")
        end_supervisor(running)
        refused(NOT_UP[0], names)


def end_supervisor(running):
    """However the supervisor ends, its replicas end with it."""
    status = running.status()
    os.kill(status["supervisor"], signal.SIGKILL)
    for replica in status["replicas"]:
        harness.eventually(lambda: not os.path.exists(f"/proc/{replica['process']}"), 10, replica)


os.environ["COLONNADE"] = PROGRAM  # for the shell
with directory() as scratch:
    names = {"dir": scratch, "made": f"{scratch}/made", "copy": f"{scratch}/copy"}
    run("init", names["made"])
    for row in FILES + KEYS + LIMITS + NOT_UP:
        refused_after(row, names)
    for row in MACHINE:
        refused_inside(row, names)
    assert not os.path.exists(f"{scratch}/y")
while_up(names)
print(f"{len(FILES)} of files, {len(KEYS)} of keys, {len(LIMITS + NOT_UP)} of commands, "
      f"{len(MACHINE)} of the machine, {len(UP + OTHER_USER)} of a running cluster")
