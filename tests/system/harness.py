# SPDX-License-Identifier: Apache-2.0
"""Real replica processes on this machine, driven through the `colonnade` program."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
PROFILE = sys.argv[2] if len(sys.argv) > 2 else "small"
LIMIT_S = int(sys.argv[3]) if len(sys.argv) > 3 else 0
SLOWNESS = int(sys.argv[4]) if len(sys.argv) > 4 else 1  # of the program, for all times below
SWITCH = os.path.abspath(sys.argv[5]) if len(sys.argv) > 5 else None
ARGUMENTS = sys.argv[6:]  # of the test itself

# What a sanitizer writes to a process's log; a leak is found when the process has ended.
SANITIZER = re.compile(r"(Address|Leak|Thread)Sanitizer|runtime error:")


def end_in_time(*_):
    raise TimeoutError(f"not finished after {LIMIT_S} s")


# Before ctest kills this process: a cluster would outlive it.
signal.signal(signal.SIGALRM, end_in_time)
signal.alarm(LIMIT_S)


def run(*arguments, status=0, input="", timeout=60):
    """Run a command of `colonnade`, check its exit status, and return its standard output."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], input=input, text=True,
                          capture_output=True, timeout=timeout * SLOWNESS)
    if done.returncode != status:
        raise AssertionError(f"colonnade {' '.join(map(str, arguments))} ended with status "
                             f"{done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done.stdout


def start(*arguments, **more):
    """Start a command of `colonnade` in the background."""
    return subprocess.Popen([PROGRAM, *map(str, arguments)], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def finish(process, input="", timeout=60):
    """Wait for a started command; it must succeed. Return its standard output."""
    out, error = process.communicate(input, timeout=timeout * SLOWNESS)
    assert process.returncode == 0, f"{process.args}: status {process.returncode}\n{out}{error}"
    return out


@contextlib.contextmanager
def directory():
    """A directory of its own for one test."""
    path = tempfile.mkdtemp(prefix="colonnade-system-")
    try:
        yield path
    finally:
        shutil.rmtree(path)


class Cluster:
    def __init__(self, path):
        self.path = path

    def status(self):
        return json.loads(run("cluster", "status", self.path, "--json"))

    def replica(self, number):
        return self.status()["replicas"][number]

    def send(self, lines, *arguments):
        """Send lines as operations; return the results, one per line."""
        text = "".join(f"{line}\n" for line in lines)
        return run("client", "--cluster", self.path, *arguments, input=text).splitlines()

    def logs(self):
        text = ""
        for name in sorted(os.listdir(f"{self.path}/run")):
            if name.endswith(".log"):
                with open(f"{self.path}/run/{name}") as file:
                    text += f"--- {name}\n{file.read()}"
        return text


@contextlib.contextmanager
def cluster(*options, profile=PROFILE):
    """A running cluster, made by `colonnade init` with these options."""
    with directory() as outer:
        path = f"{outer}/cluster"
        run("init", path, *options)
        made = Cluster(path)
        try:
            run("cluster", "up", path, "--profile", profile)
            yield made
        except BaseException:
            print(made.logs(), file=sys.stderr)
            raise
        finally:
            run("cluster", "down", path)
        found = SANITIZER.search(made.logs())
        assert not found, made.logs()


def take_off_the_bridge(running, replicas):
    """Connect all devices to the switch instead: the bridge keeps the clients' address."""
    commands = ["link add switch mtu 9000 type veth peer name col-sw mtu 9000",
                "link set col-sw master col-br up"]
    commands += [f"link set b{i} nomaster" for i in range(replicas)]
    # The kernel would answer ARP for the clients' address on every device.
    commands += [f"link set {device} arp off up"
                 for device in ["switch", *(f"b{i}" for i in range(replicas))]]
    run("cluster", "exec", running.path, "--", "ip", "-batch", "-", input="\n".join(commands))


class Switch:
    def __init__(self, process):
        self.process = process
        self.counters = None  # once it has ended

    def total(self, counter):
        return sum(link[counter] for link in self.counters["links"])


@contextlib.contextmanager
def switched(running, text, seed, replicas=4):
    """A switch that treats the frames of a running cluster as this script says.

    Moments of the script count from here. Afterwards its counters are known, and nothing connects
    the replicas any more."""
    script = f"{running.path}/switch.script"
    with open(script, "w") as file:
        file.write(text)
    take_off_the_bridge(running, replicas)
    switch = Switch(start("cluster", "exec", running.path, "--", SWITCH, "--seed", seed,
                          "--replicas", replicas, script))
    try:
        line = switch.process.stdout.readline()
        assert line == f"seed {seed}\n", line + switch.process.stderr.read()
        print(f"{sys.argv[0]}: switch with seed {seed}: {text.strip()}", flush=True)
        yield switch
    finally:
        switch.process.terminate()
        switch.counters = json.loads(finish(switch.process))


def eventually(condition, seconds, what):
    """Wait until `condition()` holds, for at most so many seconds of an unhindered program."""
    end = time.monotonic() + seconds * SLOWNESS
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def all_even(running):
    executed = {replica["executed_sequence"] for replica in running.status()["replicas"]}
    return len(executed) == 1


def feed(client, bursts, lines, pause_s):
    """Give a client so many lines at once, again and again: at most a round of batches each time."""
    for _ in range(bursts):
        client.stdin.write("x\n" * lines)
        client.stdin.flush()
        time.sleep(pause_s)
    client.stdin.close()
    client.stdin = None
