#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does the load decide? Throughput, latency and costs of a cluster that is offered requests at a
fixed rate, as a markdown table: little waits at low rates and is signed alone, much is signed together
at high ones.

    bench/offered.py [--seconds N] [--rounds N] [--profiles P...] [--rates RATE...] [--build DIR]

Requests are sent by a schedule, and latency counts from it; the rate "max" is a closed loop, which sends
as fast as it is answered. Rates take turns within a round, and the medians of the rounds count. Measures the
binaries in build/release (`cmake --preset release && cmake --build --preset release` makes them). Ends with
status 0 when every request that was sent was answered and the replicas agreed.
"""
import json
import pathlib
import statistics

from running import arguments_of, harness_of

COLUMNS = ("profile", "offered/s", "answered/s", "p50 ms", "p99 ms", "messages a signature",
           "signatures, verifications at once", "requests a batch", "CPU us a request")


def arguments():
    parser = arguments_of(__doc__, seconds=5, rounds=5)
    parser.add_argument("--rates", nargs="+", metavar="RATE",
                        default=["100", "1000", "5000", "10000", "20000", "max"])
    return parser.parse_args()


def measure(harness, running, rate, seconds):
    """Everything that bench tells."""
    path = f"{running.path}/result.json"
    schedule = [] if rate == "max" else ["--rate", rate]
    harness.run("bench", "--cluster", running.path, "--threads", 4, "--seconds", seconds, "--warmup", 1,
                "--json", path, *schedule, timeout=seconds + 60)
    return json.loads(pathlib.Path(path).read_text())


def figures(result):
    count, cpu = result["replica_counts_per_request"], result["cpu_us_per_request"]
    latency = result["latency_us"]
    return (result["throughput_per_s"], latency["p50"] / 1000, latency["p99"] / 1000,
            result["messages_per_signature"], count["signatures"] / count["sign_calls"],
            count["verifies"] / count["verify_calls"], result["mean_batch"],
            cpu["replicas"] + cpu["clients"])


def print_table(cells):
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for (profile, rate), rounds in cells.items():
        rate_s, p50, p99, messages, signs, verifies, batch, cpu = map(statistics.median,
                                                                    zip(*rounds))
        print(f"| {profile} | {rate} | {rate_s:.0f} | {p50:.1f} | {p99:.1f} | {messages:.1f} "
              f"| {signs:.1f}, {verifies:.1f} | {batch:.1f} | {cpu:.0f} |")


def main():
    options = arguments()
    harness = harness_of(options.build)
    cells = {(profile, rate): [] for profile in options.profiles for rate in options.rates}
    for profile in options.profiles:
        with harness.cluster("--application-options", "reply_bytes=100", profile=profile) as running:
            for _ in range(options.rounds):
                for rate in options.rates:
                    result = measure(harness, running, rate, options.seconds)
                    cells[profile, rate].append(figures(result))
                    print("  profile {}, offered {}: {:.0f} requests/s, p50 {:.2f} ms, p99 {:.2f} ms"
                          .format(profile, rate, *cells[profile, rate][-1][:3]), flush=True)
    machine = result["machine"]
    print(f"\n{machine['processor']}, {machine['cores']} cores, {machine['kernel']}; commit "
          f"{result['commit']}; signatures by {result['configuration']['signature_backend']}")
    print_table(cells)


if __name__ == "__main__":
    main()
