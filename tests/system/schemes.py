# SPDX-License-Identifier: Apache-2.0
"""Replicas sign with one scheme and clients with another, or with MACs: all is answered, a backup that
was cut off takes batches and certificates of both, and the replicas agree."""

import json

from harness import all_even, cluster, eventually, finish, run, start

CUT_OFF = 3  # with `leaders: single` replica 0 leads every pillar: no view change is needed
INTERVAL_ROUNDS = 16  # from one checkpoint to the next, by default; peers keep what is six old
BURST_LINES = 20  # of 4 sessions, one in each pillar: at most 5 rounds


def link(running, state):
    run("cluster", "exec", running.path, "--", "bridge", "link", "set", "dev", f"b{CUT_OFF}", "state",
        state)


def only_fetching_helps(running):
    """The backup misses rounds at and below all peers' stable checkpoint: those nobody sends again
    without being asked."""
    *peers, backup = [replica["pillars"][0] for replica in running.status()["replicas"]]
    stable = min(peer["stable_checkpoint"] for peer in peers)
    return stable * INTERVAL_ROUNDS > backup["executed_round"]


def burst(client):
    """@return the answers"""
    client.stdin.write("x\n" * BURST_LINES)
    client.stdin.flush()
    return [client.stdout.readline().strip() for _ in range(BURST_LINES)]


def a_backup_misses_some_and_catches_up(running):
    client = start("client", "--cluster", running.path, "--sessions", 4)
    answers = burst(client)
    link(running, "disabled")
    while not only_fetching_helps(running):
        answers += burst(client)
    fetches = running.replica(CUT_OFF)["fetches"]
    link(running, "forwarding")
    answers += burst(client) + finish(client).split()
    assert answers == [str(n // 4 + 1) for n in range(len(answers))], answers
    eventually(lambda: all_even(running), 20, "what was missed is there")
    assert running.replica(CUT_OFF)["fetches"] > fetches, running.replica(CUT_OFF)


def all_agree_under_load(running):
    path = f"{running.path}/result.json"
    finish(start("bench", "--cluster", running.path, "--seconds", 3, "--warmup", 1, "--json", path))
    with open(path) as file:
        result = json.load(file)
    assert result["replies_missing"] == 0, result
    assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 4, result
    return result


def macs_take_the_place_of_signatures(result, status):
    """A client signs a session's opening, its first request and what it repeats."""
    assert result["client_signatures_per_s"] < result["throughput_per_s"] / 20, result
    for replica in status:
        assert replica["macs_made"] > 0 and replica["macs_checked"] > 0, replica


def each_side_seals_in_its_way(replicas, clients, sessions):
    options = ("--replicas-scheme", replicas, "--clients-scheme", clients, "--sessions", sessions,
               "--leaders", "single")
    with cluster(*options) as running:
        a_backup_misses_some_and_catches_up(running)
        result = all_agree_under_load(running)
        status = running.status()["replicas"]
        print(f"replicas {replicas}, clients {clients}, sessions {sessions}: "
              f"{result['throughput_per_s']:.0f} requests/s")
        for says in (result["configuration"], *status):
            assert says["replica_signatures"] == replicas, says
            assert says["client_signatures"] == clients, says
            assert says["sessions_sealed"] == sessions, says
        assert running.logs().count(
            f"signatures: {replicas} of replicas, {clients} of clients, sessions {sessions}") == 4
        if sessions == "hmac":
            macs_take_the_place_of_signatures(result, status)
        for replica in status:
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
            assert not replica["drops"].keys() & {"wrong-scheme", "bad-signature", "bad-mac"}, replica["drops"]


each_side_seals_in_its_way("ed25519", "ecdsa-p256", "signed")
each_side_seals_in_its_way("ecdsa-p256", "ed25519", "hmac")
