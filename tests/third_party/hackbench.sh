#!/bin/bash
# hackbench: five groups of twenty senders and twenty receivers, all threads, over socket pairs and then over pipes.
. "$(dirname "$0")/lib.sh"
name=hackbench packages=rt-tests native_threads=200

run_once() {
    local kind figures=
    for kind in "" -p; do
        # shellcheck disable=SC2086
        start hackbench -T $kind -g 5 -l 1000 >"$work/out"
        finish || fail "exit $? over ${kind:-sockets}: $(tail -n 1 "$work/out")"
        grep -q '^Time: [0-9]' "$work/out" || fail "printed no time: $(tail -n 1 "$work/out")"
        figures="$figures $(sed -n 's/^Time: //p' "$work/out") s"
    done
    pass "sockets and pipes$figures"
}

main "$@"
