#!/bin/bash
# git where it uses threads: grep, pack-objects, index-pack and a parallel checkout; the results must be those of one thread.
. "$(dirname "$0")/lib.sh"
name=git packages=git proof=report limit=120

run_once() {
    local i one many head dirty
    export HOME=$work GIT_CONFIG_NOSYSTEM=1
    git config --global user.name test && git config --global user.email test@example.org && git config --global init.defaultBranch main
    git() { (under /usr/bin/git "$@"); }

    command git init -q "$work/repository" && cd "$work/repository" || fail "git init"
    for i in $(seq 400); do
        mkdir -p "d$((i % 20))" && seq "$i" $((i * 7 % 900 + 300)) >"d$((i % 20))/file$i"
    done
    command git add -A && command git commit -qm 1 || fail "git commit"
    for i in $(seq 10); do
        echo "change $i" >>d1/file1 && command git commit -qam "change $i"
    done
    head=$(command git rev-parse HEAD)

    one=$(command git grep --threads=1 -n 77 | sha256sum)
    many=$(git grep --threads=8 -n 77 | sha256sum)
    [ "$one" = "$many" ] || fail "git grep finds other lines with 8 threads"
    git -c pack.threads=8 repack -adfq || fail "git repack: $?"
    git -c pack.threads=8 -c checkout.workers=4 -c checkout.thresholdForParallelism=1 clone -q --no-local "file://$work/repository" "$work/clone" ||
        fail "git clone: $?"
    cd "$work/clone" || fail "no clone"
    command git fsck --full >/dev/null 2>&1 || fail "fsck of the clone: $?"
    dirty=$(command git status --porcelain | wc -l)
    [ "$(command git rev-parse HEAD) $dirty" = "$head 0" ] || fail "the clone is not the original"
    pass "grep, repack, clone of 400 files"
}

main "$@"
