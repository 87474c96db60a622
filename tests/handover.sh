#!/bin/bash
# PATCHALL_HANDOVER: while main is in a call that blocks in the kernel, a thread that sleeps a millisecond at a time goes on;
# with 0 it does not, with one carrier, and who held it up is told.
. "$(dirname "$0")/preload/lib.sh"
name=handover

# io_getevents(2) passes through: number 208, of which nothing comes for a second.
program='
import ctypes, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
context, events = ctypes.c_ulong(0), ctypes.create_string_buffer(32)
second = (ctypes.c_long * 2)(1, 0)
stop, longest = False, 0
def ticks():
    global longest
    last = time.monotonic()
    while not stop:
        time.sleep(0.001)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
ticker = threading.Thread(target=ticks)
ticker.start()
assert libc.syscall(206, 1, ctypes.byref(context)) == 0
assert libc.syscall(208, context, ctypes.c_long(1), ctypes.c_long(1), events, second) == 0
stop = True
ticker.join()
print("held up" if longest > 0.9 else "went on")'

run() {
    PATCHALL_LOG=warn PATCHALL_HANDOVER=$1 preload "$python" -c "$program" >"$work/out" 2>"$work/err" || fail "exit $?: $(<"$work/err")"
}

check() {
    run 1
    [ "$(<"$work/out")" = "went on" ] || fail "the ticker was $(<"$work/out")"
    [ ! -s "$work/err" ] || fail "it said $(<"$work/err")"
    [ "$carriers" = 1 ] || return
    run 0
    [ "$(<"$work/out")" = "held up" ] || fail "without hand-over the ticker $(<"$work/out")"
    grep -Eq '^patchall: thread [0-9]+ ".*" held up others that were ready for [01]\.[0-9]{3} s, in system call 208; ' "$work/err" ||
        fail "it said: $(<"$work/err")"
}

main
