# SPDX-License-Identifier: Apache-2.0
"""Replicas whose profile names a signing device: DPDK's virtual device crypto_openssl signs what they
send, with as many queue pairs as there are signers, and requests are answered as ever."""

from harness import PROFILE, SLOWNESS, cluster, directory, finish, run, start

DEVICE = "crypto_openssl"
SECONDS = 3


def profile_with_device(path, name):
    """The profile `name` as `init` writes it, with a device that signs, and a second signer."""
    run("init", f"{path}/made", "--clients", 1)
    with open(f"{path}/made/{name}.yaml") as file:
        text = file.read()
    if "- {stages: [signer]}" in text:
        text = text.replace("- {stages: [signer]}", "- {stages: [signer], count: 2}")
    with open(f"{path}/device.yaml", "w") as file:
        file.write(f"{text}\nsigning_device: {DEVICE}\n")
    return f"{path}/device.yaml"


def the_device_signs(profile):
    with cluster(profile=profile) as running:
        assert running.send(range(100)) == [str(n) for n in range(1, 101)]
        finish(start("bench", "--cluster", running.path, "--seconds", SECONDS, "--warmup", 1))
        replicas = running.status()["replicas"]
        assert running.logs().count(f"sessions signed ({DEVICE}+") == len(replicas) == 4
        for replica in replicas:
            print(f"replica {replica['id']}: {replica['device_signatures']} of "
                  f"{replica['signatures']} signatures by the device, {replica['requests']} requests")
            assert replica["signature_backend"].startswith(f"{DEVICE}+"), replica
            assert replica["state"] == "running" and replica["diverged"] == 0, replica
            assert "bad-signature" not in replica["drops"], replica
            assert replica["device_refused"] == 0, replica
            # The last are counted one after the other.
            assert abs(replica["signatures"] - replica["device_signatures"]) <= 16, replica
            assert replica["device_signatures"] > 100 / SLOWNESS, replica


with directory() as scratch:
    the_device_signs(profile_with_device(scratch, PROFILE))
