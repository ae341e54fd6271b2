# SPDX-License-Identifier: Apache-2.0
"""Honest clients keep 80 % of their throughput under every kind of flood, at 20,000 hostile
datagrams a second in all; each is dropped for its reason, and nothing grows.

Arguments: kinds of floods, or `all`; without any, those of the suite.

The floods share the cores with the cluster. So each is compared with the same process that makes
and sends the same frames at the same rate to a port of the bridge where no replica is: what is
left of the difference is what the replicas do about them, and the kernel's work to deliver them.
Both take turns until the median of the turns' ratios is high enough. Where it never is, the flood
has failed if four fifths of all turns say so: what else a machine does decides nothing. In a last
turn there is no honest load, so that every drop is one of the flood's.
"""

import contextlib
import glob
import json
import os
import signal
import statistics
import sys
import time
from collections import Counter

from harness import ARGUMENTS, PROGRAM, PROFILE, SLOWNESS, cluster, eventually, run, start

HOSTILE = f"{os.path.dirname(PROGRAM)}/tests/system/hostile/hostile"
RATE = 20000
# Every fourth one is a broadcast, which the bridge makes four of: 21,000 arrive at replicas.
RATE_OF_ARP = 12000
TURN_S = 0.7
TURNS = 3  # at least; more while the ratio is too low, for this machine may be busy
TURNS_MAX = 9
# 0.8 is the promise, on a machine that does nothing else; the suite leaves room for what else its
# machine does. What slowed programs keep says nothing about those as released.
RATIO_MIN = 0 if SLOWNESS > 1 else 0.8 if ARGUMENTS else 0.7
# Of what arrives, how much is dropped for the right reasons, and for all others. A busy machine
# loses frames in the ports' queues, slowed programs more of them.
DROPPED_MIN, DROPPED_MAX = 0.9 / SLOWNESS, 1.05
OTHERS_MAX = 0.02
SETTLE_S = 0.3  # until the last honest requests are answered and repeated
HOSTILE_CLIENT = 7
# Datagrams of no use cost their sender's budget; then they are not looked at.
LIMITED = {"rate-limited"}
GARBAGE = LIMITED | {"bad-signature", "no-session", "too-far"}
USELESS = LIMITED | {"executed", "repeated", "too-far", "no-session", "stale", "outside-window"}
# Bits that were flipped may be any part of a datagram.
DAMAGED = GARBAGE | USELESS | {
    "truncated", "malformed", "wrong-version", "other-cluster", "unknown-sender", "wrong-source",
    "wrong-role", "wrong-scheme", "wrong-pillar", "bad-proof", "bad-digest", "unknown-type",
    "other-view", "not-primary", "from-primary", "bad-checksum", "not-ours"}
# No drop, but where the datagrams of one kind stay: no replica sees an IPv4 packet before the
# kernel has all its fragments.
KERNEL = "in-the-kernel"

# Kind -> why its datagrams are dropped, once there is nothing more to be used of them: requests that
# are held, wait for others or can be executed are so in the first turns.
KINDS = {
    "random": {"not-ours", "truncated", "wrong-version", "wrong-pillar"},
    "garbage-replica": {"wrong-source"},
    "garbage-client": GARBAGE,
    "garbage-unknown": {"unknown-sender"},
    "spoof-replica": GARBAGE | {"outside-window"},
    "spoof-client": GARBAGE,
    "bad-macs": LIMITED | {"bad-mac", "no-session", "too-far", "wrong-scheme"},
    "spoof-random": GARBAGE,
    "wrong-cluster": {"other-cluster"},
    "wrong-version": {"wrong-version"},
    "wrong-pillar": {"wrong-pillar"},
    "truncated": {"truncated", "malformed", "wrong-source"} | USELESS,
    "flipped": DAMAGED,
    "replayed": {"wrong-source"} | USELESS,
    "echoed": USELESS,
    "forged": DAMAGED,
    "oversized": {"malformed"},
    "ip-fragments": {KERNEL},
    "arp": {"conflicting", "not-ours"},  # the station itself hears that others have its address
    "unknown-sessions": LIMITED | {"queue-full", "repeated"},
    "far-ahead": {"too-far"},
    "gap": LIMITED | {"repeated"},
    "duplicates": LIMITED | {"executed", "repeated"},
    "operations": LIMITED | {"executed", "repeated"},
    "opens": LIMITED | {"executed", "repeated"},
    "replica-typed": {"wrong-role"},
    "fragments": LIMITED | {"queue-full", "repeated"},
    "lone-trees": {"too-far"},
}
# Nothing but their senders' budgets holds these off: most of them must not be looked at.
BUDGETED = {"garbage-client", "spoof-replica", "spoof-client", "spoof-random", "unknown-sessions",
            "gap", "duplicates", "operations", "opens", "fragments"}
