#!/bin/bash
# Programs in Go that use cgo: their runtime makes its system calls itself, from code without unwind tables. Every subject prints
# what it prints natively; so does the program when it is stripped, and a library in Go that comes by dlopen.
. "$(dirname "$0")/preload/lib.sh"
name=go

subjects="channels threads web children signals panics collect callbacks"

build() {
    requires go golang-go
    requires cc gcc
    local source=$root/tests/preload
    export GOFLAGS=-mod=mod GOCACHE=$work/cache CGO_ENABLED=1
    (cd "$source/go" && go build -o "$work/program" . && go build -buildmode=c-shared -o "$work/library.so" .) || fail "go build"
    strip -o "$work/stripped" "$work/program" || fail "strip"
    cc -O2 -o "$work/host" "$source/go_host.c" -pthread -ldl || fail "cc"
}

# compare CMD..: prints and ends as it does natively.
compare() {
    timeout 60 "$@" >"$work/native"
    echo "exit $?" >>"$work/native"
    preload "$@" >"$work/under"
    echo "exit $?" >>"$work/under"
    cmp -s "$work/native" "$work/under" || fail "${*##*/}: $(diff "$work/native" "$work/under" | head -n 5 | tr '\n' ' ')"
    # Waiting for a child takes a kernel thread, and so does vfork meanwhile; Go does several at a time.
    expect "mode != 'native' and carriers == $carriers and kernel_threads_max <= carriers + 60"
}

check() {
    local subject
    [ -e "$work/program" ] || build
    for subject in $subjects; do
        compare "$work/program" "$subject"
        # A profiler's timers count the CPU time of one kernel thread: each thread has its own then.
        case $subject in children | signals | collect) ;; *) expect_virtual ;; esac
    done
    # shellcheck disable=SC2086
    compare "$work/stripped" $subjects
    compare "$work/host" "$work/library.so"
    expect_virtual
    expect "threads_made > 9 and parked('futex') > 0"
}

main
