#!/bin/bash
# Each system call of the engine's set-up fails in turn (by strace): never a crash, a hang or a half-opened gate. tests/limits/faults.py
# has the rules.
. "$(dirname "$0")/limits/lib.sh"
if ! command -v strace >/dev/null || ! strace -o /dev/null -e inject=getppid:error=EPERM true 2>/dev/null; then
    echo "skip faults: strace with fault injection is not to be had here"
    exit 0
fi
/usr/bin/python3 "$here/faults.py" "$work/library.so" "$work/threads"
