#!/bin/bash
# scripts/gdb/patchall.py, live and from a core file: first on a mock of the engine's table (gdb/mock.c), whose threads must come
# out undisturbed, then, when the library is built, on a real program under it.
set -u
name=gdb
here=$(cd "$(dirname "$0")" && pwd)
. "$here/packages.sh"
script=$here/../scripts/gdb/patchall.py
work=$(mktemp -d "${TMPDIR:-/tmp}/patchall-gdb.XXXXXX")
target=
stop_target() { [ -z "$target" ] || { kill -KILL "$target" && wait "$target"; } 2>/dev/null; }
trap 'stop_target; rm -rf "$work"' EXIT

fail() {
    echo "FAIL $name: $*"
    exit 1
}

command -v gdb >/dev/null || said=$(install_packages gdb) || fail "$said"

# debugger FILE ARG..: runs gdb with the script loaded and its output in FILE.
debugger() {
    local output=$1
    shift
    timeout -k 5 120 gdb -nx -batch -iex 'set pagination off' -iex 'set width 0' -iex 'set print entry-values no' -iex 'set debuginfod enabled off' -ex "source $script" \
        "$@" >"$output" 2>&1 </dev/null
}

# prints FILE PATTERN..: each extended regular expression must match one line or several in order; \n in it stands for a new line.
prints() {
    local file=$1 pattern
    shift
    for pattern in "$@"; do
        grep -Pzq -- "$pattern" "$file" || fail "${file##*/}: nothing matches '$pattern' in:"$'\n'"$(head -c 4000 "$file")"
    done
}

prints_not() {
    grep -Pzq -- "$2" "$1" && fail "${1##*/}: '$2' must not be in:"$'\n'"$(head -c 4000 "$1")"
}

# ---- the mock ----

cc -g -O1 -Wall -Wextra -Werror -o "$work/mock" "$here/gdb/mock.c" || fail "cannot compile gdb/mock.c"
[ "$("$work/mock")" = "all ended" ] || fail "the mock does not run by itself"

# The innermost frames of every backtrace, with no line of the kernel thread's own frames (stop_here, main) among them.
dinner='#0 [^\n]*park [^\n]*\n#1 [^\n]*wait_for_bread [^\n]*\n#2 [^\n]*set_the_table [^\n]*guests=21[^\n]*\n#3 [^\n]*dinner [^\n]*\n'
rocket='#0 [^\n]*park [^\n]*\n#1 [^\n]*count_down [^\n]*n=0[^\n]*\n#2 [^\n]*count_down [^\n]*n=1[^\n]*\n#3 [^\n]*n=2[^\n]*\n#4 [^\n]*n=3[^\n]*\n#5 [^\n]*launch '
# In the order of their names; the mock gives number i of the descriptor's order 0x1000 + i.
registers='eflags +0x1010 [^\n]*\n' # which gdb prints first
for register in r10:7 r11:6 r12:3 r13:2 r14:1 r15:0 r8:9 r9:8 rax:a rbp:4 rbx:5 rcx:b rdi:e rdx:c; do
    registers="$registers${register%:*} +0x100${register#*:} [^\n]*\n"
done
check_mock() {
    local file=$1 waiting=$2
    prints "$file" "\n0 +\d+ +main +running\n1 +100001 +cook +parked +futex $waiting\n3 +100003 +rocket +parked +clock_nanosleep $waiting\n4 +100004 +second cook +parked +futex $waiting\n5 +100005 +registers +ready\n" \
        "one:\nVirtual thread 3 \(tid 100003\) \"rocket\", parked clock_nanosleep $waiting\n$rocket" \
        "tid:\nVirtual thread 1 \(tid 100001\) \"cook\", parked futex $waiting\n$dinner" \
        "all:\nVirtual thread 0 [^\n]*running\n#0 [^\n]*stop_here [^\n]*\n#1 [^\n]*main [^\n]*\n\nVirtual thread 1 [^\n]*\n$dinner" \
        "Virtual thread 3 [^\n]*\n$rocket" "Virtual thread 4 [^\n]*\n$dinner" \
        "full:\nVirtual thread 1 [^\n]*\n#0 [^\n]*park [^\n]*\n +now = " \
        "registers:\n$registers" "no virtual thread 2 " "patchall bt N\|all" "virtual thread 0 is running"
    prints_not "$file" 'Python Exception|Traceback|#-|park [^\n]*\n(#[^\n]*\n)*#[^\n]*(stop_here|main) '
    # What gdb knew before it knows afterwards.
    prints "$file" 'before: (0x[0-9a-f]+) (0x[0-9a-f]+)[^@]*\nafter: \1 \2\n' '\n#0 [^\n]*stop_here [^\n]*\n#1 [^\n]*main [^\n]*\nend of native backtrace\n'
}

