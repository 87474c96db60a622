#!/bin/bash
# What a machine or a sandbox may refuse: patchall then runs natively, with one line, or with 125 under --strict, or it goes on
# with less; it never crashes and never goes half of the way.
. "$(dirname "$0")/limits/lib.sh"

# natively NAME WORDS CMD-PREFIX..: threads are native with one line, and refused under --strict.
natively() {
    local name=$1 says=$2
    shift 2
    strict=0
    mapfile -t words < <(library)
    under "$@" "${words[@]}" "$work/threads" 8
    is_native "$name" all "$says"
    strict=1
    mapfile -t words < <(library)
    under "$@" "${words[@]}" "$work/threads" 8
    is_refused "$name, --strict" "$says"
}

# goes_on NAME OUTPUT CMD-PREFIX.. : ARGUMENTS..: threads are virtual all the same.
goes_on() {
    local name=$1 output=$2 prefix=()
    shift 2
    while [ "$1" != : ]; do prefix+=("$1") && shift; done
    shift
    strict=1
    mapfile -t words < <(library)
    under "${prefix[@]}" "${words[@]}" "$work/threads" "$@"
    is_virtual "$name" "$output"
}

refuse=$work/refuse
new_code='new code is refused'
if "$refuse" mdwe -- true 2>/dev/null; then
    natively "PR_SET_MDWE" "$new_code" "$refuse" mdwe --
else
    echo "note: this kernel has no PR_SET_MDWE (Linux 6.3)"
fi
# MemoryDenyWriteExecute= of systemd: mprotect (10) with PROT_EXEC, mmap (9) with PROT_WRITE and PROT_EXEC.
natively "mprotect with PROT_EXEC refused" "$new_code" "$refuse" 10:2:4:4=1 9:2:6:6=1 --
"${CC:-gcc}" -O1 -Wall -Wextra -shared -fPIC -o "$work/without_fsgsbase.so" "$here/preload/without_fsgsbase.c" || exit 1
before=$work/without_fsgsbase.so
natively "no FSGSBASE" "no FSGSBASE" env
before=
natively "rt_sigaction refused" "a signal handler" "$refuse" 13:0:255:33=1 --
natively "sigaltstack refused" "alternate signal stack" "$refuse" 131=1 --
natively "epoll refused" "descriptors for the event loop" "$refuse" 291=1 --
natively "open files used up" "open files" bash -c 'ulimit -n 5; exec "$@"' limited
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    natively "no /proc" "mount /proc" unshare -m bash -c 'umount -l /proc; exec "$@"' without
    goes_on "/proc with hidepid" all unshare -m bash -c \
        'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' hidden : 8
else
    echo "note: not root: not tested without /proc and with hidepid"
fi
# Whether there is room for native threads then is another question.
strict=1
mapfile -t words < <(library)
under prlimit --as=17000000 "${words[@]}" "$work/threads" 8
is_refused "address space for next to nothing, --strict" "address space\|memory"

# Hardened against ptrace, /proc/self/mem cannot be written (pwrite64, 18): code is replaced by pages.
goes_on "writes to /proc/self/mem refused" all "$refuse" 18=1 -- : 8
goes_on "membarrier refused" all "$refuse" 324=1 -- : 8
goes_on "UNIX sockets refused" all "$refuse" 41=1 -- : 8
goes_on "timers refused" all "$refuse" 222=1 -- : 8
goes_on "no preadv2 and pwritev2 (before Linux 4.6)" all "$refuse" 327=38 328=38 -- : 8
goes_on "preadv2 and pwritev2 unknown to the sandbox" all "$refuse" 327=1 328=1 -- : 8
goes_on "no epoll_pwait2, clone3, io_uring" all "$refuse" 441=38 435=38 425=1 -- : 8
goes_on "every descriptor number below 7" all bash -c 'ulimit -n 7; exec "$@"' limited : 8
goes_on "no process more for this user" all bash -c 'ulimit -u 1; exec "$@"' limited : 100
goes_on "stacks without limit" all bash -c 'ulimit -s unlimited; exec "$@"' limited : 8
goes_on "small stacks" all bash -c 'ulimit -s 64; exec "$@"' limited : 100

# RLIMIT_AS, before and after the first thread.
for limit in 60000 100000 200000 400000 1200000 4000000; do
    under prlimit --as=$((limit * 1024)) "$work/threads" 6
    native=$(cat "$work/out")
    goes_on "RLIMIT_AS of $limit KiB" "$([ $limit -lt 100000 ] && echo '?' || echo "$native")" \
        prlimit --as=$((limit * 1024)) : 6 >"$work/said"
    if [ $limit -lt 100000 ] && grep -q '^[0-6], then Resource\|^all' "$work/out"; then
        failed=$((failed - 1))
        pass "RLIMIT_AS of $limit KiB"
    else
        cat "$work/said"
    fi
done
goes_on "RLIMIT_AS of 1 GiB after the first thread" all : 20 as:1073741824

# Descriptors used up after the first thread, and in the child of a fork: which has no event loop, sleeps, cannot make threads
# until it has closed some, and then can.
goes_on "descriptors used up later" $'dup: Too many open files\nall' : 8 nofile:20
goes_on "descriptors used up in a forked child" \
    $'0, then Resource temporarily unavailable\nall\nchild 0\nall' : 8 nofile-fork:20

# The first thread on an alternate signal stack, which is in use and cannot be exchanged.
strict=0
mapfile -t words < <(library)
under "${words[@]}" "$work/threads" 8 altstack
is_native "first thread on an alternate signal stack" all "alternate signal stack"

# Without MADV_GUARD_INSTALL (advice 102; before Linux 6.13) vm.max_map_count bounds the threads, as natively.
strict=1
mapfile -t words < <(library)
under "$refuse" 28:2:255:102=22 -- "${words[@]}" "$work/threads" 40000
threads=$(sed -n 's/, then Resource temporarily unavailable$//p' "$work/out")
if [ "$status" = 0 ] && [ "${threads:-0}" -gt $(($(cat /proc/sys/vm/max_map_count) / 2 - 200)) ]; then
    pass "without light guards: $threads threads, then EAGAIN"
else
    fail "without light guards"
fi
finish
