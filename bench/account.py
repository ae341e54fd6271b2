#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does it add up? What the micro-benchmarks predict that a request costs the four replicas of a
loaded cluster, beside what it did cost.

    bench/account.py [--profile small|threads] [--seconds N] [--micro FILE]

Runs the micro-benchmarks (or takes what `bench/micro.sh --json FILE` found) and then a cluster under load, with the binaries in build/release
(bench/demo.sh and bench/micro.sh build them). "predicted" is how often the replicas did something per request, as they
counted it, times what it costs alone. "busy" is the time that a stage was at work by the clock: it
contains the kernel's part and whatever ran in between on the same core. CPU time contains no
waiting. Ends with status 0 when the cluster answered every request and agreed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build" / "release"

# Stage, what is counted, its benchmark, and the factor from the benchmark's unit to what is counted.
STAGES = [
    ("receiver", "datagrams_received", "receive/headers", 1),
    ("receiver", "datagrams_received", "ring/one thread, burst/8", 1),
    ("pillars", "messages_opened", "open/tree of replies, cached root/64", 1),
    ("pillars", "verifies", "verify/RSA-2048/alone", 1),
    ("pillars", "requests_checked", "open/batch of 100, cached roots", 1),
    ("pillars", "slots_at_backups", "ordering/backup, batch of 100", 1),
    ("pillars", "slots_at_primaries", "ordering/primary, batch of 100", 1),
    ("merge", "requests", "merge/batch of 100", 1 / 100),
    ("signers", "messages_sealed", "seal/tree of replies/256, unsigned", 1),
    ("signers", "signatures", "sign/RSA-2048/alone", 1),
]


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def median(values):
    return sorted(values)[len(values) // 2]


def run_micro(path):
    run(BUILD / "colonnade-bench", "--benchmark_min_time=0.02", "--benchmark_repetitions=5",
        f"--benchmark_out={path}", "--benchmark_out_format=json",
        "--benchmark_filter=^(receive/headers|ring/one|open/|verify/.*2048/alone|sign/.*2048/alone"
        "|ordering/|merge/batch of 100$|seal/tree of replies)")


def costs(path):
    """Benchmark -> (cycles, ns) of one unit."""
    found = {}
    for each in json.loads(path.read_text())["benchmarks"]:
        if each["run_type"] == "iteration":
            found.setdefault(each["name"], []).append((each["cycles"], each["cpu_ns"]))
    cost = {name: tuple(map(median, zip(*runs))) for name, runs in found.items()}
    for what in "sign", "verify":
        name = f"{what}/%s/RSA-2048/alone"
        cost[f"{what}/RSA-2048/alone"] = cost.get(name % "ifma", cost[name % "openssl"])
    # A tree's signature is an operation of its own below.
    sign = cost["sign/RSA-2048/alone"]
    cost["seal/tree of replies/256, unsigned"] = tuple(
        max(whole - one / 256, 0)
        for whole, one in zip(cost["seal/tree of replies/256"], sign))
    return cost


def cluster(directory, profile, seconds):
    path, result = directory / "cluster", directory / "bench.json"
    colonnade = BUILD / "colonnade"
    run(colonnade, "init", path, "--application-options", "reply_bytes=100")
    try:
        run(colonnade, "cluster", "up", path, "--profile", profile)
        run(colonnade, "bench", "--cluster", path, "--seconds", seconds, "--json", result)
    finally:
        run(colonnade, "cluster", "down", path)
    return json.loads(result.read_text())


def counts(bench, cost):
    """Operations of all replicas for one request."""
    count = dict(bench["replica_counts_per_request"])
    if "verify/ifma/RSA-2048/alone" in cost:  # a call costs the same, however many lanes it fills
        count["verifies"] = count["verify_calls"]
    replicas = bench["configuration"]["replicas"]
    slots = count["batches"] / replicas
    count["slots_at_primaries"] = slots
    count["slots_at_backups"] = slots * (replicas - 1)
    # The benchmark's slot is one of 100 requests: part of it goes by the request.
    count["requests_checked"] = count["requests"] * (replicas - 1) / replicas
    return count


def print_account(bench, cost):
    count, busy = counts(bench, cost), bench["busy_us_per_request"]
    total = {}
    print(f"{'stage':<9} {'operation':<38} {'per request':>11} {'cycles':>9} {'us/request':>10}")
    for stage, what, name, factor in STAGES:
        cycles, ns = (factor * each for each in cost[name])
        us = count[what] * ns / 1000
        total[stage] = total.get(stage, 0) + us
        print(f"{stage:<9} {name:<38} {count[what]:>11.4f} {cycles:>9.0f} {us:>10.2f}")
    print(f"\n{'stage':<9} {'predicted us/request':>21} {'busy us/request':>16} {'ratio':>6}")
    for stage, measured in busy.items():
        predicted = total.get(stage, 0)
        ratio = f"{measured / predicted:.1f}" if predicted > 0.005 else "-"
        print(f"{stage:<9} {predicted:>21.2f} {measured:>16.2f} {ratio:>6}")
    cpu = bench["cpu_us_per_request"]
    predicted = sum(total.values())
    print(f"{'all':<9} {predicted:>21.2f} {sum(busy.values()):>16.2f}\n")
    print(f"CPU of the replicas per request: {cpu['replicas']:.1f} us, of it "
          f"{cpu['replicas_user']:.1f} user and {cpu['replicas_system']:.1f} system (kernel)")
    print(f"user time that nothing above predicts: {cpu['replicas_user'] - predicted:.1f} us")
    print(f"busy by the clock beyond CPU time (others ran on the core): "
          f"{max(sum(busy.values()) - cpu['replicas'], 0):.1f} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=("small", "threads"), default="small")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--micro", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="colonnade-account-") as name:
        directory = pathlib.Path(name)
        path = options.micro or directory / "micro.json"
        if not options.micro:
            run_micro(path)
        cost = costs(path)
        bench = cluster(directory, options.profile, options.seconds)
    machine = bench["machine"]
    print(f"machine   {machine['processor']}, {machine['cores']} cores, {machine['kernel']}\n"
          f"commit    {bench['commit']}\n"
          f"cluster   profile {options.profile}, {bench['throughput_per_s']:.0f} requests/s, batches "
          f"of {bench['mean_batch']:.0f}, {bench['configuration']['reply_bytes']} B replies\n")
    print_account(bench, cost)


if __name__ == "__main__":
    sys.exit(main())
