# What the scripts in tests/*.sh share: they put the library into programs that are on every machine, with a bare LD_PRELOAD, and
# assert on the report that it writes at exit. Sourced, not run.
#
# A script sets `name`, defines `check`, and calls `main`, which calls check with one, two and four carriers. check runs a program
# with `preload` and then states with `expect` what must hold of its report. The last line is `ok NAME` or `FAIL NAME why`; the exit
# code says the same. A program that is missing is installed.
#
# PATCHALL_TEST_NATIVE_ONLY=1 leaves the library and all expectations about its report out: that the rest of a script holds.

set -u
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/packages.sh"
python=/usr/bin/python3 # Debian's: the one in PATH may be a wrapper script, with a report of its own
work=$(mktemp -d "${TMPDIR:-/tmp}/patchall-preload.XXXXXX")
trap 'rm -rf "$work"' EXIT

main() {
    local ways="1 2 4"
    if [ -n "${PATCHALL_TEST_NATIVE_ONLY:-}" ]; then
        ways=native
    else
        library=$("$root/scripts/find-lib.sh") || fail "no library"
    fi
    for carriers in $ways; do check; done
    echo "ok $name"
}

fail() {
    echo "FAIL $name${carriers:+ (carriers $carriers)}: $*"
    exit 1
}

# requires PROGRAM PACKAGE: the program is there or its package is installed.
requires() {
    command -v "$1" >/dev/null && return
    local said
    said=$(install_packages "$2") || fail "$said"
}

# preload CMD..: runs it under the library; its report goes to $work/report. Half a minute is far more than any of them needs,
# and less than the program would take if its threads ran one after another.
preload() {
    rm -f "$work/report"
    if [ "$carriers" = native ]; then
        timeout -k 5 30 "$@"
    else
        timeout -k 5 30 env LD_PRELOAD="$library" PATCHALL_STRICT=1 PATCHALL_CARRIERS="$carriers" \
            PATCHALL_STATS=json PATCHALL_STATS_FILE="$work/report" "$@"
    fi
}

# expect EXPRESSION: a Python expression over the fields of the report of the last `preload`, all of whose processes must satisfy
# it; `parked(CALL..)` is how often threads were parked in those calls, `carriers` what was asked for, `processes` how many wrote
# a report.
expect() {
    [ "$carriers" = native ] && return
    local said
    said=$("$python" "$root/tests/preload/expect.py" "$work/report" "$1") || fail "$said"
}

# What holds of every program whose threads became virtual.
expect_virtual() {
    expect "mode == 'virtual' and sites_patched > 0"
    expect "carriers == $carriers and kernel_threads_max <= carriers + 4"
}
