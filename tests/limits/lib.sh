# What container.sh, refusals.sh and faults.sh share. Sourced, not run.
#
# Programs are built into $work, which everybody may read; the library is copied there. `under CMD..` runs a command under the
# library: output in $work/out, messages in $work/err, its status in $status. The `is_..` functions look at that.

set -u
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/limits
work=$(mktemp -d "${TMPDIR:-/tmp}/patchall-limits.XXXXXX")
trap 'rm -rf "$work"; declare -F tidy >/dev/null && tidy' EXIT
chmod 755 "$work"
before="" carriers=2 strict=1 passed=0 failed=0 status=0

cp "$("$root/scripts/find-lib.sh")" "$work/library.so" || exit 1
chmod 644 "$work/library.so"
unset PATCHALL_LIB
for source in "$here"/*.c; do
    "${CC:-gcc}" -std=gnu11 -O1 -Wall -Wextra -pthread -o "$work/$(basename "$source" .c)" "$source" || exit 1
done

# under CMD..: a minute is far more than any of them needs. (What the shell itself says of a signal is left out.)
under() {
    { timeout -k 5 60 "$@" >"$work/out" 2>"$work/err" </dev/null; } 2>/dev/null
    status=$?
}

# The words that put the library into what follows them, after the library $before.
library() {
    printf '%s\n' env LD_PRELOAD="${before:+$before:}$work/library.so" PATCHALL_STRICT=$strict PATCHALL_CARRIERS=$carriers PATCHALL_STATS=json PATCHALL_LOG=warn
}

pass() {
    echo "ok: $1"
    passed=$((passed + 1))
}

fail() {
    echo "FAILED: $1: exit $status"
    head -c 1000 "$work/out" "$work/err" | sed 's/^/    /'
    failed=$((failed + 1))
}

# is_virtual NAME OUTPUT [MOST]: it printed OUTPUT, on at most MOST kernel threads (default: the carriers, the watchdog and a spare).
is_virtual() {
    local most=${3:-$((carriers + 2))} threads
    threads=$(sed -n 's/.*"kernel_threads_max":\([0-9]*\).*/\1/p' "$work/err" | sort -n | tail -1)
    if [ "$status" = 0 ] && [ "$(cat "$work/out")" = "$2" ] && grep -q '"mode":"virtual"' "$work/err" &&
        ! grep -q '"mode":"native"' "$work/err" && [ "${threads:-99}" -le "$most" ]; then
        pass "$1"
    else
        fail "$1"
    fi
}

# is_native NAME OUTPUT WORDS: it printed OUTPUT and one line that has WORDS.
is_native() {
    if [ "$status" = 0 ] && [ "$(cat "$work/out")" = "$2" ] && grep -q '"mode":"native"' "$work/err" &&
        [ "$(grep -c '^patchall: threads run natively: ' "$work/err")" = 1 ] && grep -q "natively: .*$3" "$work/err"; then
        pass "$1"
    else
        fail "$1"
    fi
}

# is_refused NAME WORDS: nothing ran, 125, and a line that has WORDS.
is_refused() {
    if [ "$status" = 125 ] && [ ! -s "$work/out" ] && grep -q "^patchall: .*$2.*--strict forbids" "$work/err"; then
        pass "$1"
    else
        fail "$1"
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
