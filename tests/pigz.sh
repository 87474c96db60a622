#!/bin/bash
# pigz: reader, compressors and writer as threads. What it compresses must come out of gzip again.
. "$(dirname "$0")/preload/lib.sh"
name=pigz

check() {
    requires pigz pigz
    seq 1 600000 >"$work/numbers"
    preload pigz -p4 -kc "$work/numbers" >"$work/compressed" || fail "pigz: exit $?"
    gzip -dc <"$work/compressed" | cmp -s - "$work/numbers" || fail "what comes out is not what went in"
    expect_virtual
    expect "threads_made >= 4 and parked('futex') > 0 and switches > 0"
}

main
