#!/bin/bash
# pbzip2: reader, compressors and writer as threads. What it compresses must come out of bzip2 again.
. "$(dirname "$0")/preload/lib.sh"
name=pbzip2

check() {
    requires pbzip2 pbzip2
    seq 1 600000 >"$work/numbers"
    preload pbzip2 -p4 -kc "$work/numbers" >"$work/compressed" || fail "pbzip2: exit $?"
    bzip2 -dc <"$work/compressed" | cmp -s - "$work/numbers" || fail "what comes out is not what went in"
    expect_virtual
    expect "threads_made >= 4 and parked('futex') > 0 and switches > 0"
}

main
