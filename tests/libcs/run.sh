#!/bin/bash
# The test programs under other glibcs: debootstrap makes a root of each release, and the harness runs in it (chroot), with that
# release's compiler, libc and shell. As root, with Debian's mirror in reach. A first run takes minutes for each release.
#
#   tests/libcs/run.sh [RELEASE..] [-- FILTER..]     releases: see `releases`; filters are the test runner's
#
# The roots lie in ${PATCHALL_ROOTS:-/tmp/patchall-roots} and are kept. First the gate scans the release's libraries (which sites
# would be patched, and why others would not), then the programs run. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

# NAME SUITE MIRROR
releases='
debian11 bullseye http://deb.debian.org/debian
debian12 bookworm http://deb.debian.org/debian
debian13 trixie http://deb.debian.org/debian
sid sid http://deb.debian.org/debian
ubuntu2204 jammy http://archive.ubuntu.com/ubuntu
ubuntu2404 noble http://archive.ubuntu.com/ubuntu
'
# Programs that want a newer system than the release is, natively, too: NAME PROGRAMS. glibc before 2.34 answers ESRCH for a thread
# that has ended, and its libpthread binds functions at their first call, on whatever stack; C++20's <barrier> and what openmp uses came with GCC 11, epoll_pwait2 with glibc 2.35, P_PIDFD with 2.36.
unfit='
debian11 contexts_of_2_kib before_the_first_instruction leaving_a_handler_by_siglongjmp waits_in_the_kernel_end_by_signals concurrency_of_cpp_library openmp epoll_in_many_ways special_descriptors
ubuntu2204 special_descriptors
'

roots=${PATCHALL_ROOTS:-/tmp/patchall-roots}
chosen=() filters=()
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; filters=("$@"); break ;;
        *) chosen+=("$1") ;;
    esac
    shift
done
[ ${#chosen[@]} -gt 0 ] || mapfile -t chosen < <(awk 'NF { print $1 }' <<<"$releases")
[ "$(id -u)" = 0 ] || { echo "tests/libcs/run.sh: debootstrap and chroot need root" >&2; exit 1; }
. tests/packages.sh
install_packages debootstrap || exit 1
library=$(scripts/find-lib.sh) || exit 1

# The test executable that cargo has built.
executable() {
    cargo test --release -q --no-run --message-format=json "$@" 2>/dev/null | /usr/bin/python3 -c '
import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])'
}
harness=$(executable -p patchall-tests --lib) && scan=$(executable -p patchall --test gate_scan) || exit 1

make_root() {
    local name=$1 suite=$2 mirror=$3 script=()
    [ -e "$roots/$name/usr/bin/g++" ] && return
    # debootstrap knows the releases that are older than itself; the others are made as the last one.
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=(/usr/share/debootstrap/scripts/jammy)
    mkdir -p "$roots"
    debootstrap --variant=minbase --no-check-gpg --include=libc6-dev,gcc,g++,python3 "$suite" "$roots/$name" "$mirror" "${script[@]}" \
        >"$roots/$name.log" 2>&1 || { echo "FAIL $name: debootstrap: $(tail -n 1 "$roots/$name.log")"; return 1; }
}

# The harness is of this machine's glibc and is started by this machine's loader; all that it starts is the release's.
in_root() {
    unshare --mount bash -c '
        set -eu
        root=$1 library=$2 harness=$3
        shift 3
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        mkdir -p "$root$PWD/tests" "$root/harness"
        mount --bind tests "$root$PWD/tests"
        mount -t tmpfs tmpfs "$root/harness"
        mkdir -p "$root/harness/release/deps"
        cp "$library" "$root/harness/release/"
        cp "$harness" "$root/harness/release/deps/harness"
        cp /lib64/ld-linux-x86-64.so.2 "$root/harness/release/deps/loader"
        ldd "$harness" | sed -n "s/.*=> \(\/[^ ]*\).*/\1/p" | xargs cp -t "$root/harness/release/deps"
        printf "#!/bin/sh\nexec gcc \"\$@\" -ldl -lrt\n" >"$root/harness/cc"
        chmod +x "$root/harness/cc"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CC=/harness/cc \
            PATCHALL_LIB=/harness/release/libpatchall_shim.so HARNESS_LIMIT_FACTOR="${HARNESS_LIMIT_FACTOR:-2}" \
            /harness/release/deps/loader --library-path /harness/release/deps /harness/release/deps/harness "$@"
    ' bash "$@"
}

passed=0 failed=0
for name in "${chosen[@]}"; do
    read -r _ suite mirror < <(awk -v name="$name" '$1 == name' <<<"$releases")
    [ -n "${suite:-}" ] || { echo "there is no release $name"; failed=$((failed + 1)); continue; }
    make_root "$name" "$suite" "$mirror" || { failed=$((failed + 1)); continue; }
    libraries=$(find "$roots/$name/usr/lib/x86_64-linux-gnu" -name libc.so.6 -o -name ld-linux-x86-64.so.2 -o -name 'libpthread.so.0' \
        -o -name 'librt.so.1' -o -name 'libanl.so.1' | paste -sd:)
    echo "== $name: $(strings -a "$roots/$name/usr/lib/x86_64-linux-gnu/libc.so.6" | grep -m1 'GNU C Library')"
    PATCHALL_GATE_SCAN=$libraries "$scan" --nocapture libraries_of_other_systems 2>&1 | grep -E '^/|^  |^test '
    [ "${PIPESTATUS[0]}" = 0 ] && passed=$((passed + 1)) || failed=$((failed + 1))
    # Without a compiler for Rust there, and without the harness's own tests, which preload libraries of this machine.
    skips=(--skip rust:: --skip selftest)
    for program in $(awk -v name="$name" '$1 == name { $1 = ""; print }' <<<"$unfit"); do skips+=(--skip "$program"); done
    said=$(in_root "$roots/$name" "$library" "$harness" "${filters[@]}" "${skips[@]}" </dev/null 2>&1)
    grep -vE '^(test .* ok|running .*|)$' <<<"$said"
    read -r ok bad < <(sed -nE 's/^test result: .* ([0-9]+) passed; ([0-9]+) failed.*/\1 \2/p' <<<"$said")
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-1}))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
