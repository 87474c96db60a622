#!/bin/bash
# hey: a load generator written in Go, stripped. Its runtime makes its system calls itself, from code without unwind tables.
. "$(dirname "$0")/lib.sh"
name=hey packages=hey proof=report

requests=400 bytes=20000

run_once() {
    start_origin
    (under hey -n $requests -c 50 "http://$origin/7/$bytes/100" >"$work/out") || fail "exit $?: $(tail -n 1 "$work/errors")"
    grep -qE "^ *\[200\][[:space:]]$requests responses$" "$work/out" || fail "$(grep -A 9 '^Status' "$work/out" | tr '\n' ' ')"
    grep -qE "^ *Total data:[[:space:]]$((requests * bytes)) bytes$" "$work/out" || fail "$(grep 'Total data' "$work/out")"
    local seconds
    seconds=$(sed -nE 's/^ *Total:[[:space:]]([0-9.]+) secs$/\1/p' "$work/out")
    # 400 answers of a tenth of a second each, one after the other: 40 s.
    [ "${seconds%.*}" -lt 10 ] || fail "the requests did not overlap: $seconds s"
    pass "$requests requests in $seconds s"
}

main "$@"
