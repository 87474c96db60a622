#!/bin/bash
# The tests of a program that links the crate and patches itself, once more under the preloaded library: the gate has one
# owner, the library.
. "$(dirname "$0")/preload/lib.sh"
name=crate_preloaded

library=$("$root/scripts/find-lib.sh") || fail "no library"
built=$(cd "$root" && cargo test -q -p patchall --test patched --no-run --message-format=json 2>"$work/cargo") || fail "$(tail -n 3 "$work/cargo")"
program=$("$python" -c '
import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])' <<<"$built") || fail "no program"
said=$(LD_PRELOAD=$library timeout -k 5 200 "$program" 2>&1) || fail "$said"
echo "$said" | tail -n 1
echo "ok $name"
