#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What signatures cost on this CPU: to sign, verify, seal and open with every scheme, back end, number of
# operations at once and tree size, beside OpenSSL's EVP interface with its context reused, one operation
# at a time, and beside the bound that the CPU's multipliers set.
# Builds (Release) first. Needs the packages that bench/demo.sh installs.
#
#   bench/crypto.sh [--json FILE] [--repetitions N]
#
# Repetitions are interleaved, figures are medians of CPU time on one core. "of bound" is the rate of
# signatures as a share of (vpmadd52 instructions per second, measured in the same run) / (those that
# an operation cannot do without); unknown on CPUs without AVX-512 IFMA and where that is not used.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '3,12s/^# \{0,1\}//p' "$0"
    exit 0
fi
cd "$(dirname "$0")/.."
mkdir -p build
cmake --preset release > build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
cmake --build --preset release --target colonnade-bench > build/bench.build.log ||
    { cat build/bench.build.log; exit 1; }
exec python3 -B bench/crypto.py "$OLDPWD" "$@"
