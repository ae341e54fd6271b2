# SPDX-License-Identifier: Apache-2.0
"""Once a replica is up, its loops allocate nothing, take no lock and make no system call but the
device's own and the idle wait's; a client's thread neither, once it is open.

tests/system/trap.c ends a process that breaks this; system calls are counted with strace.
"""

import contextlib
import os
import re
import signal
import struct
import subprocess
import time

from harness import ARGUMENTS, PROGRAM, cluster, directory, eventually, finish, start

TRAP = os.path.abspath(ARGUMENTS[0])

# Allocations of libcrypto 3.0, measured: its RSA takes temporary numbers from the heap, and each
# digest that it computes takes one context. What is made anew instead of kept would double them.
# Where RSA is our own, one inverse in 64 to 512 signatures is left to libcrypto.
with open("/proc/cpuinfo") as cpus:
    PER_SIGNATURE, PER_VERIFICATION = (100, 0) if "avx512ifma" in cpus.read() else (22, 13)
PER_DIGEST = 1

# The device: sendto tells it that frames wait, poll waits for a free slot of its full ring.
# Between loops: write and read of an eventfd, futex for whoever waits for a grace period.
# ppoll and sched_yield are the idle wait; getsockopt clears an error that would end it at once.
# libcrypto: its random numbers, which blind one signature in 32, ask for the process and for
# entropy; its allocations may make a thread's heap, or make it grow.
CALLS_OF_LOOPS = {"sendto", "poll", "write", "read", "futex", "ppoll", "sched_yield", "getsockopt",
                  "getpid", "getrandom", "mmap", "munmap", "mprotect", "brk"}


WATCH_S = 2


@contextlib.contextmanager
def trap():
    """What is started inside has the trap. Gives the directory of its records."""
    with directory() as records:
        with open(f"{records}/armed", "wb") as file:
            file.write(b"\0")
        os.environ.update(LD_PRELOAD=TRAP, COL_TRAP_DIRECTORY=records)
        try:
            yield records
        finally:
            del os.environ["LD_PRELOAD"], os.environ["COL_TRAP_DIRECTORY"]


def arm(records, on):
    with open(f"{records}/armed", "r+b") as file:  # mapped: never truncated
        file.write(b"\1" if on else b"\0")


def record(records, process):
    """Loops of a process that were armed, and allocations of libcrypto on them."""
    with open(f"{records}/{process}", "rb") as file:
        return struct.unpack("QQ", file.read(16))


@contextlib.contextmanager
def load(running):
    """Load that every replica answers, and whose clients' keys every replica has met."""
    bench = start("bench", "--cluster", running.path, "--clients", 4, "--seconds", WATCH_S + 4)
    eventually(lambda: all(replica["requests"] > 1000 for replica in running.status()["replicas"]),
               20, "every replica executes requests")
    yield bench
    finish(bench)


def reconfigure(running, replicas):
    """What an operator does while the loops are busy."""
    with open(f"{running.path}/cluster.yaml") as file:
        text = file.read()
    with open(f"{running.path}/cluster.yaml", "w") as file:
        file.write(re.sub(r"\b(batch_requests: )\d+", r"\g<1>48", text))
    for replica in replicas:
        os.kill(replica["process"], signal.SIGHUP)
    eventually(lambda: running.logs().count("are in use") == len(replicas), 30, "new tunables")


def threads_of(running, replica):
    with open(f"{running.path}/run/replica-{replica}.log") as file:
        return int(re.search(r"threads: (\d+)", file.read()).group(1))


def check_libcrypto(records, application, old, new):
    signatures, verifications, requests = (
        new[figure] - old[figure] for figure in ("signatures", "verifies", "requests"))
    expected = PER_SIGNATURE * signatures + PER_VERIFICATION * verifications
    if application == "log":
        expected += PER_DIGEST * requests
    _, allocations = record(records, new["process"])
    print(f"replica {new['id']}: {requests} requests, {signatures} signatures, {verifications} "
          f"verifications, {allocations} allocations of libcrypto, {expected} expected")
    assert allocations < 1.5 * expected


def nothing_is_allocated_or_locked(application):
    with trap() as records, cluster("--application", application, "--clients", 4) as running:
        with load(running) as bench:
            before = running.status()["replicas"]
            arm(records, True)
            reconfigure(running, before)
            time.sleep(WATCH_S)
            arm(records, False)
            after = running.status()["replicas"]
            loops, _ = record(records, bench.pid)
            assert loops == 1, f"{loops} loops of the client"
        for old, new in zip(before, after):
            assert new["state"] == "running" and new["requests"] > old["requests"], new
            loops, _ = record(records, new["process"])
            assert loops == threads_of(running, new["id"]), f"{loops} loops of {new}"
            check_libcrypto(records, application, old, new)


def loops_of(process, count):
    """The threads that run most under load: DPDK's own and the one that waits for signals do
    nothing, whatever they did when the process started."""
    def ticks(thread):
        with open(f"/proc/{process}/task/{thread}/stat") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    before = {thread: ticks(thread) for thread in os.listdir(f"/proc/{process}/task")}
    time.sleep(1)
    return sorted(before, key=lambda thread: ticks(thread) - before[thread])[-count:]


def calls_of(running, threads):
    """System calls of these threads, by name, as long as they are watched."""
    chosen = [word for thread in threads for word in ("-p", thread)]
    watch = subprocess.run(
        [PROGRAM, "cluster", "exec", running.path, "--", "timeout", "-s", "INT", str(WATCH_S),
         "strace", "-c", "-U", "calls,name", *chosen], capture_output=True, text=True)
    counted = re.findall(r"^ *(\d+) (\w+)$", watch.stderr, re.MULTILINE)
    assert counted, watch.stderr
    return {name: int(count) for count, name in counted if name != "total"}


def calls_are_the_devices_and_the_waits():
    with cluster("--clients", 4) as running, load(running):
        replica = running.replica(0)
        threads = loops_of(replica["process"], threads_of(running, 0))
        calls = calls_of(running, threads)
        requests = running.replica(0)["requests"] - replica["requests"]
        print(f"replica 0: {requests} requests, {calls}")
        assert requests > 0 and calls["sendto"] > 0
        assert calls.keys() <= CALLS_OF_LOOPS, calls


nothing_is_allocated_or_locked("counter")
nothing_is_allocated_or_locked("log")
calls_are_the_devices_and_the_waits()
