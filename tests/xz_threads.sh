#!/bin/bash
# xz -T2: worker threads and the condition variables between them. What it compresses must come out again.
. "$(dirname "$0")/preload/lib.sh"
name=xz_threads

check() {
    requires xz xz-utils
    seq 1 600000 >"$work/numbers"
    preload xz -T2 -1 --block-size=1MiB -kc "$work/numbers" >"$work/numbers.xz" || fail "xz: exit $?"
    xz -dc "$work/numbers.xz" | cmp -s - "$work/numbers" || fail "what comes out is not what went in"
    expect_virtual
    expect "processes == 1 and threads_made >= 2 and parked('futex') > 0 and switches > 0"
}

main
