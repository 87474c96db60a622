#!/bin/bash
# Checks what the built library asks of the programs that it is preloaded into:
#   - it does not load libgcc_s, nor anything else than libc and the loader;
#   - it needs no symbol version newer than GLIBC_2.31, and no undefined symbol without a version;
#   - what glibc had outside of libc.so.6 until 2.34 (libpthread, libdl) is not needed to load it;
#   - it exports no unwinder: a program's own must not be interposed.
# The launcher is held to the same versions. Prints what offends, and a line `N passed, N failed`.
#
#   scripts/check-library.sh [DIRECTORY]      (default: the target directory's release/)
set -euo pipefail
cd "$(dirname "$0")/.."

directory=${1:-${CARGO_TARGET_DIR:-target}/release}
library=$directory/libpatchall_shim.so
newest=2.31
passed=0 failed=0

# check NAME OFFENDERS REMEDY: passes when there are no offenders.
check() {
    if [ -z "$2" ]; then
        echo "ok: $1"
        passed=$((passed + 1))
    else
        echo "FAILED: $1; $3:"
        sed 's/^/    /' <<<"$2"
        failed=$((failed + 1))
    fi
}

# The undefined symbols with a version newer than the newest allowed.
too_new() {
    readelf --wide --dyn-syms "$1" | awk -v newest="$newest" '
        function number(version,  part) { split(version, part, "."); return part[1] * 1000 + part[2] }
        $7 == "UND" && match($8, /@GLIBC_[0-9.]+/) {
            if (number(substr($8, RSTART + 7, RLENGTH - 7)) > number(newest)) print $8
        }'
}

# The undefined symbols, not weak, that this machine's libc has since 2.32 or later and in older versions for programs
# linked before: those that came from other libraries.
from_elsewhere() {
    local libc
    libc=$(ldd "$1" | awk '$1 == "libc.so.6" { print $3 }')
    { readelf --wide --dyn-syms "$libc" | sed 's/^/libc /'; readelf --wide --dyn-syms "$1" | sed 's/^/own /'; } | awk '
        $1 == "libc" && match($9, /@@GLIBC_2\.(3[2-9]|[4-9])/) { moved[substr($9, 1, RSTART - 1)] = 1 }
        $1 == "own" && $8 == "UND" && $6 != "WEAK" { name = $9; sub(/@.*/, "", name); if (name in moved) print $9 }'
}

for file in "$library" "$directory/patchall"; do
    [ -r "$file" ] || { echo "$0: there is no $file; build it with cargo build --release" >&2; exit 1; }
done

check 'the library needs libc and the loader only' \
    "$(readelf --wide --dynamic "$library" | grep NEEDED | grep -vE '\[(libc\.so\.6|ld-linux-x86-64\.so\.2)\]' || true)" \
    'see shim/build/link.rs'
check "the library needs no symbol newer than GLIBC_$newest" "$(too_new "$library")" 'see shim/src/compat.rs'
check 'the library needs nothing that older glibcs have in libpthread or libdl' "$(from_elsewhere "$library")" \
    'see shim/src/compat.rs'
# The weak ones that every shared library has from its start files may be absent.
check 'every symbol that the library needs has a version' \
    "$(readelf --wide --dyn-syms "$library" | awk '$7 == "UND" && $8 != "" && $8 !~ /@/ && $5 != "WEAK" { print $8 }')" \
    'see shim/src/compat.rs'
check 'the library exports no unwinder' \
    "$(readelf --wide --dyn-syms "$library" | awk '$7 != "UND" && $8 ~ /^(_Unwind_|__register_frame|__deregister_frame|_dl_find_object|l?f?stat64)/ { print $8 }')" \
    'they belong to the program'
check "the launcher needs no symbol newer than GLIBC_$newest" "$(too_new "$directory/patchall")" 'see shim/src/compat.rs'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
