#!/bin/bash
# The tests of the symbol hooks once more, in a program that the library is preloaded into with the gate shut: two sets of
# hooks stand before libc, one behind the other.
. "$(dirname "$0")/preload/lib.sh"
name=hooks_preloaded

library=$("$root/scripts/find-lib.sh") || fail "no library"
built=$(cd "$root" && cargo test -q -p patchall --test hooks --no-run --message-format=json 2>"$work/cargo") || fail "$(tail -n 3 "$work/cargo")"
program=$("$python" -c '
import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])' <<<"$built") || fail "no program"
said=$(LD_PRELOAD=$library PATCHALL_GATE=off timeout -k 5 200 "$program" 2>&1) || fail "$said"
echo "$said" | tail -n 1
echo "ok $name"
