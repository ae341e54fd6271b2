#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every error a user can get is compared, whole, by some test, and names its remedy.

Usage: error_tables.py ROOT. The texts of `col_error` and `col_yaml_error` in the product are set against all
strings in tests/; what no test provokes stands below, with the reason. Prints one line per finding
and exits with 1 if there is any.
"""
import ast
import pathlib
import re
import sys

# Beginning of the text -> why no test provokes it.
NOT_PROVOKED = {
    # The system refuses what it refuses to no test: memory, processes, pipes, sockets.
    "init: no memory for the clients": "memory",
    "no memory for a client": "memory",
    "cannot open a log stream": "memory",
    "cannot make a key of type": "memory",
    "no memory for %u buffers": "memory",
    "bench: cannot start threads": "threads",
    "replica %u: fork": "processes",
    "fork: %s": "processes",
    "pipe: %s": "descriptors",
    "cannot make a pipe": "descriptors",
    "cannot open a socket": "descriptors",
    "cannot bind a UDP socket": "all ports would have to be in use",
    "`%s` did not take its commands": "a pipe takes what fits it",
    # Races: between a check and the act, another process changes what was checked.
    "%s: the cluster ended at once": "its supervisor would have to end in that moment",
    "%s: the cluster has just ended": "its supervisor would have to end in that moment",
    "cannot query interface": "the interface would have to go in that moment",
    # What takes longer than a test may, or a defect of ours.
    "replica %u is not ready after": "20 s",
    "%s: the supervisor (process %d) has not ended": "15 s, of a supervisor that hangs",
    "%s: replica %u has not ended": "a killed process that does not end",
    "replica %u: %s: its log is": "a replica that ends at its start and says nothing",
    "the supervisor ended": "a supervisor that says nothing",
    "cannot make a directory in /tmp": "replicas have a runtime directory of their own",
    "DPDK's telemetry refuses": "another DPDK than the one built with",
    "DPDK takes no more threads": "a profile that exceeds COL_LOOPS_MAX is refused before",
    # Other machines: kernels that forbid more, file systems that map nothing, real NICs.
    "%s: cannot be written (%s): run as root": "a kernel that allows namespaces and no identity map",
    "%s: cannot be mapped": "a file system without shared maps",
    "port %s is bound to no driver": "a NIC",
    "port %s is bound to the kernel driver": "a NIC",
    "port %s carries at most MTU": "a NIC",
    "cannot %s port %s": "a NIC whose firmware refuses",
    "DPDK has no driver for port": "a NIC without a driver",
    "cannot %s signing_device": "a device that refuses",
    # More than f faulty replicas, or replicas that lost their registry (core_test.c has their answer).
    "the replicas of %s do not know client": "equal cluster ids mean equal registries",
}

STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|\bPRI([ux])64\b')
CONVERSION = re.compile(r"%[-0-9.*]*(?:ll?|z)?[sudxogc]")
CALL = re.compile(r"\bcol_(yaml_)?error\(")


def arguments(text, start):
    """The arguments of a call, split at its own commas, from behind the bracket on."""
    found, depth, at, begin = [], 0, start, start
    while depth >= 0:
        string = STRING.match(text, at)
        if string:
            at = string.end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth < 0 or (depth == 0 and text[at] == ","):
            found.append(text[begin:at])
            begin = at + 1
        at += 1
    return found


def literals(text):
    """Adjacent string literals of C, joined: one text for each group."""
    found, end = [], None
    for match in STRING.finditer(text):
        piece = match[1] if match[1] is not None else match[2]
        piece = piece.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        if end is not None and not text[end:match.start()].strip():
            found[-1] += piece
        else:
            found.append(piece)
        end = match.end()
    return found


def without_comments(text):
    return re.sub(r"^[ \t]*//.*$|(?<=[;{},]) +//.*$", "", text, flags=re.MULTILINE)


def pattern_of(form, prefix):
    """Tables may leave out the path before the text."""
    whole = ".*".join(map(re.escape, CONVERSION.split(form)))
    return re.compile(prefix + re.sub(r"^\.\*:\\ ", r"(?:.*: )?", whole), re.DOTALL)


def sites(root):
    """Every text that the product may put into an error: (place, text, last argument, pattern)."""
    for folder in ("src", "crypto", "dpdk", "pillars"):
        for path in sorted((root / folder).rglob("*.c")):
            text = without_comments(path.read_text())
            for call in CALL.finditer(text):
                given = arguments(text, call.end())
                first = 2 if call[1] else 0
                place = f"{path.relative_to(root)}:{text.count(chr(10), 0, call.start()) + 1}"
                for form in literals(given[first]) if len(given) > first else []:
                    # Else it hands on, or continues, the text of another.
                    if re.search(r"[a-z]{3}", CONVERSION.sub("", form)) and not form.startswith("%s, "):
                        yield place, form, given[-1], pattern_of(form, ".*:.*: " if call[1] else "")


def strings_of_python(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def compared(root):
    texts = set()
    for path in (root / "tests").rglob("*"):
        if path.suffix in (".c", ".h", ".inc"):
            texts.update(literals(without_comments(path.read_text())))
        elif path.suffix == ".py" and path.name != pathlib.Path(__file__).name:
            texts.update(strings_of_python(path.read_text()))
    return texts


def names_remedy(form, last_argument):
    """Something stands behind what is wrong, and more than what the system said."""
    ends_with_reason = re.search(r"%s\)?$", form) and re.search(r"strerror|reason\(", last_argument)
    return ": " in form and not ends_with_reason


def main(root):
    texts = compared(root)
    findings, excused, count = [], set(), 0
    for place, form, last_argument, pattern in sites(root):
        count += 1
        if not names_remedy(form, last_argument):
            findings.append(f"{place}: names no remedy: {form}")
        reason = next((begin for begin in NOT_PROVOKED if form.startswith(begin)), None)
        provoked = any(pattern.fullmatch(text) for text in texts)
        if reason:
            excused.add(reason)
        if reason and provoked:
            findings.append(f"{place}: is provoked by a test: remove it from the list: {form}")
        if not reason and not provoked:
            findings.append(f"{place}: no test compares it: {form}")
    findings += [f"{sys.argv[0]}: no such error: {begin}" for begin in set(NOT_PROVOKED) - excused]
    print("\n".join(findings) if findings else f"errors: {count} texts, {len(excused)} not provoked")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
