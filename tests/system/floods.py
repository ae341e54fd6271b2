# SPDX-License-Identifier: Apache-2.0
"""Honest clients keep their throughput under every kind of flood."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time

from harness import PROGRAM, PROFILE, cluster, run, start

HOSTILE = f"{os.path.dirname(PROGRAM)}/tests/system/hostile/hostile"
RATE = 20000


def inside(running, *command):
    return run("cluster", "exec", running.path, "--", *command)


def add_ports(running):
    """The attacker's port of the bridge, and one where nobody is."""
    inside(running, "sh", "-ec", """
        ip link add hostile0 mtu 9000 type veth peer name hostile1 mtu 9000
        ip link add sink0 address 02:c0:10:00:01:00 mtu 9000 type veth peer name sink1 mtu 9000
        ip link set hostile1 master col-br
        ip link set sink1 master col-br
        bridge link set dev sink1 learning off flood off
        bridge fdb replace 02:c0:10:00:01:00 dev sink1 master static
        ip link set hostile0 arp off
        ip link set sink0 arp off
        for port in hostile0 hostile1 sink0 sink1; do ip link set $port up; done
        for i in 1 2 3 4; do
            ip neighbour replace 10.77.0.$i lladdr 02:c0:10:00:00:0$((i - 1)) nud permanent dev col-br
        done""")


@contextlib.contextmanager
def load(running, seconds):
    bench = start("bench", "--cluster", running.path, "--seconds", seconds, "--warmup", 1,
                  "--clients", 4)
    try:
        time.sleep(2)
        yield bench
    finally:
        bench.kill()
        bench.communicate()


@contextlib.contextmanager
def attacker(running, kind, seconds, client=7, rate=RATE):
    process = start("cluster", "exec", running.path, "--", HOSTILE, "--cluster", running.path,
                    "--kind", kind, "--seconds", seconds, "--rate", rate, "--client", client)
    assert process.stdout.readline() == "ready\n", process.communicate()
    yield process
    process.stdin.close()
    process.wait(10)


def requests(running):
    return max(r["requests"] for r in running.status()["replicas"])


def segment(running, process, how):
    """One attack, or the same frames into the sink. Returns requests per second."""
    before, begin = running.status(), time.monotonic()
    process.stdin.write(how + "\n")
    process.stdin.flush()
    said = json.loads(process.stdout.readline())
    after, end = running.status(), time.monotonic()
    done = [new["requests"] - old["requests"]
            for old, new in zip(before["replicas"], after["replicas"])]
    drops = {}
    for old, new in zip(before["replicas"], after["replicas"]):
        for reason, count in new["drops"].items():
            drops[reason] = drops.get(reason, 0) + count - old["drops"].get(reason, 0)
    said["rate"] = statistics.median(done) / (end - begin)
    said["drops"] = {reason: count for reason, count in drops.items() if count}
    said["verifies"] = sum(new["verifies"] - old["verifies"] for old, new in
                           zip(before["replicas"], after["replicas"]))
    said["rss"] = sum(r["rss_bytes"] for r in after["replicas"]) / 1e6
    said["cpu"] = [round(new["cpu_seconds"] - old["cpu_seconds"], 2) for old, new in
                   zip(before["replicas"], after["replicas"])]
    return said


if __name__ == "__main__":
    kinds = sys.argv[4].split(",")
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    seconds = float(sys.argv[6]) if len(sys.argv) > 6 else 1.5
    with cluster() as running:
        add_ports(running)
        with load(running, 600):
            for kind in kinds:
                with attacker(running, kind, seconds) as process:
                    sink, attack = [], []
                    for i in range(rounds):
                        sink.append(segment(running, process, "sink"))
                        attack.append(segment(running, process, "attack"))
                    a = statistics.median(s["rate"] for s in sink)
                    b = statistics.median(s["rate"] for s in attack)
                    last = attack[-1]
                    print(f"{PROFILE} {kind:18} {b / a:5.2f} {a:7.0f} {b:7.0f} sent {last['sent']}"
                          f" cpu {last['cpu_seconds']:.2f} ans {last['answers']} exec {last['executed']} rss {last['rss']:.0f}"
                          f" verifies {sink[-1]['verifies']}->{last['verifies']} replicas {sink[-1]['cpu']}->{last['cpu']}"
                          f"\n    drops {last['drops']}\n    sink drops {sink[-1]['drops']}", flush=True)
