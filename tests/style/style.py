#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what a compiler does not: who may include whom, what pure code may use, and file headers.

Usage: style.py ROOT. Prints one line per finding and exits with 1 if there is any.
"""
import pathlib
import re
import sys

# Folder -> folders whose headers it may include. A folder includes itself.
MAY_INCLUDE = {
    "src/base": [],
    "src/wire": ["src/base"],
    "src/pbft": ["src/base", "src/wire"],
    "src/app": ["src/base"],
    "src/config": ["src/base"],
    "crypto": ["src/base", "src/wire"],
    "pillars": ["src/base", "src/wire", "src/pbft", "src/app", "crypto"],
    "dpdk": ["src/base", "src/wire", "crypto"],
    "src/client": ["src/base", "src/wire", "src/config", "crypto"],
    "src/replica": ["src/base", "src/wire", "src/pbft", "src/app", "src/config", "crypto",
                    "pillars", "dpdk"],
    "src/cli": ["src/base", "src/wire", "src/pbft", "src/app", "src/config", "src/client",
                "src/replica", "crypto", "pillars", "dpdk"],
}

# Pure code: driven by events, so that the simulator runs what production runs.
PURE = ["src/wire", "src/pbft", "pillars/merge.", "pillars/checkpoint.", "pillars/pillar.",
        "pillars/sessions.", "pillars/sources.", "src/client/core."]
IMPURE = re.compile(
    r"#include <(pthread|time|sys/|unistd|openssl|rte_|urcu|poll|threads)|"
    r"\b(malloc|calloc|realloc|free|rand|random|time|clock_gettime|gettimeofday|socket|"
    r"col_clock_\w+)\(")

# A verified message is made where a seal was verified, or where that is simulated.
VERIFIED = re.compile(r"\(col_verified\)\s*\{|col_verified \w+ = \{")
MAKES_VERIFIED = ["crypto/opener.c", "src/wire/reassembly.c", "tests/"]

MENTIONS = re.compile(r"\bvolatile\b(?! sig_atomic_t)|\bTODO\b|\bFIXME\b|\bXXX\b")


def folder_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def check_includes(path, text, report):
    folder = folder_of(path)
    if folder not in MAY_INCLUDE:
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'#include "(.+)"', line)
        if not match or "/" not in match.group(1):
            continue  # a generated header stands beside its source
        target = folder_of(match.group(1))
        if target != folder and target not in MAY_INCLUDE[folder]:
            report(path, number, f"{folder} must not include {target}: see src/ARCHITECTURE.md")


def check_purity(path, text, report):
    if not any(path.startswith(prefix) for prefix in PURE):
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = IMPURE.search(line.split("//")[0])
        if match:
            report(path, number, f"pure code must not use `{match.group(0)}`: let an event bring it")


def check_lines(path, text, report):
    if "SPDX-License-Identifier: Apache-2.0" not in "".join(text.splitlines(True)[:2]):
        report(path, 1, "the first line must be `SPDX-License-Identifier: Apache-2.0` in a comment")
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        if MENTIONS.search(code) and not path.startswith("tests/style"):
            report(path, number, f"`{MENTIONS.search(code).group(0)}` has no place here")
        if VERIFIED.search(line) and not any(path.startswith(p) for p in MAKES_VERIFIED):
            report(path, number, "only crypto/opener.c may make a col_verified")


def main(root):
    findings = []

    def report(path, line, text):
        findings.append(f"{path}:{line}: {text}")

    files = [p for top in ("src", "dpdk", "crypto", "pillars", "bench", "tests")
             for p in sorted((root / top).rglob("*")) if p.suffix in (".c", ".h", ".cpp", ".hpp", ".py")]
    for file in files:
        path = file.relative_to(root).as_posix()
        text = file.read_text()
        if file.suffix == ".py":
            if "SPDX" not in text[:200]:
                report(path, 1, "no SPDX line")
            continue
        check_includes(path, text, report)
        check_purity(path, text, report)
        check_lines(path, text, report)
    print("\n".join(findings) if findings else f"style: {len(files)} files, no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
