#!/bin/bash
# Programs that make no thread: the library is loaded, says so, has patched nothing, and the output is the native one.
. "$(dirname "$0")/preload/lib.sh"
name=dormant

# Each line is run by itself; none of them execs on the way, so that the number of reports is known.
commands=(
    "ls -la /etc"
    "cat /etc/passwd"
    "sort /etc/passwd"
)

check() {
    local command
    for command in "${commands[@]}"; do
        # shellcheck disable=SC2086
        $command >"$work/native" 2>&1
        # shellcheck disable=SC2086
        preload $command >"$work/under" 2>&1 || fail "$command: exit $?"
        cmp -s "$work/native" "$work/under" || fail "$command: prints something else"
        expect "processes == 1"
        expect_dormant
    done

    # A shell, and a child of each kind in it: a subshell that forks and a command that is spawned.
    preload bash -c '(echo in a subshell; exit 3); echo "it gave $?"; cat /dev/null; exit 5' >"$work/under"
    [ $? = 5 ] || fail "bash -c: another exit code"
    [ "$(cat "$work/under")" = $'in a subshell\nit gave 3' ] || fail "bash -c: prints something else"
    expect "processes >= 2" # bash and cat; whether the subshell runs its exit handlers is bash's affair
    expect_dormant
}

expect_dormant() {
    expect "mode == 'dormant' and why == 'no threads were made'"
    expect "threads_made == 0 and sites_patched == 0 and switches == 0 and kernel_threads_max <= 1"
}

main
