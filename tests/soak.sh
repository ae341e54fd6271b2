#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Long runs, apart from the suites: a million RSA signatures and verifications per key size against
# OpenSSL, some 50 minutes on one core with AVX-512 IFMA.
#
# usage: tests/soak.sh [OPERATIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
operations=${1:-1000000}
if [[ ! $operations =~ ^[1-9][0-9]*$ ]]; then
    echo "soak.sh: '$operations' is not a number of operations: give one, or none for a million" >&2
    exit 2
fi
tests/install.sh test
mkdir -p build
cmake --preset release > build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
cmake --build --preset release --target soak_rsa
exec build/release/tests/soak/soak_rsa "$operations"
