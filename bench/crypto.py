# SPDX-License-Identifier: Apache-2.0
"""The report of bench/crypto.sh. First argument: the directory that FILE is relative to."""
import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "release" / "colonnade-bench"
SCHEMES = {"RSA-2048": 2048, "RSA-3072": 3072, "RSA-4096": 4096, "Ed25519": None, "ECDSA-P256": None}
BATCHES = 1, 2, 4, 8
LEAVES = 1, 4, 16, 64, 256
FILTER = r"^(ifma/|(sign|verify|seal|open)/(openssl|ifma)/|open/100 B alone|open/tree of replies, cached)"
LANES = 8


def vpmadd52_per_sign(bits):
    """Per signature of eight: squares and products modulo both primes, in windows of five bits."""
    n = bits // 1024 * 10  # limbs of a prime
    squares, products = bits // 2, bits // 2 / 5
    return 2 * (squares * (3 * n * n + 2 * n) + products * (4 * n * n + n)) / LANES


def vpmadd52_per_verify(bits):
    n = bits // 1024 * 20
    return (16 * (3 * n * n + 2 * n) + 2 * (4 * n * n + n)) / LANES


def run(repetitions):
    """Machine and CPU ns of one unit by benchmark."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run([PROGRAM, f"--benchmark_filter={FILTER}", "--benchmark_min_time=0.02",
                        "--benchmark_enable_random_interleaving=true",
                        f"--benchmark_repetitions={repetitions}", f"--benchmark_out={file.name}",
                        "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(pathlib.Path(file.name).read_text())
    runs = {}
    for each in found["benchmarks"]:
        if each["run_type"] == "iteration":
            runs.setdefault(each["name"], []).append(each["cpu_ns"])
    return found["context"], {name: statistics.median(each) for name, each in runs.items()}


INSTRUCTIONS = {"sign": vpmadd52_per_sign, "seal": vpmadd52_per_sign,
                "verify": vpmadd52_per_verify, "open": vpmadd52_per_verify}


def name_of(what, back_end, scheme, batch, leaves):
    name = f"{what}/{back_end}/{scheme}/" + ("alone" if batch == 1 else f"{batch} at once")
    return f"{name}/{leaves}" if leaves else name


def measurement(cost, bound, *which):
    """Signatures, or messages of trees, per second; beside OpenSSL's one at a time, and beside the bound."""
    what, back_end, scheme, batch, leaves = which
    own, bits = cost[name_of(*which)], SCHEMES[scheme]
    share = None
    if bound and bits and back_end == "ifma":
        share = 1e9 / own / (leaves or 1) * INSTRUCTIONS[what](bits) / bound
    return {"what": what, "back_end": back_end, "scheme": scheme, "batch": batch, "leaves": leaves,
            "per_s": 1e9 / own,
            "ratio_openssl": cost[name_of(what, "openssl", scheme, 1, leaves)] / own,
            "share_of_bound": share}


def all_measurements(cost, bound):
    back_ends = ("openssl", "ifma") if bound else ("openssl",)
    sizes = {"sign": (None,), "verify": (None,), "seal": LEAVES, "open": LEAVES}
    return {which: measurement(cost, bound, *which)
            for what, leaves in sizes.items()
            for which in itertools.product((what,), back_ends, SCHEMES, BATCHES, leaves)}


def rsa(found, back_end, bits):
    """Rates of the back end in use with all lanes, OpenSSL's one at a time."""
    rows = {what: found[what, back_end, f"RSA-{bits}", LANES, None] for what in ("sign", "verify")}
    return {f"{what}_{figure}": row[figure] for what, row in rows.items()
            for figure in ("per_s", "ratio_openssl", "share_of_bound")}


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def show_signatures(found, back_end):
    print(f"\n{'at once':>18}{'sign/s':>10}{'x OpenSSL':>11}{'of bound':>10}"
          f"{'verify/s':>11}{'x OpenSSL':>11}{'of bound':>10}")
    for scheme, batch in itertools.product(SCHEMES, BATCHES):
        print(f"{scheme if batch == 1 else '':11}{batch:>7}", end="")
        for what, width in ("sign", 10), ("verify", 11):
            row = found[what, back_end, scheme, batch, None]
            print(f"{row['per_s']:{width}.0f}{row['ratio_openssl']:11.2f}"
                  f"{percent(row['share_of_bound']):>10}", end="")
        print()


def show_trees(found, back_end, what, title):
    print(f"\n{title}: per second, x OpenSSL, of bound\n{'trees at once':>18}"
          + "".join(f"{f'trees of {leaves}':>22}" for leaves in LEAVES))
    for scheme, batch in itertools.product(SCHEMES, BATCHES):
        print(f"{scheme if batch == 1 else '':11}{batch:>7}", end="")
        for leaves in LEAVES:
            row = found[what, back_end, scheme, batch, leaves]
            print(f"{row['per_s']:10.0f}{row['ratio_openssl']:6.2f}"
                  f"{percent(row['share_of_bound']):>6}", end="")
        print()


def show(context, found, merkle64, bound):
    back_end = context["signatures"]
    print(f"machine      {context['machine']}\ncommit       {context['commit']}\n"
          f"back end     {back_end}\nvpmadd52     "
          + (f"{bound / 1e9:.2f} G/s" if bound else "none on this CPU"))
    show_signatures(found, back_end)
    show_trees(found, back_end, "seal", "messages of 100 bytes sealed")
    show_trees(found, back_end, "open", "messages of 96 bytes opened, roots not seen before")
    print(f"\nmessages from RSA-2048 trees of 64 with a known root: {merkle64['opened_per_s']:.0f}/s where "
          f"the whole tree goes to one receiver, {merkle64['opened_alone_per_s']:.0f}/s one by one with a "
          "path each")


def main():
    parser = argparse.ArgumentParser(prog="crypto.sh", description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N")
    chosen = parser.parse_args()
    if chosen.repetitions < 1:
        parser.error("--repetitions counts from 1")
    context, cost = run(chosen.repetitions)
    back_end = context["signatures"]
    bound = 1e9 / cost["ifma/vpmadd52"] if back_end == "ifma" else None
    if not bound:
        print("crypto.sh: this CPU has no AVX-512 IFMA, so RSA is OpenSSL's and its share of the bound is "
              "unknown (null): measure on one that has", file=sys.stderr)
    found = all_measurements(cost, bound)
    result = {f"rsa{bits}": rsa(found, back_end, bits) for bits in SCHEMES.values() if bits}
    result["merkle64"] = {"sealed_per_s": found["seal", back_end, "RSA-2048", LANES, 64]["per_s"],
                          "opened_per_s": 1e9 / cost["open/tree of replies, cached root/64"],
                          "opened_alone_per_s": 1e9 / cost["open/100 B alone with path, cached root"]}
    result["all"] = list(found.values())
    show(context, found, result["merkle64"], bound)
    if chosen.json:
        path = chosen.directory / chosen.json
        path.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nwritten to {path}")


if __name__ == "__main__":
    sys.exit(main())
