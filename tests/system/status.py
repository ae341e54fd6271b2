# SPDX-License-Identifier: Apache-2.0
"""`cluster status` and the telemetry socket show the same, of running, paused, dead and hand-started
replicas."""

import json
import os
import signal
import socket
import time

from harness import PROGRAM, cluster, directory, eventually, run, start

# What goes on counting in an idle cluster, or is only of the process.
MOVING = {"datagrams_received", "received_bytes", "datagrams_sent", "sent_bytes", "bundles_opened",
          "messages_opened", "roots_cached", "verifies", "verify_calls", "messages_sealed",
          "signatures", "sign_calls", "sleeps", "resent", "fetches", "dropped", "status_sent", "turns"}


class Telemetry:
    """What dpdk-telemetry.py does."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.greeting = json.loads(self.socket.recv(1024))

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(1 << 16))[command.split(",")[0]]


def steady(figures):
    return {name: value for name, value in figures.items()
            if name not in MOVING and not isinstance(value, (dict, list))}


def telemetry_says_what_status_says(running):
    for replica in running.status()["replicas"]:
        telemetry = Telemetry(replica["telemetry"])
        assert telemetry.greeting["pid"] == replica["process"], telemetry.greeting
        answer = telemetry.ask("/colonnade/status")
        for name, value in steady(answer).items():
            assert replica[name] == value, (name, value, replica[name])
        assert answer["dropped"] >= replica["dropped"] and answer["requests"] == 100, answer
        for k, pillar in enumerate(replica["pillars"]):
            assert steady(telemetry.ask(f"/colonnade/pillar,{k}")) == steady(pillar), (k, pillar)
        loop = telemetry.ask("/colonnade/loop,0")
        assert loop["name"] == replica["loops"][0]["name"] and loop["turns"] > 0, loop
        for reason, count in telemetry.ask("/colonnade/drops").items():
            assert count >= replica["drops"].get(reason.replace("_", "-"), 0), reason
        for wrong in ("/colonnade/pillar,99", "/colonnade/pillar,one", "/colonnade/loop,-1",
                      "/colonnade/status,1"):
            assert telemetry.ask(wrong) is None, wrong


def rows(text, words):
    return [line.split() for line in text.splitlines() if line.split()[:len(words)] == words]


def stuck_and_dead_replicas_are_shown(running):
    process = running.replica(1)["process"]
    os.kill(process, signal.SIGSTOP)
    shown = run("cluster", "status", running.path)
    assert rows(shown, ["1", "paused", str(process)]), shown
    assert len(rows(shown, ["1", "0"])) == 1, shown  # its pillars, too
    os.kill(process, signal.SIGCONT)
    run("cluster", "kill", running.path, 3)
    shown = run("cluster", "status", running.path, "--details")
    assert rows(shown, ["3", "down"]) and "replica 3 down: killed by signal 9" in shown, shown
    assert not rows(shown, ["3", "0"]) and rows(shown, ["2", "0"]), shown
    assert "drops of replica 2: " in shown and "receiver" in shown, shown
    assert "\033" not in shown


def hand_started_replicas_are_shown(running):
    """Replica 3 again, from a directory of its own, as on another machine."""
    with directory() as outer:
        path = f"{outer}/machine"
        run("init", path)
        arguments = ("cluster", "exec", running.path, "--", PROGRAM, "replica", "--cluster", path,
                     "--id", "3", "--profile", f"{path}/small.yaml", "--device", "col3")
        run("cluster", "status", path, status=1)
        replica = start(*arguments)
        try:
            line = replica.stdout.readline() + replica.stdout.readline()
            assert f"{path}/run/dpdk/replica-3/dpdk_telemetry.v2" in line and "ready" in line, line
            status = json.loads(run("cluster", "status", path, "--json"))
            assert [each["id"] for each in status["replicas"]] == [3], status
            assert status["supervisor"] == 0 and status["replicas"][0]["process"] == replica.pid
            assert Telemetry(status["replicas"][0]["telemetry"]).ask("/colonnade/status")
            assert rows(run("cluster", "status", path), ["3", "running"])
            again = start(*arguments)
            assert "runs already" in again.communicate(timeout=30)[1] and again.returncode == 2
        finally:
            replica.send_signal(signal.SIGTERM)
            replica.communicate(timeout=30)
        assert not os.listdir(f"{path}/run/dpdk"), os.listdir(f"{path}/run/dpdk")
        run("cluster", "status", path, status=1)


def is_at_rest(running):
    """What the client was told f+1 replicas have executed; here all have, and all pillars know."""
    before = running.status()["replicas"]
    time.sleep(0.2)
    after = running.status()["replicas"]
    return all(replica["requests"] == 100 for replica in before) and all(
        list(map(steady, old["pillars"])) == list(map(steady, new["pillars"]))
        for old, new in zip(before, after))


with cluster() as made:
    assert made.send(range(100))[-1] == "100"
    eventually(lambda: is_at_rest(made), 10, "every replica has executed everything")
    telemetry_says_what_status_says(made)
    stuck_and_dead_replicas_are_shown(made)
    hand_started_replicas_are_shown(made)
