#!/bin/bash
# Two Python threads send a byte to and fro through pipes, 2,000 times: every step is a read that must park and a switch.
. "$(dirname "$0")/preload/lib.sh"
name=python_pipe

check() {
    local said
    said=$(preload "$python" -c '
import os, threading
there, back = os.pipe(), os.pipe()
def echo():
    for _ in range(2000): os.write(back[1], os.read(there[0], 1))
thread = threading.Thread(target=echo)
thread.start()
for i in range(2000):
    os.write(there[1], bytes([i % 256]))
    assert os.read(back[0], 1) == bytes([i % 256])
thread.join()
print("2000 round trips")') || fail "python: exit $?"
    [ "$said" = "2000 round trips" ] || fail "said '$said'"
    expect_virtual
    expect "threads_made == 1 and switches >= 2000 and parked('read', 'futex') >= 2000"
}

main
