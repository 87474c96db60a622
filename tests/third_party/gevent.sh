#!/bin/bash
# gevent and greenlet, which copy pieces of the stack about: a hub of greenlets in each of eight threads.
. "$(dirname "$0")/lib.sh"
name=gevent packages="python3-gevent python3-greenlet" native_threads=8

run_once() {
    start "$python" "$here/greenlets.py" >"$work/out"
    finish || fail "exit $?"
    [ "$(cat "$work/out")" = "8 threads, {2225}" ] || fail "wrong: $(cat "$work/out")"
    pass "50 greenlets in each of 8 threads"
}

main "$@"
