#!/bin/bash
# Runs the integration scripts, all of tests/*.sh or those named (without .sh); preload/lib.sh says what they check.
# The last line is `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")" || exit 1
scripts=("$@")
[ $# -gt 0 ] || mapfile -t scripts < <(ls ./*.sh | sed 's|^\./||; s|\.sh$||' | grep -vx run_scripts)
passed=0 failed=0 skipped=0
for script in "${scripts[@]}"; do
    said=$(bash "./$script.sh" 2>&1)
    status=$?
    echo "${said:-FAIL $script said nothing}" | tail -n 3
    case $status:$(tail -n 1 <<<"$said") in
        0:ok*) passed=$((passed + 1)) ;;
        0:skip*) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
