# SPDX-License-Identifier: Apache-2.0
"""Clusters for the measuring programs beside this file."""
import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"


def arguments_of(description, seconds, rounds):
    """A parser with the options that all of them have."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=seconds)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--profiles", nargs="+", default=["small", "threads"], metavar="P")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, metavar="DIR")
    return parser


def harness_of(build):
    """The system tests' harness, which finds its programs in the command line of a test."""
    switch = build / "tests" / "system" / "switch" / "network_switch"
    if not switch.exists():
        sys.exit(f"{sys.argv[0]}: {switch}: not there: build it, `cmake --build {build}`")
    sys.argv = [sys.argv[0], str(build / "colonnade"), "small", "0", "1", str(switch)]
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    import harness
    return harness
