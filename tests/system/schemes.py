# SPDX-License-Identifier: Apache-2.0
"""Replicas sign with one scheme and clients with another: on a network that loses, so that seals also
travel in batches and in certificates, all is answered and the replicas agree."""

import json

from harness import cluster, eventually, finish, start, switched

SECONDS = 5
SEED = 20263


def even(running):
    return len({replica["executed_sequence"] for replica in running.status()["replicas"]}) == 1


def each_side_signs_with_its_scheme(replicas, clients):
    with cluster("--replicas-scheme", replicas, "--clients-scheme", clients) as running:
        path = f"{running.path}/result.json"
        assert running.send(range(100)) == [str(n) for n in range(1, 101)]
        with switched(running, "at 0s loss 5%\nat 6s loss 0%", SEED):
            finish(start("bench", "--cluster", running.path, "--seconds", SECONDS, "--warmup", 1,
                         "--json", path))
            eventually(lambda: even(running), 20, "what was lost is repaired")
            status = running.status()["replicas"]
        with open(path) as file:
            result = json.load(file)
        print(f"replicas {replicas}, clients {clients}: {result['throughput_per_s']:.0f} requests/s")
        assert result["replies_missing"] == 0, result
        assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 4, result
        for says in (result["configuration"], *status):
            assert says["replica_signatures"] == replicas, says
            assert says["client_signatures"] == clients, says
        assert running.logs().count(f"signatures: {replicas} of replicas, {clients} of clients") == 4
        assert sum(replica["fetches"] for replica in status) > 0, status
        for replica in status:
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
            assert not replica["drops"].keys() & {"wrong-scheme", "bad-signature"}, replica["drops"]


each_side_signs_with_its_scheme("ed25519", "ecdsa-p256")
each_side_signs_with_its_scheme("ecdsa-p256", "ed25519")
