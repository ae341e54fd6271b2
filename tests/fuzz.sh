#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the targets of tests/fuzz, one per core at a time, each for so many minutes. Inputs that
# reach something new are kept in build/fuzz-corpus/ and start the next run. Prints a table and the
# command that repeats each finding; the exit status is not 0 when there is one.
# usage: tests/fuzz.sh MINUTES [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    echo "usage: tests/fuzz.sh MINUTES [TARGET...]; targets: $(cd tests/fuzz && ls *.c | sed 's/\.c$//; /^standalone$/d' | tr '\n' ' ')"
    exit 2
}

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
minutes=$1
shift
programs=build/fuzz/tests/fuzz
kept=build/fuzz-corpus
found=build/fuzz-findings
logs=build/fuzz-logs

build() {
    local preset
    mkdir -p build "$kept" "$found" "$logs"
    for preset in fuzz coverage; do
        cmake --preset "$preset" > "$logs/$preset.build" 2>&1 &&
            cmake --build --preset "$preset" >> "$logs/$preset.build" 2>&1 ||
            { cat "$logs/$preset.build"; exit 1; }
    done
}

# $1: target, $2: longest input
fuzz() {
    mkdir -p "$kept/$1" "$found/$1"
    "$programs/fuzz_$1" -max_total_time=$((minutes * 60)) -max_len="$2" -len_control=20 -timeout=20 \
        -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$found/$1/" \
        "$kept/$1" "$programs/corpus/$1" > "$logs/$1" 2>&1 || true
}

# Share of the lines of some sources that a target's inputs reach. $1: target, rest: sources
coverage() {
    local target=$1 program=build/coverage/tests/fuzz/fuzz_$1 raw=build/coverage/$1.profraw
    shift
    LLVM_PROFILE_FILE=$raw "$program" "$programs/corpus/$target" "$kept/$target" > /dev/null 2>&1 || true
    llvm-profdata-14 merge -sparse "$raw" -o "$raw.data" 2> /dev/null || { echo '?'; return; }
    # Not by llvm-cov's own selection: paths may be relative, as compiler caches make them.
    llvm-cov-14 report "$program" -instr-profile="$raw.data" 2> /dev/null |
        awk -v sources="$*" '
            BEGIN { count = split(sources, source, " ") }
            { for (i = 1; i <= count; i++) if (index($1, source[i]) == 1) { lines += $8; missed += $9 } }
            END { if (lines) printf "%.1f%%\n", 100 * (lines - missed) / lines; else print "?" }'
}

# $1: log, $2: name of a final figure
figure() {
    sed -n "s/^stat::$2: *//p" "$1"
}

# $1: target, rest: sources
report() {
    local target=$1 log=$logs/$1 reached executions findings inputs
    shift
    reached=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -1)
    executions=$(figure "$log" number_of_executed_units)
    findings=$(find "$found/$target" -type f | wc -l)
    inputs=$(find "$kept/$target" "$programs/corpus/$target" -type f | wc -l)
    printf '%-14s %11s %8s %7s %9s %7s %7s %9s\n' "$target" "${executions:-?}" \
        "$((${executions:-0} / (minutes * 60)))" "$(cut -d' ' -f2 <<< "$reached")" \
        "$(cut -d' ' -f4 <<< "$reached")" "$inputs" "$(coverage "$target" "$@")" "$findings"
}

build
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(cut -d' ' -f1 "$programs/targets.txt")
for target in "${targets[@]}"; do
    bytes=$(awk -v name="$target" '$1 == name { print $2 }' "$programs/targets.txt")
    [[ -n $bytes ]] || usage
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do wait -n; done
    fuzz "$target" "$bytes" &
done
wait

printf '%-14s %11s %8s %7s %9s %7s %7s %9s\n' \
    target executions per-s edges features inputs lines findings
for target in "${targets[@]}"; do
    read -r _ _ sources < <(grep "^$target " "$programs/targets.txt")
    report "$target" $sources
done
status=0
for target in "${targets[@]}"; do
    for input in "$found/$target"/*; do
        [[ -e $input ]] || continue
        echo "to repeat: $programs/fuzz_$target $input"
        status=1
    done
done
exit $status
