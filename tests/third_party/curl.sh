#!/bin/bash
# curl: its resolver runs in a thread for each transfer; fifty parallel transfers, every byte compared.
. "$(dirname "$0")/lib.sh"
name=curl packages=curl proof=report

run_once() {
    start_origin
    local url="http://localhost:${origin#*:}" start milliseconds
    mkdir "$work/got"
    start=$(date +%s%N)
    (under curl -sS --fail --parallel --parallel-max 50 --parallel-immediate -o "$work/got/#1" "$url/[1-100]/30000/300") ||
        fail "curl: $?: $(tail -n 1 "$work/errors")"
    milliseconds=$((($(date +%s%N) - start) / 1000000))
    PYTHONPATH=$here "$python" - "$work/got" <<'X' || fail "the files differ from what the server sent"
import pathlib, sys
from pattern import body
got = pathlib.Path(sys.argv[1])
sys.exit(any((got / str(n)).read_bytes() != body(n, 30000) for n in range(1, 101)))
X
    [ $milliseconds -lt 15000 ] || fail "100 transfers of 0.3 s, 50 at a time, took $milliseconds ms"
    pass "100 transfers in $milliseconds ms"
}

main "$@"
