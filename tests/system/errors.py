# SPDX-License-Identifier: Apache-2.0
"""Bad input gets one line that says what, where and the remedy, and exit status 2."""

import os
import re
import shutil
import subprocess
import time

from harness import PROGRAM, cluster, directory, run


def refused(expected, *arguments, status=2):
    done = subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60)
    what = f"colonnade {' '.join(map(str, arguments))}: status {done.returncode}\n{done.stderr}"
    assert done.returncode == status, what
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, what
    assert re.search(expected, lines[0]), f"{what}expected: {expected}"
    assert ": " in lines[0], what


def command_lines():
    refused(r"a command is missing: `colonnade --help`")
    refused(r"unknown command 'start': `colonnade --help` lists them", "start")
    refused(r"unknown action 'begin': use up, status, exec, kill or down", "cluster", "begin")
    refused(r"an action is missing: use up", "cluster")
    refused(r"bench: unknown option --speed: `colonnade bench --help`", "bench", "--speed", 3)
    refused(r"init: --replicas is '3': use a number from 4 to 32", "init", "x", "--replicas", 3)
    refused(r"init: --leaders is 'none': use one of rotating\|single", "init", "x", "--leaders",
            "none")
    refused(r"client: --cluster is missing: add --cluster DIR", "client")
    refused(r"keygen: --out needs a value", "keygen", "--out")
    refused(r"cluster exec: nothing to run: put `-- COMMAND...`", "cluster", "exec", "x")


def every_command_has_help_with_an_example():
    for command in ("keygen", "init", "replica", "cluster", "cluster up", "cluster status",
                    "cluster exec", "cluster kill", "cluster down", "client", "bench", "version"):
        text = run(*command.split(), "--help")
        assert "usage: colonnade " in text and f"\nexample:\n  colonnade {command.split()[0]}" in (
            text.replace("seq 1000 | ", "")), text


def keys(outer):
    run("keygen", "--out", f"{outer}/key")
    assert os.stat(f"{outer}/key.pem").st_mode & 0o777 == 0o600
    refused(r"key\.pem.*: .*", "keygen", "--out", f"{outer}/key")
    refused(r"nowhere/key\.pem.*No such file", "keygen", "--out", f"{outer}/nowhere/key")


def replica(outer, path):
    def start(expected, **changes):
        chosen = {"cluster": path, "id": 1, "profile": f"{path}/small.yaml", "device": "lo"}
        chosen.update(changes)
        refused(expected, "replica", *(word for key, value in chosen.items()
                                       for word in (f"--{key}", value)))

    start(r"nowhere.*: No such file", cluster=f"{outer}/nowhere")
    start(r"replica 4 does not exist: ids are 0 .. 3", id=4)
    start(r"--id is '-1': use a number from 0", id="-1")
    start(r"nowhere\.yaml.*: ", profile=f"{outer}/nowhere.yaml")
    start(r"key\.pem.*replica 1", key=f"{outer}/key.pem")
    start(r"col-none.*: ", device="col-none")
    start(r"0000:ff:1f\.7.*: ", device="0000:ff:1f.7")
    os.chmod(f"{path}/keys/replica-1.pem", 0o644)
    start(r"replica-1\.pem.*chmod 600")
    os.chmod(f"{path}/keys/replica-1.pem", 0o600)


def edited(path, name, old, new):
    """A copy of the cluster directory in which one file is changed; the number of the line."""
    shutil.rmtree(f"{path}-edited", ignore_errors=True)
    shutil.copytree(path, f"{path}-edited")
    with open(f"{path}-edited/{name}") as file:
        text = file.read()
    assert old in text, f"{old} is not in {name}"
    with open(f"{path}-edited/{name}", "w") as file:
        file.write(text.replace(old, new, 1))
    return text[:text.index(old)].count("\n") + 1


