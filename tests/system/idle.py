# SPDX-License-Identifier: Apache-2.0
"""An idle cluster sends nothing and uses no CPU."""

import time

from harness import cluster

SETTLE_S = 20
WATCH_S = 5
CPU_SHARE_MAX = 0.005


def packets(status):
    return [(replica["datagrams_sent"], replica["datagrams_received"])
            for replica in status["replicas"]]


def cpu_seconds(replica):
    return (replica["cpu_user_ns"] + replica["cpu_system_ns"]) / 1e9


def silence_after(action):
    with cluster() as running:
        action(running)
        end = time.monotonic() + SETTLE_S
        before = running.status()
        while True:
            time.sleep(WATCH_S)
            after = running.status()
            if packets(after) == packets(before):
                break
            assert time.monotonic() < end, f"still sending after {SETTLE_S} s: {after}"
            before = after
        for old, new in zip(before["replicas"], after["replicas"]):
            used = cpu_seconds(new) - cpu_seconds(old)
            assert used < CPU_SHARE_MAX * WATCH_S, f"replica {new['id']} used {used:.3f} s"
        # Whoever slept must still wake up.
        assert running.send(["a"]) == ["1"]


silence_after(lambda running: None)
silence_after(lambda running: running.send(range(100), "--sessions", 4))
