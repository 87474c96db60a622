#!/bin/bash
# Runs the tests of third-party programs, all of them or those named: tests/third_party/run.sh [NAME..]
# Each prints one line, `ok NAME figures` or `FAIL NAME why`; the last line is `N passed, N failed`. lib.sh says what they check.
set -u
cd "$(dirname "$0")" || exit 1
tests=("$@")
[ $# -gt 0 ] || mapfile -t tests < <(ls ./*.sh | sed 's|^\./||; s|\.sh$||' | grep -vx -e lib -e run)
passed=0 failed=0
for test in "${tests[@]}"; do
    if [ ! -e "$test.sh" ] || [ "$test" = lib ] || [ "$test" = run ]; then
        echo "FAIL $test no such test"
        failed=$((failed + 1))
    elif bash "$test.sh"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
