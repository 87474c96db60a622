#!/bin/bash
# sort --parallel: a tree of threads over one buffer. The result must be that of one thread.
. "$(dirname "$0")/preload/lib.sh"
name=sort_parallel

check() {
    # Threads are made from 128 Ki lines on (SUBTHREAD_LINES_HEURISTIC in coreutils' sort.c).
    "$python" -c '
import random
random.seed(1)
for _ in range(400000): print(random.randrange(10**9))' >"$work/lines"
    sort --parallel=1 -n "$work/lines" >"$work/sorted"
    preload sort --parallel=4 -S 200M -n "$work/lines" >"$work/sorted4" || fail "sort: exit $?"
    cmp -s "$work/sorted" "$work/sorted4" || fail "sorted otherwise than by one thread"
    expect_virtual
    expect "processes == 1 and threads_made >= 2 and parked('futex') > 0"
}

main