# What each part of the defence holds off, but for what bad_signatures.py sends; the arguments of the
# test may name others, or `all`.
KINDS_OF_SUITE = ["random", "flipped", "replayed", "arp", "unknown-sessions", "gap", "fragments"]


def add_ports(running):
    """The attacker's port of the bridge, and one where nobody is. The client's host knows the
    replicas' link addresses: what ARP makes of its kernel is not the product's."""
    run("cluster", "exec", running.path, "--", "sh", "-ec", """
        ip link add hostile0 mtu 9000 type veth peer name hostile1 mtu 9000
        ip link add sink0 address 02:c0:10:00:01:00 mtu 9000 type veth peer name sink1 mtu 9000
        ip link set hostile1 master col-br
        ip link set sink1 master col-br
        bridge link set dev sink1 learning off flood off
        bridge fdb replace 02:c0:10:00:01:00 dev sink1 master static sticky
        ip link set hostile0 arp off
        ip link set sink0 arp off
        for port in hostile0 hostile1 sink0 sink1; do ip link set $port up; done
        for i in 0 1 2 3; do
            ip neighbour replace 10.77.0.$((i + 1)) lladdr 02:c0:10:00:00:0$i nud permanent dev col-br
        done""")


@contextlib.contextmanager
def load(running, seconds):
    bench = start("bench", "--cluster", running.path, "--seconds", seconds, "--warmup", 1,
                  "--clients", 4)
    try:
        eventually(lambda: running.replica(0).get("requests", 0) > 1000, 20, "the load runs")
        yield bench
    finally:
        bench.kill()
        bench.communicate()


@contextlib.contextmanager
def attacker(running, kind, rate=RATE):
    rate = RATE_OF_ARP if kind == "arp" else rate
    process = start("cluster", "exec", running.path, "--", HOSTILE, "--cluster", running.path,
                    "--kind", kind, "--seconds", TURN_S, "--rate", rate, "--client",
                    HOSTILE_CLIENT)
    try:
        if process.stdout.readline() != "ready\n":
            raise AssertionError(process.communicate()[1])
        yield process
    finally:
        process.kill()
        print(process.communicate()[1].strip(), file=sys.stderr)


def kernel_fragments(process):
    """IPv4 fragments that the kernel kept for a replica, to wait for the rest."""
    with open(f"/proc/{process}/net/snmp") as file:
        names, values = (line.split() for line in file if line.startswith("Ip:"))
    return int(values[names.index("ReasmReqds")])


def cpu_ns(process):
    """CPU time of all threads, to the nanosecond: what /proc/PID/stat has is in clock ticks."""
    total = 0
    for name in glob.glob(f"/proc/{process}/task/*/schedstat"):
        with open(name) as file:
            total += int(file.read().split()[0])
    return total


def reading(running):
    """What all replicas counted so far, together."""
    replicas = running.status()["replicas"]
    drops = Counter({KERNEL: kernel_fragments(replicas[0]["process"])})
    for replica in replicas:
        drops.update(replica["drops"])
    del drops["late"]  # of the honest, and no loss
    return {"drops": drops,
            "requests": statistics.median(replica["requests"] for replica in replicas),
            "verifies": sum(replica["verifies"] for replica in replicas),
            "cpu_ns": sum(cpu_ns(replica["process"]) for replica in replicas)}


def turn(running, process, how):
    """One attack, or the same frames into the sink: what the attacker says of it, and what the
    replicas did meanwhile."""
    before, begin = reading(running), time.monotonic()
    process.stdin.write(how + "\n")
    process.stdin.flush()
    seen = json.loads(process.stdout.readline())
    after, end = reading(running), time.monotonic()
    seen.update({name: after[name] - before[name] for name in after})
    seen["rate"] = seen["requests"] / (end - begin)
    return seen


