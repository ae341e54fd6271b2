# SPDX-License-Identifier: Apache-2.0
"""Four replicas answer one client and many, in order and exactly once, and agree."""

import json

from harness import SLOWNESS, cluster, directory, finish, run, start

REQUESTS = 300


def one_client_gets_its_results_in_order():
    with cluster() as running:
        assert running.send(range(REQUESTS)) == [str(n) for n in range(1, REQUESTS + 1)]
        # A second run is a second session: it counts from one again.
        assert running.send(["a", "b"]) == ["1", "2"]


def many_clients_get_all_results():
    sessions = 4
    with cluster() as running:
        clients = [start("client", "--cluster", running.path, "--client", n, "--sessions", sessions)
                   for n in range(6)]
        text = "x\n" * REQUESTS
        for client in clients:
            client.stdin.write(text)
            client.stdin.close()
            client.stdin = None
        expected = [str(n // sessions + 1) for n in range(REQUESTS)]
        for client in clients:
            assert finish(client, None).splitlines() == expected
        for replica in running.status()["replicas"]:
            assert replica["diverged"] == 0, replica
            assert replica["state"] == "running", replica


def the_log_has_every_operation_once_in_one_order():
    with cluster("--application", "log") as running:
        clients = [start("client", "--cluster", running.path, "--client", n, "--sessions", 2)
                   for n in range(3)]
        for client in clients:
            client.stdin.write("x\n" * 100)
            client.stdin.close()
            client.stdin = None
        digest_at = {}
        for client in clients:
            for line in finish(client, None).splitlines():
                index, digest = line.split()
                assert index not in digest_at, f"two operations at index {index}"
                assert len(digest) == 64
                digest_at[index] = digest
        assert sorted(map(int, digest_at)) == list(range(1, 301))
        assert len(set(digest_at.values())) == 300


def the_benchmark_reports_what_it_saw():
    with cluster("--application-options", "reply_bytes=100") as running, directory() as outer:
        out = run("bench", "--cluster", running.path, "--seconds", 3 * SLOWNESS, "--warmup", 1,
                  "--json", f"{outer}/result.json", "--request-bytes", 100)
        with open(f"{outer}/result.json") as file:
            result = json.load(file)
    assert result["throughput_per_s"] > 0
    assert result["replies_missing"] == 0
    assert result["checkpoints_agree"] is True
    assert result["checkpoints_compared"] == 4
    latency = result["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"]
    assert [replica["id"] for replica in result["replicas"]] == [0, 1, 2, 3]
    assert all(replica["rss_bytes"] > 0 and replica["cpu_user_ns"] > 0
               for replica in result["replicas"])
    assert abs(sum(result["pillar_shares"]) - 1) < 0.01
    assert result["configuration"]["request_bytes"] == 100
    assert result["configuration"]["reply_bytes"] == 100
    assert result["configuration"]["replica_signatures"] == "rsa-2048"
    assert result["configuration"]["client_signatures"] == "rsa-2048"
    assert result["machine"]["cores"] > 0 and result["commit"]
    for fact in ("throughput", "latency", "mean batch", "share of pillars", "messages/datagram",
                 "signatures", "verifications", "messages/signature", "drops", "4 replicas agree"):
        assert fact in out, f"{fact} is missing in\n{out}"


def offered(running, outer, rate, *options):
    path = f"{outer}/offered.json"
    run("bench", "--cluster", running.path, "--rate", rate, "--warmup", 0, "--seconds", 2, "--clients", 1,
        "--json", path, *options)
    with open(path) as file:
        return json.load(file)


def load_by_schedule_counts_the_time_in_which_nothing_could_be_sent():
    with cluster() as running, directory() as outer:
        sent = offered(running, outer, 40)
        assert abs(sent["throughput_per_s"] - 40) <= 2 and sent["requests_still_due"] <= 1, sent
        # With one request at a time nothing can be answered as fast as it is due here.
        late = offered(running, outer, 1000000, "--sessions", 1, "--outstanding", 1)
    answered = late["requests_answered"]
    assert 0 < answered < 100000 and late["requests_still_due"] > 2000000 - answered - 200000, late
    assert late["latency_us"]["p50"] > 500000 and late["latency_us"]["maximum"] > 1500000, late


one_client_gets_its_results_in_order()
many_clients_get_all_results()
the_log_has_every_operation_once_in_one_order()
the_benchmark_reports_what_it_saw()
load_by_schedule_counts_the_time_in_which_nothing_could_be_sent()
