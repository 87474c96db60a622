#!/bin/bash
# bash: pipelines, here-documents, background jobs, traps, wait -n, process substitution. The output must be the native one.
. "$(dirname "$0")/lib.sh"
name=bash packages=bash proof=report

run_once() {
    local expected
    cat >"$work/script" <<'X'
seq 1000 | sort -rn | head -n 3 | tr '\n' ' '; echo
(sleep 0.2; exit 3) & first=$!
(sleep 0.4; exit 4) & second=$!
wait -n; echo "first $?"
wait $second; echo "second $?"
trap 'echo trapped' USR1; kill -USR1 $$; echo after
cat <<< "here $((6 * 7))"
diff <(seq 3) <(seq 4) | tail -n 1
coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
read -r -t 0.2 nothing < <(sleep 1); echo "read $(($? > 128))"
echo "${BASH_SUBSHELL} $(echo $BASH_SUBSHELL)"
exit 5
X
    expected=$'1000 999 998 \nfirst 3\nsecond 4\ntrapped\nafter\nhere 42\n> 4\nthrough\nread 1\n0 1\nexit 5'
    (under bash "$work/script") >"$work/out"
    echo "exit $?" >>"$work/out"
    [ "$(cat "$work/out")" = "$expected" ] || fail "another output: $(diff <(echo "$expected") "$work/out" | head -n 3 | tr '\n' ' ')"
    pass "twelve features"
}

main "$@"
