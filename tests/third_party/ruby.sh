#!/bin/bash
# Ruby: fibers, each on a stack of its own, within threads that pass the interpreter's lock to each other.
. "$(dirname "$0")/lib.sh"
name=ruby packages=ruby native_threads=8

run_once() {
    start ruby "$here/fibers.rb" >"$work/out"
    finish || fail "exit $?"
    [ "$(tr '\n' ' ' <"$work/out")" = "8 [125250] 0 1 [0, 2, 4] " ] || fail "wrong: $(tr '\n' ' ' <"$work/out")"
    pass "fibers in 8 threads"
}

main "$@"
