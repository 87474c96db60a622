#!/bin/bash
# scripts/install.sh and scripts/uninstall.sh: what they put where, who can use it, and what they leave behind.
set -uo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
passed=0 failed=0

check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok: $name"
        passed=$((passed + 1))
    else
        echo "FAILED: $name"
        failed=$((failed + 1))
    fi
}

prefix=$scratch/prefix
install_again() { scripts/install.sh "$prefix" >/dev/null; }
uninstall() { scripts/uninstall.sh "$prefix" >/dev/null; }

# Whatever the user's umask is, others must be able to read the library.
(umask 077 && scripts/install.sh "$prefix") >/dev/null
check 'install succeeds' test $? = 0
library=$prefix/lib/patchall/libpatchall_shim.so
check 'the modes let everybody in' test "$(stat -c %a "$prefix/bin" "$prefix/bin/patchall" "$prefix/lib/patchall" "$library" | tr '\n' ' ')" = '755 755 755 644 '
check 'the installed launcher finds the installed library' "$prefix/bin/patchall" grep -q "$library" /proc/self/maps
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$prefix" "$prefix/lib"
    check 'another user can run it' setpriv --reuid=65534 --regid=65534 --clear-groups "$prefix/bin/patchall" grep -q "$library" /proc/self/maps
fi
check 'a second install replaces the first' install_again

touch "$prefix/bin/other"
check 'uninstall succeeds' uninstall
check 'uninstall leaves only what was not ours' test "$(cd "$prefix" && find . -type f)" = ./bin/other
check 'uninstall of nothing is no error' uninstall

refuses() { ! scripts/install.sh "$1" >/dev/null 2>"$scratch/message" && grep -q "$2" "$scratch/message"; }
check 'a prefix with a space is refused' refuses "$scratch/a b" 'LD_PRELOAD'
check 'a relative prefix is refused' refuses relative 'absolute'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
