#!/bin/bash
# Runs every test of the project and ends with a line `N passed, N failed`; the exit status is 0 only when none failed.
#
# Each part runs even when one before it failed. A part counts the tests it reports, and as one failed test when it
# breaks off without saying which.
set -uo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
export CARGO_TERM_COLOR=never
trap 'rm -f "$log"' EXIT
passed=0 failed=0 broken=

# part NAME COMMAND..: a single test, which passes when the command does.
part() {
    local name=$1
    shift
    echo "== $name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1)) broken+=" [$name]"
    fi
}

# suite NAME COMMAND..: counts what the command counts, in cargo's words or ours; one that counts nothing is a single test.
suite() {
    local name=$1 status ok bad
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    # cargo: `test result: ok. 3 passed; 0 failed; ..`, one for each binary; scripts: `3 passed, 0 failed`, at the end.
    read -r ok bad < <(sed -nE 's/^(test result: [^ ]+ )?([0-9]+) passed[,;] ([0-9]+) failed.*/\2 \3/p' "$log" |
        awk '{ ok += $1; bad += $2 } END { print ok + 0, bad + 0 }')
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    elif [ "$((ok + bad))" = 0 ]; then
        ok=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        broken+=" [$name]"
    fi
}

part 'formatting' cargo fmt --check
part 'clippy' cargo clippy --release --workspace --all-targets --quiet -- -D warnings
# The tests use the library beside the launcher, which `cargo test` does not renew.
part 'build' cargo build --release
suite 'cargo test' cargo test --release --workspace --no-fail-fast
suite 'scripts/check-library.sh' scripts/check-library.sh
for script in tests/*.sh; do
    [ -x "$script" ] || continue # sourced by the others
    suite "$script" "$script"
done

if [ -n "$broken" ]; then
    echo "failed:$broken"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
