#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 to a measured cluster: installs missing packages, builds (Release), starts four
# replica processes in a private network namespace, drives load and reports. Needs no root once the
# packages are there. Leaves nothing behind but build/.
#
#   bench/demo.sh [--profile small|threads] [--seconds N] [--json FILE] [--batch N]
#
# Ends with status 0 only when the replicas' signed checkpoints agree and every request was answered.
set -euo pipefail

profile=small
seconds=10
batch=100
json=()

usage() {
    sed -n '3,9s/^# \{0,1\}//p' "$0"
}

refuse() {
    echo "demo.sh: $1" >&2
    exit 2
}

while [[ $# -gt 0 ]]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --profile | --seconds | --json | --batch)
            [[ $# -ge 2 ]] || refuse "$1 needs a value: \`bench/demo.sh --help\` shows how" ;;
        *) refuse "unknown option $1: \`bench/demo.sh --help\` lists the options" ;;
    esac
    case $1 in
        --profile) profile=$2 ;;
        --seconds) seconds=$2 ;;
        --batch) batch=$2 ;;
        --json) json=(--json "$(realpath -m "$2")") ;;
    esac
    shift 2
done

for number in "$seconds" "$batch"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || refuse "'$number' is not a number of seconds or requests"
done
[[ $profile == small || $profile == threads ]] || refuse "no profile '$profile': use small or threads"

cd "$(dirname "$0")/.."
colonnade=build/release/colonnade
cluster=build/demo

say() {
    printf '\n== %s\n' "$1"
}

say 'packages'
tests/install.sh build

say 'build (Release) in build/release'
mkdir -p build
cmake --preset release > build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
cmake --build --preset release --target colonnade

say "cluster of four replicas in $cluster, profile $profile"
if [[ -d $cluster ]]; then
    "$colonnade" cluster down "$cluster" > /dev/null
    rm -rf "$cluster"
fi
"$colonnade" init "$cluster" --batch "$batch" --application-options reply_bytes=100
trap '"$colonnade" cluster down "$cluster"' EXIT
"$colonnade" cluster up "$cluster" --profile "$profile"

say "load for $seconds seconds"
"$colonnade" bench --cluster "$cluster" --seconds "$seconds" "${json[@]}"
