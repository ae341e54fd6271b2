# SPDX-License-Identifier: Apache-2.0
"""Everything that was started ends, cleanly, and leaves nothing behind."""

import os
import re
import signal

from harness import cluster, eventually, run


def exists(pid):
    return os.path.exists(f"/proc/{pid}") and state_of(pid) != "Z"


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


def is_down(running):
    try:
        run("cluster", "status", running.path, status=1)
        return True
    except AssertionError:
        return False


def runtime_directories():
    return {name for name in os.listdir("/tmp") if re.fullmatch("colonnade-.{6}", name)}


def a_terminated_replica_ends_cleanly():
    before = runtime_directories()
    with cluster() as running:
        running.send(range(10))
        process = running.replica(2)["process"]
        os.kill(process, signal.SIGTERM)
        eventually(lambda: running.replica(2)["process"] == 0, 10, "replica 2 ends")
        assert running.replica(2)["state"] == "stopped", running.replica(2)
        with open(f"{running.path}/run/replica-2.log") as file:
            assert "stopped" in file.read().splitlines()[-1]
    eventually(lambda: runtime_directories() <= before, 5, "runtime directories are removed")


def down_leaves_nothing():
    with cluster() as running:
        status = running.status()
        processes = [status["supervisor"], *(each["process"] for each in status["replicas"])]
        assert all(map(exists, processes))
        assert run("cluster", "down", running.path) == f"{running.path} is down\n"
        assert not any(map(exists, processes))
        assert all(name == "lock" or name.endswith(".log")
                   for name in os.listdir(f"{running.path}/run"))
        assert run("cluster", "down", running.path) == f"{running.path}: no cluster was up\n"
        run("cluster", "status", running.path, status=1)


def replicas_end_with_their_supervisor():
    with cluster() as running:
        status = running.status()
        os.kill(status["supervisor"], signal.SIGKILL)
        for replica in status["replicas"]:
            eventually(lambda: not exists(replica["process"]), 10, f"replica {replica['id']} ends")
        # Their last threads may outlive the first one for a moment.
        eventually(lambda: is_down(running), 10, "no replica is there")
        run("cluster", "up", running.path)
        assert running.send(["a"]) == ["1"]


a_terminated_replica_ends_cleanly()
down_leaves_nothing()
replicas_end_with_their_supervisor()
