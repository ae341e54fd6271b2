#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does a request take when nothing else is to be done, and how long would it take if nothing but
its signatures took time? A markdown table for each way to authenticate and each profile.

    bench/latency.py [--seconds N] [--rounds N] [--profiles P...] [--modes M...] [--pillars N] [--build DIR]

One client has one request outstanding in one session of a cluster of four replicas. "bound" adds up what
STEPS below lists, with the costs of single operations measured in the same run: replicas that are at the
same step share this machine's cores. "own cores" is the same if they did not. Modes and profiles take turns
within a round, and the medians of the rounds count. Measures the binaries in build/release (`cmake --preset
release && cmake --build --preset release` makes them). Ends with status 0 when every request was answered and
the replicas agreed.
"""
import collections
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from running import arguments_of, harness_of

REPLICAS, FAULTS = 4, 1

# Options of `init`, and what authenticates requests, the replicas' messages and replies: a kind of key of the
# micro-benchmarks, or None for MACs, which cost next to nothing.
Mode = collections.namedtuple("Mode", "options request message reply")
MODES = {
    "rsa": Mode([], "RSA-2048", "RSA-2048", "RSA-2048"),
    "ed25519": Mode(["--replicas-scheme", "ed25519", "--clients-scheme", "ed25519"],
                    "Ed25519", "Ed25519", "Ed25519"),
    "rsa, hmac": Mode(["--sessions", "hmac"], None, "RSA-2048", None),
    "ed25519, hmac": Mode(["--replicas-scheme", "ed25519", "--clients-scheme", "ed25519",
                           "--sessions", "hmac"], None, "Ed25519", None),
}

# One after the other: how many are at it, and what each of them does, with which authenticator. A backup's
# own PREPARE and a replica's own COMMIT need no verification.
STEPS = [
    (1, [("sign", "request", 1)]),                                                    # client
    (1, [("verify", "request", 1), ("sign", "message", 1)]),                          # PRE-PREPARE
    (REPLICAS - 1, [("verify", "message", 1), ("verify", "request", 1), ("sign", "message", 1)]),  # PREPARE
    (REPLICAS, [("verify", "message", 2 * FAULTS - 1), ("sign", "message", 1)]),      # COMMIT
    (REPLICAS, [("verify", "message", 2 * FAULTS), ("sign", "reply", 1)]),            # REPLY
    (1, [("verify", "reply", FAULTS + 1)]),                                           # client
]


def arguments():
    parser = arguments_of(__doc__, seconds=3, rounds=5)
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES, metavar="M")
    parser.add_argument("--pillars", type=int, default=4, metavar="N")
    return parser.parse_args()


def operation_costs(build):
    """us of ("sign" or "verify", kind of key), one at a time, by the best back end: the least of several
    repetitions, for others on the machine only add to it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([build / "colonnade-bench", "--benchmark_filter=^(sign|verify)/.*/alone$",
                        "--benchmark_min_time=0.05", "--benchmark_repetitions=5",
                        "--benchmark_enable_random_interleaving=true", f"--benchmark_out={file.name}",
                        "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(pathlib.Path(file.name).read_text())
    cost = {("sign", None): 0, ("verify", None): 0}
    for each in found["benchmarks"]:
        what, back_end, kind, _ = each["name"].split("/")
        if each["run_type"] == "iteration" and back_end == found["context"]["signatures"]:
            cost[what, kind] = min(each["cpu_ns"] / 1000, cost.get((what, kind), float("inf")))
    return cost


def bound_ms(cost, mode, cores):
    return sum(max(1, count / cores) * sum(times * cost[what, getattr(mode, kind)]
                                           for what, kind, times in operations)
               for count, operations in STEPS) / 1000


def measure(harness, running, seconds):
    path = f"{running.path}/result.json"
    harness.run("bench", "--cluster", running.path, "--clients", 1, "--sessions", 1, "--outstanding", 1,
                "--warmup", 1, "--seconds", seconds, "--json", path, timeout=seconds + 60)
    return json.loads(pathlib.Path(path).read_text())


def clusters(harness, options, stack):
    """All of them are up at once: an idle one takes no time from the others."""
    return {(mode, profile): stack.enter_context(
                harness.cluster(*MODES[mode].options, "--pillars", options.pillars, profile=profile))
            for mode in options.modes for profile in options.profiles}


def print_table(cells):
    print("\n| authentication | profile | p50 ms | p99 ms | bound ms | p50 / bound | own cores ms "
          "| signatures, sleeps a request |\n|---|---|---|---|---|---|---|---|")
    for (mode, profile), rounds in cells.items():
        p50, p99, bound, alone, signs, sleeps = map(statistics.median, zip(*rounds))
        print(f"| {mode} | {profile} | {p50:.2f} | {p99:.2f} | {bound:.2f} | {p50 / bound:.2f} "
              f"| {alone:.2f} | {signs:.1f}, {sleeps:.1f} |")


def main():
    options = arguments()
    harness = harness_of(options.build)
    with contextlib.ExitStack() as stack:
        running = clusters(harness, options, stack)
        cells = {key: [] for key in running}
        for _ in range(options.rounds):
            cost = operation_costs(options.build)
            for key, rounds in cells.items():
                result = measure(harness, running[key], options.seconds)
                latency, count = result["latency_us"], result["replica_counts_per_request"]
                mode = MODES[key[0]]
                rounds.append((latency["p50"] / 1000, latency["p99"] / 1000,
                               bound_ms(cost, mode, os.cpu_count()), bound_ms(cost, mode, REPLICAS),
                               count["signatures"], count["sleeps"]))
                print("  {} {}: p50 {:.2f} ms, bound {:.2f} ms".format(*key, rounds[-1][0], rounds[-1][2]),
                      flush=True)
    machine = result["machine"]
    print(f"\n{machine['processor']}, {machine['cores']} cores, {machine['kernel']}; commit "
          f"{result['commit']}; signatures by {result['configuration']['signature_backend']}; "
          f"{options.pillars} pillars")
    print_table(cells)


if __name__ == "__main__":
    main()
