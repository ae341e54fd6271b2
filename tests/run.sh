#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every fast suite: `asan` is everything with the address and
# undefined behaviour sanitizers, `tsan` the concurrent parts with the thread sanitizer, `fuzz` a short round
# of each fuzz target, `release` everything as released, with style and analysis. Needs neither root, NIC nor hugepages once the packages are there.
# Leaves nothing behind but build/. The last line is ctest's closing line, added up over all runs.
#
# usage: tests/run.sh [asan|tsan|fuzz|release]...
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds that each suite (a label of ctest) may take, its tests added up, and each build: about twice what
# they take on two cores. Two tests run at a time, except most of system and those of analysis. All together
# may take 25 minutes, packages included: on two idle cores they take 15 to 20.
budgets='
suite      release  asan  tsan  fuzz
build          180   240   120   120
unit           180   240   180     -
paper           30    60     -     -
simulator      300   400     -     -
soak           200    90     -     -
system        1000   240   240     -
bench           60     -     -     -
fuzz            20    30     -   180
style           20     -     -     -
analysis       360     -     -     -
'
TOTAL_BUDGET=1500

say() {
    printf '\n== %s\n' "$1"
}

times=     # of all runs: lines of preset, suite, seconds
closings=  # of all runs: ctest's closing lines
failed=    # presets

# $1: preset
build() {
    local started=$SECONDS
    say "$1: build in build/$1"
    cmake --preset "$1" > "build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log"; return 1; }
    cmake --build --preset "$1" || return 1
    times+="$1 build $((SECONDS - started))"$'\n'
}

# $1: preset
test_suites() {
    local log=build/$1/ctest.log status=0
    say "$1: tests"
    timeout 1200 ctest --test-dir "build/$1" --output-on-failure --no-tests=error -j 2 \
        --label-exclude unsanitized < /dev/null 2>&1 | tee "$log" || status=1
    closings+=$(grep 'tests passed' "$log" || echo '0% tests passed, 1 tests failed out of 1')$'\n'
    times+=$(awk -v preset="$1" '/ sec\*proc / { print preset, $1, $3 }' "$log")$'\n'
    return $status
}

# A table of what each suite took and may take. Fails if one took more, or has no budget.
compare_with_budgets() {
    awk -v budgets="$budgets" -v total="$SECONDS" -v total_budget="$TOTAL_BUDGET" '
        function show(preset, suite, seconds, budget) {
            over = seconds + 0 > budget + 0
            printf "%-8s %-10s %8.1f %8s%s\n", preset, suite, seconds, budget, over ? "  too long" : ""
            bad = bad || over
        }
        BEGIN {
            printf "%-8s %-10s %8s %8s\n", "preset", "suite", "seconds", "budget"
            lines = split(budgets, line, "\n")
            for (i = 1; i <= lines; i++) {
                fields = split(line[i], field, " ")
                if (field[1] == "suite") for (f = 2; f <= fields; f++) preset[f] = field[f]
                for (f = 2; f <= fields; f++) budget[preset[f], field[1]] = field[f]
            }
        }
        NF == 3 { show($1, $2, $3, ($1, $2) in budget ? budget[$1, $2] : "none") }
        END { show("all", "", total, total_budget); exit bad }' <<< "$times"
}

say 'packages'
tests/install.sh test
mkdir -p build
[[ $# -gt 0 ]] || set -- asan tsan fuzz release
for preset in "$@"; do
    if ! build "$preset" || ! test_suites "$preset"; then failed+=" $preset"; fi
done

say 'seconds'
compare_with_budgets || failed+=' budgets'
[[ -z $failed ]] || printf '\nFAILED:%s\n' "$failed"
awk '/tests passed/ { failed += $4; all += $9 }
    END { printf "\n%d%% tests passed, %d tests failed out of %d\n", (all - failed) * 100 / all, failed, all }' \
    <<< "$closings"
[[ -z $failed ]]
