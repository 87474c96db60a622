#!/bin/bash
# Removes what scripts/install.sh put there, and nothing else.
#
#   scripts/uninstall.sh [PREFIX]      (default: /usr/local)
set -euo pipefail

prefix=${1:-/usr/local}
case $prefix in
    /*) ;;
    *) echo "usage: scripts/uninstall.sh [PREFIX], an absolute path" >&2; exit 1 ;;
esac

rm -f -- "$prefix/bin/patchall" "$prefix/lib/patchall/libpatchall_shim.so"
if [ -d "$prefix/lib/patchall" ]; then
    rmdir --ignore-fail-on-non-empty -- "$prefix/lib/patchall"
fi
echo "removed patchall from $prefix"
