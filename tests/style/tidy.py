#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over every C file of a build, two at a time.

Usage: tidy.py CLANG_TIDY SOURCE_DIRECTORY BUILD_DIRECTORY. A file without findings is not looked at
again until its object file is made anew, as it is when one of its headers changes, or the checks
change.
"""
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

PROCESSES = 2


def is_known_clean(stamp, inputs):
    return stamp.exists() and all(path.stat().st_mtime < stamp.stat().st_mtime for path in inputs)


def check(tidy, build, source, stamp):
    """The findings in one file, as text."""
    done = subprocess.run([tidy, "-p", build, "--quiet", source], capture_output=True, text=True)
    if done.returncode == 0:
        stamp.touch()
        return ""
    return done.stdout or done.stderr


def main(tidy, sources, build):
    with open(f"{build}/compile_commands.json") as file:
        commands = json.load(file)
    waiting = {}  # file to stamp: a file in several targets is looked at once
    for command in commands:
        target = pathlib.Path(build, re.search(r" -o (\S+)", command["command"]).group(1))
        stamp = target.with_suffix(".tidy")
        inputs = [target, pathlib.Path(sources, ".clang-tidy")]
        if command["file"].endswith(".c") and not is_known_clean(stamp, inputs):
            waiting[command["file"]] = stamp
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        findings = list(pool.map(lambda item: check(tidy, build, *item), waiting.items()))
    print("\n".join(filter(None, findings)))
    print(f"clang-tidy: {len(waiting)} files, {len(list(filter(None, findings)))} with findings")
    return 1 if any(findings) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
