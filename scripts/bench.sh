#!/bin/sh
# Compiles the bench programs and measures: scripts/bench.sh [--quick] [--rounds N] [NAME..]   (--help lists the names)
#
# `scripts/bench.sh coroutines` measures the crate's coroutines beside bare corosensei and std's channels.
#
# Every ratio compares figures of the same round of the same run: native threads, an event loop written by hand, and the same
# threaded program under the library. The library is $PATCHALL_LIB or the one in target/release; without it only the native
# figures are printed, and the script says so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if [ "${1:-}" = coroutines ]; then
    cd "$here/.."
    exec cargo bench --quiet --package patchall --bench coroutines
fi
programs=$(mktemp -d "${TMPDIR:-/tmp}/patchall-bench.XXXXXX")
trap 'rm -rf "$programs"' EXIT INT TERM

for source in "$here"/bench/*.c; do
    name=$(basename "$source" .c)
    case $name in
        empty) "${CC:-cc}" -O2 -shared -fPIC -o "$programs/empty.so" "$source" ;;
        *) "${CC:-cc}" -O2 -Wall -Wextra -pthread -o "$programs/$name" "$source" ;;
    esac
done

library=$("$here/find-lib.sh") || echo "bench.sh: native figures only" >&2
python3 "$here/bench/bench.py" --programs "$programs" ${library:+--library "$library"} "$@"
