#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the committed corpora anew: the fewest inputs that reach all that is reached by recorded
# traffic, by the present corpora and by what tests/fuzz.sh kept. Needs build/release and build/fuzz.
# usage: tests/fuzz/record.sh [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=build/fuzz/tests/fuzz
seeds=build/fuzz-seeds
fewest=build/fuzz-fewest

rm -rf "$seeds" "$fewest"
python3 tests/fuzz/record.py "$PWD/build/release/colonnade" "$seeds"
python3 tests/fuzz/scenarios.py "$seeds"
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(cut -d' ' -f1 "$programs/targets.txt")
for target in "${targets[@]}"; do
    mkdir -p "$fewest/$target" "$seeds/$target" "build/fuzz-corpus/$target"
    bytes=$(awk -v name="$target" '$1 == name { print $2 }' "$programs/targets.txt")
    "$programs/fuzz_$target" -merge=1 -max_len="$bytes" -rss_limit_mb=4096 "$fewest/$target" \
        "$programs/corpus/$target" "$seeds/$target" "build/fuzz-corpus/$target" 2> /dev/null
    (cd "$fewest/$target" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        --mode=a=r,u+w -cJf - -- *) > "tests/fuzz/corpus/$target.tar.xz"
    printf '%-14s %5d inputs %7d bytes packed\n' "$target" "$(find "$fewest/$target" -type f | wc -l)" \
        "$(stat -c %s "tests/fuzz/corpus/$target.tar.xz")"
done
