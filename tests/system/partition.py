# SPDX-License-Identifier: Apache-2.0
"""A backup is cut off under load: clients notice nothing, and after it heals it catches up, unless
it fell more than 2W rounds behind: then, without state transfer yet, it stays behind and harms nobody.
"""

import json
import threading
import time

from harness import all_even, cluster, eventually, feed, finish, start, switched

CUT_OFF = 3  # with `leaders: single` replica 0 leads every pillar: no view change is needed
PILLARS = 4
HISTORY_ROUNDS = 2 * 48  # 2W of the default cluster: what peers keep
SESSIONS = 8
SEED = 20262


def rounds_behind(running):
    executed = [replica["executed_sequence"] for replica in running.status()["replicas"]]
    return (max(executed) - executed[CUT_OFF]) // PILLARS


def a_backup_that_heals_in_time_catches_up():
    script = f"at 2s partition {CUT_OFF} | 0 1 2 clients\nat 6s heal"
    bursts, lines = 36, 400
    with cluster("--leaders", "single") as running, switched(running, script, SEED) as switch:
        client = start("client", "--cluster", running.path, "--sessions", SESSIONS)
        feeder = threading.Thread(target=feed, args=(client, bursts, lines, 0.25))
        feeder.start()
        behind = 0
        while feeder.is_alive():
            behind = max(behind, rounds_behind(running))
            time.sleep(0.1)
        answers = finish(client, None).splitlines()
        assert answers == [str(n // SESSIONS + 1) for n in range(bursts * lines)]
        began = time.monotonic()
        print(f"cut off for up to {behind} rounds", flush=True)
        eventually(lambda: all_even(running), 10, "all replicas have executed equally much")
        print(f"cut off for up to {behind} rounds; even {time.monotonic() - began:.2f} s after the "
              f"last answer")
        assert 0 < behind <= HISTORY_ROUNDS, f"{behind} rounds: pace the load differently"
        status = running.status()["replicas"]
        assert all(replica["diverged"] == 0 for replica in status), status
        # Nothing but what it fetched can have brought it up.
        assert status[CUT_OFF]["fetches"] > 0, status[CUT_OFF]
    assert switch.total("cut") > 0, switch.counters


def one_that_fell_too_far_behind_stays_behind_and_harms_nobody():
    script = f"at 1s partition {CUT_OFF} | 0 1 2 clients\nat 9s heal"
    with cluster("--leaders", "single") as running, switched(running, script, SEED):
        path = f"{running.path}/result.json"
        # Few requests at a time: many small batches, so many rounds.
        bench = start("bench", "--cluster", running.path, "--seconds", 12, "--outstanding", 1,
                      "--json", path)
        out, error = bench.communicate(timeout=60)
        with open(path) as file:
            result = json.load(file)
        behind = rounds_behind(running)
        print(f"left {behind} rounds behind; {result['throughput_per_s']:.0f} requests/s")
        assert result["replies_missing"] == 0, f"{out}{error}"
        assert behind > HISTORY_ROUNDS, f"only {behind} rounds: cut it off for longer"
        status = running.status()["replicas"]
        assert all(replica["state"] == "running" for replica in status), status
        others = {replica["executed_sequence"] for replica in status if replica["id"] != CUT_OFF}
        assert len(others) == 1, status
        assert running.send(["still", "there"]) == ["1", "2"]


a_backup_that_heals_in_time_catches_up()
one_that_fell_too_far_behind_stays_behind_and_harms_nobody()
