#!/bin/bash
# PATCHALL_DUMP: when the signal comes, every thread is listed with what it waits for and since when. The program asks for
# lists of itself until its three threads are where they are to wait.
. "$(dirname "$0")/preload/lib.sh"
name=dump

program='
import os, re, select, signal, sys, threading, time
file, number = sys.argv[1], int(sys.argv[2])
signal.signal(number, lambda *_: print("the program has seen the signal"))
made = 0
def list_now():
    global made
    made += 1
    os.kill(os.getpid(), number)
    while True: # another kernel thread may be making it
        lists = open(file).read().split("process ")[1:] if os.path.exists(file) else []
        if len(lists) == made and len(lists[-1].splitlines()) > threading.active_count():
            return lists[-1]
read, write = os.pipe()
lock = threading.Lock()
lock.acquire()
for wait in (lambda: time.sleep(600), lambda: os.read(read, 1), lock.acquire):
    threading.Thread(target=wait, daemon=True).start()
calls = ("clock_nanosleep", fr"read\({read},", "futex")
parked = lambda l, call: re.search(fr"^  \d+ \"\S+\" parked in {call}.*\) for \d+\.\d\d\d s$", l, re.M)
deadline = time.monotonic() + 20
while not all(parked(l := list_now(), call) for call in calls) and time.monotonic() < deadline:
    time.sleep(0.001)
assert l.startswith(f"{os.getpid()}, "), l
assert all(parked(l, call) for call in calls), l
assert len(re.findall(r" running$", l, re.M)) == 1, l
assert l.count("\n") == 5, l
before = [float(s) for s in re.findall(r"for (\S+) s$", l, re.M)]
time.sleep(0.2)
after = [float(s) for s in re.findall(r"for (\S+) s$", list_now(), re.M)]
assert len(before) == len(after) == 3 and all(b + 0.19 < a < b + 20 for a, b in zip(after, before)), (before, after)
print("listed")
os._exit(0)'

check() {
    [ "$carriers" = native ] && return
    local said
    for signal in 62 10; do
        rm -f "$work/list"
        said=$(PATCHALL_DUMP=$work/list PATCHALL_DUMP_SIGNAL=$signal preload "$python" -c "$program" "$work/list" $signal 2>&1)
        [ "$said" = listed ] || fail "signal $signal: $said"
    done
    # A process that has made no thread is not killed by the signal; until the gate opens the program may take it back.
    rm -f "$work/list"
    said=$(PATCHALL_DUMP=$work/list preload "$python" -c '
import os, sys
os.kill(os.getpid(), 62)
print(open(sys.argv[1]).read().split("\n")[1].strip())' "$work/list" 2>&1)
    [ "$said" = "no threads were made" ] || fail "dormant: $said"
    # What cannot be written is said, and the program goes on.
    said=$(PATCHALL_DUMP=$work/none/list preload "$python" -c 'import os; os.kill(os.getpid(), 62); print("alive")' 2>&1)
    [ "$said" = "patchall: the file that PATCHALL_DUMP names cannot be opened"$'\n'alive ] || fail "no directory: $said"
}

main
