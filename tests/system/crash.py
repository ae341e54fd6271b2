# SPDX-License-Identifier: Apache-2.0
"""One backup is killed in mid-load: everything is still answered, and the three others agree."""

import json

from harness import cluster, directory, eventually, finish, run, start


def load_goes_on_without_a_killed_backup():
    # Replica 0 is the primary of every pillar, so replica 3 is a backup everywhere.
    with cluster("--leaders", "single") as running, directory() as outer:
        path = f"{outer}/result.json"
        bench = start("bench", "--cluster", running.path, "--seconds", 6, "--warmup", 1, "--json",
                      path)
        eventually(lambda: running.replica(3)["requests"] > 0, 10, "replica 3 executes requests")
        run("cluster", "kill", running.path, 3)
        after = running.replica(3)
        assert after["state"] == "down: killed by signal 9" and after["process"] == 0, after
        answered = running.replica(0)["requests"]
        finish(bench)
        assert running.replica(0)["requests"] > answered, "nothing was executed after the crash"
        with open(path) as file:
            result = json.load(file)
        assert result["replies_missing"] == 0, result
        assert result["checkpoints_agree"] is True and result["checkpoints_compared"] == 3, result
        assert [replica["id"] for replica in result["replicas"]] == [0, 1, 2], result
        assert running.send(["still", "there"]) == ["1", "2"]


load_goes_on_without_a_killed_backup()
