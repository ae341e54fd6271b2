# SPDX-License-Identifier: Apache-2.0
"""Every mistake on a command line is one whole line that names the remedy, and status 2."""

import os
import re
import subprocess

from harness import PROGRAM, directory, run

# What each command takes: positionals, then options. An option takes a number (name of the value,
# least, most), one of several words, any text (its name), or nothing. `*`: it must be given.
SCHEMES = "rsa|ed25519|ecdsa-p256"
COMMANDS = {
    "keygen": ("", {"--out*": "PREFIX", "--scheme": SCHEMES + "|hmac", "--bits": "2048|3072|4096"}),
    "init": ("DIR", {"--replicas": ("N", 4, 32), "--pillars": ("P", 1, 16),
                     "--leaders": "rotating|single", "--clients": ("N", 1, 1024),
                     "--application": "counter|log", "--application-options": "TEXT",
                     "--replicas-scheme": SCHEMES, "--clients-scheme": SCHEMES, "--sessions": "signed|hmac",
                     "--bits": "2048|3072|4096", "--batch": ("N", 1, 1024), "--name": "TEXT"}),
    "replica": ("", {"--cluster*": "DIR", "--id*": ("N", 0, 31), "--profile*": "FILE",
                     "--device*": "NAME", "--key": "FILE"}),
    "cluster up": ("DIR", {"--profile": "PROFILE"}),
    "cluster status": ("DIR", {"--details": None, "--watch": None, "--json": None}),
    "cluster exec": ("DIR -- COMMAND...", {}),
    "cluster kill": ("DIR ID", {}),
    "cluster down": ("DIR", {}),
    "client": ("", {"--cluster*": "DIR", "--client": ("N", 0, 65535), "--key": "FILE",
                    "--sessions": ("N", 1, 64), "--timeout": ("SECONDS", 1, 3600)}),
    "bench": ("", {"--cluster*": "DIR", "--clients": ("N", 1, 1024), "--sessions": ("N", 1, 65536),
                   "--outstanding": ("N", 1, 256), "--request-bytes": ("N", 1, 32768),
                   "--seconds": ("N", 1, 86400), "--warmup": ("N", 0, 3600),
                   "--threads": ("N", 1, 64), "--rate": ("N", 1, 10000000), "--json": "FILE"}),
    "version": ("", {}),
}

ACTIONS = "use up, status, exec, kill or down"

OTHERS = [
    ("", "a command is missing: `colonnade --help` lists them"),
    ("start", "unknown command 'start': `colonnade --help` lists them"),
    ("--quiet", "unknown command '--quiet': `colonnade --help` lists them"),
    ("cluster", f"cluster: an action is missing: {ACTIONS}"),
    ("cluster begin", f"cluster: unknown action 'begin': {ACTIONS}"),
    ("cluster exec x -- ", "cluster exec: nothing to run: put `-- COMMAND...` at the end"),
    ("cluster kill x three", "cluster kill: the replica is 'three': use a number from 0 to 31"),
    ("cluster kill x 32", "cluster kill: the replica is '32': use a number from 0 to 31"),
]


def good_value(takes):
    if isinstance(takes, tuple):
        return str(takes[1])
    return takes.split("|")[0]


def of_option(option, takes):
    """The mistakes that one option allows: words, and what is said about them."""
    if takes is None:
        return [([f"{option}=yes"], f"{option} takes no value: leave out '=yes'"),
                ([option, option], f"{option} stands twice: leave out one")]
    good = good_value(takes)
    name = takes[0] if isinstance(takes, tuple) else takes
    rows = [([option], f"{option} needs a value: {option} {name}"),
            ([option, good, f"{option}={good}"], f"{option} stands twice: leave out one")]
    bad, remedy = [], ""
    if isinstance(takes, tuple):
        least, most = takes[1:]
        bad = [least - 1, most + 1, "x", f"{least}x", "", "99999999999999999999"]
        remedy = f"use a number from {least} to {most}"
    elif "|" in takes:
        bad, remedy = ["x", "", takes], f"use one of {takes}"
    return rows + [([option, str(word)], f"{option} is '{word}': {remedy}") for word in bad]


def of_command(positionals, options):
    """The mistakes that one command allows, as arguments and what is said about them."""
    plain, _, rest = positionals.partition(" -- ")
    given = plain.lower().split()
    required = [(name[:-1], good_value(takes)) for name, takes in options.items() if "*" in name]
    all_required = [word for pair in required for word in pair]
    usage = "usage is `colonnade {command}" + (f" {plain}`" if plain else "`")
    ends = ["--", "true"] if rest else []

    if given:
        yield given[:-1] + all_required + ends, f"an argument is missing: {usage}"
    yield given + ["more"] + all_required + ends, f"unexpected argument 'more': {usage}"
    yield given + all_required + ["--bogus"] + ends, (
        "unknown option --bogus: `colonnade {command} --help` lists the options")
    if rest:
        yield given, f"nothing to run: put `-- {rest}` at the end"
    for name, value in required:
        takes = options[f"{name}*"]
        others = [word for pair in required if pair[0] != name for word in pair]
        yield given + others, (
            f"{name} is missing: add {name} {takes if isinstance(takes, str) else takes[0]}")
    for name, takes in options.items():
        option = name.rstrip("*")
        others = [word for pair in required if pair[0] != option for word in pair]
        for words, said in of_option(option, takes):
            yield given + others + words, said


def refused(arguments, expected):
    done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60)
    got = (done.returncode, done.stdout, done.stderr)
    assert got == (2, "", f"colonnade: {expected}\n"), (
        f"colonnade {arguments}\nexpected: {expected}\ngot: {got}")


def has_help(command, options):
    """The table above has what the help lists, and the help ends with an example."""
    text = run(*command.split(), "--help")
    assert text.startswith(f"usage: colonnade {command}"), text
    assert re.search(rf"\nexample:\n.*colonnade {command} ?", text), text
    listed = set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)) - {"--help"}
    assert listed == {name.rstrip("*") for name in options}, (command, listed)


def check_all():
    count = 0
    for name, (positionals, options) in COMMANDS.items():
        has_help(name, options)
        for arguments, said in of_command(positionals, options):
            refused(name.split() + arguments, f"{name}: {said.replace('{command}', name)}")
            count += 1
    for line, said in OTHERS:
        refused(line.split(), said)
        count += 1
    print(f"{count} mistakes")


with directory() as scratch:
    os.chdir(scratch)
    check_all()
    assert os.listdir(scratch) == []  # and nothing was done
assert "usage: colonnade " in run("--help") and "usage: " in run("cluster", "--help")
