#!/bin/bash
# A library that comes by dlopen, found by the program's RUNPATH $ORIGIN, with a system call of its own: it goes through the gate,
# every time it is loaded.
. "$(dirname "$0")/preload/lib.sh"
name=dlopen_inline

check() {
    requires cc gcc
    local source=$root/tests/preload
    cc -O2 -shared -fPIC -o "$work/libinline.so" "$source/inline.c" || fail "cc"
    # shellcheck disable=SC2016
    cc -O2 -o "$work/program" "$source/dlopen.c" -pthread -ldl -Wl,--enable-new-dtags,-rpath,'$ORIGIN' || fail "cc"
    [ "$(preload "$work/program")" = done ] || fail "the program did not end well"
    expect_virtual
    expect "processes == 1 and threads_made == 4 and parked('futex') > 0"
}

main
