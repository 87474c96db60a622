# What the tests of third-party programs share. Sourced, not run.
#
# A test sets `name`, `packages` (Debian's), `limit` (seconds for one way of running it) and `native_threads` (how many kernel
# threads the program must reach natively, so that the test is known to put it under load; 0: not counted), defines `run_once`,
# and calls `main`. main calls run_once for each way: natively, then under the library, strict, with one carrier and with two.
# run_once starts the program under test with `under` or `start`, drives it with a native client, and ends with `pass FIGURES`
# or `fail WHY`.
#
# Under the library a pass also needs proof that the library was there (proof=maps: seen in the program's maps while it ran;
# proof=report: it wrote its report at exit, for programs too short to be looked at) and no more than carriers + `helpers`
# kernel threads in any one process at any time.
#
# The last line printed is `ok NAME figures` or `FAIL NAME why`; the exit code says the same. The library is $PATCHALL_LIB or the
# one in target/release. PATCHALL_TEST_NATIVE_ONLY=1 does without, PATCHALL_TEST_KEEP=1 keeps the working directory.

set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../packages.sh"
python=/usr/bin/python3 # Debian's: the one in PATH may be a wrapper script
limit=90
packages=
native_threads=0
helpers=3 # watchdog, and helpers or spares while a call holds a carrier up
proof=maps

# ---- the outer half: one process for each way, in a session of its own, with a time limit ----

main() {
    if [ -n "${PATCHALL_TEST_WAY:-}" ]; then
        run_once
        fail "run_once came to its end without a verdict"
    fi
    local said
    # shellcheck disable=SC2086
    said=$(install_packages $packages) || verdict FAIL "$said"
    local ways=native library= line figures=
    if [ -z "${PATCHALL_TEST_NATIVE_ONLY:-}" ]; then
        library=$("$here/../../scripts/find-lib.sh") || verdict FAIL "no library (PATCHALL_TEST_NATIVE_ONLY=1 does without)"
        ways="native 1 2"
    fi
    for way in $ways; do
        line=$(one_way "$way" "$library" "$@")
        case $line in
            ok*) figures="$figures [$way: ${line#ok }]" ;;
            *) verdict FAIL "$way: ${line:-no verdict}" ;;
        esac
    done
    verdict ok "${figures# }"
}

verdict() {
    echo "$1 $name $2"
    [ "$1" = ok ]
    exit
}

# Prints the verdict of one run. The library is copied to where daemons that change their uid can still read it.
one_way() {
    local way=$1 library=$2 work session status line
    shift 2
    work=$(mktemp -d /tmp/patchall-test.XXXXXX)
    chmod 1777 "$work"
    if [ "$way" != native ]; then
        cp "$library" "$work/libpatchall_shim.so" && chmod 755 "$work/libpatchall_shim.so"
    fi
    PATCHALL_TEST_WAY=$way work=$work setsid timeout -k 5 "$limit" bash "$0" "$@" >"$work/verdict" 2>"$work/errors" </dev/null &
    session=$!
    wait $session
    status=$?
    pkill -KILL -s $session 2>/dev/null # whatever the run has left behind, by the session that it was given
    line=$(tail -n 1 "$work/verdict")
    case $status:$line in
        124:* | 137:*) line="no end after $limit s; $line" ;;
        0:ok*) ;;
        *:FAIL*) line=${line#FAIL } ;;
        *) line="exit $status; $line $(tail -n 1 "$work/errors")" ;;
    esac
    if [ -n "${PATCHALL_TEST_KEEP:-}" ]; then echo "kept $work" >&2; else rm -rf "$work"; fi
    echo "$line"
}

# ---- the inner half: called by run_once; $work is the working directory ----

way=${PATCHALL_TEST_WAY:-}

# Runs a command as the program under test. In the background, $! is the program itself: everything here execs.
under() {
    if [ "$way" = native ]; then exec env -u LD_PRELOAD "$@"; fi
    exec env LD_PRELOAD="$work/libpatchall_shim.so" PATCHALL_STRICT=1 PATCHALL_CARRIERS="$way" \
        PATCHALL_STATS=json PATCHALL_STATS_FILE="$work/report" "$@"
}

# start CMD..: the program under test in the background, watched; sets $program. Redirect start itself for its output.
start() {
    (under "$@") &
    program=$!
    "$python" "$here/watch.py" "$program" libpatchall_shim "$work/watch" &
    watcher=$!
}

# Waits for a program that ends by itself; gives its exit code.
finish() {
    local status
    wait "$program"
    status=$?
    wait "$watcher"
    return $status
}

# Ends a server and waits until it is gone. One that ignores the signal for ten seconds is a failure.
stop() {
    kill "-${1:-TERM}" "$program"
    local i
    for i in $(seq 100); do
        kill -0 "$program" 2>/dev/null || { wait "$watcher"; return; }
        sleep 0.1
    done
    fail "ignored SIG${1:-TERM} for ten seconds"
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits until something listens on the port, and gives up when the program under test has ended.
wait_for_port() {
    local i hex
    hex=$(printf ':%04X' "$1")
    for i in $(seq 300); do
        grep -Eq "$hex [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null && return
        kill -0 "${program:-$$}" 2>/dev/null || fail "ended before it listened: $(tail -n 1 "$work/errors")"
        sleep 0.1
    done
    fail "does not listen on port $1 after 30 s"
}

# The native web server that proxies are put in front of; sets $origin (host:port).
start_origin() {
    local port
    port=$(free_port)
    "$python" "$here/origin.py" "$port" &
    wait_for_port "$port"
    origin=127.0.0.1:$port
}

client() { "$python" "$here/client.py" "$@"; }

pass() {
    local seen=0 threads=0
    [ -r "$work/watch" ] && read -r threads seen <"$work/watch"
    if [ "$way" = native ]; then
        [ "$threads" -ge "$native_threads" ] || fail "$*, but natively only $threads threads: too little load to show anything"
    else
        case $proof in
            maps) [ "$seen" = 1 ] || fail "$*, but the library is not in the program's maps" ;;
            report) [ -s "$work/report" ] || fail "$*, but the library wrote no report" ;;
        esac
        if [ "$native_threads" -gt 0 ] && [ "$threads" -gt $((way + helpers)) ]; then
            fail "$*, but $threads kernel threads with $way carriers"
        fi
    fi
    echo "ok $*, kernel threads $threads"
    exit 0
}

fail() {
    echo "FAIL $*"
    exit 1
}
