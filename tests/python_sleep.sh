#!/bin/bash
# A hundred Python threads sleep 0.3 s at the same time: 30 s of sleeping in one or two, each a park in the engine.
. "$(dirname "$0")/preload/lib.sh"
name=python_sleep

check() {
    local start milliseconds
    start=$(date +%s%N)
    preload "$python" -c '
import threading, time
threads = [threading.Thread(target=time.sleep, args=(0.3,)) for _ in range(100)]
for t in threads: t.start()
for t in threads: t.join()' || fail "python: exit $?"
    milliseconds=$((($(date +%s%N) - start) / 1000000))
    [ $milliseconds -lt 10000 ] || fail "30 s of sleeping took $milliseconds ms: it did not overlap"
    expect_virtual
    expect "processes == 1 and threads_made == 100"
    expect "parked('clock_nanosleep', 'nanosleep', 'select', 'pselect6') >= 100 and switches >= 100"
}

main
