#!/bin/bash
# GNU make -j: no threads, but children, a job server in a pipe and SIGCHLD; jobs must still overlap, in the right order.
. "$(dirname "$0")/lib.sh"
name=make packages=make proof=report

run_once() {
    local start milliseconds
    cat >"$work/Makefile" <<'X'
parts = $(foreach n,1 2 3 4 5 6 7 8,part$(n))
all: $(parts)
	cat $(parts) > $@
part%:
	@sleep 0.5; echo $* > $@
fails:
	@exit 7
X
    cd "$work" || fail "no $work"
    start=$(date +%s%N)
    (under make -s -j8 all) || fail "make: $?"
    milliseconds=$((($(date +%s%N) - start) / 1000000))
    [ "$(tr '\n' ' ' <all)" = "1 2 3 4 5 6 7 8 " ] || fail "wrong result: $(cat all)"
    [ $milliseconds -lt 3000 ] || fail "eight jobs of 0.5 s took $milliseconds ms"
    (under make -s -j8 fails) 2>/dev/null && fail "a failing job did not fail make"
    pass "eight jobs of 0.5 s in $milliseconds ms"
}

main "$@"