# A command that fails would end a batch of commands: `python` catches what must fail.
fails() { echo "python
try: gdb.execute('$1')
except gdb.error as e: print(e)
end"; }
cat >"$work/commands" <<X
printf "before: %p %p\n", \$pc, \$sp
patchall threads
printf "one:\n"
patchall bt 3
printf "tid:\n"
patchall bt 100001
printf "all:\n"
patchall bt all
printf "full:\n"
patchall bt 1 full
printf "registers:\n"
patchall registers 5
$(fails 'patchall bt 2')
$(fails 'patchall registers 0')
$(fails 'patchall bt')
printf "after: %p %p\n", \$pc, \$sp
bt
printf "end of native backtrace\n"
X

debugger "$work/live" -ex 'break stop_here' -ex run -x "$work/commands" -ex "gcore $work/core" -ex continue "$work/mock"
check_mock "$work/live" 'for \d{1,3}\.\d{3} s'
prints "$work/live" 'all ended\n' 'exited normally'
debugger "$work/core.out" "$work/mock" "$work/core" -x "$work/commands"
check_mock "$work/core.out" 'since \d{1,9}\.\d{3} s after boot'

# What it must refuse, each with a sentence that names the reason.
debugger "$work/dormant" -ex 'break stop_here' -ex 'run dormant' -ex 'patchall threads' "$work/mock"
prints "$work/dormant" 'no thread has been made yet'
debugger "$work/newer" -ex 'break stop_here' -ex 'run newer' -ex 'patchall threads' "$work/mock"
prints "$work/newer" 'in version 99, this script knows 2'
debugger "$work/none" -ex 'patchall threads' /bin/true
prints "$work/none" 'no symbol patchall_debug'

# ---- a real program under the library ----

if [ -z "${PATCHALL_TEST_NATIVE_ONLY:-}" ]; then
    library=$("$here/../scripts/find-lib.sh") || fail "no library (PATCHALL_TEST_NATIVE_ONLY=1 does without)"
    cc -g -O1 -pthread -o "$work/sleepers" "$here/../examples/sleep_10000.c" || fail "cannot compile the example"
    LD_PRELOAD=$library PATCHALL_STRICT=1 PATCHALL_CARRIERS=1 "$work/sleepers" 20 600 >"$work/sleepers.out" 2>&1 &
    target=$!
    # It sleeps for ten minutes: once all threads are parked, nothing changes any more.
    for _ in $(seq 50); do
        debugger "$work/real" -p "$target" -ex 'patchall threads' -ex 'patchall bt all' -ex "patchall gcore $work/real.core"
        [ "$(grep -Ec '^[0-9]+ .* parked +clock_nanosleep' "$work/real")" = 20 ] && break
        kill -0 "$target" 2>/dev/null || fail "the program ended: $(cat "$work/sleepers.out")"
        sleep 0.2
    done
    debugger "$work/real.out" "$work/sleepers" "$work/real.core" -ex 'patchall threads' -ex 'patchall bt all'
    for file in "$work/real" "$work/real.out"; do
        [ "$(grep -Ec '^[0-9]+ .* parked +clock_nanosleep (for [0-9]{1,3}\.[0-9]{3} s|since [0-9]+\.[0-9]{3} s after boot)$' "$file")" = 20 ] || fail "${file##*/}: not 20 sleepers: $(head -c 3000 "$file")"
        [ "$(grep -c '^#.* sleeper ' "$file")" = 20 ] || fail "${file##*/}: not 20 backtraces to sleeper(): $(head -c 3000 "$file")"
        [ "$(grep -c '^#.* main ' "$file")" = 1 ] || fail "${file##*/}: no backtrace to main(): $(head -c 3000 "$file")"
    done
    kill -0 "$target" 2>/dev/null || fail "the program did not survive the debugger: $(cat "$work/sleepers.out")"
fi
echo "ok $name"
