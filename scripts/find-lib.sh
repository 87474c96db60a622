#!/bin/sh
# Prints the absolute path of libpatchall_shim.so: $PATCHALL_LIB, else the one that `cargo build --release` leaves.
# Says on stderr what to do and ends with 1 when there is none. For the scripts that preload the library without the launcher.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
lib=${PATCHALL_LIB:-${CARGO_TARGET_DIR:-$root/target}/release/libpatchall_shim.so}
case $lib in
    *[\ :]*) echo "find-lib.sh: $lib has a space or a colon, where the dynamic linker splits LD_PRELOAD: move it" >&2; exit 1 ;;
    /*) ;;
    *) lib=$PWD/$lib ;;
esac
if [ ! -r "$lib" ]; then
    echo "find-lib.sh: cannot read $lib: run 'cargo build --release', or set PATCHALL_LIB" >&2
    exit 1
fi
printf '%s\n' "$lib"