def files(path):
    def up(expected, name, old, new, *arguments):
        line = edited(path, name, old, new)
        refused(expected.replace("LINE", str(line)), "cluster", "up", f"{path}-edited", *arguments)

    up(r"cluster\.yaml:LINE: .*windw", "cluster.yaml", "  window: ", "  windw: ")
    up(r"cluster\.yaml:LINE: .*window.*1[0-9]+.*: ", "cluster.yaml", "  window: ", "  window: 1")
    up(r"replica 1 has the address 10\.78\.0\.2: `cluster up` needs", "cluster.yaml", "10.77.0.2",
       "10.78.0.2")
    up(r"cluster\.yaml:LINE: .*replica-9.*`colonnade keygen`", "cluster.yaml", "keys/replica-2.pub", "keys/replica-9.pub")
    up(r"small\.yaml:LINE: .*idle", "small.yaml", "idle: block", "idle: sleepy")
    up(r"threads\.yaml:[0-9]+: .*", "threads.yaml", "threads:", "fibres:", "--profile", "threads")
    shutil.rmtree(f"{path}-edited")
    refused(r"fast: no such profile .*: use small, threads, or a file", "cluster", "up", path,
            "--profile", "fast")
    with open(f"{path}/cores.yaml", "w") as file, open(f"{path}/small.yaml") as small:
        file.write(re.sub(r"(stages: \[[^]]*\])", r"\1, cores: [4095]", small.read(), 1))
    refused(r"cores\.yaml:[0-9]+: .*4095.*", "cluster", "up", path, "--profile",
            f"{path}/cores.yaml")


def directories(outer, path):
    refused(r"cluster: is not empty: name a new directory", "init", path)
    refused(r"nowhere/x: No such file.*: choose", "init", f"{outer}/nowhere/x")
    refused(r"'bytes=1' is not understood", "init", f"{outer}/y", "--application-options",
            "bytes=1")
    assert not os.path.exists(f"{outer}/y")
    refused(r"nowhere.*: ", "cluster", "up", f"{outer}/nowhere")
    refused(r"nowhere: No such file", "cluster", "down", f"{outer}/nowhere")
    refused(r"no replica runs: `colonnade cluster up", "cluster", "status", path, status=1)
    refused(r"no cluster is up: `colonnade cluster up", "cluster", "kill", path, 1, status=1)


def clients(path):
    refused(r"client 8: .* lists 8 clients: use a lower number", "client", "--cluster", path,
            "--client", 8)
    refused(r"replica-0\.pem: is not the key that .* lists for client 0", "client", "--cluster",
            path, "--key", f"{path}/keys/replica-0.pem")
    refused(r"--clients is 9 and .* lists 8: use fewer", "bench", "--cluster", path, "--clients", 9)
    refused(r"--outstanding is 200 and .* allows a session 64: use fewer", "bench", "--cluster",
            path, "--outstanding", 200)
    refused(r"nowhere/r\.json: No such file", "bench", "--cluster", path, "--json",
            f"{path}/nowhere/r.json")
    started = time.monotonic()
    refused(r"no replica .*answered.*: ", "client", "--cluster", path, "--timeout", 1, status=1)
    assert time.monotonic() - started < 5


def names_in_use():
    with cluster() as running:
        refused(r"is up already: `colonnade cluster down", "cluster", "up", running.path)
        refused(r"replica 7 does not run: `colonnade cluster status", "cluster", "kill",
                running.path, 7, status=1)
        refused(r"no-such-program: No such file", "cluster", "exec", running.path, "--",
                "no-such-program", status=127)
        assert run("cluster", "exec", running.path, "--", "sh", "-c", "exit 7", status=7) == ""
        assert "10.77.0.254/24" in run("cluster", "exec", running.path, "--", "ip", "-brief",
                                       "address", "show", "col-br")


with directory() as scratch:
    made = f"{scratch}/cluster"
    command_lines()
    every_command_has_help_with_an_example()
    keys(scratch)
    run("init", made)
    directories(scratch, made)
    files(made)
    replica(scratch, made)
    clients(made)
names_in_use()
