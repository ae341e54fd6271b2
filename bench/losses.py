#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What do losses cost? Throughput and latency of a loaded cluster whose network loses 0, 1, 5 and
20 % of all frames, with both profiles.

    bench/losses.py [--seconds N] [--rounds N] [--profiles P...] [--losses PERCENT...] [--build DIR]

Every measurement has a cluster of its own, connected by tests/system/switch instead of its bridge,
also where nothing is lost. Profiles and losses take turns within a round, and the medians of the
rounds count. "lost" is what the switch did lose. Measures the binaries in build/release
(`cmake --preset release && cmake --build --preset release` makes them). Ends with status 0 when each
cluster answered every request and agreed.
"""
import json
import pathlib
import statistics

from running import arguments_of, harness_of

SEED = 20262  # of the switch in the first round; the next one in the second


def arguments():
    parser = arguments_of(__doc__, seconds=10, rounds=3)
    parser.add_argument("--losses", nargs="+", type=float, default=[0, 1, 5, 20], metavar="PERCENT")
    return parser.parse_args()


def measure(harness, profile, loss, seed, seconds):
    """(requests/s, p50 in ms, p99 in ms, frames that were lost in %)"""
    with harness.cluster("--application-options", "reply_bytes=100", profile=profile) as running:
        path = f"{running.path}/result.json"
        with harness.switched(running, f"at 0s loss {loss:g}%\n", seed) as switch:
            harness.run("bench", "--cluster", running.path, "--seconds", seconds, "--json", path,
                        timeout=seconds + 60)
        result = json.loads(pathlib.Path(path).read_text())
    lost = 100 * switch.total("lost") / switch.total("frames")
    assert abs(lost - loss) <= 0.2 * loss, f"the switch lost {lost:.1f} %, not {loss:g} %"
    latency = result["latency_us"]
    return result["throughput_per_s"], latency["p50"] / 1000, latency["p99"] / 1000, lost


def print_table(cells):
    print(f"\n{'profile':<9} {'loss':>6} {'lost':>7} {'requests/s':>11} {'p50':>9} {'p99':>9}")
    for (profile, loss), rounds in cells.items():
        rate, p50, p99, lost = map(statistics.median, zip(*rounds))
        print(f"{profile:<9} {loss:>4g} % {lost:>5.1f} % {rate:>11.0f} {p50:>6.1f} ms {p99:>6.1f} ms")


def main():
    options = arguments()
    harness = harness_of(options.build)
    cells = {(profile, loss): [] for profile in options.profiles for loss in options.losses}
    for turn in range(options.rounds):
        for (profile, loss), rounds in cells.items():
            rounds.append(measure(harness, profile, loss, SEED + turn, options.seconds))
            print("  profile {}: {:.0f} requests/s, p50 {:.1f} ms, p99 {:.1f} ms, lost {:.1f} %"
                  .format(profile, *rounds[-1]), flush=True)
    print_table(cells)


if __name__ == "__main__":
    main()
