# SPDX-License-Identifier: Apache-2.0
"""One attacker who floods a cluster with well-formed datagrams whose signatures or MACs are bad costs
honest clients less than 10 % of their throughput: from one address, from made-up ones, from honest
clients' and from other replicas'. floods.py says how its own share of the cores is accounted for.

A third as many bad datagrams come as the honest requests that the machine bears, 20,000 a second at
most: on one that is slow, or busy with other things, a fixed rate would be another flood.

Arguments: what all sign with, a cluster for each. A vain verification of RSA costs least, one of
Ed25519 most; `hmac` are MACs in sessions of Ed25519.
"""

import time

from floods import RATE, add_ports, flood, load, reading, the_cluster_is_well
from harness import ARGUMENTS, cluster

RATIO_MIN = 0.9
TURNS, TURNS_MAX = 4, 15
RATE_MIN = 1000
KINDS = ["garbage-client", "spoof-random", "spoof-client", "spoof-replica"]


def rate_of_flood(running):
    before = reading(running)["requests"]
    time.sleep(1)
    return int(max(RATE_MIN, min(RATE, (reading(running)["requests"] - before) / 3)))


def floods_cost_little(sealed):
    scheme, sessions, kinds = sealed, "signed", KINDS
    if sealed == "hmac":
        scheme, sessions, kinds = "ed25519", "hmac", ["bad-macs"]
    with cluster("--replicas-scheme", scheme, "--clients-scheme", scheme, "--sessions",
                 sessions) as running:
        add_ports(running)
        logged = running.logs()
        with load(running, 600) as bench:
            rate = rate_of_flood(running)
            print(f"{sealed}: {rate} a second", flush=True)
            kept = {kind: flood(running, kind, bench, rate, RATIO_MIN, TURNS, TURNS_MAX)
                    for kind in kinds}
        assert min(kept.values()) >= RATIO_MIN, f"{sealed}: honest clients kept {kept}"
        the_cluster_is_well(running, logged)


for each in ARGUMENTS:
    floods_cost_little(each)
