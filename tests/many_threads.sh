#!/bin/bash
# What takes more threads than Linux gives natively, or too long there: a hundred thousand at once, of which each can use its
# whole stack, and two million made and joined, after which the process is no larger than before.
. "$(dirname "$0")/preload/lib.sh"
name=many_threads

check() {
    # A smaller count when the memory is not there: each thread takes about 14 KiB.
    local at_once=100000 program
    [ "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)" -gt $((3 << 20)) ] || at_once=20000
    [ "$carriers" != native ] || at_once=2000

    program=$(compiled whole_stack_among_many_threads)
    preload "$program" "$at_once" >"$work/said" || fail "$at_once threads: exit $?"
    [ "$(cat "$work/said")" = "$(printf 'stack 8192 KiB, guard 4096\n%.0s' 1 2 3; echo all joined)" ] ||
        fail "$at_once threads: $(cat "$work/said")"
    expect "mode == 'virtual' and threads_made == $at_once and kernel_threads_max <= carriers + 2"

    program=$(compiled create_join_keeps_memory)
    [ "$carriers" = 1 ] || return 0 # the count is what matters here, and one carrier is the fastest
    preload "$program" 1000000 >"$work/said" || fail "two million threads, one after another: exit $?"
    expect "threads_made >= 2000000"
}

# The test program of this name, compiled.
compiled() {
    [ -x "$work/$1" ] || cc -O2 -pthread -o "$work/$1" "$root/tests/programs/threads/$1.c" || fail "cannot compile $1"
    echo "$work/$1"
}

ulimit -s 8192 # the default size of stacks
main
