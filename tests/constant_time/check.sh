#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Private operations of crypto/ifma take no branch and touch no address that depends on the key.
#
# usage: check.sh DIRECTORY    of the build, for what is compiled here; COMPILER OPTIONS follow
set -euo pipefail
build=$1
shift
cd "$(dirname "$0")/../.."
clang-14 -O2 -g -std=c11 -D_GNU_SOURCE -I. -fsanitize=memory -fno-sanitize-recover=all "$@" \
    tests/constant_time/rsa.c crypto/ifma/*.c src/base/assert.c -lcrypto -o "$build/constant_time_rsa"
status=0
"$build/constant_time_rsa" || status=$?
[[ $status -eq 0 ]] || exit "$status"
if "$build/constant_time_rsa" leak 2> /dev/null; then
    echo 'the check does not see a branch on a bit of the key' >&2
    exit 1
fi
