#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds (Release) and runs the micro-benchmarks: machine, commit and build first, then a row for
# each, the medians of its repetitions. Needs the packages that bench/demo.sh installs.
#
#   bench/micro.sh [--filter REGEX] [--json FILE] [--repetitions N]
#
# Names begin with their subject: --filter '^seal/'. "cycles" are the time stamp counter's, counted
# while the benchmark's thread ran; "spread" is (highest - lowest) / median of the repetitions.
set -euo pipefail

filter=.
repetitions=5
json=()

refuse() {
    echo "micro.sh: $1" >&2
    exit 2
}

while [[ $# -gt 0 ]]; do
    case $1 in
        --help | -h) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        --filter | --json | --repetitions)
            [[ $# -ge 2 ]] || refuse "$1 needs a value: \`bench/micro.sh --help\` shows how" ;;
        *) refuse "unknown option $1: \`bench/micro.sh --help\` lists the options" ;;
    esac
    case $1 in
        --filter) filter=$2 ;;
        --json) json=("--benchmark_out=$(realpath -m "$2")" --benchmark_out_format=json) ;;
        --repetitions) repetitions=$2 ;;
    esac
    shift 2
done
[[ $repetitions =~ ^[1-9][0-9]*$ ]] || refuse "'$repetitions' is not a number of repetitions"

cd "$(dirname "$0")/.."
mkdir -p build
cmake --preset release > build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
cmake --build --preset release --target colonnade-bench > build/bench.build.log ||
    { cat build/bench.build.log; exit 1; }
exec build/release/colonnade-bench "--benchmark_filter=$filter" --benchmark_min_time=0.1 \
    "--benchmark_repetitions=$repetitions" "${json[@]}"
