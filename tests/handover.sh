#!/bin/bash
# PATCHALL_HANDOVER: while main waits in the kernel for a page, a thread that sleeps a millisecond at a time goes on;
# with 0 it does not, with one carrier, and who held it up is told.
. "$(dirname "$0")/preload/lib.sh"
name=handover

# main waits for a page that a child gives it a second later, by the userfaultfd(2) (number 323) that it has inherited.
program='
import ctypes, fcntl, mmap, os, struct, threading, time
libc = ctypes.CDLL(None, use_errno=True)
faults = libc.syscall(323, os.O_CLOEXEC | 1)
assert faults >= 0, os.strerror(ctypes.get_errno())
fcntl.ioctl(faults, 0xc018aa3f, struct.pack("QQQ", 0xaa, 0, 0)) # UFFDIO_API
memory = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
page = ctypes.addressof(ctypes.c_char.from_buffer(memory))
fcntl.ioctl(faults, 0xc020aa00, struct.pack("QQQQ", page, 4096, 1, 0)) # UFFDIO_REGISTER
read, write = os.pipe()
if os.fork() == 0:
    os.read(read, 1)
    time.sleep(1)
    fcntl.ioctl(faults, 0xc020aa04, struct.pack("QQQQ", page, 4096, 0, 0)) # UFFDIO_ZEROPAGE
    os._exit(0)
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
os.write(write, b"x")
libc.memcpy(ctypes.create_string_buffer(1), ctypes.c_void_p(page), ctypes.c_size_t(1)) # without the interpreter lock
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
    grep -Eq '^patchall: thread [0-9]+ ".*" held up others that were ready for [0-9]\.[0-9]{3} s, in a page fault; ' "$work/err" ||
        fail "it said: $(<"$work/err")"
}

main
