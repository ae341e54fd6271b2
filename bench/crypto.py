# SPDX-License-Identifier: Apache-2.0
"""The report of bench/crypto.sh. First argument: the directory that FILE is relative to."""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "release" / "colonnade-bench"
FILTER = (r"^(ifma/|(sign|verify)/.*RSA-.*/(alone|8 at once)$|seal/trees of 100 B|seal/tree of replies"
          r"|open/100 B alone|open/tree of replies, cached)")
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


def rsa(cost, bits, bound):
    """Rates of the back end in use with all lanes, OpenSSL's one at a time."""
    lanes = "ifma" if bound else "openssl"
    figures = {}
    for what, instructions in ("sign", vpmadd52_per_sign), ("verify", vpmadd52_per_verify):
        own = cost[f"{what}/{lanes}/RSA-{bits}/8 at once"]
        figures[f"{what}_per_s"] = 1e9 / own
        figures[f"{what}_ratio_openssl"] = cost[f"{what}/openssl/RSA-{bits}/alone"] / own
        share = 1e9 / own * instructions(bits) / bound if bound else None
        figures[f"{what}_share_of_bound"] = share
    return figures


def show(context, cost, result, bound):
    print(f"machine      {context['machine']}\ncommit       {context['commit']}\n"
          f"back end     {context['signatures']}\nvpmadd52     "
          + (f"{bound / 1e9:.2f} G/s" if bound else "none on this CPU"))
    print(f"\n{'':8}{'sign/s':>9}{'x OpenSSL':>11}{'of bound':>10}"
          f"{'verify/s':>11}{'x OpenSSL':>11}{'of bound':>10}{'one alone':>12}")
    for bits in 2048, 3072, 4096:
        row = result[f"rsa{bits}"]
        print(f"RSA-{bits}", end="")
        for what, width in ("sign", 9), ("verify", 11):
            share = row[f"{what}_share_of_bound"]
            print(f"{row[f'{what}_per_s']:{width}.0f}{row[f'{what}_ratio_openssl']:11.2f}"
                  f"{f'{100 * share:.0f} %' if share else '-':>10}", end="")
        backend = "ifma" if bound else "openssl"
        print(f"{cost[f'sign/{backend}/RSA-{bits}/alone'] / 1e3:9.0f} us")
    print("\nmessages of 100 bytes, RSA-2048, trees of 64: "
          f"sealed {result['merkle64']['sealed_per_s']:.0f}/s in all lanes, "
          f"opened with a known root {result['merkle64']['opened_per_s']:.0f}/s where the whole tree "
          f"goes to one receiver, {result['merkle64']['opened_alone_per_s']:.0f}/s one by one "
          "with a path each")
    print(f"\n{'tree of':>8}{'one tree':>16}{'all lanes':>16}   us per sealed message")
    for leaves in 1, 8, 64, 256:
        lanes = cost.get(f"seal/trees of 100 B, all lanes/{leaves}")
        print(f"{leaves:8}{cost[f'seal/tree of replies/{leaves}'] / 1e3:16.2f}"
              f"{f'{lanes / 1e3:.2f}' if lanes else '-':>16}")


def main():
    parser = argparse.ArgumentParser(prog="crypto.sh", description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--repetitions", type=int, default=15, metavar="N")
    chosen = parser.parse_args()
    if chosen.repetitions < 1:
        parser.error("--repetitions counts from 1")
    context, cost = run(chosen.repetitions)
    bound = 1e9 / cost["ifma/vpmadd52"] if "ifma/vpmadd52" in cost else None
    result = {f"rsa{bits}": rsa(cost, bits, bound) for bits in (2048, 3072, 4096)}
    result["merkle64"] = {"sealed_per_s": 1e9 / cost["seal/trees of 100 B, all lanes/64"],
                          "opened_per_s": 1e9 / cost["open/tree of replies, cached root/64"],
                          "opened_alone_per_s":
                              1e9 / cost["open/100 B alone with path, cached root"]}
    show(context, cost, result, bound)
    if chosen.json:
        path = chosen.directory / chosen.json
        path.write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nwritten to {path}")


if __name__ == "__main__":
    sys.exit(main())
