#!/bin/bash
# Installs the launcher into PREFIX/bin and the library into PREFIX/lib/patchall; builds them when they are not there.
#
#   scripts/install.sh [PREFIX]      (default: /usr/local)
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "$0: $*" >&2; exit 1; }

prefix=${1:-/usr/local}
case $prefix in
    -*) die "usage: scripts/install.sh [PREFIX]" ;;
    /*) ;;
    *) die "PREFIX must be an absolute path: $prefix" ;;
esac
case $prefix in
    *[[:space:]:\$]*) die "LD_PRELOAD cannot express a path with a space, a colon or a dollar sign: $prefix" ;;
esac

# Cargo knows whether there is anything to build. Without it, what is there is installed; the launcher itself checks
# that the two belong together.
built=${CARGO_TARGET_DIR:-target}/release
if command -v cargo >/dev/null; then
    cargo build --release --locked --package patchall_shim
elif [ ! -e "$built/patchall" ] || [ ! -e "$built/libpatchall_shim.so" ]; then
    die "nothing is built, and there is no cargo to build it; install Rust (https://rustup.rs)"
fi

# `install` removes what is there first: programs that run with the old library keep it.
install -d -m 755 "$prefix/bin" "$prefix/lib/patchall" || die "cannot write to $prefix; try another PREFIX or sudo"
install -m 755 "$built/patchall" "$prefix/bin/patchall"
install -m 644 "$built/libpatchall_shim.so" "$prefix/lib/patchall/libpatchall_shim.so"

"$prefix/bin/patchall" --log off true || die "the installed $prefix/bin/patchall does not work: $("$prefix/bin/patchall" true 2>&1)"
echo "installed $prefix/bin/patchall and $prefix/lib/patchall/libpatchall_shim.so"
