#!/bin/bash
# `cargo run --release -- CMD` on a fresh clone must build the library too, and after a change to the engine both must be
# new: a launcher that found an old library would test and run something else than the sources say.
set -uo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# check NAME COMMAND..: a test that passes when the command does.
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

clone=$scratch/clone
library=$clone/target/release/libpatchall_shim.so

# The sources as they are, committed or not.
git clone --quiet --no-hardlinks . "$clone" || exit 1
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    if [ -e "$file" ]; then
        mkdir -p "$clone/$(dirname "$file")" && cp -P "$file" "$clone/$file"
    else
        rm -f "$clone/$file"
    fi
done
cd "$clone" || exit 1
# Neither another target directory nor a thorough optimisation is what this tests.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16

# The library is mapped into a program that `cargo run` starts, and nobody complains.
runs_with_library() {
    cargo run --quiet --release -- grep -q "$library" /proc/self/maps 2>"$scratch/stderr"
    local status=$?
    cat "$scratch/stderr"
    [ "$status" = 0 ] && [ ! -s "$scratch/stderr" ]
}
identity() { readelf --wide --string-dump=.note.patchall "$library" | grep -o '[0-9.]*+[0-9a-f]*'; }

check 'cargo run on a fresh clone builds the library' runs_with_library
before=$(identity)
check 'the library says which build it is' test -n "$before"

echo '// A change.' >>runtime/src/lib.rs
check 'cargo run after a change to the engine works' runs_with_library
check 'cargo run after a change to the engine renews the library' test "$(identity)" != "$before"

# What would be a stale library: only the launcher is built.
echo '// Another change.' >>runtime/src/lib.rs
stale() {
    local message status
    message=$(cargo run --quiet --release --bin patchall -- true 2>&1)
    status=$?
    [ "$status" = 125 ] && grep -q 'this launcher is' <<<"$message"
}
check 'a library of another build is refused' stale

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
