#!/bin/bash
# A container's world: a cgroup of its own with pids.max 16, user nobody, a read-only file system, no capabilities,
# no_new_privs, io_uring refused with EPERM. 10,000 threads run there, and calls that need an OS thread each go on when there is
# none to be had.
#
# The cgroup, the mounts and the change of user take root; without it the script says so and tests what is left.
. "$(dirname "$0")/limits/lib.sh"

pids=
if [ "$(id -u)" != 0 ]; then
    echo "note: not root: without a cgroup, another user and read-only mounts"
    confine() { under "$work/refuse" 425=1 426=1 427=1 -- "$@"; }
    outside() { "$@"; }
else
    for parent in /sys/fs/cgroup/pids /sys/fs/cgroup; do
        if [ -e "$parent/cgroup.procs" ] && mkdir "$parent/patchall-test-$$" 2>/dev/null; then
            pids=$parent/patchall-test-$$
            if echo 16 2>/dev/null >"$pids/pids.max"; then break; fi
            rmdir "$pids"
            pids=
        fi
    done
    [ -n "$pids" ] || echo "note: no cgroup with a pids controller can be made here: without pids.max"
    tidy() {
        # What died a moment ago leaves the group a moment later.
        if [ -n "$pids" ]; then
            for _ in $(seq 100); do rmdir "$pids" 2>/dev/null && break || sleep 0.1; done
        fi
    }
    # shellcheck disable=SC2016
    inside='[ -z "$1" ] || echo $$ >"$1/cgroup.procs" || exit 77
        mount --make-rprivate / && mount -o remount,bind,ro / || mount -o remount,ro / || exit 77
        shift
        exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"'
    confine() { under unshare -m bash -c "$inside" inside "$pids" "$work/refuse" 425=1 426=1 427=1 -- "$@"; }
    outside() { [ -z "$pids" ] || echo "$1" >"$pids/pids.max"; }
fi

# The world is as said: natively, far fewer threads are to be had, and nothing can be written.
if [ -n "$pids" ]; then
    confine "$work/threads" 100
    if [ "$status" = 0 ] && grep -q '^1[0-9], then Resource' "$work/out"; then pass "natively 16"; else fail "natively 16"; fi
    confine bash -c 'id -u; grep -E "^(CapBnd|CapEff|NoNewPrivs):" /proc/self/status; : >/usr/written'
    if [ "$(tr -d '\t' <"$work/out")" = $'65534\nCapEff:0000000000000000\nCapBnd:0000000000000000\nNoNewPrivs:1' ] &&
        grep -q 'Read-only' "$work/err"; then
        pass "nobody, nothing writable"
    else
        fail "nobody, nothing writable"
    fi
fi

for carriers in 1 2; do
    mapfile -t words < <(library)
    confine "${words[@]}" "$work/threads" 10000
    is_virtual "10,000 threads on $carriers carriers" all
    confine "${words[@]}" "$work/blocked" 20
    is_virtual "80 threads in locks and queues on $carriers carriers" ok 16
done

# No OS thread at all beyond the first: the carrier makes such calls itself.
for carriers in 1 2; do
    mapfile -t words < <(library)
    under "$work/refuse" 56:0:65536:65536=11 -- "${words[@]}" "$work/blocked" 8
    is_virtual "locks and queues with a single OS thread, $carriers carriers" ok 1
done
finish
