# SPDX-License-Identifier: Apache-2.0
"""A minute on a network that loses, repeats, delays and reorders: all is answered, memory stays flat."""

import json
import time

from harness import SLOWNESS, cluster, finish, start, switched

SECONDS = 60
SEED = 20261
UGLY = "at 0s loss 5% ; duplicate 1% ; delay 200us jitter 300us ; reorder 1%"
# All memory is taken at start, but its pages count when they are first touched: ever fewer after the
# first seconds, where a batch is larger than all before in its slot. 64 bytes lost with each datagram
# would be more than that.
WARM_UP_S = 15 * SLOWNESS
GROWTH_BYTES_MAX = 6 << 20


def memory(running):
    return [replica["rss_bytes"] for replica in running.status()["replicas"]]


def load_goes_on_in_spite_of_losses():
    with cluster() as running:
        path = f"{running.path}/result.json"
        with switched(running, UGLY, SEED) as switch:
            bench = start("bench", "--cluster", running.path, "--seconds", SECONDS, "--json", path)
            time.sleep(WARM_UP_S)
            before = memory(running)
            finish(bench, timeout=SECONDS + 30)
            growth = [after - early for early, after in zip(before, memory(running))]
        with open(path) as file:
            result = json.load(file)
        print(f"{result['throughput_per_s']:.0f} requests/s, {result['latency_us']}, memory grew "
              f"by {growth} bytes")
        assert result["replies_missing"] == 0, result
        assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 4, result
        assert max(growth) < GROWTH_BYTES_MAX, f"{growth} after {WARM_UP_S} s: {before}"
        for replica in running.status()["replicas"]:
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
        for counter in ("lost", "duplicated", "delayed", "reordered"):
            assert switch.total(counter) > 0, switch.counters
        assert 0.04 < switch.total("lost") / switch.total("frames") < 0.06, switch.counters
        assert switch.total("overflowed") == 0, switch.counters


load_goes_on_in_spite_of_losses()
