#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run a target's corpus, and some inputs made from it: the same ones every time. Keeps nothing.
# usage: smoke.sh PROGRAM CORPUS BYTES RUNS
set -euo pipefail
made=$(mktemp -d)
trap 'rm -r "$made"' EXIT
inputs=$(find "$2" -type f | wc -l)
"$1" -seed=1 -runs=$((inputs + $4)) -max_len="$3" -max_total_time=10 -timeout=20 -rss_limit_mb=4096 \
    -artifact_prefix="$PWD/" "$made" "$2"
