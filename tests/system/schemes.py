# SPDX-License-Identifier: Apache-2.0
"""Replicas sign with one scheme and clients with another: all is answered, a backup that was cut off
takes batches and certificates of both, and the replicas agree."""

import json

from harness import all_even, cluster, eventually, feed, finish, start, switched

CUT_OFF = 3  # with `leaders: single` replica 0 leads every pillar: no view change is needed
SCRIPT = f"at 1s partition {CUT_OFF} | 0 1 2 clients\nat 3s heal"
BURSTS, LINES, PAUSE_S = 20, 100, 0.2  # a round or two of batches each: fewer than peers keep
SEED = 20263


def a_backup_misses_some_and_catches_up(running):
    client = start("client", "--cluster", running.path, "--sessions", 4)
    feed(client, BURSTS, LINES, PAUSE_S)
    answers = finish(client, None).splitlines()
    assert answers == [str(n // 4 + 1) for n in range(BURSTS * LINES)], answers
    eventually(lambda: all_even(running), 20, "what was missed is there")
    assert running.replica(CUT_OFF)["fetches"] > 0, running.replica(CUT_OFF)


def all_agree_under_load(running):
    path = f"{running.path}/result.json"
    finish(start("bench", "--cluster", running.path, "--seconds", 3, "--warmup", 1, "--json", path))
    with open(path) as file:
        result = json.load(file)
    assert result["replies_missing"] == 0, result
    assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 4, result
    return result


def each_side_signs_with_its_scheme(replicas, clients):
    options = ("--replicas-scheme", replicas, "--clients-scheme", clients, "--leaders", "single")
    with cluster(*options) as running:
        with switched(running, SCRIPT, SEED):
            a_backup_misses_some_and_catches_up(running)
            result = all_agree_under_load(running)
            status = running.status()["replicas"]
        print(f"replicas {replicas}, clients {clients}: {result['throughput_per_s']:.0f} requests/s")
        for says in (result["configuration"], *status):
            assert says["replica_signatures"] == replicas, says
            assert says["client_signatures"] == clients, says
        assert running.logs().count(f"signatures: {replicas} of replicas, {clients} of clients") == 4
        for replica in status:
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
            assert not replica["drops"].keys() & {"wrong-scheme", "bad-signature"}, replica["drops"]


each_side_signs_with_its_scheme("ed25519", "ecdsa-p256")
each_side_signs_with_its_scheme("ecdsa-p256", "ed25519")
