#!/bin/bash
# A stack overflow is named, with the thread's tid and name, and then kills by SIGSEGV as natively; another fault is not called one.
. "$(dirname "$0")/limits/lib.sh"

for carriers in 1 2; do
    mapfile -t words < <(library)
    for what in thread main pointer; do
        case $what in
        thread) says='^patchall: thread [0-9]+ "digger" has overflowed its stack$' ;;
        main) says='^patchall: thread [0-9]+ "overflow" has overflowed its stack$' ;;
        pointer) says= ;;
        esac
        under "${words[@]}" "$work/overflow" $what
        grep -v '^{' "$work/err" >"$work/said"
        lines=$([ -n "$says" ] && echo 1 || echo 0)
        if [ "$status" = 139 ] && [ "$(wc -l <"$work/said")" = "$lines" ] && [ "$(grep -cE "$says" "$work/said")" = "$lines" ]; then
            pass "$what, $carriers carriers"
        else
            fail "$what, $carriers carriers"
        fi
    done
done
finish
