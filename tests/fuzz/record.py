#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes seeds for the fuzz targets from the traffic of a running cluster.

Usage: record.py COLONNADE OUT        OUT/<target>/ gets the inputs (tests/fuzz/record.sh packs them)
       record.py --capture DEVICE OUT raw frames of a device until the process is ended
"""
import hashlib
import itertools
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import time

HEADERS = 42  # Ethernet, IPv4, UDP
RECORDED = 2  # the replica whose side the target `receive` is
BASE_PORT = 7000
PILLARS = 4
FRAMES_MAX = 20000
# Order of bodies.c: the number of the message on the wire to the number of the reader there.
BODIES = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 14: 5, 15: 6, 16: 7, 7: 8}
DIGEST_GIVEN = (8, 9, 10, 11)
RECORD_PAYLOAD = 4  # of receive.c
SEAL = 0            # of seals.c


def capture(device, out):
    """Frames, each behind its u16 length."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.bind((device, 0))
    with open(out, "wb", buffering=0) as file:
        print("capturing", flush=True)
        for _ in range(FRAMES_MAX):
            frame = link.recv(65536)
            file.write(struct.pack("<H", len(frame)) + frame)


def frames_of(path):
    data = pathlib.Path(path).read_bytes()
    at = 0
    while at + 2 <= len(data):
        length, = struct.unpack_from("<H", data, at)
        yield data[at + 2:at + 2 + length]
        at += 2 + length


def is_ours(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[HEADERS:HEADERS + 2] == b"\x1a\xc0"


def entries_of(payload):
    """(type, fragments, bytes) of each entry of a bundle."""
    signature, = struct.unpack_from("<H", payload, 6)
    entries, siblings = struct.unpack_from("<HH", payload, 18)
    at = 32 + signature + 32 * siblings
    for _ in range(entries):
        kind, _, _, whole = struct.unpack_from("<BBBB", payload, at)
        fragments, = struct.unpack_from("<H", payload, at + 8)
        length, = struct.unpack_from("<I", payload, at + 28)
        at += 32 + 32 * (kind in DIGEST_GIVEN or fragments > 1) + 32 * whole
        yield kind, fragments, payload[at:at + length]
        at += length


def seals_of(fetched):
    at = 1 + 8 + 1 + 8 + 32
    count = fetched[at]
    at += 1
    for _ in range(count):
        length, = struct.unpack_from("<H", fetched, at + 4)
        yield fetched[at + 6:at + 6 + length]
        at += 6 + length


class Seeds:
    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.kept = {}

    def add(self, target, data, shape=None, most=1):
        """Keep `most` inputs of each shape."""
        key = (target, shape)
        if shape is not None and self.kept.get(key, 0) >= most:
            return
        self.kept[key] = self.kept.get(key, 0) + 1
        folder = self.out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def add_frame(seeds, frame):
    if not is_ours(frame):
        seeds.add("frame", frame, (frame[12:14], len(frame)), 2)
        return
    payload = frame[HEADERS:]
    entries = list(entries_of(payload))
    shape = (payload[4], tuple(kind for kind, _, _ in entries)[:3], len(entries).bit_length())
    seeds.add("frame", frame, ("udp", len(frame) // 256))
    seeds.add("bundle", payload, shape)
    for kind, fragments, data in entries:
        if fragments == 1 and kind in BODIES:
            seeds.add("bodies", bytes([BODIES[kind]]) + data, (kind, len(data).bit_length()), 2)
        if fragments == 1 and kind == 16:
            for seal in seals_of(data):
                seeds.add("seals", bytes([SEAL]) + seal, len(seal))


def add_receive(seeds, frames, lengths):
    """What one replica heard on each pillar, in pieces."""
    for pillar in range(PILLARS):
        heard = [f[HEADERS:] for f in frames if is_ours(f) and
                 f[30:34] == bytes([10, 77, 0, 1 + RECORDED]) and
                 struct.unpack(">H", f[36:38])[0] == BASE_PORT + pillar]
        at = 0
        for length in lengths:
            piece = heard[at:at + length]
            records = b"".join(bytes([RECORD_PAYLOAD]) + struct.pack("<H", len(p)) + p for p in piece)
            if piece:
                seeds.add("receive", bytes([pillar]) + records)
            at = 0 if length > 8 else at + length


def with_keys(text):
    """Key files that exist on every machine, by a different path each."""
    count = itertools.count()
    return re.sub(r"keys/[a-z]+-[0-9]+(\.exchange)?\.pub", lambda _: f"/dev/{'./' * next(count)}null", text)


def drive(harness, cluster):
    """All kinds of traffic: the replica loses some for a while, so that it has to ask for it."""
    def port(state):
        harness.run("cluster", "exec", cluster.path, "--", "bridge", "link", "set", "dev",
                    f"b{RECORDED}", "state", state)

    cluster.send(range(40))
    cluster.send(["x" * 900] * 20)
    bench = harness.start("bench", "--cluster", cluster.path, "--seconds", 3, "--warmup", 0)
    for _ in range(3):
        time.sleep(0.3)
        port("disabled")
        time.sleep(0.1)
        port("forwarding")
    harness.finish(bench)
    cluster.send(range(60))
    time.sleep(1)  # for the last STATUS


def record_cluster(harness, seeds, *options):
    """@return the frames of its traffic"""
    with harness.cluster(*options) as cluster:
        captured = f"{cluster.path}/frames"
        recorder = harness.start("cluster", "exec", cluster.path, "--", sys.executable,
                                 os.path.abspath(__file__), "--capture", f"b{RECORDED}", captured)
        assert recorder.stdout.readline() == "capturing\n"
        try:
            drive(harness, cluster)
        finally:
            recorder.terminate()
            recorder.wait()
        frames = list(frames_of(captured))
        for name in ("cluster.yaml", "small.yaml", "threads.yaml"):
            target = "cluster_file" if name == "cluster.yaml" else "profile_file"
            seeds.add(target, with_keys(pathlib.Path(f"{cluster.path}/{name}").read_text()).encode())
    return frames


def record(program, out):
    sys.argv = [sys.argv[0], program, "small", "200"]
    sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "system"))
    import harness
    seeds = Seeds(out)
    frames = record_cluster(harness, seeds) + record_cluster(harness, seeds, "--sessions", "hmac")
    for frame in frames:
        add_frame(seeds, frame)
    add_receive(seeds, frames, [3, 5, 8, 20, 60])
    print(f"{len(frames)} frames, {sum(seeds.kept.values())} inputs in {out}")


if __name__ == "__main__":
    if sys.argv[1] == "--capture":
        capture(sys.argv[2], sys.argv[3])
    else:
        record(sys.argv[1], sys.argv[2])
