# SPDX-License-Identifier: Apache-2.0
"""One attacker who floods a cluster with well-formed datagrams whose signatures are bad costs honest
clients less than 10 % of their throughput: from one address, from made-up ones, from honest clients'
and from other replicas'. floods.py says how its own share of the cores is accounted for.

Arguments: the schemes that all sign with, a cluster for each. A vain verification of RSA costs least,
one of Ed25519 most.
"""

from floods import add_ports, flood, load, the_cluster_is_well
from harness import ARGUMENTS, cluster

RATIO_MIN = 0.9
TURNS, TURNS_MAX = 4, 25
KINDS = ["garbage-client", "spoof-random", "spoof-client", "spoof-replica"]


def floods_cost_little(scheme):
    with cluster("--replicas-scheme", scheme, "--clients-scheme", scheme) as running:
        add_ports(running)
        logged = running.logs()
        with load(running, 600) as bench:
            print(f"{scheme}:", flush=True)
            kept = {kind: flood(running, kind, bench, RATIO_MIN, TURNS, TURNS_MAX)
                    for kind in KINDS}
        assert min(kept.values()) > RATIO_MIN, f"{scheme}: honest clients kept {kept}"
        the_cluster_is_well(running, logged)


for each in ARGUMENTS:
    floods_cost_little(each)
