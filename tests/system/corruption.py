# SPDX-License-Identifier: Apache-2.0
"""Every tenth datagram arrives damaged: all is answered, and what was damaged is dropped by name."""

import json

from harness import cluster, finish, start, switched

SEED = 20263
DAMAGE = "at 0s corrupt 10%"

# What damage looks like, from the outside in: a header that does not add up, a bundle that ends too
# early or contradicts itself, and what only the signature tells. A damaged address or protocol is
# counted as "not-ours", together with the ICMP that answers replies to a client that has ended.
FREQUENT = ("truncated", "bad-checksum", "malformed", "bad-signature")
REASONS = FREQUENT + ("wrong-version", "other-cluster", "wrong-role", "unknown-sender", "unknown-type",
                      "wrong-pillar", "wrong-scheme", "bad-proof", "bad-digest", "oversized")


def load_goes_on_in_spite_of_damage():
    with cluster() as running:
        path = f"{running.path}/result.json"
        with switched(running, DAMAGE, SEED) as switch:
            bench = start("bench", "--cluster", running.path, "--seconds", 15, "--json", path)
            finish(bench)
            status = running.status()
        with open(path) as file:
            result = json.load(file)
        assert result["replies_missing"] == 0, result
        assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 4, result
        drops = dict.fromkeys(REASONS, 0)
        for replica in status["replicas"]:
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
            for reason, count in replica["drops"].items():
                drops[reason] = drops.get(reason, 0) + count
        damaged = sum(link["corrupted"] for link in switch.counters["links"]
                      if link["to"] != "clients")
        named = sum(drops[reason] for reason in REASONS)
        print(f"{result['throughput_per_s']:.0f} requests/s, {damaged} damaged, {named} named: "
              f"{drops}")
        assert all(drops[reason] > 0 for reason in FREQUENT), drops
        # Unnoticed may stay what nobody reads, such as the UDP checksum of virtual devices.
        assert 0.8 * damaged < named < 1.1 * damaged, (damaged, drops)


load_goes_on_in_spite_of_damage()