def check_drops(kind, attack):
    """As many drops as datagrams, for the right reasons and for no others."""
    arrivals, drops = attack["arrivals"], attack["drops"]
    right = sum(drops[reason] for reason in KINDS[kind])
    others = sum(drops.values()) - right
    what = f"{kind}: {arrivals} arrived, dropped {dict(drops)}"
    assert right > DROPPED_MIN * arrivals, what
    # Requests that a datagram carries together are answered, and counted, one by one.
    assert right - drops["executed"] < DROPPED_MAX * arrivals, what
    assert others < OTHERS_MAX * arrivals, what
    assert kind not in BUDGETED or drops["rate-limited"] > 0.5 * arrivals, what


@contextlib.contextmanager
def paused(bench):
    bench.send_signal(signal.SIGSTOP)
    time.sleep(SETTLE_S)
    try:
        yield
    finally:
        bench.send_signal(signal.SIGCONT)


def cost_us(idles, attacks):
    """CPU time of the replicas per hostile datagram: what remains when an honest request costs as
    much as in the turns without a flood. It is as exact as the machine is quiet: ip-fragments,
    which reach no replica, show the error."""
    def total(turns, name):
        return sum(each[name] for each in turns)
    honest_ns = total(idles, "cpu_ns") / total(idles, "requests") * total(attacks, "requests")
    return (total(attacks, "cpu_ns") - honest_ns) / total(attacks, "arrivals") / 1000


def take_turns(running, process, ratio_min, turns, turns_max):
    """Turns without and with the flood, in pairs; which of the two comes first alternates, so that
    what the machine does slowly meets both alike.
    @return both kinds' turns, and the ratios of honest throughput, ascending"""
    idles, attacks, ratios = [], [], []
    while len(attacks) < turns or (len(attacks) < turns_max and
                                   statistics.median(ratios) < ratio_min):
        for how, seen in [("sink", idles), ("attack", attacks)][::1 if len(attacks) % 2 else -1]:
            seen.append(turn(running, process, how))
        ratios = sorted(attack["rate"] / max(idle["rate"], 1)
                        for idle, attack in zip(idles, attacks))
    return idles, attacks, ratios


def flood(running, kind, bench, rate=RATE, ratio_min=RATIO_MIN, turns=TURNS, turns_max=TURNS_MAX):
    """@return the ratio of honest throughput that four fifths of the turns did not exceed"""
    with attacker(running, kind, rate) as process:
        idles, attacks, ratios = take_turns(running, process, ratio_min, turns, turns_max)
        with paused(bench):
            alone = turn(running, process, "attack")
    print(f"{PROFILE:8} {kind:17} {statistics.median(ratios):5.2f} of {idles[-1]['rate']:6.0f} "
          f"requests/s in {len(attacks)} turns, {cost_us(idles, attacks):4.1f} us for a datagram; "
          f"alone: {alone['arrivals']} arrived, verified {alone['verifies']}, "
          f"dropped {dict(alone['drops'])}", flush=True)
    check_drops(kind, alone)
    return ratios[len(ratios) * 4 // 5]


def flood_again(running, kind):
    with attacker(running, kind) as process:
        for _ in range(TURNS):
            turn(running, process, "attack")


def resident(running):
    return sum(replica["rss_bytes"] for replica in running.status()["replicas"])


def all_agree(running):
    replicas = running.status()["replicas"]
    return len({replica["executed_sequence"] for replica in replicas}) == 1


def the_cluster_is_well(running, logged):
    for replica in running.status()["replicas"]:
        assert replica["state"] == "running" and replica["diverged"] == 0, replica
    assert running.logs() == logged, "a replica wrote to its log"
    eventually(lambda: all_agree(running), 30, "the replicas agree")
    assert running.send(["still", "there"]) == ["1", "2"]


def floods(kinds):
    with cluster() as running:
        add_ports(running)
        logged = running.logs()
        with load(running, 600) as bench:
            low = {kind: kept for kind in kinds if (kept := flood(running, kind, bench)) < RATIO_MIN}
            # Pools have been used to their bounds by now.
            settled = resident(running)
            for kind in kinds[:3]:
                flood_again(running, kind)
            grown = resident(running) / settled
        assert not low, f"honest clients kept less than {RATIO_MIN}: {low}"
        assert grown < 1.03, f"memory grew by {grown:.3f}"
        the_cluster_is_well(running, logged)


if __name__ == "__main__":
    floods(list(KINDS) if ARGUMENTS == ["all"] else ARGUMENTS or KINDS_OF_SUITE)
