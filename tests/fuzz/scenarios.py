#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeds for the targets that take events: ordinary life, from which the fuzzer departs.

Usage: scenarios.py OUT    OUT/pbft/, OUT/replicas/ get the inputs
The bytes are those that pbft.c and replicas.c decode.
"""
import pathlib
import struct
import sys

# Events of pbft.c by place in its table.
VOTE, AGREEMENT, BATCH, PROPOSAL, REQUEST, OPEN, STATUS, FETCH, FETCHED, SEALED, EXECUTED, STABLE, \
    OUTCOME, TARGET, TIME, PROPOSE = 0, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 16, 18, 19
SAID, FIRST_BATCH, RUN = 0, 65, 192  # values: as the instance said, a batch of the table, null slots
PREPARES_COMMITS, ALL = 6, 7         # parts of an agreement
BACKUP, PRIMARY = 4, 0               # shapes

# Events of replicas.c.
DELIVER_MANY, LOSE, REPEAT, PASS, CLIENT, FAULTY_VOTE, FAULTY_STATUS, FAULTY_FETCH = 1, 4, 5, 6, 8, 10, 13, 14
EVERYBODY = 0xF0
IS_OPEN = 4


def operation(text):
    return struct.pack("<H", len(text)) + text


def backup_commits(rounds, parts=ALL):
    events = []
    for r in range(1, rounds + 1):
        events += [[PROPOSAL, (r - 1) % 8 + 1, r % 3], [AGREEMENT, (r - 1) % 8 + 1, FIRST_BATCH + r % 3, parts]]
        if r % 8 == 0:
            events += [[EXECUTED, 7], [STABLE, 1], [SEALED, r % 8]]
    return events


def backup_passes_runs():
    return [event for start in (1, 5, 2) for event in
            ([AGREEMENT, start, RUN + 3 + start, ALL], [EXECUTED, 3], [TIME, 20])]


def backup_fetches():
    behind = [[AGREEMENT, r, FIRST_BATCH + r % 3, 4] for r in range(1, 6)]
    return behind + [[TIME, 20], [STATUS, 5, 0, 3, 0, 1], [TIME, 40]] + \
        [[FETCHED, 1, r, FIRST_BATCH + r % 3, 0x0B, 0, r % 3] for r in range(1, 6)] + [[FETCH, 1, 8, 0]]


def primary_orders():
    events = [[OUTCOME, 0, 1, 1, 5]]
    for n in range(12):
        events.append([REQUEST, 1, 0, 0, n, *operation(b"do"), 8, 0])
        events += [[PROPOSE], [AGREEMENT, n % 8 + 1, SAID, PREPARES_COMMITS], [EXECUTED, 0], [OUTCOME, 0, 1, 1]]
        if n % 8 == 7:
            events += [[STABLE, 1], [TIME, 10]]
    return events


def opening(number, pillar):
    return [CLIENT, EVERYBODY | IS_OPEN, number, pillar]


def request(number, pillar):
    return [CLIENT, EVERYBODY, number, pillar, *operation(b"op")]


def life(pillars, extra=()):
    events = [opening(9, k) for k in range(pillars)] + [[DELIVER_MANY, 255]] * 2
    for n in range(14):
        events += [request(n, n % pillars), [DELIVER_MANY, 255], *extra, [DELIVER_MANY, 60], [PASS, 10]]
    return events


def main(out):
    seeds = {
        "pbft": [[[BACKUP]] + backup_commits(20), [[BACKUP]] + backup_commits(6, 4 | 1 << 3 | 1 << 4),
                 [[BACKUP]] + backup_passes_runs(), [[BACKUP]] + backup_fetches(),
                 [[BACKUP | 1]] + backup_commits(12), [[PRIMARY]] + primary_orders(),
                 [[PRIMARY | 0x80]] + primary_orders()],
        "replicas": [[[0]] + life(1), [[2]] + life(2), [[4]] + life(1), [[0]] + life(1, [[LOSE, 1], [LOSE, 3]]),
                     [[2]] + life(2, [[REPEAT, 2], [FAULTY_STATUS, 2, 0, 0, 0, 7]]),
                     [[1]] + life(1, [[FAULTY_VOTE, 1, 0, 1, SAID, 7]])],
    }
    for target, inputs in seeds.items():
        folder = pathlib.Path(out) / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, events in enumerate(inputs):
            (folder / f"scenario-{number}").write_bytes(bytes(byte for event in events for byte in event))


if __name__ == "__main__":
    main(sys.argv[1])
