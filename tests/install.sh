#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of tests/packages.txt that are missing: those to build, and with the
# argument "test" those for the test suites, too. Asks sudo only when something is missing.
set -euo pipefail
cd "$(dirname "$0")"

wanted=${1:-build}
if ! command -v dpkg-query > /dev/null; then
    echo "install: not a Debian system: install what tests/packages.txt names by hand if it is missing"
    exit 0
fi

missing=()
while read -r use package _; do
    case $use in
        build) ;;
        test) [[ $wanted == test ]] || continue ;;
        *) continue ;;
    esac
    # shellcheck disable=SC2016
    [[ $(dpkg-query -W -f='${Status}' "$package" 2> /dev/null) == *' ok installed' ]] ||
        missing+=("$package")
done < packages.txt

if [[ ${#missing[@]} == 0 ]]; then
    echo "install: all packages are there"
    exit 0
fi

root=()
if [[ $(id -u) != 0 ]]; then
    if ! command -v sudo > /dev/null; then
        echo "install: missing packages and no sudo: run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
echo "install: ${missing[*]}"
"${root[@]}" apt-get update -q < /dev/null
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    "${missing[@]}" < /dev/null
