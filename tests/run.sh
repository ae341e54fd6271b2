#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every fast suite: with the address and undefined behaviour
# sanitizers, then (with the system tests, too) as released. Needs neither root, NIC nor hugepages once
# the packages are there. Leaves nothing behind but build/. The last line is ctest's closing line.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds that each suite may take in all (a label of ctest), as released and with sanitizers. A
# suite that outgrows its share becomes too slow to be run before every commit. Each is about twice
# what the suite takes on two cores; together, the system tests one at a time, under 20 minutes.
budgets='
unit      180  240
paper      30   60
simulator 300  400
system    700    0
style      10   10
bench      60  120
fuzz       20  180
'

say() {
    printf '\n== %s\n' "$1"
}

closing=

# Compare ctest's summary of time per label with the budgets.
# $1: log, $2: column of the budget
check_budgets() {
    awk -v column="$2" -v budgets="$budgets" '
        BEGIN {
            lines = split(budgets, line, "\n")
            for (i = 1; i <= lines; i++)
                if (split(line[i], field, " ") == 3) limit[field[1]] = field[column]
        }
        / sec\*proc / {
            if (!($1 in limit)) { print "suite " $1 " has no time budget: add it to tests/run.sh"; bad = 1 }
            else if ($3 + 0 > limit[$1]) { print "suite " $1 " took " $3 " s, its budget is " limit[$1] " s"; bad = 1 }
        }
        END { exit bad }' "$1"
}

# $1: preset, $2: column of the budget, rest: arguments of ctest
run_suites() {
    local preset=$1 column=$2 log=build/$1/ctest.log failed=0
    shift 2
    say "$preset: build in build/$preset"
    cmake --preset "$preset" > "build/$preset.configure.log" 2>&1 ||
        { cat "build/$preset.configure.log"; exit 1; }
    cmake --build --preset "$preset"
    say "$preset: tests"
    timeout 1200 ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
        -j "$(nproc)" "$@" < /dev/null 2>&1 | tee "$log" || failed=1
    closing=$(grep 'tests passed' "$log" || echo 'ctest did not finish')
    check_budgets "$log" "$column" || failed=1
    if [[ $failed == 1 ]]; then
        printf '\n%s: FAILED\n%s\n' "$preset" "$closing"
        exit 1
    fi
}

say 'packages'
tests/install.sh test
mkdir -p build
run_suites asan 3 --label-exclude 'system'
run_suites fuzz 3
run_suites release 2
printf '\n%s\n' "$closing"
